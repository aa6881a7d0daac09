"""The line of the magics: words, values, options, continuation, and errors that say what to write instead."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbpipes.notebook.line import OPTIONS, Line, Switches, read_cell, read_line
from nbpipes.notebook.words import Expression, MagicError, split_words

LINE_TEXT = st.text(st.sampled_from("abn xyz=-$`'\"()[]{}\\\n\t#,.<>:*01é|~\x00\ud800") | st.characters(), max_size=60)


def values(text: str) -> dict[str, object]:
    return dict(read_cell(text, "")[0].values)


def source(value: object) -> str:
    assert isinstance(value, Expression)
    return value.source


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("1e-1", 0.1),
        ("0", 0),
        ("True", True),
        ("None", None),
        ("none", "none"),
        ("simple", "simple"),
        ('["a", "b c"]', ["a", "b c"]),
        ('{"a": 1}', {"a": 1}),
        ("{}", {}),
        ("(1, 2)", (1, 2)),
        ('"two words"', "two words"),
        ("''", ""),
        (r'"\n"', "\n"),
        (r'r"C:\new"', r"C:\new"),
        (r"C:\new\x", r"C:\new\x"),
        ("dslim/bert-base-NER", "dslim/bert-base-NER"),
        ("it's", "it's"),
        ("a,b", "a,b"),
        ("2020-01-02", "2020-01-02"),
        ("007", "007"),
        ("#fff", "#fff"),
        ("5#a", "5#a"),
        ("x==y", "x==y"),
        ("9" * 5000, "9" * 5000),  # beyond Python's limit for numbers
    ],
)
def test_values_are_literals_or_strings(written: str, value: object) -> None:
    assert values(f"ner key={written} other=1") == {"key": value, "other": 1}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("$df", "df"),
        ("{df}", "df"),
        ('{df["a b"]}', 'df["a b"]'),
        ("{ [x for x in y] }", "[x for x in y]"),
        ("{**a, 'b': 1}", "{**a, 'b': 1}"),
        ("{ {'a': 1}['a'] }", "{'a': 1}['a']"),
    ],
)
def test_dollar_and_braces_pass_objects(written: str, expected: str) -> None:
    assert source(values(f"ner key={written} other=1")["key"]) == expected


def test_options_and_target() -> None:
    line, body = read_cell("ner model=m --as df --lines --batch 8 --limit=3 --time -o ents", "text\n")
    assert (line.target, body) == ("ner", "text\n")
    assert line.switches == Switches(out="ents", show_as="df", lines=True, batch=8, limit=3, time=True)
    assert read_cell("ner --batch auto", "")[0].switches.batch is None
    assert read_cell("model=m", "")[0].target is None
    assert source(read_cell("$pipe", "")[0].target) == "pipe"


@pytest.mark.parametrize("text", ["ner ents <<", "ents << ner", "ents<< ner", "ner model=m ents << --time"])
def test_name_before_angles_assigns_and_shows_nothing(text: str) -> None:
    line, _ = read_cell(text, "")
    assert (line.target, line.switches.out, line.switches.quiet) == ("ner", "ents", True)


def test_lines_continue_after_a_backslash() -> None:
    line, body = read_cell("ner model=m \\", "  top_k=3 \\\n  -o e\nThe text.\n")
    assert line.values == {"model": "m", "top_k": 3}
    assert (line.switches.out, body) == ("e", "The text.\n")


def test_header_in_the_body() -> None:
    line, body = read_cell("ner", 'model=m\nlabels=["a",\n  "b"]\n--lines\n--\nThe text.')
    assert line.values == {"model": "m", "labels": ["a", "b"]}
    assert (line.switches.lines, body) == (True, "The text.")


@pytest.mark.parametrize(
    "body", ["Dear all\n--\nBob", "a=b and more\n--\nBob", "model=m\nno mark", "-- \nno line of its own? yes"]
)
def test_prose_is_not_a_header(body: str) -> None:
    left = body if not body.startswith("--") else body.split("\n", 1)[1]
    assert read_cell("ner", body) == (read_cell("ner", "")[0], left)


def test_line_magic_inputs() -> None:
    assert read_line('ner "Acme in Paris" top_k=3').inputs == ("Acme in Paris",)
    assert read_line("ner Paris").inputs == ("Paris",)
    assert read_line("ner 42").inputs == ("42",)
    assert read_line("detect a.png ~/b.png").inputs == ("a.png", "~/b.png")
    assert source(read_line("ner $text").inputs[0]) == "text"
    assert source(read_line('ner -o x = df["a = b"]').body) == 'df["a = b"]'
    assert read_line('ner "a = b"').body is None


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ('ner model="abc', "never closed", 10),
        ("ner labels=[a", "never closed", 11),
        ("ner labels=[a)", "stands where ] is due", 13),
        ("ner labels=[a,b]", "quote its words", 11),
        ('ner model="a"b', "right after a closing quote", 13),
        (r'ner model="C:\Users"', "double its backslashes", 10),
        ("ner model=", "has no value", 10),
        ("ner model= m", "has no value", 10),
        ("ner model = m", "without spaces", 4),
        ("ner some text", "inputs stand below", 4),
        ("ner multi_label=false", "write False", 16),
        ("ner x=$1", "not a variable", 6),
        ("ner x={a b}", "not a Python expression", 6),
        ("ner --line", "did you mean '--lines'", 4),
        ("ner --background", "unknown option", 4),
        ("ner --as jsn", "did you mean 'json'", 9),
        ("ner --limit 0", "1 or more", 12),
        ("ner --limit", "needs a value", 4),
        ("ner --lines=3", "takes no value", 4),
        ("ner -o 1x", "cannot be a variable", 7),
        ("ner -o class", "cannot be a variable", 7),
        ("ner a=1 a=2", "twice", 8),
        ("ner --time --time", "twice", 11),
        ("a << ner -o b", "twice", 9),
        ("[1] ner", "not a task", 0),
    ],
)
def test_errors_name_place_and_remedy(text: str, message: str, position: int) -> None:
    with pytest.raises(MagicError, match=message.replace("(", r"\(")) as caught:
        read_cell(text, "")
    assert caught.value.position == position
    assert str(caught.value).endswith("\n  " + text + "\n  " + " " * position + "^")


def test_line_magic_errors() -> None:
    with pytest.raises(MagicError, match="quote the text"):
        read_line("ner Acme in Paris")
    with pytest.raises(MagicError, match="options go before"):
        read_line("ner = df -o x")
    with pytest.raises(MagicError, match="one or the other"):
        read_line('ner "text" = df')


def test_every_option_fills_a_switch() -> None:
    assert {option.name for option in OPTIONS.values()} == set(Switches.__dataclass_fields__)


def test_caret_stays_in_view_on_a_long_line() -> None:
    with pytest.raises(MagicError) as caught:
        read_cell("ner " + "a=1 " + "x" * 500 + "=1 --nope", "")
    shown = str(caught.value).split("\n")
    assert shown[1][shown[2].index("^")] == "-"


@given(LINE_TEXT, LINE_TEXT)
@example("\\", "")
@example("ner x=" + "[" * 500, "")
@example("ner x=" + "-" * 5000 + "1", "")
@example("ner x=" + "(" * 300 + ")" * 300, "")
@example("ner --limit ²", "")
@settings(max_examples=400, deadline=None)
def test_arbitrary_text_gives_a_line_or_a_magic_error(line: str, body: str) -> None:
    for read in (lambda: read_cell(line, body)[0], lambda: read_line(line)):
        with suppress(MagicError):
            assert isinstance(read(), Line)


@given(LINE_TEXT)
@settings(max_examples=200, deadline=None)
def test_words_are_the_text_without_white_space_between(text: str) -> None:
    try:
        words = split_words(text)
    except MagicError:
        return
    assert all(text[word.start : word.end] == word.text and word.text for word in words)
    gaps = [text[a.end : b.start] for a, b in pairwise(words)]
    assert all(gap.isspace() for gap in gaps)
