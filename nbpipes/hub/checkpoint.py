"""The weights of a model: names and shapes at once, tensors on demand, from safetensors, .bin or GGUF files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import torch
from safetensors import safe_open
from torch import Tensor

from nbpipes.errors import CheckpointError, ConfigError, MissingPackageError, RepoError, UnreachableError, nearest
from nbpipes.hub.gguf.folder import WEIGHTS as GGUF
from nbpipes.hub.gguf.reader import GgufFile, is_gguf
from nbpipes.hub.gguf.weights import GgufWeights
from nbpipes.hub.repo import Repo, inside

FORMATS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    GGUF,
)
FOREIGN = {
    "tf_model.h5": "TensorFlow weights",
    "flax_model.msgpack": "Flax weights",
    "adapter_model.safetensors": "an adapter without its base model",
    "adapter_model.bin": "an adapter without its base model",
}
FLOATING = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
# Names that old checkpoints use, and what they are called now: TensorFlow's layer norm, and weight
# normalisation before it became a parametrization.
LEGACY = {
    "LayerNorm.gamma": "LayerNorm.weight",
    "LayerNorm.beta": "LayerNorm.bias",
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}


def modern(name: str) -> str:
    """Return the present-day name of the tensor that a checkpoint calls `name`."""
    for old, new in LEGACY.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


class _File(Protocol):
    """One weight file, with the names as stored."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...

    def tensor(self, name: str) -> Tensor: ...

    def floating(self) -> torch.dtype | None: ...


class _Safetensors:
    """A .safetensors file: the header is read now, tensors are mapped when asked for."""

    def __init__(self, path: Path) -> None:
        self._file = safe_open(path, framework="pt", device="cpu")
        self._slices = {name: self._file.get_slice(name) for name in self._file.keys()}  # noqa: SIM118
        self.shapes = {name: tuple(part.get_shape()) for name, part in self._slices.items()}

    def tensor(self, name: str) -> Tensor:
        return self._file.get_tensor(name)

    def floating(self) -> torch.dtype | None:
        found = (FLOATING.get(part.get_dtype()) for part in self._slices.values())
        return next(filter(None, found), None)


class _Pickled:
    """A .bin file, mapped where its format allows; torch refuses anything in it but tensors."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            zipped = file.read(2) == b"PK"  # the format since torch 1.6; the older one cannot be mapped
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
        if not isinstance(state, dict):
            raise ValueError(f"it holds a {type(state).__name__} instead of named tensors")
        for name, value in state.items():
            if not (isinstance(name, str) and isinstance(value, Tensor)):
                raise ValueError(f"its entry {name!r} is a {type(value).__name__}, not a tensor")
        self._state = state
        self.shapes = {name: tuple(value.shape) for name, value in state.items()}

    def tensor(self, name: str) -> Tensor:
        return self._state[name]

    def floating(self) -> torch.dtype | None:
        return next((value.dtype for value in self._state.values() if value.is_floating_point()), None)


def _opened(path: Path, label: str) -> _File:
    try:
        if path.suffix == ".safetensors":
            return _Safetensors(path)
        return GgufWeights(GgufFile(path)) if is_gguf(path) else _Pickled(path)
    except MissingPackageError:
        raise
    except Exception as error:  # a damaged file makes the unpickler and the zip reader fail in many ways
        raise CheckpointError(f"Weight file {label} is damaged, unsafe or no weight file: {error}") from error


class Checkpoint:
    """The tensors of a repository under their present-day names, whatever files they lie in."""

    def __init__(self, repo: Repo, files: Mapping[str, Iterable[str] | None]) -> None:
        """Open weight files of `repo`, each for the tensors of the stored names given; None takes all."""
        self._label = repo.name
        self.files = tuple(files)
        self._opened: list[_File] = []
        self._tensors: dict[str, tuple[_File, str]] = {}
        for name, wanted in files.items():
            label = f"{name!r} of {repo.name!r}"
            file = _opened(repo.path(name), label)
            self._opened.append(file)
            self._add(file, file.shapes if wanted is None else wanted, label)

    @classmethod
    def open(cls, repo: Repo, variant: str | None = None) -> "Checkpoint":
        """Open the weights of `repo`, safetensors before .bin, one file before shards.

        variant: word before the extension, e.g. "fp16" for model.fp16.safetensors.
        Raises RepoError where there are none or the Hub does not give them, CheckpointError for damaged ones.
        """
        names = [_with_variant(name, variant) for name in FORMATS]
        found = next(filter(repo.has, names), None)
        if found is None:
            raise _no_weights(repo, names[0])
        return cls(repo, _shards(repo, found) if found.endswith(".json") else {found: None})

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Return the shape of every tensor by name, without reading data."""
        return MappingProxyType({name: file.shapes[stored] for name, (file, stored) in self._tensors.items()})

    @property
    def dtype(self) -> torch.dtype:
        """Type of the first floating-point tensor; float32 where there is none."""
        return next(filter(None, (file.floating() for file in self._opened)), torch.float32)

    def tensor(self, name: str) -> Tensor:
        """Return tensor `name` on the CPU, as stored. CheckpointError where it is absent or unreadable."""
        if name not in self._tensors:
            raise CheckpointError(f"{self._label!r} has no tensor {name!r}{nearest(name, self._tensors)}")
        file, stored = self._tensors[name]
        try:
            return file.tensor(stored)
        except Exception as error:  # each reader words a number type that it does not know in its own way
            raise CheckpointError(f"Tensor {name!r} of {self._label!r} cannot be read: {error}") from error

    def _add(self, file: _File, names: Iterable[str], label: str) -> None:
        for stored in names:
            name = modern(stored)
            if stored not in file.shapes:
                raise CheckpointError(f"{label} lacks the tensor {stored!r}, which the index places there.")
            if name in self._tensors:
                raise CheckpointError(f"{label} holds the tensor {name!r} under two names.")
            self._tensors[name] = (file, stored)


def _with_variant(name: str, variant: str | None) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{variant}.{suffix}" if variant else name


def _shards(repo: Repo, index: str) -> dict[str, list[str]]:
    """Return the tensor names by weight file that `index` lists, having checked that the files are there."""
    label = f"{index!r} of {repo.name!r}"
    try:
        placed = repo.json(index).get("weight_map")
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(placed, dict) or not placed:
        raise CheckpointError(f"{label} has no weight_map.")
    files: dict[str, list[str]] = {}
    for name, file in placed.items():
        if not (isinstance(file, str) and inside(file)):
            raise CheckpointError(f"{label} names {file!r}, which is not a file inside the repository.")
        files.setdefault(file, []).append(name)
    missing = [file for file in files if repo.is_local and not repo.has(file)]
    if missing:
        raise CheckpointError(f"{label} names {missing[0]!r}, which is missing.")
    return files


def _no_weights(repo: Repo, wanted: str) -> RepoError:
    """Say why `repo` has no weights that can be read."""
    try:
        repo.path(wanted)
    except UnreachableError as error:
        return error
    except RepoError:
        pass  # absent, as expected
    names = repo.names()
    foreign = [f"{name} ({what})" for name, what in FOREIGN.items() if name in names]
    others = [name for name in names if name.endswith((".safetensors", ".bin", ".gguf", ".onnx"))]
    return RepoError(
        f"{repo.name!r} has no weights that can be read: no {wanted}, no pytorch_model.bin, no shards."
        + (f" It has {', '.join((foreign or others)[:5])}." if foreign or others else "")
    )
