"""The magics in an IPython shell and in a real kernel, on tiny checkpoints."""

import gc
import json
import re
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from IPython.core.completer import provisionalcompleter
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from nbpipes import pipeline
from nbpipes.results.records import Record, Records

TEXT = "Ann lives in Oslo.\n"


def cell(shell: Any, line: str, body: str = TEXT) -> Any:
    """Run a cell as the kernel does; give what it returns, or raise what it raised."""
    result = shell.run_cell(f"%%pipe {line}\n{body}")
    result.raise_error()
    return result.result


def line(shell: Any, text: str) -> Any:
    result = shell.run_cell(text)
    result.raise_error()
    return result.result


def loaded(shell: Any) -> tuple[Any, ...]:
    return shell.meta["nbpipes"][0].models.loaded()


def test_loading_the_extension_is_quick() -> None:
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'nbpipes')\n"
        "assert shell.find_cell_magic('pipe') and shell.find_line_magic('pipe')\n"
        "print([name for name in ('torch', 'pandas', 'tokenizers', 'transformers') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_cell_gives_what_a_call_gives(shell: Any, tagger: str) -> None:
    expected = pipeline("ner", model=tagger, aggregation_strategy="simple")(TEXT.strip())
    value = cell(shell, f"ner model={tagger} aggregation_strategy=simple -o ents")
    assert isinstance(value, Records)
    assert value == expected == shell.user_ns["ents"] == shell.user_ns["_"]
    assert value.meta["seconds"] > 0
    assert "<div" in value._repr_html_()
    assert json.loads(json.dumps(value)) == expected


def test_a_second_run_does_not_load_again(shell: Any, tagger: str, capsys: pytest.CaptureFixture[str]) -> None:
    cell(shell, f"ner model={tagger} --time")
    assert "model loaded in" in capsys.readouterr().out
    cell(shell, f"ner model={tagger} aggregation_strategy=max --batch 1 --time")
    assert "model in memory" in capsys.readouterr().out
    (only,) = loaded(shell)
    assert (only.uses, only.busy, only.device) == (2, 0, "cpu")
    assert only.bytes > 0
    cell(shell, f"ner model={tagger} --no-cache --time")
    assert "model loaded in" in capsys.readouterr().out
    cell(shell, f"ner model={tagger} dtype=bfloat16")
    assert [one.dtype for one in loaded(shell)] == ["float32", "bfloat16"]


def test_bodies(shell: Any, classifier: str) -> None:
    ask = f"sentiment model={classifier}"
    shell.push({"texts": ["good", "bad day", "fine"], "name": "Ann", "settings": {"k": 2}})
    one = cell(shell, ask, "good")
    many = cell(shell, ask, "= texts")
    assert len(one) == 1
    assert len(many) == 3
    assert many[0]["score"] == pytest.approx(one[0]["score"], abs=1e-6)
    assert cell(shell, f"{ask} --lines", "good\n\nbad day\nfine") == many
    assert cell(shell, ask, "good\n---\nbad day\n---\nfine") == many
    assert cell(shell, f"{ask} --limit 2", "= texts") == many[:2]
    assert cell(shell, f"{ask} top_k={{settings['k']}}", "{{name}} is good").source == "Ann is good"
    assert line(shell, f'%pipe {ask} "good"') == one
    assert line(shell, f"%pipe {ask} = texts") == many
    assert line(shell, f"%pipe {ask} $texts") == many
    assert cell(shell, f"{ask} \\", "  top_k=1\ngood") == one
    assert cell(shell, "sentiment", f"model={classifier}\n--\ngood") == one
    assert cell(shell, ask, "text: good\ntext_pair: bad") == pipeline("sentiment-analysis", model=classifier)(
        {"text": "good", "text_pair": "bad"}
    )


def test_structured_bodies(shell: Any, reader: str, classifier: str) -> None:
    answer = pipeline("question-answering", model=reader)(question="Where?", context="Ann lives in Oslo.")
    ask = f"qa model={reader}"
    assert cell(shell, ask, "question: Where?\ncontext: Ann lives in Oslo.") == answer
    assert cell(shell, f'{ask} question="Where?"') == answer
    both = cell(shell, f"{ask} question=Where?", "= ['Ann lives in Oslo.'] * 2")
    # What else is in a batch may change the last digits of a score.
    assert both == [answer | {"score": pytest.approx(answer["score"])}] * 2
    labels = ["good", "bad"]
    judged = pipeline("zero-shot-classification", model=classifier)("Ann", candidate_labels=labels)
    ask = f"zero-shot model={classifier}"
    assert cell(shell, ask, "text: Ann\nlabels: good, bad") == judged
    assert cell(shell, f'{ask} labels=["good", "bad"]', "Ann") == judged
    own = cell(shell, ask, "text: Ann\nlabels: good, bad\n---\ntext: Ann\nlabels: bad")
    assert own[0] == judged | {"scores": pytest.approx(judged["scores"])}
    assert own[1]["labels"] == ["bad"]


