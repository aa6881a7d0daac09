"""The shared pieces of displays."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.display import kit
from nbpipes.display.chosen import set_colors
from nbpipes.errors import InputError

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


@given(ANY_TEXT, st.integers(0, 1_500))
def test_prose_fits_its_room_and_no_character_less(read: Callable[[str], Any], text: str, room: int) -> None:
    html, shown = kit.prose(text, room)
    assert read(html).text == kit.safe(text[:shown])
    assert kit.size(html) <= room
    assert shown == len(text) or kit.size(kit.prose(text[: shown + 1], 10_000)[0]) > room


@given(ANY_TEXT)
def test_safe_text_is_as_long_and_can_be_written(text: str) -> None:
    safe = kit.safe(text)
    assert len(safe) == len(text)
    safe.encode("utf-8")
    assert kit.safe(safe) == safe


@given(ANY_TEXT, st.integers(0, 50))
def test_escaped_text_reads_back(read: Callable[[str], Any], text: str, limit: int) -> None:
    text = text.replace("\r", " ")
    shown = kit.safe(text) if len(text) <= limit else f"{kit.safe(text[:limit])}…"
    assert read(kit.escape(text, limit)).text == shown


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.99984, 4, "0.9998"),
        (0.99999, 4, "0.9999"),
        (0.999, 2, "0.99"),
        (1.0, 2, "1.00"),
        (0.994, 2, "0.99"),
        (0.001, 2, "&lt;0.01"),
        (0.0, 2, "0.00"),
        (-3.25, 2, "-3.25"),
        (7, 2, "7.00"),
        (1e12, 2, "1e+12"),
        (float("nan"), 2, "nan"),
        (float("inf"), 2, "inf"),
        (None, 2, "None"),
        ("<b>", 2, "&lt;b&gt;"),
        (True, 2, "True"),
    ],
)
def test_numbers(value: Any, digits: int, text: str) -> None:
    assert kit.number(value, digits) == text


def test_a_table_counts_the_rows_it_leaves_out() -> None:
    rows = [kit.cell(str(index)) for index in range(100)]
    html = kit.table(kit.heads("a"), rows, 100, 100_000)
    assert html.count("<td") == kit.ROWS
    assert "… 80 more rows" in html
    assert "… 1 more row<" in kit.table("", rows[:3], 4, 100_000)
    assert kit.table("", rows[:3], 3, 100_000).count("more") == 0


def test_a_table_without_room_only_counts() -> None:
    html = kit.table(kit.heads("a"), [kit.cell("x" * 500)] * 3, 3, 600)
    assert "<table" not in html
    assert "… 3 more rows" in html


def test_rows_beyond_the_last_shown_are_not_made() -> None:
    made = []

    def rows() -> Any:
        for index in range(10**6):
            made.append(index)
            yield kit.cell(str(index))

    kit.table("", rows(), 10**6, 100_000)
    assert len(made) <= kit.ROWS + 1


@pytest.mark.parametrize(
    ("meta", "text"),
    [
        ({}, ""),
        ({"model": "a/b"}, "a/b"),
        (
            {"model": "a/b", "revision": "0123456789abcdef" * 2 + "01234567", "device": "cuda:0", "dtype": "bfloat16"},
            "a/b · 0123456 · cuda:0 · bfloat16",
        ),
        ({"model": "<i>", "revision": "main", "seconds": 0.0123}, "<i> · main · 12.3 ms"),
        ({"seconds": 3.21, "device": None, "dtype": ""}, "3.2 s"),
        ({"seconds": 245.0}, "4 min 05 s"),
        ({"seconds": 3.21, "stopped": True}, "3.2 s · stopped"),
        ({"seconds": "fast"}, ""),
    ],
)
def test_footer_names_what_is_known(read: Callable[[str], Any], meta: dict[str, Any], text: str) -> None:
    assert read(kit.footer(meta)).text == text


def test_colours_depend_on_the_set_of_labels_only() -> None:
    assert kit.colours(["B", "A", "B"]) == kit.colours(["A", "B"])
    many = kit.colours(map(str, range(50)))
    assert len(set(list(many.values())[: len(kit.PALETTE)])) == len(kit.PALETTE)


@pytest.fixture
def chosen() -> Iterator[Callable[[dict[str, str]], None]]:
    yield set_colors
    set_colors({})


def test_the_user_chooses_colours(chosen: Callable[[dict[str, str]], None]) -> None:
    before = kit.colours(["A", "B"])
    chosen({"A": "navy", "C": "#ffd700"})
    after = kit.colours(["A", "B"])
    assert (after["A"] != before["A"], after["B"]) == (True, before["B"])
    with pytest.raises(InputError, match="the colour of 'A' is 'blurple'"):
        chosen({"A": "blurple"})
    assert kit.colours(["A", "B"]) == after
    chosen({})
    assert kit.colours(["A", "B"]) == before


@pytest.mark.parametrize("color", ["black", "white", "navy", "#ffd700", "rgb(120, 0, 0)", "grey"])
def test_dark_text_is_readable_on_chosen_colours(color: str, chosen: Callable[[dict[str, str]], None]) -> None:
    chosen({"A": color})
    colour = kit.colours(["A"])["A"]
    assert contrast(colour.fill, kit.INK) >= 6.9  # rounded to whole parts of 255
    assert contrast(colour.line, "#FFFFFF") >= 2.9


@pytest.mark.parametrize("colour", kit.PALETTE)
def test_dark_text_is_readable_on_every_colour(colour: kit.Colour) -> None:
    assert contrast(colour.fill, kit.INK) >= 7
    assert contrast(colour.line, "#FFFFFF") >= 3


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast of two colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [value / 255 for value in bytes.fromhex(digits)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
