"""Settings of hypothesis for tests that compute: the first call of a torch operation may be slow."""

from hypothesis import settings

settings.register_profile("computing", deadline=None, max_examples=50)
settings.load_profile("computing")
