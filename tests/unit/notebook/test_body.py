"""The body of a cell: expressions, keys, separators, paths, interpolation."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nbpipes.notebook.body import Inputs, read_body, read_inputs
from nbpipes.notebook.forms import FORMS, SHORT, form_of
from nbpipes.notebook.words import Expression, MagicError

NAMES = {"x": ["one", "two"], "name": "Bob", "table": {"a": {"b": 3}}, "code": "{{name}}"}
PIECES = (
    "question: |context: |text:|labels:|image:|table:|user:|system: |= |---|\n|\n\n| |{{|}}|\\|,|[|*|~|a b|\x00|\ud800"
)
BODY_TEXT = st.lists(st.sampled_from(PIECES.split("|")) | st.text(max_size=5), max_size=25).map("".join)


def resolve(expression: Expression) -> Any:
    return eval(expression.source, {}, dict(NAMES))


def read(body: str, task: str = "token-classification", **options: Any) -> Inputs:
    return read_body(body, form_of(task), resolve, **options)


def value(body: str, task: str = "token-classification", **options: Any) -> Any:
    return read(body, task, **options).value


def test_a_text_is_itself_without_outer_blank_lines() -> None:
    assert value("\n\n  Acme, in\n\nParis.  \n\n") == "  Acme, in\n\nParis."
    assert value("# a heading; {brace} $name %x\n") == "# a heading; {brace} $name %x"
    assert value("question: not a key of this task") == "question: not a key of this task"


def test_separators_and_lines_make_many() -> None:
    assert value("a\nb\n---\nc\n") == ["a\nb", "c"]
    assert value("a\n---\n") == ["a"]
    assert value("a\n\n  b\n", lines=True) == ["a", "b"]
    assert value("a", lines=True) == ["a"]
    assert value("a ---\n----\nb") == "a ---\n----\nb"


def test_an_expression_is_the_users_object() -> None:
    assert value("= x") is NAMES["x"]
    assert value("\n = [\n  name,  # the first\n  'b',\n]\n") == ["Bob", "b"]
    assert value("\\= x") == "= x"
    assert value("== Title ==\ntext") == "== Title ==\ntext"
    with pytest.raises(MagicError, match=r"write \\= to begin"):
        value("= not an expression")


def test_double_braces_are_filled_once_and_strictly() -> None:
    assert value("Hi {{name}}, {{ table['a']['b'] }} {{ {'k': {'z': 1}}['k'] }}") == "Hi Bob, 3 {'z': 1}"
    assert value(r"\{{name}} and {{code}}") == "{{name}} and {{name}}"
    assert value("{{'---'}}") == "---"
    with pytest.raises(NameError, match="nobody"):
        value("{{nobody}}")
    with pytest.raises(MagicError, match=r"line 2.*\\\{\{") as caught:
        value("fine\nuse {{ a b }} here")
    assert caught.value.position == 9
    with pytest.raises(MagicError, match="same line"):
        value("{{\nname}}")


def test_question_answering() -> None:
    task = "question-answering"
    record = {"question": "Who?", "context": "Ann\n  and Bob"}
    assert value("question: Who?\ncontext: Ann\n  and Bob\n", task) == record
    assert value("context: = name\nquestion:\nWho?\n---\nquestion: Why?\ncontext: b", task) == [
        {"context": "Bob", "question": "Who?"},
        {"question": "Why?", "context": "b"},
    ]
    assert value("Ann", task, given={"question": "Who?"}) == {"question": "Who?", "context": "Ann"}
    assert value("", task, given={"question": "Who?", "context": "c"}) == {"question": "Who?", "context": "c"}
    assert value("= x", task, given={"question": "Who?"})[1] == {"question": "Who?", "context": "two"}
    with pytest.raises(MagicError, match="no context:"):
        value("question: Who?", task)
    with pytest.raises(MagicError, match="line 4: this input has no question:"):
        value("question: a\ncontext: b\n---\ncontext: b", task)
    with pytest.raises(MagicError, match="stands twice"):
        value("question: a\nquestion: b\ncontext: c", task)


def test_shared_labels_become_an_option_of_the_call() -> None:
    task = "zero-shot-classification"
    assert read("text: a\nlabels: x, y", task) == Inputs("a", {"candidate_labels": ["x", "y"]})
    both = read('text: a\nlabels: ["x", "y"]\n---\ntext: b\nlabels:\n- x\n- y', task)
    assert both == Inputs(["a", "b"], {"candidate_labels": ["x", "y"]})
    own = value("text: a\nlabels: x\n---\ntext: b\nlabels: y", task)
    assert own[1] == {"sequence": "b", "candidate_labels": ["y"]}
    assert value("just text", task) == "just text"


def test_text_pairs() -> None:
    assert value("text: a\ntext_pair: b", "text-classification") == {"text": "a", "text_pair": "b"}
    assert value("text: a", "text-classification") == "a"
    assert value("Note: a", "text-classification") == "Note: a"


def test_chats() -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert value("system: Be brief.\nuser: Hi", "text-generation") == chat
    assert value("Hi", "chat", given={"system": "Be brief."}) == chat
    assert value("Hi", "chat") == chat[1:]
    assert value("User: Hi", "text-generation") == "User: Hi"
    assert value("user: a\n---\nuser: b", "chat") == [
        [{"role": "user", "content": "a"}],
        [{"role": "user", "content": "b"}],
    ]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "c d.jpg"):
        (tmp_path / name).touch()
    return tmp_path


def test_paths_addresses_and_globs(pictures: Path) -> None:
    task = "object-detection"
    assert value("a.png", task) == "a.png"
    assert value("*.png", task) == ["a.png", "b.png"]
    assert value("c*.jpg", task) == ["c d.jpg"]
    assert value('"c d.jpg"\nhttps://x.org/y.png?a=*\n', task) == ["c d.jpg", "https://x.org/y.png?a=*"]
    assert value("{{'a' + '.png'}}", task) == "a.png"
    assert value("image: a.png", task) == "a.png"
    with pytest.raises(MagicError, match=r"line 1: no such file: 'z\.png'"):
        value("z.png\n*.gif", task)
    with pytest.raises(MagicError, match="no file matches"):
        value("*.gif", task)


def test_a_line_without_a_file_costs_itself_only(pictures: Path) -> None:
    found = value("z.png\n*.gif\na.png\n", "object-detection")
    assert found == [Path("z.png"), Path("*.gif"), "a.png"]


def test_pictures_with_words(pictures: Path) -> None:
    asked = {"image": "a.png", "question": "How many?"}
    assert value("image: a.png\nquestion: How many?", "visual-question-answering") == asked
    assert value("How many?", "document-question-answering", given={"image": "a.png"}) == asked
    content = [{"type": "image", "image": "a.png"}, {"type": "text", "text": "What?"}]
    task = "image-text-to-text"
    assert value("image: a.png\nuser: What?", task) == [{"role": "user", "content": content}]
    assert value("image: a.png\ntext: What?", task) == {"images": "a.png", "text": "What?"}
    assert value("a.png\nb.png", "keypoint-matching") == ("a.png", "b.png")
    assert value("a.png\nb.png\n*.png", "keypoint-matching") == [("a.png", "b.png")] * 2
    assert value("first: a.png\nsecond: b.png", "keypoint-matching") == ("a.png", "b.png")
    with pytest.raises(MagicError, match="one is left over"):
        value("a.png", "keypoint-matching")
    with pytest.raises(MagicError, match="belongs to no turn"):
        value("user: What?\nimage: a.png", task)


def test_tables(tmp_path: Path) -> None:
    columns = {"city": ["Oslo", "Rome"], "people": ["1", "3"]}
    task = "table-question-answering"
    for table in (
        "| city | people |\n|---|---:|\n| Oslo | 1 |\n| Rome | 3 |",
        "city,people\nOslo,1\nRome, 3",
    ):
        assert value(f"table: {table}\nquestion: Where?", task) == {"table": columns, "query": "Where?"}
    file = tmp_path / "t.csv"
    file.write_text("city,people\nOslo,1\nRome,3\n", encoding="utf-8")
    assert value(f"table: {file}\nquestion: Where?", task)["table"] == columns
    assert value("table: = table\nquestion: Where?", task)["table"] is NAMES["table"]
    assert value("Where?", task, given={"table": columns}) == {"table": columns, "query": "Where?"}
    with pytest.raises(MagicError, match="2 columns, but a row of 1"):
        value("table: a,b\n1\nquestion: q", task)
    with pytest.raises(MagicError, match="cannot be read"):
        value("table: nowhere.csv\nquestion: q", task)


@pytest.mark.parametrize(("task", "remedy"), [("token-classification", "a text"), ("object-detection", "image path")])
def test_an_empty_body_says_what_to_write(task: str, remedy: str) -> None:
    with pytest.raises(MagicError, match=remedy):
        value(" \n\n", task)
    with pytest.raises(MagicError):
        value("---\n", task)


def test_inputs_of_the_line(pictures: Path) -> None:
    ner, detect, qa = (form_of(t) for t in ("token-classification", "object-detection", "question-answering"))
    assert read_inputs(["a text"], ner, resolve, {}).value == "a text"
    assert read_inputs(["a", "b"], ner, resolve, {}).value == ["a", "b"]
    assert read_inputs([Expression("x")], ner, resolve, {}).value is NAMES["x"]
    assert read_inputs(["*.png"], detect, resolve, {}).value == ["a.png", "b.png"]
    assert read_inputs(["Ann"], qa, resolve, {"question": "Who?"}).value == {
        "question": "Who?",
        "context": "Ann",
    }


def test_short_names_lead_to_tasks_with_a_form() -> None:
    assert set(SHORT.values()) <= set(FORMS)
    assert form_of("translation_en_to_fr") is FORMS["translation"]


@given(body=BODY_TEXT, task=st.sampled_from(sorted(FORMS)), lines=st.booleans())
@example(body="*\x00", task="image-classification", lines=False)
@example(body="~\ud800/x", task="image-classification", lines=False)
@example(body="table: \x00", task="table-question-answering", lines=False)
@example(body="labels: [" + "[" * 500, task="zero-shot-classification", lines=False)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_text_gives_inputs_or_a_magic_error(pictures: Path, body: str, task: str, lines: bool) -> None:
    # What the user's own expressions raise is not the reader's: here all have a value.
    with suppress(MagicError):
        assert isinstance(read_body(body, form_of(task), lambda expression: "value", lines=lines), Inputs)
