"""Reading takes time and memory in proportion to the entries, in whatever shape they come."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from integrations.bank.formats import read_file
from integrations.bank.identity import Ids, key_entries
from integrations.bank.pages import StatementPages
from tests.calls import calls_of
from tests.integrations.bank import bulk_files
from tests.integrations.bank.camt_messages import balance, entry, message

Build = Callable[[int], bytes]


def mt940_entries(count: int) -> bytes:
    lines = [f":61:2601050105C1,00NTRFX//B{at}\r\n:86:166?20EREF+E{at}?21SVWZ+Rent {at}?32Ada" for at in range(count)]
    return _statement("\r\n".join(lines), count)


def mt940_signed_entries(count: int) -> bytes:
    return _statement("\r\n".join(f":61:2601050105C+1,00NTRFX//B{at}" for at in range(count)), count)


def mt940_statements(count: int) -> bytes:
    return b"\r\n".join(_statement(f":61:2601050105C1,00NTRFX//B{at}", 1) for at in range(count))


def mt940_long_text(count: int) -> bytes:
    return _statement(":61:260105C1,00NTRFX\r\n:86:Rent\r\n" + "\r\n".join(["and so on"] * count), 1)


def mt940_dashes(count: int) -> bytes:
    return _statement(":61:260105C1,00NTRFX\r\n:86:Rent\r\n" + "\r\n".join(["-"] * count), 1)


def mt942_entries(count: int) -> bytes:
    lines = "\r\n".join(f":61:2601050105C1,00NTRFX//B{at}" for at in range(count))
    return f":20:R\r\n:25:1\r\n:34F:EUR0,\r\n{lines}\r\n:90C:{count}EUR{count},00\r\n-\r\n".encode()


def _statement(lines: str, total: int) -> bytes:
    return f":20:R\r\n:25:1\r\n:60F:C260101EUR0,00\r\n{lines}\r\n:62F:C260131EUR{total},00\r\n-\r\n".encode()


def camt_entries(count: int) -> bytes:
    ends = balance("OPBD", "0"), balance("CLBD", str(count))
    summary = f"<TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries><Sum>{count}</Sum></TtlNtries></TxsSummry>"
    return message(*ends, summary, *(entry("1.00", rest=_transactions(1)) for _ in range(count)))


def camt_parts(count: int) -> bytes:
    return message(entry(f"{count}.00", rest=_transactions(count)))


def camt_statements(count: int) -> bytes:
    page = "</Stmt><Stmt><Id>1</Id><StmtPgntn><PgNb>{}</PgNb></StmtPgntn>{}".format
    return message(*(page(at + 1, entry("1.00")) for at in range(count)))


def camt_balances(count: int) -> bytes:
    return message(*(balance("CLBD", "1.00") for _ in range(count)))


def _transactions(count: int) -> str:
    text = (
        '<Amt Ccy="EUR">1.00</Amt><RmtInf><Ustrd>Rent</Ustrd><Strd><RfrdDocInf><Nb>1</Nb></RfrdDocInf></Strd></RmtInf>'
    )
    return f"<NtryDtls>{f'<TxDtls>{text}</TxDtls>' * count}</NtryDtls>"


def work(build: Build, count: int) -> int:
    """Calls made while reading, which do not depend on how quick the machine is."""
    data = build(count)
    return calls_of(lambda: read_file(data, currency="EUR"))


SHAPES: list[Build] = [
    mt940_entries,
    mt940_signed_entries,
    mt940_statements,
    mt940_long_text,
    mt940_dashes,
    mt942_entries,
    camt_entries,
    camt_parts,
    camt_statements,
    camt_balances,
    bulk_files.ofx,
    bulk_files.csv,
]


@pytest.mark.slow
@pytest.mark.parametrize("build", SHAPES, ids=lambda build: build.__name__)
def test_ten_times_the_entries_are_ten_times_the_work(build: Build) -> None:
    assert work(build, 1_000) <= 11 * work(build, 100)


@pytest.mark.slow
@pytest.mark.parametrize("form", bulk_files.FORMATS)
def test_ten_times_the_entries_are_ten_times_the_work_to_tell_twins_and_make_pages(form: str) -> None:
    def pages(count: int) -> int:
        statements = read_file(bulk_files.FORMATS[form](count), currency="EUR")
        placed = list(key_entries(statements))
        return calls_of(
            lambda: [
                page.formerly and page.formerly()
                for statement, entries in placed
                for page in StatementPages("file", statement, entries, Ids.UNSET).pages(100)
            ]
        ) + calls_of(lambda: list(key_entries(statements)))

    assert pages(1_000) <= 11 * pages(100)


@pytest.mark.slow
@pytest.mark.parametrize("count", [3_000, pytest.param(30_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("build", [mt940_entries, camt_entries], ids=lambda build: build.__name__)
def test_a_large_file_is_read_whole_and_proved(build: Build, count: int) -> None:
    (statement,) = read_file(build(count))

    assert (len(statement.entries), statement.problems, statement.unproved) == (count, (), "")


@pytest.mark.slow
def test_a_camt_file_takes_little_more_memory_while_it_is_read_than_what_is_made_of_it() -> None:
    """The tree of its entries took twice as much again."""
    (kept, peak), (kept_of_more, peak_of_more) = memory(camt_entries(250)), memory(camt_entries(750))

    assert peak_of_more - peak < 2.5 * (kept_of_more - kept)


def memory(data: bytes) -> tuple[int, int]:
    """Bytes that are kept of the file once it is read, and the most while it is."""
    tracemalloc.start()
    try:
        statements = read_file(data)
        kept, peak = tracemalloc.get_traced_memory()
        assert statements
        return kept, peak
    finally:
        tracemalloc.stop()
