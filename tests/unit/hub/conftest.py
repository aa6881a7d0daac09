"""A Hub in miniature on this machine, and scripts run against it in a process with its own environment."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

MAIN, OLD = "a" * 40, "b" * 40


class FakeHub(ThreadingHTTPServer):
    """Serves `repos[id][revision][file name]`, and keeps what it was asked for in `requests`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, dict[str, dict[str, bytes]]] = {}
        self.commits = {"main": MAIN, "old": OLD, MAIN: MAIN, OLD: OLD}
        self.gated: set[str] = set()
        self.requests: list[tuple[str, str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, method: str) -> list[str]:
        """Return the file names that were asked for with `method`, oldest first."""
        return [path.split("/resolve/")[-1].partition("/")[2] for asked, path, _ in self.requests if asked == method]


class Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        if not path.startswith("/api/") or path.startswith("/api/models/"):  # the client asks things of its own
            self.server.requests.append((self.command, path, self.headers.get("Authorization")))
        status, headers, body = self.look_up(path)
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def look_up(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path.startswith("/api/models/"):
            name, _, revision = path.removeprefix("/api/models/").partition("/tree/")
            files = self.server.repos[name][self.server.commits[revision]]
            tree = [{"type": "file", "path": file, "size": len(files[file]), "oid": "0" * 40} for file in files]
            return 200, {"Content-Type": "application/json"}, json.dumps(tree).encode()
        name, _, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        if name not in self.server.repos:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        if name in self.server.gated and not self.headers.get("Authorization"):
            return 403, {"X-Error-Code": "GatedRepo"}, b""
        commit = self.server.commits.get(revision)
        if commit not in self.server.repos[name]:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        body = self.server.repos[name][commit].get(file)
        headers = {"X-Repo-Commit": commit}
        if body is None:
            return 404, headers | {"X-Error-Code": "EntryNotFound"}, b""
        return 200, headers | {"ETag": f'"{sha1(body).hexdigest()}"'}, body


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    server = FakeHub()
    server.repos["org/tiny"] = {
        MAIN: {
            "config.json": b'{"model_type": "bert"}',
            "vocab.txt": b"a\nb\n",
            "1_Pooling/config.json": b"{}",
        },
        OLD: {"config.json": b'{"model_type": "old"}'},
    }
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ask(hub: FakeHub, tmp_path) -> Callable[..., Any]:
    """Run statements with `Repo` at hand in a fresh process against the hub; return what `out` ends up as."""

    def run(code: str, **environment: str) -> Any:
        script = f"import json\nfrom nbpipes.hub.repo import Repo\nout = []\n{code}\nprint(json.dumps(out))"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        fixed = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=kept | fixed | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
