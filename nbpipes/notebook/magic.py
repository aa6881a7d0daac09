"""The magics `%%pipe` and `%pipe`."""

import json
import os
import sys
import traceback
from contextlib import suppress
from pprint import pformat
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import HTML, display
from traitlets import Any as AnyTrait
from traitlets import Dict, Enum, Float, Unicode, default, observe

from nbpipes.errors import InputError, NbpipesError
from nbpipes.notebook.chat import offer_chat
from nbpipes.notebook.commands import COMMANDS, checked_alias, task_info, usage
from nbpipes.notebook.line import VIEWS, Line, read_cell, read_line
from nbpipes.notebook.models import Models, free_memory
from nbpipes.notebook.panel import show
from nbpipes.notebook.run import Outcome
from nbpipes.notebook.session import Defaults, Session, build, read_alias
from nbpipes.notebook.table import Text
from nbpipes.results.short import rounded

GB = 10**9
RED, PLAIN = "\x1b[31m", "\x1b[39m"


@magics_class
class PipeMagics(Magics):
    """Runs pipelines on the text of a cell: %pipe help."""

    device = AnyTrait(None, allow_none=True, help='where models run: "cpu", "cuda:1", a number; None picks one').tag(
        config=True
    )
    dtype = Unicode("", help='number format of models: "bfloat16", "auto", …; empty is float32').tag(config=True)
    view = Enum(VIEWS, "widget", help="how results are shown where --as does not say").tag(config=True)
    memory_gb = Float(help="weights to keep in memory, in GB; the models used longest ago leave first").tag(config=True)
    aliases = Dict(value_trait=Unicode(), help="names of models, as MODEL [key=value …]").tag(config=True)

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.ipython = shell
        self.models = Models(build, int(self.memory_gb * GB))
        self.session = Session(self._evaluate, self.models)

    @default("memory_gb")
    def _half_of_memory(self) -> float:
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 / GB
        except (AttributeError, OSError, ValueError):  # Windows
            return 8.0

    @observe("memory_gb")
    def _new_budget(self, change: Any) -> None:
        if hasattr(self, "models"):
            self.models.budget = int(change.new * GB)

    @no_var_expand
    @cell_magic("pipe")
    def cell(self, line: str, cell: str) -> Any:
        """Run a pipeline on what stands below the line; %pipe help tells how."""
        debug = "--debug" in line.split()
        try:
            parsed, body = read_cell(line, cell)
            debug = parsed.switches.debug
            return self._run(parsed, body)
        except (Exception, KeyboardInterrupt) as error:
            if debug:
                raise
            raise shortened(error) from None

    @no_var_expand
    @line_magic("pipe")
    def line(self, line: str) -> Any:
        """Run a pipeline on the text in the line, or a command; %pipe help tells how."""
        debug = "--debug" in line.split()
        try:
            words = line.split()
            if not words or words[0] in COMMANDS:
                return self._command(words or ["help"], line)
            return self._run(read_line(line), None)
        except (Exception, KeyboardInterrupt) as error:
            if debug:
                raise
            raise shortened(error) from None

    def _command(self, words: list[str], line: str) -> None:
        name, *rest = words
        if name == "alias" and rest:
            if len(rest) == 1:
                raise InputError("name the model too: %pipe alias fast-ner dslim/bert-base-NER")
            text = line.split(None, 2)[2]
            read_alias(text)
            self.aliases = {**self.aliases, checked_alias(rest[0]): text}
            return
        if name == "unload":
            forget_errors()
        display(COMMANDS[name](rest, self.models, self.aliases))

    def _run(self, line: Line, body: str | None) -> Any:
        switches = line.switches
        if switches.help:
            display(task_info(line.target) if isinstance(line.target, str) else usage([], self.models, {}))
            return None
        if switches.stream:
            return self._stream(line, body)
        outcome = self.session.run(line, body, self._defaults())
        if switches.out and (outcome.value is not None or not (outcome.stopped or outcome.error)):
            self.ipython.push({switches.out: outcome.value})
        if switches.time:
            print(timing(outcome))
        shown = None if switches.quiet or outcome.value is None else self._shown(line, body, outcome.value)
        if outcome.error is None and not outcome.stopped:
            return shown
        if shown is not None:
            display(shown)
        # Raised also for an interrupt, so that "run all cells" ends here.
        if outcome.error is None or outcome.stopped:
            raise KeyboardInterrupt(ended(outcome))
        if outcome.done:
            outcome.error.add_note(ended(outcome))
        raise outcome.error

    def _shown(self, line: Line, body: str | None, value: Any) -> Any:
        """What the cell shows of a value; a chat can be gone on with."""
        view, defaults = line.switches.show_as or self.view, self._defaults()
        if view == "widget":
            offer_chat(value, lambda: self.session.opened(line, body, defaults))
        return viewed(value, view)

    def _stream(self, line: Line, body: str | None) -> None:
        """Start a job and show its panel. The one that the same variable held from an earlier run is stopped."""
        name = line.switches.out
        if name and hasattr(before := self.ipython.user_ns.get(name), "when_over"):
            before.stop()
        job = self.session.stream(line, body, self._defaults())
        if name:
            self.ipython.push({name: job})
        if not line.switches.quiet:
            show(job)

    def _defaults(self) -> Defaults:
        given = {"device": self.device, "dtype": self.dtype or None}
        return Defaults({name: value for name, value in given.items() if value is not None}, self.aliases)

    def _evaluate(self, source: str) -> Any:
        return eval(compile(f"(\n{source}\n)", "<%%pipe>", "eval"), self.ipython.user_ns)


