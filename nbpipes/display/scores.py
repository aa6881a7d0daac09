"""Labels with scores (text-classification, zero-shot-classification), several items as one table."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nbpipes.display import kit, plain

COLUMNS = 8  # labels that a table of items × labels has at most
LOW, HIGH = "#F7F9FC", "#77AADD"  # of a score of 0 and of 1 in that table

Pair = tuple[Any, Any]  # label, score


def draw(value: Any, source: Any, room: int) -> str:
    """Return the text and a table of its labels, each with its score as number and bar."""
    pairs = pairs_of(value)
    if not pairs:
        return plain.draw(value, source, room)
    quoted = kit.quote(source_of(value, source), min(room // 2, 3_000))
    return quoted + label_table(pairs, room - kit.size(quoted))


def label_table(pairs: Sequence[Pair], room: int) -> str:
    """Return a table of labels, each with its score as number and bar."""
    # Bars end at 1, the most that a probability can be; scores that are none (a regression) at the largest.
    top = max((abs(score) for _, score in pairs if kit.is_score(score)), default=1.0)

    def rows() -> Iterator[str]:
        for label, score in pairs:
            yield (
                kit.cell(f"<bdi>{kit.escape(label, 200)}</bdi>")
                + kit.cell(kit.number(score), kit.NUMBER)
                + kit.bar(
                    score / max(top, 1.0) if kit.is_score(score) else 0.0, kit.CHOSEN.get(str(label), kit.PALETTE[0])
                )
            )

    return kit.table(kit.heads("label", ">score", ""), rows(), len(pairs), room)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table with a row per text: its best label, or all scores where all have the same labels."""

    def text(index: int) -> str:
        shown = _excerpt(kit.text_of(source_of(values[index], sources[index])))
        return kit.cell(shown, f"{kit.CELL};overflow-wrap:anywhere;min-width:8em")

    return batch_table(values, "text", text, room)


def batch_table(values: Sequence[Any], name: str, item: Callable[[int], str], room: int) -> str:
    """Return a table with a row per item: its number, the cell that `item` makes of it, and its label or labels.

    name: heads the column of the items.
    """
    shown = [pairs_of(value) for value in values[: kit.ROWS]]
    labels = sorted({str(label) for pairs in shown for label, _ in pairs})
    own = [sorted(str(label) for label, _ in pairs) for pairs in shown]
    grid = all(one == labels for one in own) and 1 < len(labels) <= COLUMNS
    colours = kit.colours(labels)

    def rows() -> Iterator[str]:
        for index, pairs in enumerate(shown):
            row = kit.cell(str(index), f"{kit.NUMBER};{kit.MUTED}") + item(index)
            yield row + (_grid(pairs, labels) if grid else _best(pairs, values[index], colours))

    head = kit.heads(">", name, *(f">{label}" for label in labels) if grid else ("label", ">score", ""))
    return kit.table(head, rows(), len(values), room)


def pairs_of(value: Any) -> list[Pair]:
    """Labels and scores of one item, whichever of the two tasks it comes from."""
    if isinstance(value, list):
        return [pair for entry in value for pair in pairs_of(entry)]
    if not isinstance(value, dict):
        return []
    labels, scores = value.get("labels"), value.get("scores")
    if isinstance(labels, list) and isinstance(scores, list):
        return list(zip(labels, scores, strict=False))
    return [(value["label"], value.get("score"))] if "label" in value else []


def source_of(value: Any, source: Any) -> Any:
    """A zero-shot record names its text; the item of the call may be something around it."""
    return value.get("sequence", source) if isinstance(value, dict) else source


def _excerpt(text: str | None) -> str:
    if not text or not text.strip():
        return "" if text is None else f'<span style="{kit.MUTED}">(empty text)</span>'
    return f'<span dir="auto">{kit.escape(text, 160)}</span>'


def _best(pairs: list[Pair], value: Any, colours: dict[str, kit.Colour]) -> str:
    if not pairs:
        return f'<td colspan="3" style="{kit.CELL}">{plain.draw(value, None, 2_000)}</td>'
    label, score = pairs[0]
    others = f' <span style="{kit.MUTED}">+ {len(pairs) - 1:,}</span>' if len(pairs) > 1 else ""
    return (
        kit.cell(f"<bdi>{kit.escape(label, 80)}</bdi>{others}")
        + kit.cell(kit.number(score), kit.NUMBER)
        + kit.bar(score, colours[str(label)])
    )


def _grid(pairs: list[Pair], labels: list[str]) -> str:
    scores = {str(label): score for label, score in pairs}
    return "".join(kit.heat(scores[label], LOW, HIGH, kit.share(scores[label])) for label in labels)
