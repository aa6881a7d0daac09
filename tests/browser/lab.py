"""A JupyterLab of its own, and notebooks in it that a script opens, runs and reads."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, BrowserContext, Locator, Page

HERE = Path(__file__).parent
TOKEN = "testtoken"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "doNotDisturbMode": True},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/apputils-extension/kernels-settings": {"commsOverSubshells": "perCommTarget"},
}
OPEN = "() => globalThis.jupyterapp?.shell?.currentWidget?.content?.widgets?.length"
# An idle mark in the page would be true before the kernel connects: the first run would be lost.
CONNECTED = """async () => {
  const context = globalThis.jupyterapp.shell.currentWidget.sessionContext;
  await context.ready;
  while (context.session?.kernel?.status !== 'idle') await new Promise((done) => setTimeout(done, 50));
}"""
RUN = """async (index) => {
  const panel = globalThis.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = index;
  await globalThis.jupyterapp.commands.execute('notebook:run-cell');
}"""
WRITE = """([index, source]) => {
  globalThis.jupyterapp.shell.currentWidget.model.cells.get(index).sharedModel.setSource(source);
}"""
OUTPUT = """(index) => {
  const cell = globalThis.jupyterapp.shell.currentWidget.model.cells.get(index);
  return cell.outputs.toJSON();
}"""


class Server:
    """A running JupyterLab, which also serves Notebook 7. root: the folder of its notebooks."""

    def __init__(self, home: Path) -> None:
        self.root = home / "notebooks"
        self.root.mkdir()
        for path in HERE.glob("sample*.py"):
            shutil.copy(path, self.root)
        for name, values in SETTINGS.items():
            path = home / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        self.log = (home / "server.log").open("w")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter", "lab", "--allow-root", "--no-browser", "--ip=127.0.0.1"),
                *(f"--port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
                *(f"--ServerApp.root_dir={self.root}", "--expose-app-in-browser"),
                *("--JupyterNotebookApp.expose_app_in_browser=True",),
                *("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",),
            ],
            env=os.environ | {name: str(home / folder) for name, folder in folders.items()},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}{'&' if '?' in path else '?'}token={TOKEN}"

    def wait(self) -> None:
        for _ in range(240):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(self.url("api/status")):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.5)
        raise RuntimeError(f"JupyterLab did not start; see {self.log.name}")

    def end_kernels(self) -> None:
        with urllib.request.urlopen(self.url("api/kernels")) as answer:
            kernels = json.load(answer)
        for kernel in kernels:
            request = urllib.request.Request(self.url(f"api/kernels/{kernel['id']}"), method="DELETE")
            urllib.request.urlopen(request).close()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


class Notebook:
    """An open notebook."""

    def __init__(self, page: Page, server: Server, name: str) -> None:
        self.page, self.server, self.name = page, server, name

    def open(self, app: str = "lab") -> None:
        path = f"lab/tree/{self.name}?reset" if app == "lab" else f"notebooks/{self.name}"
        self.page.goto(self.server.url(path))
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_function(OPEN, timeout=120_000)
        self.page.evaluate(CONNECTED)
        self.page.evaluate("() => globalThis.jupyterapp.shell.collapseLeft?.()")

    def theme(self, name: str) -> None:
        self.page.evaluate("theme => globalThis.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        light = str(name.endswith("Light")).lower()
        self.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")

    def run(self, index: int) -> None:
        self.page.evaluate(RUN, index)

    def write(self, index: int, source: str) -> None:
        self.page.evaluate(WRITE, [index, source])

    def value(self, expression: str, index: int = 2) -> Any:
        """The value of a Python expression in the kernel, as JSON has it."""
        self.write(index, f"import json; print(json.dumps({expression}))")
        return json.loads(self.ask(index))

    def until(self, expression: str, wanted: Any) -> None:
        """Wait until an expression in the kernel has a value."""
        for _ in range(20):
            value = self.value(expression)
            if value == wanted:
                return
            time.sleep(0.2)
        assert value == wanted

    def cell(self, index: int) -> Locator:
        return self.page.locator(f".jp-Cell[data-windowed-list-index='{index}']")

    def view(self, index: int) -> Locator:
        return self.cell(index).locator(".nbp-live").first

    def text(self, index: int) -> str:
        """What a cell printed, or the text of its result."""
        outputs = self.page.evaluate(OUTPUT, index)
        parts = [o.get("text") or o.get("data", {}).get("text/plain") or o.get("evalue", "") for o in outputs]
        return "".join("".join(part) for part in parts)

    def ask(self, index: int) -> str:
        """Run a cell and return what it printed."""
        self.run(index)
        return self.text(index).strip()

    def save(self) -> None:
        self.page.evaluate("() => globalThis.jupyterapp.commands.execute('docmanager:save')")

    @property
    def path(self) -> Path:
        return self.server.root / self.name


def new_context(browser: Browser) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": 1100, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(60_000)
    return context


def opened(context: BrowserContext, server: Server, name: str, cells: Sequence[str], app: str = "lab") -> Notebook:
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(content, server.root / f"{name}.ipynb")
    book = Notebook(context.new_page(), server, f"{name}.ipynb")
    book.open(app)
    return book
