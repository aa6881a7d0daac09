"""Errors: they catch as the builtins that users know, and read as sentences."""

import pickle

import pytest

from nbpipes import errors


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.RepoError, OSError),
        (errors.UnreachableError, errors.RepoError),
        (errors.CheckpointError, ValueError),
        (errors.ConfigError, ValueError),
        (errors.TokenizerError, ValueError),
        (errors.TaskError, KeyError),
        (errors.TaskError, RuntimeError),
        (errors.InputError, ValueError),
        (errors.MissingPackageError, ImportError),
    ],
)
def test_errors_catch_as_builtins_and_read_as_written(kind, builtin):
    error = kind("it's 'this'")
    assert isinstance(error, builtin)
    assert isinstance(error, errors.NbpipesError)
    assert str(error) == "it's 'this'"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (kind, str(error))


def test_need_returns_the_module():
    assert errors.need("json.decoder").JSONDecoder


@pytest.mark.parametrize(
    ("extra", "line"), [("video", "pip install 'jupyter-nbpipes[video]'"), ("", "install no_such")]
)
def test_need_names_the_pip_line(extra, line):
    with pytest.raises(errors.MissingPackageError, match="no_such is needed") as caught:
        errors.need("no_such.module", extra)
    assert line in str(caught.value)
    assert caught.value.name == "no_such"


def test_need_does_not_hide_that_a_present_package_is_broken(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import not_there_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError) as caught:
        errors.need("broken_package", "video")
    assert caught.value.name == "not_there_at_all"


@pytest.mark.parametrize(
    ("word", "hint"),
    [("toksn", "; did you mean 'tokens'?"), ("TOKENS", "; did you mean 'tokens'?"), ("zzz", ""), ("", "")],
)
def test_nearest(word, hint):
    assert errors.nearest(word, ["spans", "tokens"]) == hint
