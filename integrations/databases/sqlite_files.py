"""The file of a SQLite database that is only read: opened where it is, never made where it is not."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ingestion import SourceChanged

_IN_MEMORY = ":memory:"


def existing(using: str, name: str | os.PathLike[str]) -> str:
    """The NAME of the alias `using` as an address under which SQLite opens a file and makes none.

    Raises SourceChanged where there is no file. A database in memory has none, and keeps its name.
    """
    address = os.fspath(name)
    if address == _IN_MEMORY:
        return address
    if not address.startswith("file:"):
        address = Path(address).resolve().as_uri()
    parts = urlsplit(address)
    path, options = unquote(parts.path), parse_qs(parts.query)
    if path == _IN_MEMORY or "memory" in options.get("mode", ()) or "vfs" in options:
        return address
    _require(using, Path(path))
    if "mode" in options:
        return address
    # Between this look and the opening the file may go; without a mode SQLite would then make an empty one.
    return f"{address}{'&' if parts.query else '?'}mode=rw"


def _require(using: str, path: Path) -> None:
    """What may not be looked at is left to SQLite, which says that it cannot be opened."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceChanged(
            f"The SQLite file {path.name!r}, the NAME of {using!r} in DATABASES, is not there, and none was made. "
            "Put it there, mount what it lies on, or correct NAME."
        ) from None
    except OSError:
        return
