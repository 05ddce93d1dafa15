"""Raw bytes in file storage, compressed, under tenant and SHA-256. A row never points at a missing file.

The file is written first and its row commits with the work that needs it; a crash in between leaves a file without a
row, which `sweep` removes later.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage, storages
from django.db import connections, router

from ingestion.conf import config
from ingestion.core.context import TenantRef
from ingestion.core.errors import IngestionError, Transient
from ingestion.core.records import Record
from ingestion.core.transient_errors import is_outage
from ingestion.models import Artifact

zstandard: Any = import_module("zstandard") if find_spec("zstandard") else None  # in the extra "fast"
ROOT = "ingestion"


class ArtifactDamaged(IngestionError):
    """A stored artifact no longer has the bytes it was stored with; restore it from a backup."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is in storage and not yet in the database."""

    tenant: TenantRef
    kind: Artifact.Kind
    sha256: str
    path: str
    codec: str
    size: int
    stored_size: int
    instead_of: str = ""
    """The path that its row names but where no file lies any more."""
    unlooked: bool = False
    """No query looked for its row; an existing row names this file from now on, and `sweep` removes the other."""

    def save(self) -> int:
        """The id of this file's row, made when it is not there yet. Belongs inside the transaction that uses it.

        Of two that keep the same bytes at the same time, the later one finds the row of the first.
        """
        where = {"path": self.path, "codec": self.codec, "stored_size": self.stored_size}
        row = Artifact(tenant_id=self.tenant.id, kind=self.kind, sha256=self.sha256, size=self.size, **where)
        changes = list(where) if self.unlooked else ["sha256"]  # the latter changes nothing, and the row comes back
        Artifact.unscoped.bulk_create([row], update_conflicts=True, update_fields=changes, unique_fields=_key())
        rows = Artifact.objects.for_tenant(self.tenant).filter(kind=self.kind, sha256=self.sha256)
        if self.instead_of:
            rows.filter(path=self.instead_of).update(**where)
        return int(row.pk or rows.values_list("pk", flat=True).get())  # MySQL does not tell


def _key() -> list[str] | None:
    """The unique key of a row, for databases that want to be told on which one an insert may fail."""
    takes_key = connections[router.db_for_write(Artifact)].features.supports_update_conflicts_with_target
    return ["tenant", "kind", "sha256"] if takes_key else None


def storage() -> Storage:
    return storages[config().STORAGE]


def keep(tenant: TenantRef, kind: Artifact.Kind, data: bytes) -> Kept:
    """Write `data` compressed to storage, durably; equal bytes of one tenant are stored once.

    A file that no row names yet may be cut short by a crash, or about to be swept: it is not used, another is written
    beside it. Raises Transient when the storage cannot be reached.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    return _store(tenant, kind, sha256, len(data), lambda: _pack(data), look=True)


def _store(
    tenant: TenantRef, kind: Artifact.Kind, sha256: str, size: int, pack: Callable[[], tuple[str, bytes]], *, look: bool
) -> Kept:
    files = storage()
    stored_row = Artifact.objects.for_tenant(tenant).filter(kind=kind, sha256=sha256).first() if look else None
    with _reachable():
        if stored_row is not None and files.exists(stored_row.path):
            return Kept(
                tenant, kind, sha256, stored_row.path, stored_row.codec, stored_row.size, stored_row.stored_size
            )
        codec, packed = pack()
        name = files.save(f"{ROOT}/{tenant.key}/{kind}/{sha256[:2]}/{sha256}.{codec}", ContentFile(packed))
        _flush(files, name)
    return Kept(tenant, kind, sha256, name, codec, size, len(packed), stored_row.path if stored_row else "", not look)


def keep_page(tenant: TenantRef, records: Sequence[Record], *, look: bool) -> Kept:
    """The raw records of one page as one blob: a JSON line with their keys and sizes, then their bytes.

    Its SHA-256 is that of the file as it is stored: no source ever sent the blob itself, and to digest a tenth of the
    bytes is as good a proof. `look` whether the same page is kept already: new records make a new page, so that is
    worth a query only for those that come again as they are.
    """
    sizes = [len(record.body) for record in records]
    head = json.dumps({"keys": [record.key for record in records], "sizes": sizes}).encode() + b"\n"
    codec, packed = _pack(head, *[record.body for record in records])
    sha256 = hashlib.sha256(packed).hexdigest()
    return _store(tenant, Artifact.Kind.PAGE, sha256, len(head) + sum(sizes), lambda: (codec, packed), look=look)


def read(artifact: Artifact) -> bytes:
    """The original bytes. Raises ArtifactDamaged when they are missing or do not match their SHA-256.

    Raises Transient when the storage cannot be reached.
    """
    try:
        with _reachable(), storage().open(artifact.path) as file:
            packed = file.read()
        data = _unpack(artifact.codec, packed)
    except (OSError, zlib.error, ValueError) as error:
        raise ArtifactDamaged(f"Artifact {artifact.pk} cannot be read from {artifact.path}: {error}") from error
    digested = packed if artifact.kind == Artifact.Kind.PAGE else data
    if hashlib.sha256(digested).hexdigest() != artifact.sha256:
        raise ArtifactDamaged(f"Artifact {artifact.pk} at {artifact.path} does not match its SHA-256.")
    return data


def sweep(tenant: TenantRef, *, older_than: timedelta = timedelta(days=1)) -> int:
    """Delete stored files of `tenant` that no row names and no open batch can still name; their number."""
    store = storage()
    newest = datetime.now(UTC) - older_than
    swept = 0
    for path in _files(store, f"{ROOT}/{tenant.key}"):
        is_named = Artifact.objects.for_tenant(tenant).filter(path=path).exists()
        if not is_named and store.get_modified_time(path) < newest:
            store.delete(path)
            swept += 1
    return swept


def _files(store: Storage, folder: str) -> Iterator[str]:
    try:
        folders, files = store.listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        yield f"{folder}/{name}"
    for name in folders:
        yield from _files(store, f"{folder}/{name}")


@contextmanager
def _reachable() -> Iterator[None]:
    """Raise Transient for a storage that is away, which is no damage; every other error is passed on as it is."""
    try:
        yield
    except Exception as error:
        if not is_outage(error):
            raise
        raise Transient(
            f"The storage of raw artifacts cannot be reached ({type(error).__name__}); it is tried again later."
        ) from error


def _pack(*parts: bytes) -> tuple[str, bytes]:
    """Codec and bytes of `parts` one after the other, never joined uncompressed.

    zstd's first level: on JSON a third quicker than the usual third one, and not larger (measured).
    """
    if zstandard is not None:
        codec, packer = "zst", zstandard.ZstdCompressor(level=1).compressobj(size=sum(map(len, parts)))
    else:
        codec, packer = "zz", zlib.compressobj(level=3)
    return codec, b"".join([*map(packer.compress, parts), packer.flush()])


def _unpack(codec: str, packed: bytes) -> bytes:
    if codec == "zst":
        if zstandard is None:
            raise ValueError('it is compressed with zstd: pip install "django-sluicegate[fast]"')
        try:
            return bytes(zstandard.ZstdDecompressor().decompress(packed))
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
    return zlib.decompress(packed)


def _flush(store: Storage, name: str) -> None:
    """On a local disk, make the file survive a power cut before a row names it."""
    if isinstance(store, InMemoryStorage):
        return  # for tests: it has paths, but nothing lies there
    try:
        path = store.path(name)
    except NotImplementedError:
        return  # object stores are durable when the upload returns
    for target in (path, Path(path).parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
