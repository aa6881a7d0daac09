"""Errors that nbpipes raises, and the two helpers that word them."""

import importlib
from collections.abc import Iterable
from difflib import get_close_matches
from types import ModuleType


class NbpipesError(Exception):
    """Base of every error that nbpipes raises on purpose."""

    def __str__(self) -> str:
        # KeyError, one of the builtins mixed in below, would show the repr of the message.
        return str(self.args[0]) if len(self.args) == 1 else super().__str__()


class RepoError(NbpipesError, OSError):
    """A repository or one of its files cannot be found, reached or opened."""


class UnreachableError(RepoError):
    """The Hub gave no answer, and the file is not in the cache."""


class CheckpointError(NbpipesError, ValueError):
    """Weights are damaged, incomplete, unsafe or do not fit the model."""


class ConfigError(NbpipesError, ValueError):
    """A configuration file is damaged or asks for something that nbpipes does not have."""


class TokenizerError(NbpipesError, ValueError):
    """Tokenizer files are missing, damaged or of an unknown kind."""


class TaskError(NbpipesError, KeyError, RuntimeError):
    """The task is unknown, cannot be inferred or does not fit the model."""


class InputError(NbpipesError, ValueError):
    """An item or an option of a call cannot be used."""


class StoreError(NbpipesError, OSError):
    """A run's folder cannot be written, read or gone on with."""


class MissingPackageError(NbpipesError, ImportError):
    """An optional package is not installed."""


def need(module: str, extra: str = "") -> ModuleType:
    """Import `module`, or raise a MissingPackageError with the pip line that brings it.

    extra: the extra of jupyter-nbpipes that lists the package, e.g. "video"; "" where none does.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        wanted = f"'jupyter-nbpipes[{extra}]'" if extra else package
        raise MissingPackageError(f"{package} is needed for this: pip install {wanted}", name=package) from error


def nearest(word: str, words: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the one of `words` closest to `word`, "" where none is close."""
    by_lower = {other.lower(): other for other in words}
    close = get_close_matches(word.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""
