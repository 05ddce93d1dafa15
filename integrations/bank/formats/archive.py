"""Statement files in a ZIP, unpacked within bounds and only in memory; member names are never used as paths."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from ingestion import FileTooLarge, HostileFile, UnknownFormat, UnreadableFile

MAX_MEMBERS = 1000
MAX_RATIO = 200
"""Unpacked to packed, for the archive as a whole. Statements in XML compress 20 to 60 times."""
RATIO_FREE_BYTES = 1024 * 1024
"""Below this size the ratio says nothing."""
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DOCUMENTS = {
    "xl/": "a spreadsheet (XLSX): save it as CSV",
    "content.xml": "a spreadsheet (OpenDocument): save it as CSV",
    "Index/Document.iwa": "a spreadsheet (Numbers): export it as CSV",
    "word/": "a text document (DOCX): ask the bank for OFX, MT940, CAMT or CSV",
}
"""Documents that are ZIP files too, by the name of a member."""
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    struct.error,
    ValueError,
)
"""Everything zipfile is known to raise on a damaged archive; RuntimeError is its word for a password."""


def members(data: bytes, max_bytes: int) -> Iterator[tuple[str, bytes | UnreadableFile]]:
    """Name (for messages only) of each file, and its bytes or why there are none.

    Raises HostileFile, FileTooLarge and UnreadableFile for the archive as a whole.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = [info for info in archive.infolist() if not _is_ignored(info.filename)]
    except _BROKEN as fault:
        raise UnreadableFile("The ZIP archive is damaged.") from fault
    _refuse_by_list(infos, len(data), max_bytes)
    remaining = max_bytes
    for info in infos:
        content = _unpack(archive, info, remaining)
        remaining -= len(content) if isinstance(content, bytes) else 0
        yield repr(info.filename[:80]), content


def _is_ignored(name: str) -> bool:
    """Folders and what macOS and Windows add to archives."""
    return name.endswith(("/", "/.DS_Store", "/Thumbs.db")) or name in (".DS_Store", "Thumbs.db") or "__MACOSX/" in name


def _refuse_by_list(infos: list[zipfile.ZipInfo], packed: int, max_bytes: int) -> None:
    """Refuse an archive by its own list. The list may lie: `_unpack` bounds what the archive really holds."""
    for begins, name in _DOCUMENTS.items():
        if any(info.filename.startswith(begins) for info in infos):
            raise UnknownFormat(f"The file is {name}.")
    if not infos:
        raise UnreadableFile("The ZIP archive holds no file.")
    if len(infos) > MAX_MEMBERS:
        raise HostileFile(f"The ZIP archive has {len(infos):,} files; the limit is {MAX_MEMBERS:,}.")
    total = sum(info.file_size for info in infos)
    if total > max(RATIO_FREE_BYTES, packed * MAX_RATIO):
        raise HostileFile(f"The ZIP archive unpacks to {total // max(packed, 1):,} times its size.")
    if total > max_bytes:
        raise FileTooLarge(f"The ZIP archive unpacks to {total:,} bytes; the limit is {max_bytes:,}.")
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise UnreadableFile("The ZIP archive is encrypted: upload it without a password.")
    if any(info.compress_type not in _METHODS for info in infos):
        raise UnreadableFile("The ZIP archive uses a compression other than deflate.")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, remaining: int) -> bytes | UnreadableFile:
    try:
        with archive.open(info) as stream:
            content = stream.read(remaining + 1)
    except _BROKEN:
        return UnreadableFile("It is damaged.")
    if len(content) > min(remaining, info.file_size):
        raise HostileFile("The ZIP archive holds more than it declares.")
    return content
