"""Reading takes time in proportion to the entries, whatever order they come in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integrations.bank.formats import read_file
from tests.calls import lines_of

LESS, MORE = 150, 600


def ofx(count: int) -> bytes:
    entries = "".join(
        f"<STMTTRN><TRNAMT>-1.00<DTPOSTED>20240105<FITID>{n}<NAME>a &amp; b</STMTTRN>" for n in range(count)
    )
    head = "<OFX><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>1</BANKACCTFROM><BANKTRANLIST>"
    return f"{head}{entries}</BANKTRANLIST></STMTRS></STMTTRNRS></OFX>".encode()


def csv(count: int, at: Callable[[int], int], slip: int = 0) -> bytes:
    """Rows of one unit each with the balance after them, in the order `at` gives; `slip` is added to one amount."""
    days = [
        f"2024-{n * 12 // count + 1:02}-{n % 28 + 1:02},a,{1 + slip * (n == count // 2)}.00,{n + 1}.00"
        for n in range(count)
    ]
    return "\n".join(("Date,Description,Amount,Balance", *(days[at(n)] for n in range(count)))).encode()


def forwards(count: int) -> bytes:
    return csv(count, lambda n: n)


def shuffled(count: int) -> bytes:
    return csv(count, lambda n: n * 7919 % count)


def broken(count: int) -> bytes:
    return csv(count, lambda n: n * 7919 % count, slip=1)


def joined(count: int) -> bytes:
    return b"\n".join([forwards(30)] * (count // 30))


def qif(count: int) -> bytes:
    return b"!Type:Bank\n" + b"D25/06/2026\nT1.00\n^\n" * count


@pytest.mark.slow
@pytest.mark.parametrize("written", [ofx, forwards, shuffled, broken, joined, qif])
def test_four_times_the_entries_take_four_times_the_work(written: Callable[[int], bytes]) -> None:
    read_file(written(LESS), currency="EUR")  # patterns and months are remembered

    less, more = (lines_of(lambda count=count: read_file(written(count), currency="EUR")) for count in (LESS, MORE))  # type: ignore[misc]

    assert more < 5 * less
