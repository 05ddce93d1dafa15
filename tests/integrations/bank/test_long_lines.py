"""Lines above 16 MB: banks write the XML of a large account as one, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingestion import FileTooLarge
from integrations.bank.formats import read_file
from integrations.bank.formats.csv_records import MAX_LINE_BYTES
from tests.integrations.bank import bulk_files
from tests.integrations.bank.camt_messages import entry, message


def wide() -> bytes:
    return b" " * (MAX_LINE_BYTES + 1)


def ofx_in_one_line() -> bytes:
    head, _, body = bulk_files.ofx(1).partition(b"\n\n")
    return head + b"\n\n" + body.replace(b"\n", b"").replace(b"<STMTTRN>", wide() + b"<STMTTRN>")


def camt_in_one_line() -> bytes:
    return message(entry()).replace(b"<Ntry>", wide() + b"<Ntry>")


@pytest.mark.parametrize("write", [camt_in_one_line, ofx_in_one_line])
def test_camt_and_ofx_may_be_one_line_however_long(write: Callable[[], bytes]) -> None:
    (statement,) = read_file(write())

    assert len(statement.entries) == 1


@pytest.mark.parametrize("begins", [b":20:R\n:25:", b"Date,Description,Amount\n"], ids=["mt940", "csv"])
def test_a_line_of_another_format_is_refused(begins: bytes) -> None:
    with pytest.raises(FileTooLarge, match="A line is longer"):
        read_file(begins + wide())
