"""Chats and growing texts in a kernel: what a cell shows, how it goes on, and what Stop leaves."""

import shutil
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from nbpipes.results.records import Records

GOLDEN = Path(__file__).parents[1] / "golden"
SAID = "system: Be terse.\nuser: Who lives in London?"
VIEW = "from nbpipes.widgets.view import OPEN\nview = [*OPEN][0]"


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A decoder with a chat template."""
    folder = tmp_path_factory.mktemp("talker")
    for part in ("causal-writer", "tokenizer"):
        shutil.copytree(GOLDEN / "llama" / part, folder, dirs_exist_ok=True)
    return str(folder)


def test_a_cell_is_a_chat(shell: Any, talker: str) -> None:
    shell.run_cell(f"%%pipe chat model={talker} max_new_tokens=4 do_sample=False -o told\n{SAID}").raise_error()
    told = shell.user_ns["told"]
    assert isinstance(told, Records)
    turns = told[0]["generated_text"]
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant"]
    assert turns[1]["content"] == "Who lives in London?"
    assert "Who lives in London?" in told.to_html()


@pytest.mark.kernel
def test_a_chat_goes_on_in_a_kernel(talker: str) -> None:
    cells = [
        "%load_ext nbpipes",
        f"%%pipe chat model={talker} max_new_tokens=4 do_sample=False\n{SAID}",
        f"{VIEW}\nassert view.spec['live'] and view.spec['turns'][-1]['tokens']",
        "view.ops['say']({'text': 'Who else?'})\nview.ops['again']({'number': 2})",
        "[len(view.messages), len(view.tree.turns)]",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [output["data"] for output in notebook.cells[1].outputs if "data" in output]
    assert any("nbp-chat" in data.get("text/html", "") for data in shown)
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)
    assert notebook.cells[4].outputs[-1]["data"]["text/plain"] == "[3, 6]"


@pytest.mark.kernel
@pytest.mark.parametrize("ask", ["%%pipe generate model={} {} -o some\nParis is", "some = pipe('Paris is', {})"])
def test_stop_keeps_the_text(talker: str, ask: str) -> None:
    manager, client = start_new_kernel(kernel_name="python3")

    def reply_to(message: str) -> dict[str, Any]:
        return next(
            reply["content"]
            for reply in iter(lambda: client.get_shell_msg(timeout=60), None)
            if reply["parent_header"].get("msg_id") == message
        )

    slow = "stopping_criteria=[wait]" if "pipe(" in ask else "stopping_criteria={wait_list}"
    options = f"max_new_tokens=50, min_new_tokens=50, do_sample=False, {slow}"
    options = options.replace(", ", " ") if "%%" in ask else options
    begin = (
        "%load_ext nbpipes\nimport nbpipes, time, sys\nwait = lambda ids, scores: bool(time.sleep(0.1))\n"
        f"wait_list = [wait]\npipe = nbpipes.pipeline('text-generation', {talker!r}, device='cpu')"
    )
    try:
        assert reply_to(client.execute(begin))["status"] == "ok"
        cell = ask.format(talker, options) if "%%" in ask else ask.format(options)
        running = client.execute(cell)
        time.sleep(2.5)
        manager.interrupt_kernel()
        stopped = reply_to(running)
        assert stopped["ename"] in ("KeyboardInterrupt", "Interrupted")
        kept = "some" if "%%" in ask else "sys.last_value.partial"
        check = f"assert len('Paris is') < len({kept}[0]['generated_text']) < 200, {kept}"
        assert reply_to(client.execute(check))["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
