"""Any value that nothing else draws: its repr, bounded; an error as its type and message."""

from collections.abc import Sequence
from typing import Any

from nbpipes.display import kit
from nbpipes.results.short import short

FONT = "font-family:var(--jp-code-font-family,monospace)"
STYLE = f"white-space:pre-wrap;{FONT};margin:.2em 0;background:none;padding:0;border:0"


def draw(value: Any, source: Any, room: int) -> str:
    """Return the repr of `value`, and the text of `source` where it has one."""
    text = f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else short(value, 4_000)
    quoted = kit.quote(source, min(room // 4, 2_000))
    html, shown = kit.prose(text, min(room - kit.size(quoted) - 300, 20_000))
    return f'{quoted}<pre style="{STYLE}">{html}</pre>{kit.more(len(text) - shown, "character")}'


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return the first values one below the other."""
    if not values:
        return f'<div style="{kit.MUTED}">No results</div>'
    return kit.blocks(draw, values, sources, room)
