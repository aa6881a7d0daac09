"""The notebook side: `%load_ext nbpipes` brings `%%pipe` and `%pipe`. torch is imported with the first pipeline."""

from typing import Any

from nbpipes.notebook.completion import Names, pipe_matcher
from nbpipes.notebook.magic import PipeMagics

KEY = "nbpipes"


def load_ipython_extension(ip: Any) -> None:
    """Add the magics and their completions to an IPython shell."""
    magics = PipeMagics(ip)
    ip.register_magics(magics)
    matcher = pipe_matcher(lambda: Names(tuple(magics.aliases), tuple(ip.user_ns)))
    ip.Completer.custom_matchers.append(matcher)
    ip.meta[KEY] = magics, matcher


def unload_ipython_extension(ip: Any) -> None:
    """Take the magics away again, and free the models that they hold."""
    magics, matcher = ip.meta.pop(KEY)
    ip.Completer.custom_matchers.remove(matcher)
    ip.configurables.remove(magics)
    for kind in ("line", "cell"):
        ip.magics_manager.magics[kind].pop("pipe", None)
    ip.magics_manager.registry.pop(type(magics).__name__, None)
    magics.models.unload()
