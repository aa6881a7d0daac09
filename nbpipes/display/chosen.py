"""Colours that the user chooses for labels."""

from collections.abc import Mapping

from PIL import ImageColor

from nbpipes.display import kit
from nbpipes.errors import InputError

READABLE = 7.0
"""Contrast of the ink on a colour, at least."""
SEEN = 3.0
"""Contrast of a line with a white page, at least."""
INK = ((0x11 / 255 + 0.055) / 1.055) ** 2.4
"""Luminance of `kit.INK`."""
STEPS = 50  # between a colour and white, or black

Rgb = tuple[float, float, float]


def set_colors(colors: Mapping[str, str]) -> None:
    """Choose the colours of labels: `set_colors({"PER": "gold", "LOC": "#0a84ff"})`.

    They hold for all that is shown from now on, live or static, until the next call: `set_colors({})` ends them. Other
    labels keep theirs. colors: by label, as CSS names or writes them. A colour on which dark text could not be read is
    made lighter, its line darker. InputError for a colour that is none.
    """
    chosen = {str(label): _colour(str(label), color) for label, color in colors.items()}
    kit.CHOSEN.clear()
    kit.CHOSEN.update(chosen)


def _colour(label: str, color: str) -> kit.Colour:
    try:
        red, green, blue = ImageColor.getrgb(color)[:3]
    except (ValueError, AttributeError) as error:
        raise InputError(f"the colour of {label!r} is {color!r}: give a name of CSS, #RRGGBB, or rgb(…)") from error
    given = red / 255, green / 255, blue / 255
    fill = next(c for c in _towards(given, 1.0) if (_luminance(c) + 0.05) / (INK + 0.05) >= READABLE)
    line = next(c for c in _towards(given, 0.0) if 1.05 / (_luminance(c) + 0.05) >= SEEN)
    return kit.Colour(_hex(fill), _hex(line))


def _towards(color: Rgb, end: float) -> list[Rgb]:
    """The colours from one to white (1) or black (0)."""
    red, green, blue = color
    shares = [step / STEPS for step in range(STEPS + 1)]
    return [(red + s * (end - red), green + s * (end - green), blue + s * (end - blue)) for s in shares]


def _luminance(color: Rgb) -> float:
    """How light a colour is to the eye, 0 to 1 (WCAG 2)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(color: Rgb) -> str:
    return "#" + "".join(f"{round(255 * part):02X}" for part in color)
