"""Files of more entries than any bank writes end early, in a refusal that says what to do."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from ingestion.core.errors import FileTooLarge, HostileFile
from integrations.bank.formats import bounded_xml, camt, mt940, ofx, qif, read_parts
from integrations.bank.formats.mt940_fields import messages
from integrations.bank.formats.ofx_outline import outline
from integrations.bank.formats.qif_records import record_of
from integrations.bank.statements import MAX_ENTRIES, MAX_STATEMENTS
from tests.integrations.bank.camt_messages import message
from tests.integrations.bank.ofx_files import statement

pytestmark = pytest.mark.slow

TOO_MANY = MAX_ENTRIES + 1
_LINES = 160_000


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
    text = b":20:A\n:61:x\n:86:y\n-\n"

    assert len(messages(text * 2, 4)) == 2
    with pytest.raises(FileTooLarge):
        messages(text * 2 + b":61:x\n", 4)
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


@pytest.mark.parametrize(
    "part", [b"$-1.00\n", b"Sx\n$-1.00\n", b"Mx\n", b"Dx\n"], ids=["amounts", "splits", "memos", "days"]
)
def test_a_qif_record_of_very_many_lines_is_refused_before_it_is_made(part: bytes) -> None:
    data = b"!Type:Bank\nD1/31/2026\nT-1.00\n" + part * (_LINES // part.count(b"\n") + 1) + b"^\n"

    with pytest.raises(FileTooLarge, match=r"^The QIF file has more than .*: split it\.$"):
        qif.read(data, max_entries=_LINES // 16)


def test_words_beside_a_day_take_no_more_time_the_more_they_are() -> None:
    lines = ["D1/31/2026", *(f"Dword {number}" for number in range(60_000))]
    started = time.process_time()

    record = record_of(lines)

    assert record["D"] == ["1/31/2026"]
    assert time.process_time() - started < 5


def test_a_tag_without_end_is_refused_before_it_is_read() -> None:
    tag = message("<a " + " ".join(f'b{number}="1"' for number in range(400_000)) + "/>")

    tracemalloc.start()
    try:
        with pytest.raises(HostileFile, match="an XML tag or comment has more than"):
            camt.read(tag)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 5 * len(tag)
    assert "x" * 3_000_000 in str(bounded_xml.parse(f"<a>{'x' * 3_000_000}</a>").root.text)


def test_a_file_of_more_statements_than_a_bank_writes_is_refused() -> None:
    of_accounts = "".join(
        f"!Account\nN{number}\n^\n!Type:Bank\nD1/31/2026\nT1.00\n^\n" for number in range(MAX_STATEMENTS + 1)
    )

    with pytest.raises(FileTooLarge, match="25,000 statements: split"):
        list(read_parts(of_accounts.encode(), currency="USD"))
