"""The notebook side: `%load_ext nbpipes` brings `%%pipe` and `%pipe`. torch is imported with the first pipeline."""

import sys
from typing import Any

from nbpipes.errors import need
from nbpipes.notebook.completion import Names, pipe_matcher
from nbpipes.notebook.magic import PipeMagics
from nbpipes.notebook.panel import show
from nbpipes.notebook.when_imported import when_imported

KEY = "nbpipes"
JOB = "nbpipes.engine.jobs", "Job"


def load_ipython_extension(ip: Any) -> None:
    """Add the magics and their completions to an IPython shell."""
    magics = PipeMagics(ip)
    ip.register_magics(magics)
    matcher = pipe_matcher(lambda: Names(tuple(magics.aliases), tuple(ip.user_ns)))
    ip.Completer.custom_matchers.append(matcher)
    ip.meta[KEY] = magics, matcher
    ip.display_formatter.ipython_display_formatter.for_type_by_name(*JOB, show)
    when_imported("pandas", enable_pandas)


def enable_pandas() -> None:
    """Give DataFrames and Series `.pipe("ner", "text")` and `.pipe.ner("text")`; their own `pipe` goes on as it was."""
    need("nbpipes.notebook.accessor").register()


def unload_ipython_extension(ip: Any) -> None:
    """Take the magics away again, and free the models that they hold."""
    magics, matcher = ip.meta.pop(KEY)
    ip.Completer.custom_matchers.remove(matcher)
    ip.configurables.remove(magics)
    for kind in ("line", "cell"):
        ip.magics_manager.magics[kind].pop("pipe", None)
    ip.magics_manager.registry.pop(type(magics).__name__, None)
    ip.display_formatter.ipython_display_formatter.pop(".".join(JOB), None)
    magics.models.unload()
    if "nbpipes.notebook.accessor" in sys.modules:
        sys.modules["nbpipes.notebook.accessor"].unregister()
