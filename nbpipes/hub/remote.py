"""A model repository on the Hugging Face Hub, at one commit, with its answers told apart."""

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from nbpipes.errors import RepoError

COMMIT = re.compile(r"[0-9a-f]{40}")
PATIENCE = 5.0
"""Seconds to wait for a connection to the Hub."""
DISK = {errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT}


class Unreachable(Exception):
    """The Hub gave no answer, and the cache does not have the file."""


class Absent(Exception):
    """The repository has no such file."""


class Remote:
    """The files of a Hub repository, downloaded on demand into the cache of huggingface_hub.

    config.json is located first, and every later file is read at the commit that it was found at.
    """

    def __init__(
        self,
        name: str,
        revision: str | None,
        token: str | bool | None,
        cache_dir: str | Path | None,
        local_files_only: bool | None,
    ) -> None:
        self.name = name
        self.revision = revision
        self._token = token
        self._cache_dir = cache_dir
        self._local_only = bool(local_files_only)
        self._commit = revision if revision and COMMIT.fullmatch(revision) else None
        self._located = False
        self._tried = False
        self._reason = ""

    def __str__(self) -> str:
        return f"{self.name!r}" + (f" (revision {self.revision!r})" if self.revision else "")

    @property
    def cache(self) -> str:
        """The folder that downloads go to."""
        return str(self._cache_dir or constants.HF_HUB_CACHE)

    @property
    def commit(self) -> str | None:
        """The commit that files are read at, None where the Hub did not say."""
        if not self._located:
            try:
                commit = self._download("config.json").parent.name  # the cache keeps files in snapshots/<commit>/
            except (Absent, Unreachable):
                pass  # whoever needs config.json asks for it and gets the reason; other files may still be there
            else:
                self._commit = commit if COMMIT.fullmatch(commit) else self._commit
            self._located = True
        return self._commit

    def find(self, name: str) -> Path:
        """Return where file `name` lies in the cache. Raises Absent, Unreachable or a RepoError with the remedy."""
        cached = self._cached(name) if self.commit else None
        if isinstance(cached, str):
            return Path(cached)
        if cached is not None:
            raise Absent(name)  # an earlier look found that this commit does not have it
        return self._download(name)

    def names(self) -> Iterator[str]:
        """Yield the names of all files; of those in the cache where the Hub cannot be reached."""
        try:
            yield from self._listed()
        except Unreachable:
            config = self._cached("config.json")
            if not isinstance(config, str):
                raise
            folder = Path(config).parent
            yield from (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    def _listed(self) -> list[str]:
        commit = self.commit
        if self._local_only:
            raise Unreachable(self._reason or "local_files_only is set")
        with self._errors():
            return huggingface_hub.HfApi(token=self._token).list_repo_files(self.name, revision=commit or self.revision)

    def _cached(self, name: str) -> object:
        """The path of a file in the cache, None where it is not known, another object for one known to be absent."""
        revision = self._commit or self.revision
        return huggingface_hub.try_to_load_from_cache(self.name, name, self._cache_dir, revision)

    def _download(self, name: str) -> Path:
        if not self._tried and not self._local_only and not constants.HF_HUB_OFFLINE:
            self._reason = silence(constants.ENDPOINT)
            self._local_only = bool(self._reason)
            self._tried = True
        with self._errors():
            found = huggingface_hub.hf_hub_download(
                self.name,
                name,
                revision=self._commit or self.revision,
                token=self._token,
                cache_dir=self._cache_dir,
                library_name="nbpipes",
                local_files_only=self._local_only,
            )
        return Path(found)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn whatever huggingface_hub raises into Absent, Unreachable or a RepoError with the remedy."""
        try:
            yield
        except LocalEntryNotFoundError as error:
            self._local_only = True  # no further waiting for a Hub that does not answer
            self._reason = self._reason or str(error.__cause__ or error)
            raise Unreachable(self._reason) from error
        except EntryNotFoundError as error:
            self._remember_commit(error)
            raise Absent(str(error)) from error
        except HfHubHTTPError as error:
            self._refuse(error)
        except Exception as error:  # of the HTTP library behind huggingface_hub, which changed with 1.0
            if isinstance(error, OSError) and error.errno in DISK:
                raise RepoError(f"{self} cannot be stored in the cache: {error}") from error
            raise Unreachable(error) from error

    def _remember_commit(self, error: EntryNotFoundError) -> None:
        """Pin the commit also for a repository without config.json; the Hub names it in every answer."""
        response = getattr(error, "response", None)
        commit = response.headers.get("X-Repo-Commit", "") if response is not None else ""
        if not self._commit and COMMIT.fullmatch(commit):
            self._commit = commit

    def _refuse(self, error: HfHubHTTPError) -> NoReturn:
        """Raise the RepoError that says what to do about an answer of the Hub."""
        place = constants.ENDPOINT
        match error:
            case GatedRepoError():
                remedy = f"accept its terms at {place}/{self.name}, then pass token= or set HF_TOKEN."
                raise RepoError(f"{self} is gated: {remedy}") from error
            case RevisionNotFoundError():
                raise RepoError(f"{self.name!r} on the Hub has no revision {self.revision!r}.") from error
            case RepositoryNotFoundError():
                remedy = "If it is private, pass token= or set HF_TOKEN."
                raise RepoError(f"{self.name!r} is neither a folder here nor a model at {place}. {remedy}") from error
        raise RepoError(f"{self}: the Hub refused the request: {error}") from error


def silence(endpoint: str) -> str:
    """Why nothing at `endpoint` can be connected to, "" where it can, or where a proxy has to do it.

    Without this look huggingface_hub tries for half a minute, and warns of every try.
    """
    url = urlsplit(endpoint)
    host = url.hostname or ""
    if url.scheme in getproxies() and not proxy_bypass(host):
        return ""
    try:
        socket.create_connection((host, url.port or (443 if url.scheme == "https" else 80)), PATIENCE).close()
    except OSError as error:
        return str(error)
    return ""
