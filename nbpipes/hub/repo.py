"""A repository of model files: a local folder or a revision on the Hugging Face Hub."""

import errno
import json
import os
import re
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from nbpipes.errors import ConfigError, RepoError, UnreachableError

COMMIT = re.compile(r"[0-9a-f]{40}")
DISK = {errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT}
WAYS_OUT = 'Pass the path of a local folder, or model="demo" for the small model that comes with nbpipes.'


def inside(name: str) -> bool:
    """Whether `name` is a relative file name that cannot leave the folder it is joined to."""
    if not name or "\0" in name or "\\" in name or PureWindowsPath(name).drive:
        return False
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


class _Unreachable(Exception):
    """The Hub gave no answer and the cache does not have the file."""


class _Absent(Exception):
    """The repository answered that it has no such file."""


class Repo:
    """The files of one model: a local folder, or one commit of a Hub repository, downloaded on demand.

    source: path of a folder, or a Hub id such as "org/name".
    revision: branch, tag or commit on the Hub; None is the default branch. Ignored for a folder.
    token, cache_dir, local_files_only: as in huggingface_hub, whose environment variables
        (HF_HOME, HF_TOKEN, HF_HUB_OFFLINE, HF_ENDPOINT, ...) hold here too.

    Nothing is read or downloaded before the first file is asked for. On the Hub, config.json is
    located first and every later file is read at the commit that it was found at.
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
        self._folder = _local_folder(source)
        self.name = str(source) if self._folder is None else self._folder.resolve().name
        self.revision = revision
        self._token = token
        self._cache_dir = cache_dir
        self._local_only = bool(local_files_only)
        self._pinned = revision if revision and COMMIT.fullmatch(revision) else None
        self._located = False
        self._reason = ""
        if self._folder is None:
            _check_id(self.name)

    def __repr__(self) -> str:
        return f"Repo({self._where})"

    @property
    def is_local(self) -> bool:
        """Whether the repository is a folder on this machine."""
        return self._folder is not None

    @property
    def commit(self) -> str | None:
        """Commit hash that the files are read at; None for a folder, or where the Hub did not say."""
        if self._folder is None:
            self._locate()
        return self._pinned

    def has(self, name: str) -> bool:
        """Whether the repository has file `name`. A file on the Hub is downloaded by asking."""
        try:
            self._find(name)
        except (_Absent, _Unreachable):
            return False
        return True

    def path(self, name: str) -> Path:
        """Return the path of file `name` on this machine, downloading it where needed.

        Raises RepoError where the file is missing, or the Hub refuses or cannot be reached.
        """
        try:
            return self._find(name)
        except _Absent as error:
            raise RepoError(f"{self._where} has no file {name!r}.") from error
        except _Unreachable as error:
            raise UnreachableError(self._unreachable(name, error)) from error

    def json(self, name: str) -> dict[str, Any]:
        """Return the JSON object in file `name`.

        Raises RepoError where the file is missing, ConfigError where it is damaged.
        """
        path = self.path(name)
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name!r} of {self._where} is not valid JSON: {error}") from error
        except OSError as error:
            raise RepoError(f"{name!r} of {self._where} cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise ConfigError(
                f"{name!r} of {self._where} must hold a JSON object, not {type(value).__name__}."
            )
        return value

    def json_or_empty(self, name: str) -> dict[str, Any]:
        """Return the JSON object in file `name`, {} where the repository does not have it."""
        return self.json(name) if self.has(name) else {}

    def names(self) -> tuple[str, ...]:
        """Return the names of all files, sorted; those in the cache where the Hub cannot be reached."""
        folder = self._folder
        if folder is None:
            try:
                with self._hub_errors():
                    api = huggingface_hub.HfApi(token=self._token)
                    if self._local_only:
                        raise _Unreachable("local_files_only is set")
                    return tuple(
                        sorted(api.list_repo_files(self.name, revision=self.commit or self.revision))
                    )
            except _Unreachable as error:
                config = self._cached("config.json")
                if config is None:
                    raise UnreachableError(self._unreachable("the list of files", error)) from error
                folder = config.parent
        found = (path for path in folder.rglob("*") if path.is_file())
        return tuple(sorted(path.relative_to(folder).as_posix() for path in found))

    @property
    def _where(self) -> str:
        if self._folder is not None:
            return f"folder {str(self._folder)!r}"
        return f"{self.name!r}" + (f" (revision {self.revision!r})" if self.revision else "")

    def _find(self, name: str) -> Path:
        if not inside(name):
            raise RepoError(f"{name!r} is not the name of a file inside {self._where}.")
        if self._folder is not None:
            path = self._folder / name
            if not os.path.isfile(path):
                raise _Absent(name)
            return path
        self._locate()
        return self._download(name)

    def _locate(self) -> None:
        """Learn the commit from config.json, once."""
        if self._located:
            return
        try:
            found = self._download("config.json")
        except (_Absent, _Unreachable):
            pass  # whoever needs config.json asks for it and gets the reason; other files may still be there
        else:
            commit = found.parent.name  # the cache keeps files in snapshots/<commit>/
            self._pinned = commit if COMMIT.fullmatch(commit) else self._pinned
        self._located = True

    def _download(self, name: str) -> Path:
        if self._pinned:
            cached = huggingface_hub.try_to_load_from_cache(self.name, name, self._cache_dir, self._pinned)
            if isinstance(cached, str):
                return Path(cached)
            if cached is not None:
                raise _Absent(name)  # an earlier look found that this commit does not have it
        with self._hub_errors():
            found = huggingface_hub.hf_hub_download(
                self.name,
                name,
                revision=self._pinned or self.revision,
                token=self._token,
                cache_dir=self._cache_dir,
                library_name="nbpipes",
                local_files_only=self._local_only,
            )
        return Path(found)

    @contextmanager
    def _hub_errors(self) -> Iterator[None]:
        """Turn what huggingface_hub raises into _Absent, _Unreachable or a RepoError with the remedy."""
        try:
            yield
        except LocalEntryNotFoundError as error:
            self._local_only = True  # no further waiting for a Hub that does not answer
            self._reason = self._reason or str(error.__cause__ or error)
            raise _Unreachable(self._reason) from error
        except EntryNotFoundError as error:
            self._remember_commit(error)
            raise _Absent(str(error)) from error
        except GatedRepoError as error:
            raise RepoError(
                f"{self._where} is gated: accept its terms at {constants.ENDPOINT}/{self.name}, then pass "
                "token= or set HF_TOKEN."
            ) from error
        except RevisionNotFoundError as error:
            raise RepoError(f"{self.name!r} on the Hub has no revision {self.revision!r}.") from error
        except RepositoryNotFoundError as error:
            raise RepoError(
                f"{self.name!r} is neither a folder here nor a model at {constants.ENDPOINT}. "
                "If it is private, pass token= or set HF_TOKEN."
            ) from error
        except OfflineModeIsEnabled as error:
            raise _Unreachable(error) from error
        except HfHubHTTPError as error:
            raise RepoError(f"{self._where}: the Hub refused the request: {error}") from error
        except (RepoError, _Absent, _Unreachable):
            raise
        except Exception as error:  # of the HTTP library behind huggingface_hub, which changed with 1.0
            if isinstance(error, OSError) and error.errno in DISK:
                raise RepoError(f"{self._where} cannot be stored in the cache: {error}") from error
            raise _Unreachable(error) from error

    def _remember_commit(self, error: EntryNotFoundError) -> None:
        """Pin the commit also for a repository without config.json; the Hub names it in every answer."""
        response = getattr(error, "response", None)
        commit = response.headers.get("X-Repo-Commit", "") if response is not None else ""
        if not self._pinned and COMMIT.fullmatch(commit):
            self._pinned = commit

    def _cached(self, name: str) -> Path | None:
        revision = self._pinned or self.revision
        found = huggingface_hub.try_to_load_from_cache(self.name, name, self._cache_dir, revision)
        return Path(found) if isinstance(found, str) else None

    def _unreachable(self, name: str, error: _Unreachable) -> str:
        cache = self._cache_dir or constants.HF_HUB_CACHE
        return (
            f"The Hugging Face Hub ({constants.ENDPOINT}) could not be reached, and the cache "
            f"({str(cache)!r}) does not hold {name!r} of {self._where}. {WAYS_OUT} (Reason: {error})"
        )


def _local_folder(source: str | Path) -> Path | None:
    """Return the folder that `source` names, None for a Hub id; RepoError for a path where no folder is."""
    text = os.path.expanduser(os.fspath(source))
    if os.path.isdir(text):
        return Path(text)
    if os.path.isfile(text):
        raise RepoError(f"{text!r} is a file: pass the folder that it lies in.")
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
