"""Files of more entries than any bank writes end early, in a refusal that says what to do."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from ingestion.core.errors import FileTooLarge
from integrations.bank.formats import bounded_xml, camt, mt940, ofx
from integrations.bank.formats.mt940_fields import messages
from integrations.bank.formats.ofx_outline import outline
from integrations.bank.statements import MAX_ENTRIES
from tests.integrations.bank.camt_messages import message
from tests.integrations.bank.ofx_files import statement

pytestmark = pytest.mark.slow

TOO_MANY = MAX_ENTRIES + 1


@pytest.mark.parametrize(
    ("read", "data"),
    [
        pytest.param(ofx.read, statement("<STMTTRN>" * TOO_MANY), id="ofx"),
        pytest.param(ofx.read, statement("<STMTRS>" * TOO_MANY), id="ofx-statements"),
        pytest.param(camt.read, message("<Bal/>" * (TOO_MANY - 1) + "<Ntry/>"), id="camt"),
        pytest.param(camt.read, message("</Stmt><Stmt>" * TOO_MANY), id="camt-statements"),
        pytest.param(camt.read, message("<Bal/>" * TOO_MANY), id="camt-balances"),
        pytest.param(mt940.read, b":61:\n" * TOO_MANY, id="mt940"),
        pytest.param(mt940.read, b":20:\n" * TOO_MANY, id="mt940-statements"),
    ],
)
def test_file_of_too_many_entries_is_refused_with_what_to_do(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(FileTooLarge, match="250,000 entries: split"):
        read(data)


def test_ofx_counts_entries_and_what_is_inside_them() -> None:
    assert len(outline("<STMTTRN></STMTTRN>" * 3, 3)[0].blocks) == 3
    with pytest.raises(FileTooLarge):
        outline("<STMTTRN></STMTTRN>" * 4, 3)
    with pytest.raises(FileTooLarge):
        outline("<FI></FI>" * 13, 3)


def test_mt940_counts_entries_over_all_statements_and_their_fields() -> None:
    one = b":20:A\n:61:x\n:86:y\n-\n"

    assert len(messages(one * 2, 4)) == 2
    with pytest.raises(FileTooLarge):
        messages(one * 2 + b":61:x\n", 4)
    with pytest.raises(FileTooLarge):
        messages(b":86:y\n" * 17, 4)


def test_xml_counts_only_what_it_is_asked_to() -> None:
    assert len(bounded_xml.parse("<a><b/><b/><c/></a>", counted={"b"}, limit=2).root) == 3
    with pytest.raises(FileTooLarge):
        bounded_xml.parse("<a><b/><b/><b/>", counted={"b"}, limit=2)


def test_source_of_nested_elements_is_kept_once() -> None:
    document = bounded_xml.parse("<a><b><b>x</b></b><b></b></a>", source_of="b")

    assert list(document.sources.values()) == ["<b><b>x</b></b>", "<b></b>"]


@pytest.mark.parametrize(
    "repeated",
    [b":86:\n", b":61:x\n:86:\n:86:\n:86:\n:86:\n:86:\n:86:\n:86:\n", b"\n", b"x\n", b"-\n", b":25:\nx\n", b":NS:\n"],
    ids=["bare-details", "details-of-entries", "nothing", "text", "end-marks", "strays", "non-swift"],
)
def test_very_many_very_short_mt940_lines_take_little_more_memory_than_their_bytes(repeated: bytes) -> None:
    data = b":20:A\n" + repeated * (60_000 // len(repeated))

    tracemalloc.start()
    try:
        messages(data)
    except FileTooLarge:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 15 * len(data), f"{peak / len(data):.0f} bytes for each byte"
