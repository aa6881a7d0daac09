"""The script that brings recordings of people: what it unpacks and what it refuses."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest


def member(name: str, content: bytes) -> bytes:
    head = f"{name:<16}{'0':<12}{'0':<6}{'0':<6}{'100644':<8}{len(content):<10}`\n".encode()
    return head + content + b"\n" * (len(content) % 2)


def debian(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return b"!<arch>\n" + member("debian-binary", b"2.0") + member("data.tar.xz", packed.getvalue())


def test_sounds_and_their_copyright_are_unpacked(tmp_path: Path) -> None:
    from recordings import unpack

    files = {
        "./usr/share/sounds/en/hello.wav": b"hello",
        "./usr/share/sounds/en/digits/1.wav": b"one",
        "./usr/share/sounds/en/../../../../evil.wav": b"evil",
        "./usr/share/sounds/en/code.sh": b"exit 1",
        "./usr/share/doc/pack/copyright": b"free",
    }
    unpack(debian(files), "usr/share/sounds/en", tmp_path / "out")
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert found == {"out/hello.wav": b"hello", "out/digits/1.wav": b"one"}
    assert (tmp_path / "out/copyright").read_bytes() == b"free"


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    from recordings import unpack

    for data in (b"", b"!<arch>\n", b"<html>" * 30):
        with pytest.raises(ValueError, match="no package of Debian"):
            unpack(data, "usr", tmp_path)


def test_a_package_that_lies_there_is_taken_if_it_is_the_pinned_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import recordings

    data = debian({"./usr/hello.wav": b"hello"})
    pinned = recordings.Recordings("pack", "1", hashlib.sha256(data).hexdigest(), "usr")
    other = recordings.Recordings("pack", "1", "00", "usr")
    monkeypatch.setattr(recordings, "RECORDINGS", {"mine": pinned, "other": other})
    (tmp_path / "pack_1_all.deb").write_bytes(data)
    assert (recordings.folder("mine", tmp_path) / "hello.wav").read_bytes() == b"hello"
    with pytest.raises(RuntimeError, match="expected 00"):
        recordings.folder("other", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "pack_1_all.deb"]
    with pytest.raises(KeyError, match="there are mine, other"):
        recordings.folder("klingon", tmp_path)


def test_a_machine_without_apt_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import recordings

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"no apt-get: get asterisk-core-sounds-fr-wav_1\.6\.1-1_all\.deb"):
        recordings.folder("french", tmp_path / "kept")
    assert not list((tmp_path / "kept").iterdir())
