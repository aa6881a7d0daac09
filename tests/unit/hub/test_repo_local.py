"""Repositories that are folders: names, damaged files, and sources that are no repository."""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbpipes.errors import ConfigError, NbpipesError, RepoError
from nbpipes.hub.repo import Repo, inside


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "tiny" / "1_Pooling").mkdir(parents=True)
    (tmp_path / "tiny" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tiny" / "1_Pooling" / "config.json").write_text("{}")
    (tmp_path / "outside.json").write_text("{}")
    return tmp_path / "tiny"


def test_a_folder(folder):
    repo = Repo(folder)
    assert (repo.name, repo.is_local, repo.commit) == ("tiny", True, None)
    assert repo.json("config.json") == {"model_type": "bert"}
    assert repo.names() == ("1_Pooling/config.json", "config.json")
    assert repo.has("1_Pooling/config.json")
    assert not repo.has("1_Pooling")
    assert repo.json_or_empty("other.json") == {}
    with pytest.raises(RepoError, match=r"no file 'vocab\.txt'"):
        repo.path("vocab.txt")


def test_a_relative_folder_and_home(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert Repo(".").name == "tiny"
    monkeypatch.setenv("HOME", str(folder.parent))
    assert Repo("~/tiny").json("config.json")


def test_links_inside_a_folder_are_followed(folder):
    os.symlink(folder.parent / "outside.json", folder / "linked.json")  # the layout of the Hub's cache
    assert Repo(folder).json("linked.json") == {}


NAMES = [
    "",
    ".",
    "/etc/passwd",
    "../outside.json",
    "a/../../outside.json",
    "..",
    "a\\..\\b",
    "C:x",
    "c:\\x",
    "a\0b",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_leave_the_folder(folder, name):
    for read in (Repo(folder).path, Repo(folder).has, Repo(folder).json):
        with pytest.raises(RepoError, match="not the name of a file inside"):
            read(name)


@given(st.text())
@example("x" * 10_000)
@example("\ud800")
def test_any_name_stays_inside_or_is_refused(name):
    if inside(name):
        root = os.path.abspath(os.sep + "root")
        assert os.path.normpath(os.path.join(root, name)).startswith(root)


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("./nothing", "does not exist"),
        ("/nothing/here", "does not exist"),
        ("~/nothing-here", "does not exist"),
        ("a/b/c", "does not exist"),
        ("folder/", "does not exist"),
        ("..\\windows", "does not exist"),
        (Path("nothing"), "does not exist"),
        ("", "possible Hub id"),
        ("two words", "possible Hub id"),
        ("x" * 100_000, "possible Hub id"),
        ("a--b/c", "possible Hub id"),
        ("\ud800", "possible Hub id"),
        ("a\0b", "possible Hub id"),
    ],
)
def test_sources_that_are_no_repository(source, part):
    with pytest.raises(RepoError, match=part) as caught:
        Repo(source)
    assert len(str(caught.value)) < 500


def test_a_file_is_not_a_repository(folder):
    with pytest.raises(RepoError, match="pass the folder that it lies in"):
        Repo(folder / "config.json")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": 1' + b"0" * 5000 + b"}"]
)
def test_damaged_json(folder, content):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.json"):
        Repo(folder).json("config.json")


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_any_json_is_read_or_refused(tmp_path_factory, noise, position, byte):
    folder = tmp_path_factory.getbasetemp() / "fuzz_json"
    folder.mkdir(exist_ok=True)
    real = bytearray(json.dumps({"model_type": "bert", "id2label": {"0": "A"}, "eps": 1e-12}).encode())
    real[position % len(real)] = byte
    for content in (noise, bytes(real), bytes(real[:position])):
        (folder / "config.json").write_bytes(content)
        with suppress(NbpipesError):
            assert isinstance(Repo(folder).json("config.json"), dict)
