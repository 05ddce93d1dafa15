"""The file of a SQLite database that is only read: an existing one is opened, a missing one is not created."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ingestion import SourceChanged

_IN_MEMORY = ":memory:"


def existing_file_address(using: str, name: str | os.PathLike[str]) -> str:
    """The NAME of the alias `using` as an address with which SQLite opens an existing file and creates none.

    Raises SourceChanged where there is no file. A database in memory has no file and keeps its name.
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
    _require_file(using, Path(path))
    if "mode" in options:
        return address
    # The file may vanish between this check and the opening; without a mode SQLite would then create an empty one.
    return f"{address}{'&' if parts.query else '?'}mode=rw"


def _require_file(using: str, path: Path) -> None:
    """Raise SourceChanged where the file is missing. A file without access is left to SQLite, which reports it."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceChanged(
            f"The SQLite file {path.name!r}, the NAME of {using!r} in DATABASES, is not there, and none was made. "
            "Put it there, mount what it lies on, or correct NAME."
        ) from None
    except OSError:
        return