def test_assignment_and_views(shell: Any, classifier: str, capsys: pytest.CaptureFixture[str]) -> None:
    ask = f"sentiment model={classifier}"
    assert cell(shell, f"{ask} found <<") is None
    value = shell.user_ns["found"]
    assert isinstance(value[0], Record)
    assert cell(shell, f"{ask} --quiet") is None
    assert list(cell(shell, f"{ask} --as df -o raw").columns) == list(value.to_df().columns)
    assert shell.user_ns["raw"] == value
    assert json.loads(cell(shell, f"{ask} --as json")) == value
    assert repr(cell(shell, f"{ask} --as text")) == str([dict(value[0])])
    assert cell(shell, f"{ask} --as widget") == value
    line(shell, f'r = %pipe {ask} "{TEXT.strip()}"')
    assert shell.user_ns["r"] == value
    capsys.readouterr()
    line(shell, '%config PipeMagics.view="json"')
    assert isinstance(cell(shell, ask), str)


def test_a_pipeline_of_the_users_own(shell: Any, classifier: str) -> None:
    pipe = pipeline("sentiment-analysis", model=classifier)
    shell.push({"own": pipe, "number": 3})
    assert cell(shell, "$own top_k=2", "good") == pipe("good", top_k=2)
    assert loaded(shell) == ()
    with pytest.raises(Exception, match="model= builds a pipeline"):
        cell(shell, "$own model=x")
    with pytest.raises(Exception, match="not a pipeline"):
        cell(shell, "$number")


def test_the_task_is_told_by_the_model(shell: Any, classifier: str) -> None:
    assert cell(shell, f"model={classifier}", "good") == cell(shell, f"sentiment model={classifier}", "good")


@pytest.mark.parametrize(
    ("asked", "body", "message"),
    [
        ("nerr", TEXT, "TaskError.*unknown task 'nerr'; did you mean 'ner'"),
        ("sentiment topk=3", TEXT, "MagicError.*no option 'topk'; did you mean 'top_k'"),
        ("sentiment top_k=$nothing", TEXT, "MagicError.*name 'nothing' is not defined"),
        ("sentiment", "{{nothing}}", "MagicError.*name 'nothing' is not defined"),
        ("sentiment", "= 1/0", "MagicError.*ZeroDivisionError"),
        ("sentiment model=/no/such/folder", TEXT, "RepoError"),
        ("sentiment --background", TEXT, "MagicError.*unknown option '--background'"),
        ("", TEXT, "MagicError.*neither a task nor a model"),
    ],
)
def test_errors_are_short(shell: Any, capsys: pytest.CaptureFixture[str], asked: str, body: str, message: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  the kinds differ
        cell(shell, asked, body)
    shown = capsys.readouterr().out.replace("\x1b[31m", "").replace("\x1b[39m", "")
    assert re.search(message, shown), shown
    assert "Traceback" not in shown
    assert len(shown.strip().split("\n")) <= 4
    assert caught.value.__cause__ is None


def test_debug_shows_the_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="nerr"):
        cell(shell, "nerr --debug")
    assert "Traceback" in capsys.readouterr().out


def test_a_bad_item_costs_itself_only(shell: Any, classifier: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="item must be a text"):
        cell(shell, f"sentiment model={classifier} --batch 1 -o some", "= ['good', 3, 'bad']")
    assert [set(result) >= {"label", "score"} for result in shell.user_ns["some"]] == [True, False, True]
    shown = capsys.readouterr().out
    assert "This is item 1 of the input" in shown
    assert "1 of 3 inputs failed; the others have their results" in shown


def test_an_interrupt_keeps_what_is_done(shell: Any, classifier: str, capsys: pytest.CaptureFixture[str]) -> None:
    def texts() -> Iterator[str]:
        yield from ["good", "bad", "fine"]
        raise KeyboardInterrupt

    shell.push({"texts": texts})
    with pytest.raises(KeyboardInterrupt, match=r"stopped after \d of \?"):
        cell(shell, f"sentiment model={classifier} -o some", "= texts()")
    shown = capsys.readouterr().out
    assert "stopped after" in shown
    assert "Traceback" not in shown
    assert 1 <= len(shell.user_ns["some"]) <= 3
    assert cell(shell, f"sentiment model={classifier}", "good")


def test_unload_frees_the_model(shell: Any, tagger: str, capsys: pytest.CaptureFixture[str]) -> None:
    cell(shell, f"ner model={tagger}")
    with pytest.raises(Exception, match="must be"):
        cell(shell, f"ner model={tagger} --debug", "= [3]")
    magics = shell.meta["nbpipes"][0]
    with magics.models.use({"task": "token-classification", "model": tagger}) as (pipe, seconds):
        assert seconds == 0
        model = weakref.ref(pipe.model)
    del pipe
    capsys.readouterr()
    line(shell, "%pipe unload 1")
    assert "freed ner" in capsys.readouterr().out.replace("token-classification", "ner")
    assert model() is None
    assert loaded(shell) == ()
    line(shell, "%pipe unload")
    assert "nothing was loaded" in capsys.readouterr().out


