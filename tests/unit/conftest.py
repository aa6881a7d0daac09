"""What tests of whole pipelines need: a tiny real checkpoint, and a server that gives images in every way."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

GOLDEN = Path(__file__).parents[1] / "golden"
POSITIONS = 600
PICTURES = GOLDEN / "pictures"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a tiny BERT with a head of the given kind, its tokenizer beside it, for up to 600 tokens."""
    made: dict[str, Path] = {}

    def folder(head: str) -> Path:
        if head not in made:
            made[head] = build(tmp_path_factory.mktemp("tiny") / head, head)
        return made[head]

    return folder


def build(folder: Path, head: str) -> Path:
    """Copies a golden BERT and gives it more positions."""
    shutil.copytree(GOLDEN / "bert" / head, folder, ignore=shutil.ignore_patterns("cases*"))
    shutil.copytree(GOLDEN / "bert" / "tokenizer", folder, dirs_exist_ok=True)
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        if name.endswith("position_embeddings.weight"):
            draw = torch.Generator().manual_seed(0)
            tensors[name] = torch.randn(POSITIONS, tensor.shape[1], generator=draw)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": POSITIONS}))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | {"model_max_length": POSITIONS}))
    return folder


class Site(BaseHTTPRequestHandler):
    """Gives the golden pictures by their names, and answers to other paths in the ways that servers fail."""

    def do_GET(self) -> None:
        match self.path:
            case path if (PICTURES / path[1:]).is_file():
                self.answer(200, (PICTURES / path[1:]).read_bytes())
            case "/moved":
                self.answer(302, b"", Location="/wide.png")
            case "/inside":
                self.answer(302, b"", Location="file:///etc/passwd")
            case "/ftp":
                self.answer(302, b"", Location="ftp://example.com/a.png")
            case "/circle":
                self.answer(302, b"", Location="/circle")
            case "/hangs":
                time.sleep(2)
            case "/drips":
                self.send_response(200)
                self.end_headers()
                for _ in range(40):
                    time.sleep(0.05)
                    self.wfile.write(b"x")
            case "/drips-headers":
                for letter in "HTTP/1.1 200 OK and still more words to come":
                    time.sleep(0.05)
                    self.wfile.write(letter.encode())
            case "/page":
                self.answer(200, b"<html>not an image</html>")
            case "/short":
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                self.wfile.write((PICTURES / "wide.png").read_bytes()[:100])
            case _:
                self.answer(404, b"gone")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
