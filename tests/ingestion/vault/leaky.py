"""A pipeline that leaks its credential wherever a pipeline can, in the spellings in which HTTP carries it."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from urllib.parse import quote

from ingestion import Context, CredentialError, Json, Page, Pipeline, RecordError, SourceChanged, Transient
from ingestion.testing import Records
from tests.app.oracle import Entry
from tests.ingestion.runs import item, over
from tests.ingestion.vault.keeping import STORE


class Unspeakable(Exception):
    """Cannot even be written down: its text is another exception, and that one leaks."""

    def __str__(self) -> str:
        raise ValueError(str(self.args))


def request(secret: str) -> str:
    """A call as a client writes it into its messages."""
    basic = base64.b64encode(f"user:{secret}".encode()).decode()
    raw = secret.encode()
    return (
        f"POST https://api.example/v1?key={quote(secret, safe='')}&again={quote(secret)} Authorization: Basic {basic} "
        f"X-Key: {secret} X-Signature: {raw.hex()} X-Blob: {base64.urlsafe_b64encode(raw).decode()} "
        f"body: {json.dumps({'api_key': secret})} {{'api_key': {secret!r}}}"
    )


@dataclass(frozen=True)
class Leaky:
    """Reads its credential, logs it, notes it, and fails with it in the way that `fail` says."""

    fail: Callable[[str], Exception] | None = None

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        said = request(ctx.credential().values["api_key"])
        logging.getLogger("urllib3.connectionpool").debug("%s", said)
        logging.getLogger("ingestion").warning("asked %s", said, extra={"data_url": said})
        pages = Records([item(1), item(2), item(3)]).extract(ctx, checkpoint)
        yield from (replace(page, notes=(f"asked {said}",)) for page in pages)
        if self.fail is not None:
            _raise(self.fail(said))

    def takes_files(self) -> bool:
        return True

    def test(self, ctx: Context) -> str:
        said = request(ctx.credential().values["api_key"])
        if self.fail is not None:
            _raise(self.fail(said))
        return f"answered to {said}"


def _raise(error: Exception) -> NoReturn:
    """With what failed underneath, as libraries do."""
    try:
        raise KeyError(str(error.args))
    except KeyError as cause:
        raise error from cause


def transform(counting: Any, ctx: Context) -> Entry:
    said = request(ctx.credential().values["api_key"])
    if counting.id.endswith("1"):
        raise RecordError(f"refused: {said}")
    if counting.id.endswith("2"):
        raise ValueError(said)
    return Entry(external_id=counting.id, amount=counting.amount)


def leaking(fail: Callable[[str], Exception] | None = None) -> Pipeline:
    return over([], source=Leaky(fail), transform=transform, integration=STORE)


FAILURES: dict[str, Callable[[str], Exception] | None] = {
    "none": None,
    "transient": Transient,
    "credential": CredentialError,
    "changed": SourceChanged,
    "connection": ConnectionError,
    "bug": RuntimeError,
    "unspeakable": Unspeakable,
}