def viewed(value: Any, view: str) -> Any:
    """The value as the cell shows it."""
    match view:
        case "html" if hasattr(value, "to_html"):
            return HTML(value.to_html())
        case "df":
            if not hasattr(value, "to_df"):
                raise InputError(f"a {type(value).__name__} has no table form; leave --as df out")
            return value.to_df()
        case "json":
            return Text(json.dumps(value, indent=2, ensure_ascii=False, default=str))
        case "text":
            return Text(pformat(value, width=100, sort_dicts=False))
    return value


def ended(outcome: Outcome) -> str:
    """How far a run came."""
    seen = outcome.done + outcome.failed
    if outcome.failed and not outcome.stopped and outcome.total in (None, seen):
        return f"{outcome.failed} of {seen} inputs failed; the others have their results"
    if seen == outcome.total:  # what had been made of the last ones are their results
        return "stopped before the end"
    return f"stopped after {seen} of {'?' if outcome.total is None else outcome.total}"


def timing(outcome: Outcome) -> str:
    """How long a run took, and how long its model took to load."""
    count = f"{outcome.done} input{'' if outcome.done == 1 else 's'}"
    rate = f" ({rounded(outcome.done / outcome.seconds)}/s)" if outcome.seconds and outcome.done > 1 else ""
    loading = f"model loaded in {outcome.loading:.2f} s" if outcome.loading else "model in memory"
    return f"{count} in {outcome.seconds:.2f} s{rate}; {loading}"


def shortened(error: BaseException) -> BaseException:
    """The error, which IPython now shows as a line without a traceback; it lets go of frames and what is in them."""
    lines = [f"{RED}{type(error).__name__}{PLAIN}: {error or 'interrupted'}", *getattr(error, "__notes__", ())]
    if not isinstance(error, NbpipesError | KeyboardInterrupt):
        lines.append("(--debug shows the traceback)")
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    if not isinstance(error, NbpipesError):
        free_memory()  # what the frames held, after an out-of-memory error in particular
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]  what IPython asks for
    return error


def forget_errors() -> None:
    """Let go of the variables of the last traceback, and with them of the models in them."""
    for name in ("last_exc", "last_value"):
        error = getattr(sys, name, None)
        while error is not None:
            for frame, _ in traceback.walk_tb(error.__traceback__):
                with suppress(RuntimeError):  # it still runs
                    frame.clear()
                # Showing a traceback copies the variables; until 3.12 only reading them again empties that copy.
                bool(frame.f_locals)
            error = error.__cause__ or error.__context__
