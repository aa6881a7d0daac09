"""Small tables that the subcommands of %pipe show."""

from collections.abc import Sequence
from dataclasses import dataclass

from nbpipes.errors import need

LONG = 5000  # characters of a title or a note


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of short texts under column names, with a line above and below."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str = ""
    note: str = ""

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        texts = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        texts.insert(1, "  ".join("-" * width for width in widths))
        return "\n\n".join(text for text in (self.title, "\n".join(texts), self.note) if text)

    def _repr_html_(self) -> str:
        kit = need("nbpipes.display.kit")
        rows = ["".join(kit.cell(kit.escape(text)) for text in row) for row in self.rows]
        body = "".join(f'<tr style="background:none">{row}</tr>' for row in (kit.heads(*self.columns), *rows))
        lines = "white-space:pre-wrap"
        above = f'<div style="{lines}">{kit.escape(self.title, LONG)}</div>' if self.title else ""
        below = f'<div style="{lines};{kit.MUTED}">{kit.escape(self.note, LONG)}</div>' if self.note else ""
        return f'<div class="nbp-static">{above}<table style="{kit.TABLE}">{body}</table>{below}</div>'


class Text(str):
    """A text that a cell shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def in_bytes(count: int) -> str:
    """A size as people say it: 90.9 MB."""
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
