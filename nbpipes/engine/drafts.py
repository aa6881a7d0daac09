"""Texts in a cell while they are written. A result shows itself when it is there; an interrupt leaves what was seen."""

import time
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from nbpipes.engine.events import Done, Event, Failed, Partial
from nbpipes.engine.progress import INTERVAL, duration, notebook

SHOWN = 4
"""Texts that are shown at a time, the first ones of those that are not complete."""
LONGEST = 20_000
"""Characters of a text: its end is what grows."""
EARLY = 0.02
"""Share of an item before which nobody knows how long the rest will take."""
END = "display:flex;flex-direction:column-reverse;max-height:20em;overflow:auto"
"""Of a box that shows the end of what it holds."""
STYLE = "white-space:pre-wrap;overflow-wrap:anywhere;margin:.15em 0;padding-left:.9em;border-left:2px solid #8888"


def drafted(events: Iterable[Event], *, shown: bool = True) -> Iterator[Event]:
    """Shows what is Partial in the cell that runs, where there is one, and passes on all other events.

    shown: False shows nothing.
    """
    drafts = Drafts() if shown and notebook() is not None else None
    for event in events:
        if isinstance(event, Partial):
            if drafts is not None:
                drafts.tell(event)
            continue
        if drafts is not None and isinstance(event, Done | Failed):
            drafts.drop(event.index)
        yield event


class Drafts:
    """An output of a cell that is replaced as texts grow, and emptied when the last of them is complete."""

    def __init__(self) -> None:
        self.texts: dict[int, Partial] = {}
        self._begun: dict[int, float] = {}
        self._grown: dict[int, float] = {}
        """When the share of an item that has been read was told last: it grows in steps."""
        self._handle: Any = None
        self._due = time.monotonic() + INTERVAL

    def tell(self, event: Partial) -> None:
        """An item has so much text by now."""
        now, before = time.monotonic(), self.texts.get(event.index)
        self.texts[event.index] = event
        self._begun.setdefault(event.index, now)
        if before is None or before.share != event.share:
            self._grown[event.index] = now
        if now >= self._due:
            self._draw()

    def drop(self, index: int) -> None:
        """An item is complete."""
        self.texts.pop(index, None)
        if self._handle is not None and not self.texts:
            self._draw()

    def _draw(self) -> None:
        display: Any = notebook()
        if display is None:
            return
        self._due = time.monotonic() + INTERVAL
        page = display.HTML(self._page())
        if self._handle is None:
            self._handle = display.display(page, display_id=True)
        else:
            self._handle.update(page)

    def _page(self) -> str:
        first = sorted(self.texts)[:SHOWN]
        now = time.monotonic()
        several = len(self._begun) > 1  # a text does not tell whose it is
        blocks = []
        for index in first:
            number = f"<small>{index + 1}</small>" if several else ""
            grown = self._grown[index]
            blocks.append(f"<div>{number}{_block(self.texts[index], grown - self._begun[index], now - grown)}</div>")
        return f'<div class="nbp-static nbp-draft">{"".join(blocks)}</div>' if first else ""


def _block(event: Partial, read: float, since: float) -> str:
    """A text, and how much of its item has been read where that is known.

    read: seconds that this share took. since: seconds since then.
    """
    text = f'<div style="{END}"><div dir="auto" style="{STYLE}">{escape(event.text[-LONGEST:])}</div></div>'
    share = event.share
    if share is None:
        return text
    words = [f"{100 * share:.0f} %", duration(read + since)]
    words += [f"{duration(max(read * (1 - share) / share - since, 0))} left"] if share > EARLY else []
    bar = f'<progress value="{share:.3f}" max="1" style="width:16em;vertical-align:middle"></progress>'
    return f"{text}<div>{bar} <span>{' · '.join(words)}</span></div>"