def test_commands(shell: Any, tagger: str, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(text: str) -> str:
        line(shell, text)
        return capsys.readouterr().out

    assert "%%pipe TASK" in shown("%pipe")
    assert "--lines" in shown("%pipe help")
    assert "token-classification" in shown("%pipe tasks")
    about = shown("%pipe info ner")
    assert "aggregation_strategy" in about
    assert "simple" in about
    assert "demo" in shown("%pipe models")
    line(shell, f"%pipe alias mine {tagger} aggregation_strategy=simple")
    assert "mine" in shown("%pipe alias")
    assert cell(shell, "mine", TEXT) == cell(shell, f"ner model={tagger} aggregation_strategy=simple")
    assert cell(shell, "ner model=mine", TEXT) == cell(shell, "mine", TEXT)
    assert tagger.rsplit("/", 1)[1] in shown("%pipe loaded")
    assert "aggregation_strategy" in shown('%pipe ner --help "x"')
    with pytest.raises(Exception, match="cannot be an alias"):
        line(shell, "%pipe alias ner dslim/x")
    capsys.readouterr()


def test_settings(shell: Any, tagger: str) -> None:
    line(shell, '%config PipeMagics.dtype="bfloat16"')
    line(shell, '%config PipeMagics.device="cpu"')
    cell(shell, f"ner model={tagger}")
    assert [(one.dtype, one.device) for one in loaded(shell)] == [("bfloat16", "cpu")]
    cell(shell, f"ner model={tagger} dtype=float32")
    assert len(loaded(shell)) == 2
    line(shell, "%config PipeMagics.memory_gb=0.000001")
    cell(shell, f"ner model={tagger} dtype=float16")
    assert [one.dtype for one in loaded(shell)] == ["float16"]


def test_completion_in_the_shell(shell: Any) -> None:
    text = "%%pipe sentiment function_to_apply=si"
    with provisionalcompleter():
        found = [text[: one.start] + one.text for one in shell.Completer.completions(text, len(text))]
    assert found == ["%%pipe sentiment function_to_apply=sigmoid"]


def test_unloading_the_extension_leaves_nothing(one_shell: Any, tagger: str) -> None:
    one_shell.extension_manager.load_extension("nbpipes")
    cell(one_shell, f"ner model={tagger}")
    magics = weakref.ref(one_shell.meta["nbpipes"][0])
    one_shell.extension_manager.unload_extension("nbpipes")
    assert one_shell.find_cell_magic("pipe") is None
    one_shell.reset(new_session=False)
    gc.collect()
    assert magics() is None
    one_shell.extension_manager.load_extension("nbpipes")
    one_shell.extension_manager.unload_extension("nbpipes")


@pytest.mark.kernel
def test_in_a_kernel(tagger: str) -> None:
    cells = [
        "%load_ext nbpipes",
        f"%%pipe ner model={tagger} aggregation_strategy=simple -o ents\n{TEXT}",
        "len(ents)",
        "%pipe loaded",
        f"%%pipe nerr model={tagger}\n{TEXT}",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3").execute()
    drawn, count, table, error = (one.outputs for one in notebook.cells[1:])
    assert "text/html" in drawn[0]["data"]
    assert "application/vnd.jupyter.widget-view+json" in drawn[1]["data"]
    assert int(count[0]["data"]["text/plain"]) >= 0
    assert "token-classification" in table[0]["data"]["text/html"] or "ner" in table[0]["data"]["text/html"]
    assert (error[0]["output_type"], error[0]["ename"]) == ("error", "TaskError")
    assert len(error[0]["traceback"]) <= 3


@pytest.mark.kernel
def test_interrupt_button(classifier: str) -> None:
    manager, client = start_new_kernel(kernel_name="python3")

    def reply_to(message: str) -> dict[str, Any]:
        return next(
            reply["content"]
            for reply in iter(lambda: client.get_shell_msg(timeout=60), None)
            if reply["parent_header"].get("msg_id") == message
        )

    try:
        ask = f"%%pipe sentiment model={classifier}"
        reply_to(client.execute("%load_ext nbpipes"))
        reply_to(client.execute(f"{ask} --quiet\nwarm"))
        running = client.execute(f"{ask} --batch 1 -o some --quiet\n= ['good'] * 1_000_000")
        time.sleep(1)
        manager.interrupt_kernel()
        stopped = reply_to(running)
        assert (stopped["status"], stopped["ename"]) == ("error", "KeyboardInterrupt")
        assert re.search(r"stopped after [\d]+ of 1000000", stopped["evalue"])
        kept = reply_to(client.execute("assert 0 < len(some) < 1_000_000"))
        assert kept["status"] == "ok"
        again = reply_to(client.execute(f"{ask} --quiet\nstill there"))
        assert again["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
