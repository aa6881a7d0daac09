"""What the demo detector and the demo segmenter are scored on, and their model cards."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from shapes_scenes import Scene, scene

SIZE = 640, 480
"""Of the scenes: larger than what the models learn from, as a user's pictures are."""


KINDS = (
    ("on textures, 1 to 8 shapes", (1, 8), False),
    ("on one colour", (1, 8), True),
    ("10 to 14 shapes", (10, 14), False),
)


def held_out(count: int) -> Iterator[tuple[str, list[Scene]]]:
    """Scenes of three kinds, by seeds that no training uses."""
    for seed, (name, shapes, plain) in enumerate(KINDS):
        chance = Random(1_000_000 + seed)
        yield name, [scene(chance, SIZE, chance.randint(*shapes), plain=plain) for _ in range(count)]


def card(name: str, rows: Sequence[tuple[str, *tuple[float, ...]]], scenes: int, minutes: float) -> str:
    """The model card of the template `name`_card.md. rows: of the table of its scores, each with its name. scenes: it
    learnt from so many, in so many minutes."""
    text = Path(__file__).with_name(f"{name}_card.md").read_text(encoding="utf-8")
    table = (f"| {kind} | {' | '.join(f'{score:.3f}' for score in scores)} |" for kind, *scores in rows)
    figures = {"rows": "\n".join(table), "scenes": f"{round(scenes, -2):,}", "minutes": f"{minutes:.0f}"}
    for word, figure in figures.items():
        text = text.replace(f"<{word}>", figure)
    return text
