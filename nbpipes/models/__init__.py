"""Models: families of architectures, their heads and their registry."""
