"""Weight files: order of preference, shards, old names, and damage of every kind."""

import json
import pickle
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from nbpipes.errors import CheckpointError, NbpipesError, RepoError
from nbpipes.hub.checkpoint import Checkpoint, modern
from nbpipes.hub.repo import Repo

TENSORS = {
    "a.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "b.bias": torch.ones(4, dtype=torch.float16),
    "ids": torch.arange(3),
    "one": torch.tensor(7.0),
    "none": torch.zeros(0, 5),
}
SHAPES = {name: tuple(value.shape) for name, value in TENSORS.items()}


def write_safetensors(folder: Path) -> None:
    save_file(TENSORS, folder / "model.safetensors")


def write_bin(folder: Path) -> None:
    torch.save(TENSORS, folder / "pytorch_model.bin")


def write_old_bin(folder: Path) -> None:
    torch.save(TENSORS, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def write_shards(folder: Path) -> None:
    names = list(TENSORS)
    placed = {name: f"model-{1 + (i > 1):05}-of-00002.safetensors" for i, name in enumerate(names)}
    for file in set(placed.values()):
        save_file({name: TENSORS[name] for name in names if placed[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))


def write_bin_shards(folder: Path) -> None:
    torch.save(TENSORS, folder / "pytorch_model-00001-of-00001.bin")
    placed = dict.fromkeys(TENSORS, "pytorch_model-00001-of-00001.bin")
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": placed}))


WRITERS = [write_safetensors, write_shards, write_bin, write_bin_shards, write_old_bin]


@pytest.mark.parametrize("write", WRITERS)
def test_shapes_and_tensors(tmp_path, write):
    write(tmp_path)
    checkpoint = Checkpoint.open(Repo(tmp_path))
    assert dict(checkpoint.shapes()) == SHAPES
    assert checkpoint.dtype == torch.float32
    for name, value in TENSORS.items():
        read = checkpoint.tensor(name)
        assert read.dtype == value.dtype
        assert torch.equal(read, value)


def test_safetensors_come_first_and_one_file_before_shards(tmp_path):
    order = [
        (write_bin_shards, ("pytorch_model-00001-of-00001.bin",)),
        (write_bin, ("pytorch_model.bin",)),
        (write_shards, ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")),
        (write_safetensors, ("model.safetensors",)),
    ]
    for write, files in order:
        write(tmp_path)
        assert Checkpoint.open(Repo(tmp_path)).files == files


def test_variant(tmp_path):
    write_safetensors(tmp_path)
    save_file({"half": torch.zeros(1, dtype=torch.float16)}, tmp_path / "model.fp16.safetensors")
    checkpoint = Checkpoint.open(Repo(tmp_path), "fp16")
    assert (dict(checkpoint.shapes()), checkpoint.dtype) == ({"half": (1,)}, torch.float16)
    with pytest.raises(RepoError, match=r"no model\.bf16\.safetensors"):
        Checkpoint.open(Repo(tmp_path), "bf16")
    with pytest.raises(NbpipesError):
        Checkpoint.open(Repo(tmp_path), "/../../x")


def test_the_type_is_that_of_the_first_floating_tensor(tmp_path):
    save_file(
        {"a": torch.zeros(2, dtype=torch.int64), "b": torch.zeros(2, dtype=torch.bfloat16)},
        tmp_path / "model.safetensors",
    )
    assert Checkpoint.open(Repo(tmp_path)).dtype == torch.bfloat16
    save_file({"a": torch.zeros(2, dtype=torch.int64)}, tmp_path / "model.safetensors")
    assert Checkpoint.open(Repo(tmp_path)).dtype == torch.float32


@pytest.mark.parametrize("write", [save_file, torch.save])
def test_old_names_become_modern_ones(tmp_path, write):
    old = {
        "x.LayerNorm.gamma": torch.ones(2),
        "x.LayerNorm.beta": torch.zeros(2),
        "gamma": torch.full((1,), 3.0),
    }
    old |= {"conv.weight_g": torch.ones(1), "conv.weight_v": torch.ones(2)}
    write(old, tmp_path / ("model.safetensors" if write is save_file else "pytorch_model.bin"))
    checkpoint = Checkpoint.open(Repo(tmp_path))
    assert set(checkpoint.shapes()) == {
        "x.LayerNorm.weight",
        "x.LayerNorm.bias",
        "gamma",  # a parameter of its own in some vision models
        "conv.parametrizations.weight.original0",
        "conv.parametrizations.weight.original1",
    }
    assert torch.equal(checkpoint.tensor("x.LayerNorm.weight"), torch.ones(2))
    assert modern("x.LayerNorm.gamma.weight") == "x.LayerNorm.gamma.weight"


def test_both_an_old_and_a_modern_name(tmp_path):
    save_file({"LayerNorm.gamma": torch.ones(1), "LayerNorm.weight": torch.ones(1)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"'LayerNorm\.weight' under two names"):
        Checkpoint.open(Repo(tmp_path))


def test_an_unknown_tensor_names_the_nearest(tmp_path):
    write_safetensors(tmp_path)
    with pytest.raises(CheckpointError, match=r"no tensor 'a\.wieght'; did you mean 'a\.weight'\?"):
        Checkpoint.open(Repo(tmp_path)).tensor("a.wieght")


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ([], "no shards"),
        (["tf_model.h5"], "TensorFlow weights"),
        (["adapter_model.bin"], "adapter without"),
        (["x.gguf"], r"x\.gguf"),
    ],
)
def test_no_weights(tmp_path, files, part):
    for name in files:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(RepoError, match=part):
        Checkpoint.open(Repo(tmp_path))


def index(folder: Path, weight_map: object) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


@pytest.mark.parametrize("name", ["../outside.safetensors", "/tmp/x.safetensors", "a/../../b.bin", "", 3, None, ["x"]])
def test_an_index_that_leaves_the_folder(tmp_path, name):
    folder = tmp_path / "model"
    folder.mkdir()
    save_file(TENSORS, tmp_path / "outside.safetensors")
    index(folder, {"a.weight": name})
    with pytest.raises(CheckpointError, match="not a file inside"):
        Checkpoint.open(Repo(folder))


@pytest.mark.parametrize("weight_map", [None, [], {}, "x", 5])
def test_an_index_without_a_map(tmp_path, weight_map):
    index(tmp_path, weight_map)
    with pytest.raises(CheckpointError, match="no weight_map"):
        Checkpoint.open(Repo(tmp_path))


def test_an_index_that_promises_too_much(tmp_path):
    write_shards(tmp_path)
    index(tmp_path, {"a.weight": "model-00001-of-00002.safetensors", "more": "model-00001-of-00002.safetensors"})
    with pytest.raises(CheckpointError, match=r"model-00001-of-00002\.safetensors.* lacks the tensor 'more'"):
        Checkpoint.open(Repo(tmp_path))
    index(tmp_path, {"a.weight": "model-00003-of-00003.safetensors"})
    with pytest.raises(CheckpointError, match=r"'model-00003-of-00003\.safetensors', which is missing"):
        Checkpoint.open(Repo(tmp_path))


def test_the_index_decides_which_of_two_files_holds_a_tensor(tmp_path):
    for number in (1, 2):
        save_file({"a": torch.full((1,), float(number))}, tmp_path / f"{number}.safetensors")
    save_file({"a": torch.zeros(1), "b": torch.zeros(1)}, tmp_path / "1.safetensors")
    index(tmp_path, {"a": "2.safetensors", "b": "1.safetensors"})
    assert Checkpoint.open(Repo(tmp_path)).tensor("a").item() == 2


class Evil:
    def __reduce__(self):
        return print, ("this must not run",)


@pytest.mark.parametrize("value", [{"a": Evil()}, Evil(), [torch.ones(1)], {"a": 1}, {1: torch.ones(1)}])
@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_of_anything_but_named_tensors_are_refused(tmp_path, value, zipped, capsys):
    torch.save(value, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin"):
        Checkpoint.open(Repo(tmp_path))
    assert capsys.readouterr().out == ""


def test_a_bare_pickle_is_refused(tmp_path, capsys):
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(CheckpointError):
        Checkpoint.open(Repo(tmp_path))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("kept", [0, 1, 7, 8, 40, 0.5, 0.99])
def test_truncated_files_are_named(tmp_path, write, kept):
    write(tmp_path)
    for path in (path for path in tmp_path.iterdir() if path.suffix != ".json"):
        content = path.read_bytes()
        path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(CheckpointError, match=r"\.(bin|safetensors)"):
        Checkpoint.open(Repo(tmp_path))


def read_all(folder: Path) -> None:
    """Read everything that `folder` offers; only errors of ours may come up, and none comes out."""
    with suppress(NbpipesError):
        checkpoint = Checkpoint.open(Repo(folder))
        assert isinstance(checkpoint.dtype, torch.dtype)
        for name, shape in checkpoint.shapes().items():
            assert tuple(checkpoint.tensor(name).shape) == shape


@pytest.mark.parametrize("write", WRITERS)
def test_damaged_bytes_give_only_our_errors(tmp_path, write):
    write(tmp_path)
    originals = {path: path.read_bytes() for path in tmp_path.iterdir()}

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def damage(data):
        for path, original in originals.items():
            content = bytearray(original)
            # Most of a file is tensor data, where any byte is fine: the header and the end get more damage.
            spot = st.one_of(st.integers(0, min(600, len(content) - 1)), st.integers(0, len(content) - 1))
            for position, byte in data.draw(st.lists(st.tuples(spot, st.integers(0, 255)), max_size=4)):
                content[position] = byte
            cut = data.draw(st.one_of(st.none(), st.integers(0, len(content))))
            path.write_bytes(content[:cut])
        read_all(tmp_path)

    damage()


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(["model.safetensors", "pytorch_model.bin", "model.safetensors.index.json"]),
    start=st.sampled_from([b"", b"\x10\0\0\0\0\0\0\0{", b"PK\x03\x04", b"\x80\x02", b'{"weight_map": {']),
    noise=st.binary(max_size=200),
)
def test_random_bytes_give_only_our_errors(tmp_path_factory, name, start, noise):
    folder = tmp_path_factory.mktemp("noise")
    (folder / name).write_bytes(start + noise)
    read_all(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "F4", "F8_E8M0", "C64", "X", "U64"]) | JSON,
        "shape": st.lists(st.integers(-2, 2**63), max_size=3) | JSON,
        "data_offsets": st.lists(st.integers(-8, 2**64), max_size=3) | JSON,
    },
)


@settings(max_examples=100, deadline=None)
@given(header=st.dictionaries(st.text(max_size=5), ENTRY, max_size=3), weight_map=JSON)
def test_structured_nonsense_gives_only_our_errors(tmp_path_factory, header, weight_map):
    folder = tmp_path_factory.mktemp("nonsense")
    index(folder, weight_map)
    read_all(folder)
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(64))
    read_all(folder)
