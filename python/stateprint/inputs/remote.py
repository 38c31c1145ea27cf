"""Inputs that lie elsewhere, named by a URL: object stores and web servers, by fsspec. Nothing is asked for but what the URL names."""

import errno
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..errors import ConfigError, InputError, MissingExtra, input_error_of, library
from .places import File, Place, archive_end, nothing_in

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
SECRET = re.compile(r"//[^/@]*:[^/]*@")
WEB_SECRET = re.compile(r"(?<=//)[^/]*@|[?#].*", re.DOTALL)
BLOCK = 8 << 20
"""Bytes that are asked for at once."""
WEB = {"http", "https"}
"""Here are no folders and no patterns: what a page links to is data."""
LOCAL = {"file", "local"}


def is_url(name: str) -> bool:
    """Whether this names what lies elsewhere."""
    return URL.match(name) is not None


class _Remote(File):
    """A file that lies elsewhere. One that stops before its length is an error."""

    errors = (Exception,)  # each store has its own

    def read(self, n: int) -> bytes:
        data = super().read(n)
        self._ended(len(data))
        return data

    def fill(self, view: memoryview) -> int:
        n = super().fill(view)
        self._ended(n)
        return n

    def _ended(self, n: int) -> None:
        if n == 0 and self.size is not None and self.taken < self.size:
            what = f"only {self.taken:,} of {self.size:,} bytes came"
            raise InputError(what, source=self.name, byte=self.taken, hint="try again", cut=True)

    def _error(self, error: Any) -> InputError:
        return _told(error, self.name)


def remote(url: str) -> Iterator[Place]:
    """The places that a URL stands for: a folder of a store gives its files by name, a URL with `*` its matches. InputError where there is
    none or it can't be reached; ConfigError where the library for it is not installed."""
    protocol = URL.match(url)[1].lower()  # type: ignore[index]
    url = protocol + url[len(protocol) :]
    name = shown(url)
    if protocol in LOCAL or "::" in url:
        raise InputError("this is no remote file", code="usage", source=name, hint="name a file of this machine by its path")
    store, path = _store(url, protocol, name)
    end = 0
    folder = pattern = False
    if protocol not in WEB:
        pattern = "*" in path
        folder = not pattern and _asked(store.isdir, path, name)
    if pattern or folder:
        found = _asked(partial(store.glob, detail=True) if pattern else partial(store.find, detail=True), path, name)
        files = sorted(one for one, info in found.items() if info["type"] == "file")
        if not files:
            raise nothing_in(name, folder=folder)
        for one in files:
            yield _place(store, one, shown(store.unstrip_protocol(one)))
        return
    if "!" in path and not _asked(store.exists, path, name):
        end = archive_end(path, lambda start: bool(_asked(store.isfile, start, name)))
    yield _place(store, path[:end] or path, name[: end - len(path)] if end else name, path[end + 1 :] if end else "")


def shown(url: str) -> str:
    """The URL without what may be a secret: a password, and of a web address all that is no host and no path."""
    return SECRET.sub("//", WEB_SECRET.sub("", url) if url.startswith(("http:", "https:")) else url)


def _store(url: str, protocol: str, name: str) -> tuple[Any, str]:
    fsspec = library("fsspec", "remote", f"{protocol}://")
    missing = False
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError:
        missing = True
    except ValueError:
        raise ConfigError(f"no store is called {protocol}://", code="option", hint="such as s3://, gs:// or https://") from None
    if missing:
        raise MissingExtra(f"a library is needed for {protocol}://: pip install 'stateprint[remote]'", code="extra")
    options = (
        {"client_kwargs": {"headers": {"Accept-Encoding": "identity"}}} if protocol in WEB else {}
    )  # what is packed on the way may end unseen
    found: tuple[Any, str] = _asked(partial(fsspec.url_to_fs, **options), url, name)
    return found


def _place(store: Any, path: str, name: str, member: str = "") -> Place:
    size = _asked(store.info, path, name)["size"]
    return Place(name, size, partial(_open, store, path, name, size), member)


def _open(store: Any, path: str, name: str, size: int | None) -> File:
    return _Remote(name, _asked(partial(store.open, mode="rb", block_size=BLOCK), path, name), size)


def _asked(call: Callable[[str], Any], path: str, name: str) -> Any:
    failed: InputError | None = None
    try:
        return call(path)
    except Exception as e:
        failed = _told(e, name)
    raise failed


def _told(error: Exception, name: str) -> InputError:
    """What a store says, in words of our own: its own may hold the URL."""
    cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ is not None else error
    number, status = getattr(cause, "errno", None), getattr(cause, "status", None)
    if isinstance(cause, FileNotFoundError) or status in {404, 410}:
        number = errno.ENOENT
    elif isinstance(cause, PermissionError) or status in {401, 403}:
        number = errno.EACCES
    if isinstance(number, int):
        return input_error_of(OSError(number, ""), name)
    hint = "check the address, the network and the credentials"
    return InputError(f"can't be read ({type(cause).__name__})", source=name, hint=hint)
