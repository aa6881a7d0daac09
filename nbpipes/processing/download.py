"""Files from the web: over http and https only, within bounds of time and size."""

import re
import reprlib
import threading
import time
from concurrent.futures import Future
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from nbpipes.errors import InputError

TIMEOUT = 10.0
"""Seconds that a download may take, unless somebody says otherwise."""
MAX_BYTES = 64 << 20
"""Of a file, unless somebody says otherwise."""
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""How any URL begins."""


def is_url(text: str) -> bool:
    """Whether a text is the address of something to download."""
    return text.lower().startswith(("http://", "https://"))


def shortened(text: str) -> str:
    """A path or URL for a message."""
    return reprlib.repr(text) if len(text) <= 200 else f"{text[:60]!r}… ({len(text):,} characters)"


class _WebOnly(HTTPRedirectHandler):
    """Follows redirects to http and https, nowhere else."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme.lower() not in ("http", "https"):
            raise InputError(f"{shortened(req.full_url)} redirects to {shortened(newurl)}, which is not http or https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> OpenerDirector:
    """Speaks http and https only: urllib's usual one also opens file:, ftp: and data: URLs."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        _WebOnly(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def download(url: str, timeout: float | None = None, limit: int = MAX_BYTES, *, accept: str = "*/*") -> bytes:
    """The file at an http(s) URL. timeout: seconds for all of it, None = TIMEOUT. limit: bytes at most. accept: the
    type of file that is wanted, as in "image/*".

    InputError where it cannot be had, takes longer, is larger, or leads elsewhere than to http(s).
    """
    name, seconds = shortened(url), TIMEOUT if timeout is None else float(timeout)
    found = Future[bytes]()

    def work() -> None:
        try:
            found.set_result(_downloaded(url, name, seconds, limit, accept))
        except BaseException as error:
            found.set_exception(error)

    # A thread of its own: a server that drips the lines before the body keeps whoever reads them.
    threading.Thread(target=work, name="nbpipes-download", daemon=True).start()
    try:
        return found.result(seconds)
    except TimeoutError:
        raise _too_slow(name, seconds) from None


def _downloaded(url: str, name: str, seconds: float, limit: int, accept: str) -> bytes:
    deadline = time.monotonic() + seconds
    try:
        request = Request(url, headers={"User-Agent": "nbpipes", "Accept": f"{accept},*/*;q=0.5"})
        with _opener().open(request, timeout=seconds) as response:
            return _body(response, name, limit, deadline, seconds)
    except HTTPError as error:
        raise InputError(f"{name} answered with the status {error.code} {error.reason}") from None
    except TimeoutError:
        raise _too_slow(name, seconds) from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise _too_slow(name, seconds) from None
        raise InputError(f"{name} cannot be fetched: {str(reason)[:200] or type(error).__name__}") from error


def _body(response: Any, name: str, limit: int, deadline: float, seconds: float) -> bytes:
    parts, total = [], 0
    while part := response.read1(1 << 16):  # what is there: a slow drip must not outlive the deadline
        total += len(part)
        if total > limit:
            raise InputError(f"{name} is larger than {limit >> 20} MB")
        if time.monotonic() > deadline:
            raise _too_slow(name, seconds)
        parts.append(part)
    return b"".join(parts)


def _too_slow(name: str, seconds: float) -> InputError:
    return InputError(f"{name} took more than {seconds:g} s; timeout= allows more")
