"""The model card of the demo model of table question answering."""

from collections.abc import Mapping
from pathlib import Path

Right = Mapping[str, tuple[int, int]]
TEMPLATE = Path(__file__).with_name("tables_card.md")


def card(results: Mapping[str, Right], examples: int, seed: int, minutes: float) -> str:
    """The card with its figures. results: by what the tables were made of, right answers of all by kind of question."""
    kinds = sorted({kind for found in results.values() for kind in found})
    lines = [f"| questions | {' | '.join(results)} |", f"| --- |{' --- |' * len(results)}"]
    lines += [
        f"| {kind} | {' | '.join(share(found.get(kind, (0, 0))) for found in results.values())} |" for kind in kinds
    ]
    totals = [tuple(map(sum, zip(*found.values(), strict=True))) for found in results.values()]
    lines.append(f"| **all** | {' | '.join(f'**{share(total)}**' for total in totals)} |")
    text = TEMPLATE.read_text(encoding="utf-8")
    figures = {"table": "\n".join(lines), "examples": f"{examples:,}", "seed": str(seed), "minutes": f"{minutes:.0f}"}
    for name, value in figures.items():
        text = text.replace(f"<{name}>", value)
    return text


def share(right: tuple[int, ...]) -> str:
    return f"{right[0]} of {right[1]} ({100 * right[0] / max(right[1], 1):.0f} %)"
