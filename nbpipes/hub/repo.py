"""A repository of model files: a local folder, a GGUF file, or a revision on the Hugging Face Hub."""

import json
import os
import reprlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from huggingface_hub import constants
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from nbpipes.errors import ConfigError, RepoError, UnreachableError
from nbpipes.hub.gguf.folder import Unpacked
from nbpipes.hub.gguf.reader import is_gguf
from nbpipes.hub.remote import Absent, Remote, Unreachable


def inside(name: str) -> bool:
    """Whether `name` is a relative file name that cannot leave the folder it is joined to."""
    if not name or "\0" in name or "\\" in name or PureWindowsPath(name).drive:
        return False
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


class Repo:
    """The files of one model: a local folder, or one commit of a Hub repository, downloaded on demand.

    source: path of a folder or of a GGUF file, or a Hub id such as "org/name".
    revision: branch, tag or commit on the Hub; None is the default branch. Ignored for a folder.
    token, cache_dir, local_files_only: as in huggingface_hub, whose environment variables
        (HF_HOME, HF_TOKEN, HF_HUB_OFFLINE, HF_ENDPOINT, ...) hold here too.

    Nothing is read or downloaded before the first file is asked for.
    Raises RepoError for a folder that does not exist and for an impossible Hub id.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool | None = None,
    ) -> None:
        here = _local(source)
        if here is None:
            _check_id(str(source))
            self._source: Folder | Unpacked | Remote = Remote(str(source), revision, token, cache_dir, local_files_only)
        else:
            self._source = Folder(here) if here.is_dir() else Unpacked(here)
        self.name = self._source.name
        self.revision = revision

    def __repr__(self) -> str:
        return f"Repo({self._source})"

    @property
    def is_local(self) -> bool:
        """Whether the repository is a folder or a file on this machine."""
        return self.location is not None

    @property
    def location(self) -> Path | None:
        """The folder or file on this machine; None for a repository of the Hub."""
        return None if isinstance(self._source, Remote) else self._source.path

    @property
    def commit(self) -> str | None:
        """Commit hash that the files are read at; None for a folder, or where the Hub did not say."""
        return self._source.commit

    def has(self, name: str) -> bool:
        """Whether the repository has file `name`. A file on the Hub is downloaded by asking."""
        try:
            self._find(name)
        except (Absent, Unreachable):
            return False
        return True

    def path(self, name: str) -> Path:
        """Return the path of file `name` on this machine, downloading it where needed.

        Raises RepoError where the file is missing or the Hub refuses it, UnreachableError where it gives no answer.
        """
        try:
            return self._find(name)
        except Absent as error:
            raise RepoError(f"{self._source} has no file {name!r}.") from error
        except Unreachable as error:
            raise self._unreachable(repr(name), error) from error

    def json(self, name: str) -> dict[str, Any]:
        """Return the JSON object in file `name`.

        Raises RepoError where the file is missing, ConfigError where it is damaged.
        """
        path = self.path(name)
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name!r} of {self._source} is not valid JSON: {error}") from error
        except OSError as error:
            raise RepoError(f"{name!r} of {self._source} cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise ConfigError(f"{name!r} of {self._source} must hold a JSON object, not {type(value).__name__}.")
        return value

    def json_or_empty(self, name: str) -> dict[str, Any]:
        """Return the JSON object in file `name`, {} where the repository does not have it."""
        return self.json(name) if self.has(name) else {}

    def names(self) -> tuple[str, ...]:
        """Return the names of all files, sorted; those in the cache where the Hub cannot be reached."""
        try:
            return tuple(sorted(self._source.names()))
        except Unreachable as error:
            raise self._unreachable("the list of files", error) from error

    def _find(self, name: str) -> Path:
        if not inside(name):
            raise RepoError(f"{name!r} is not the name of a file inside {self._source}.")
        return self._source.find(name)

    def _unreachable(self, what: str, reason: Unreachable) -> UnreachableError:
        cache = self._source.cache if isinstance(self._source, Remote) else None
        return UnreachableError(
            f"The Hugging Face Hub ({constants.ENDPOINT}) could not be reached, and the cache ({cache!r}) does not "
            f"hold {what} of {self._source}. Pass the path of a local folder; for a few tasks a small model comes with "
            f'nbpipes: model="demo". (Reason: {reason})'
        )


class Folder:
    """The files of a local folder."""

    commit = None

    def __init__(self, path: Path) -> None:
        self.name = path.resolve().name
        self.path = path

    def __str__(self) -> str:
        return f"folder {str(self.path)!r}"

    def find(self, name: str) -> Path:
        """Return where file `name` lies; Absent where it does not."""
        path = self.path / name
        if not os.path.isfile(path):
            raise Absent(name)
        return path

    def names(self) -> list[str]:
        """Return the names of all files."""
        return [path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()]


def _local(source: str | Path) -> Path | None:
    """Return the folder or GGUF file that `source` names, None for a Hub id; RepoError for a path where neither is."""
    text = os.path.expanduser(os.fspath(source))
    if os.path.isdir(text) or (os.path.isfile(text) and is_gguf(text)):
        return Path(text)
    if os.path.isfile(text):
        raise RepoError(f"{text!r} is a file, and no GGUF file: pass the folder that it lies in.")
    like_path = text.startswith((".", "/", "~", os.sep)) or text.count("/") > 1 or text.endswith("/")
    if isinstance(source, Path) or like_path or "\\" in text or PureWindowsPath(text).drive:
        raise RepoError(f"The folder {text!r} does not exist (seen from {os.getcwd()!r}).")
    return None


def _check_id(name: str) -> None:
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise RepoError(
            f"{reprlib.repr(name)} is neither a folder here nor a possible Hub id: those are 'name' or "
            "'organisation/name' of letters, digits, '-', '_' and '.', at most 96 characters long."
        ) from error
