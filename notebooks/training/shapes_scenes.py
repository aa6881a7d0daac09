"""Scenes of shapes by chance: what the demo detector and the demo segmenter learn from and are scored on."""

import colorsys
import math
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw

LABELS = ("circle", "heart", "square", "star", "triangle")
TURNS = {"circle": 180, "heart": 35, "square": 45, "star": 36, "triangle": 60}
"""Degrees that a shape may be turned, to either side."""
APART = 70
"""How far a shape's colour is from what it lies on, of 442 between black and white."""

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Thing:
    """A shape of a scene. box: its left, upper, right and lower side, in pixels."""

    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, what is in it, and for each pixel the shape on top: 0 for none, else 1 + its place in LABELS."""

    picture: Image.Image
    things: tuple[Thing, ...]
    labels: Image.Image


def scene(chance: Random, size: tuple[int, int], count: int | None = None, *, plain: bool = False) -> Scene:
    """One scene. size: width and height. count: of its shapes, None = 1 to 8 (fewer where they find no room).

    plain: whether they lie on one colour, else on textures with lines and dots between them.
    """
    picture = background(chance, size, plain=plain)
    labels = Image.new("L", size)
    things: list[Thing] = []
    for _ in range(count or chance.randint(1, 8)):
        place = room(chance, size, things)
        if place is not None:
            things.append(put(chance, picture, labels, place))
    noise = chance.choice((0, 0, 4, 8))
    if noise and not plain:
        draw = np.random.default_rng(chance.getrandbits(32))
        grain = noise * draw.standard_normal((size[1], size[0], 1), dtype=np.float32)
        picture = Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))
    return Scene(picture, tuple(things), labels)


def room(chance: Random, size: tuple[int, int], things: list[Thing]) -> tuple[float, float, float] | None:
    """A middle and a radius for one more shape, which may touch others but hardly covers them; None without luck."""
    short = min(size)
    for _ in range(20):
        radius = short * 0.06 * (4.5 ** chance.random())
        x, y = (chance.uniform(0.7 * radius, side - 0.7 * radius) for side in size)
        if all(apart(x, y, thing.box) > 0.9 * radius for thing in things):
            return x, y, radius
    return None


def apart(x: float, y: float, box: Box) -> float:
    """How far a point is from the shape in a box, about."""
    left, top, right, bottom = box
    return math.hypot(x - (left + right) / 2, y - (top + bottom) / 2) - (right - left + bottom - top) / 5


def put(chance: Random, picture: Image.Image, labels: Image.Image, place: tuple[float, float, float]) -> Thing:
    """Draws a shape into the picture and its number into the labels."""
    x, y, radius = place
    label = chance.choice(LABELS)
    points = outline(label, chance.uniform(-1, 1) * TURNS[label], chance.uniform(0.85, 1.18))
    points = [(x + radius * a, y + radius * b) for a, b in points]
    under = picture.getpixel((min(max(int(x), 0), picture.width - 1), min(max(int(y), 0), picture.height - 1)))
    fill = colour(chance, unlike=under)
    edge, width = (colour(chance), max(1, round(radius * 0.08))) if chance.random() < 0.25 else (fill, 1)
    pen = ImageDraw.Draw(picture)
    pen.polygon(points, fill, edge, width)
    if chance.random() < 0.2:
        stripe(chance, picture, points, fill)
    ImageDraw.Draw(labels).polygon(points, 1 + LABELS.index(label))
    across, down = zip(*points, strict=True)
    box = (max(min(across), 0), max(min(down), 0), min(max(across), picture.width), min(max(down), picture.height))
    return Thing(label, box)


def outline(label: str, degrees: float, stretch: float) -> list[Point]:
    """The corners of a shape of radius 1 around 0, turned; stretch: its width by its height before that."""
    if label == "circle":
        points = [(math.cos(a), math.sin(a)) for a in turn(48)]
    elif label == "square":
        points = [(1.25 * math.cos(a), 1.25 * math.sin(a)) for a in turn(4, math.pi / 4)]
    elif label == "triangle":
        points = [(1.2 * math.cos(a), 1.2 * math.sin(a)) for a in turn(3, -math.pi / 2)]
    elif label == "star":
        reach = (1.2, 0.5) * 5
        points = [(r * math.cos(a), r * math.sin(a)) for r, a in zip(reach, turn(10, -math.pi / 2), strict=True)]
    else:
        points = [(16 * math.sin(a) ** 3 / 16, -heart_height(a) / 16) for a in turn(48)]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    wide = math.sqrt(stretch)
    return [(cos * x * wide - sin * y / wide, sin * x * wide + cos * y / wide) for x, y in points]


def heart_height(a: float) -> float:
    return 13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a) + 2


def turn(count: int, begin: float = 0.0) -> list[float]:
    """Angles of a full turn."""
    return [begin + 2 * math.pi * i / count for i in range(count)]


def stripe(chance: Random, picture: Image.Image, points: list[Point], fill: Colour) -> None:
    """Lets stripes of a darker colour run over a shape."""
    across, down = zip(*points, strict=True)
    left, top = math.floor(min(across)), math.floor(min(down))
    width, height = math.ceil(max(across)) - left, math.ceil(max(down)) - top
    mask, lines = Image.new("L", (width, height)), Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in points], 255)
    pen, gap, shift = ImageDraw.Draw(lines), max(4, width // chance.randint(4, 9)), chance.randint(-height, height)
    for start in range(-abs(shift), width + abs(shift), gap):
        pen.line((start, 0, start + shift, height), 255, max(1, gap // 3))
    darker = tuple(int(part * 0.7) for part in fill)
    picture.paste(darker, (left, top), ImageChops.multiply(mask, lines))


def colour(chance: Random, unlike: object = None) -> Colour:
    """A colour, far enough from `unlike` to be seen on it."""
    while True:
        red, green, blue = colorsys.hsv_to_rgb(chance.random(), chance.random() ** 0.6, chance.uniform(0.2, 1))
        made = (int(255 * red), int(255 * green), int(255 * blue))
        if not isinstance(unlike, tuple) or math.dist(made, unlike) > APART:
            return made


def background(chance: Random, size: tuple[int, int], *, plain: bool) -> Image.Image:
    """What shapes lie on: one colour, a slope, clouds, stripes or checks, and clutter."""
    first = colour(chance) if chance.random() < 0.7 else (chance.choice((0, 30, 235, 245, 255)),) * 3
    kind = "plain" if plain else chance.choice(("plain", "slope", "clouds", "clouds", "stripes", "checks"))
    picture = Image.new("RGB", size, first)
    if kind != "plain":
        second = tuple(min(255, max(0, part + chance.randint(-90, 90))) for part in first)
        picture.paste(second, mask=pattern(chance, kind, size))
        if chance.random() < 0.5:
            clutter(chance, picture)
    return picture


def pattern(chance: Random, kind: str, size: tuple[int, int]) -> Image.Image:
    """How much of the second colour there is at each place."""
    if kind == "clouds":
        cells = chance.randint(2, 9)
        return Image.frombytes("L", (cells, cells), chance.randbytes(cells**2)).resize(size, Image.Resampling.BICUBIC)
    x, y = (np.arange(side, dtype=np.float32) / min(size) for side in size)
    angle = chance.uniform(0, math.pi)
    cos, sin = math.cos(angle), math.sin(angle)
    along = cos * x + sin * y[:, None]
    often = chance.uniform(4, 14)
    if kind == "slope":
        share = (along - along.min()) / (along.max() - along.min())
    elif kind == "stripes":
        share = 0.5 + 0.5 * np.sin(2 * math.pi * often * along)
    else:
        share = (np.floor(often * along) + np.floor(often * (cos * y[:, None] - sin * x))) % 2
    return Image.fromarray((255 * share).astype(np.uint8))


def clutter(chance: Random, picture: Image.Image) -> None:
    """Lines and dots that are no shapes."""
    pen, short = ImageDraw.Draw(picture), min(picture.size)
    for _ in range(chance.randint(1, 8)):
        x, y = (chance.uniform(0, side) for side in picture.size)
        if chance.random() < 0.5:
            end = (x + chance.uniform(-short, short), y + chance.uniform(-short, short))
            pen.line((x, y, *end), colour(chance), max(1, round(short * chance.uniform(0.004, 0.02))))
        else:
            dot = short * chance.uniform(0.004, 0.018)
            pen.ellipse((x - dot, y - dot, x + dot, y + dot), colour(chance))
