"""Any cutting of a true history into overlapping files ends in the true ledger, in any order and with any repeats.

Each cutting is a file of its own, a member of a ZIP, or joined to others, in each format; pages are shorter than the
statements. The key-level property is in test_identity.py; here the whole engine takes the files.
"""

from __future__ import annotations

import dataclasses
import io
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest

from ingestion.core import registry
from ingestion.testing import registered
from integrations.bank.models import BankTransaction
from integrations.bank.source import BankFiles
from tests.integrations.bank.camt_messages import balance, entry, message
from tests.integrations.bank.test_overlap import put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 6, 1)
LOOKS = [(-3, "Coffee"), (-3, "Coffee"), (5, "Refund"), (-1, "Tea"), (3, "Coffee back")]
PAGE = 3


class Booked(NamedTuple):
    day: date
    amount: int
    text: str
    name: str
    """The bank's id, '' for none."""


class Cutting(NamedTuple):
    """A part of the history with the balances at its ends."""

    number: str
    opening: int
    entries: Sequence[Booked]
    first: date
    last: date

    @property
    def closing(self) -> int:
        return self.opening + sum(each.amount for each in self.entries)


def mt940(cutting: Cutting) -> bytes:
    lines = [":20:R", ":25:20010020/0012345678", f":28C:{cutting.number}", _tag("60F", cutting.first, cutting.opening)]
    for each in cutting.entries:
        mark, name = "D" if each.amount < 0 else "C", f"//{each.name}" if each.name else ""
        lines.append(f":61:{each.day:%y%m%d}{each.day:%m%d}{mark}{abs(each.amount)},00NTRFNONREF{name}")
        lines.append(f":86:{each.text}")
    return "\r\n".join([*lines, _tag("62F", cutting.last, cutting.closing), "-", ""]).encode()


def _tag(name: str, day: date, amount: int) -> str:
    return f":{name}:{'D' if amount < 0 else 'C'}{day:%y%m%d}EUR{abs(amount)},00"


def camt(cutting: Cutting) -> bytes:
    listed = [
        entry(
            f"{abs(each.amount)}.00",
            "DBIT" if each.amount < 0 else "CRDT",
            rest=f"<BookgDt><Dt>{each.day}</Dt></BookgDt>"
            + (f"<AcctSvcrRef>{each.name}</AcctSvcrRef>" if each.name else "")
            + f"<NtryDtls><TxDtls><RmtInf><Ustrd>{each.text}</Ustrd></RmtInf></TxDtls></NtryDtls>",
        )
        for each in cutting.entries
    ]
    ends = (balance("OPBD", cutting.opening, cutting.first), balance("CLBD", cutting.closing, cutting.last))
    return message(f"<ElctrncSeqNb>{cutting.number.partition('/')[0]}</ElctrncSeqNb>", *ends, *listed)


def ofx(cutting: Cutting) -> bytes:
    listed = "".join(
        f"<STMTTRN><TRNTYPE>OTHER<DTPOSTED>{each.day:%Y%m%d}<TRNAMT>{each.amount}.00"
        + (f"<FITID>{each.name}" if each.name else "")
        + f"<NAME>{each.text}</STMTTRN>\n"
        for each in cutting.entries
    )
    return (
        "OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1"
        f"<ACCTID>42<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>{cutting.first:%Y%m%d}"
        f"<DTEND>{cutting.last:%Y%m%d}{listed}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    ).encode()


def csv(cutting: Cutting) -> bytes:
    """Without balances and without ids."""
    rows = (f'"{each.day}","{each.amount},00","NL01","","Ada","{each.text}"' for each in cutting.entries)
    return "\n".join(['"Date","Amount","Account","Counterparty","Name","Description"', *rows, ""]).encode()


def newest_first(cutting: Cutting) -> bytes:
    return csv(cutting._replace(entries=cutting.entries[::-1]))


def history(chance: random.Random, days: int, *, with_ids: bool) -> list[list[Booked]]:
    booked = []
    for at in range(days):
        day, looks = DAY + timedelta(days=at), [chance.choice(LOOKS) for _ in range(chance.randint(0, 4))]
        booked.append([Booked(day, *look, f"B{at}N{n}" if with_ids else "") for n, look in enumerate(looks)])
    return booked


def cuttings(chance: random.Random, days: list[list[Booked]]) -> list[Cutting]:
    """Overlapping parts of whole days, and then each day, so that all is there."""
    spans = [sorted(chance.sample(range(len(days) + 1), 2)) for _ in range(chance.randint(1, 3))]
    spans += [[at, at + 1] for at in range(len(days))]
    # Numbers that follow each other would say that the statements do.
    listed = [_cut(days, start, end, f"{10 * number}/1") for number, (start, end) in enumerate(spans, start=10)]
    return [cutting for cutting in listed if cutting.entries]


def _cut(days: list[list[Booked]], start: int, end: int, number: str) -> Cutting:
    opening = 100 + sum(each.amount for day in days[:start] for each in day)
    entries = [each for day in days[start:end] for each in day]
    return Cutting(number, opening, entries, DAY + timedelta(days=start), DAY + timedelta(days=end - 1))


def paged(chance: random.Random, cutting: Cutting) -> list[Cutting]:
    """The same as two pages that follow each other, cut anywhere."""
    at = chance.randint(1, max(1, len(cutting.entries) - 1))
    first, rest_entries = cutting.entries[:at], cutting.entries[at:]
    if not rest_entries:
        return [cutting]
    number = cutting.number.partition("/")[0]
    first_page = Cutting(f"{number}/1", cutting.opening, first, cutting.first, first[-1].day)
    return [first_page, Cutting(f"{number}/2", first_page.closing, rest_entries, rest_entries[0].day, cutting.last)]


Write = Callable[[Cutting], bytes]
FORMATS: dict[str, tuple[Write, bool]] = {
    "mt940": (mt940, False),
    "mt940 with ids": (mt940, True),
    "camt": (camt, False),
    "camt with ids": (camt, True),
    "ofx": (ofx, False),
    "ofx with ids": (ofx, True),
    "csv": (csv, False),
    "csv newest first": (newest_first, False),
}


def alone(files: list[bytes]) -> list[bytes]:
    return files


def archived(files: list[bytes]) -> list[bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for at, data in enumerate(files):
            packed.writestr(f"{at}.txt", data)
    return [archive.getvalue()]


def joined(files: list[bytes]) -> list[bytes]:
    return [b"".join(files)]


@pytest.fixture
def few_a_page() -> Iterator[None]:
    pipeline = registry.get("bank.statements")
    with registered(dataclasses.replace(pipeline, source=BankFiles(page_size=PAGE))):
        yield


def ends_in_the_true_ledger(seed: int, form: str, carry: Callable[[list[bytes]], list[bytes]]) -> None:
    write, with_ids = FORMATS[form]
    chance = random.Random(f"{seed} {form} {carry.__name__}")
    days = history(chance, chance.randint(2, 4), with_ids=with_ids)
    parts = cuttings(chance, days)
    if write is mt940 and carry is alone:  # of pages within one run, see the limits in load-bank-statements.md
        parts = [page for part in parts for page in (paged(chance, part) if chance.random() < 0.4 else [part])]
    files = [write(part) for part in chance.sample(parts, len(parts))]
    files += chance.sample(files, min(2, len(files)))
    name = f"{form.replace(' ', '-')}-{seed}"

    for at, data in enumerate(carry(files)):
        put(connection(name), f"{at}.txt", data, currency="EUR")

    rows = BankTransaction.objects.for_tenant(connection(name).tenant).active()
    stored = Counter(rows.values_list("booked_on", "amount", "bank_id"))
    true = Counter((each.day, Decimal(each.amount), each.name) for day in days for each in day)
    assert (stored - true, true - stored) == (Counter(), Counter()), f"seed {seed}"


@pytest.mark.slow
@pytest.mark.usefixtures("few_a_page")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("carry", [alone, archived], ids=lambda carry: carry.__name__)
def test_any_cutting_into_files_or_members_of_a_zip_ends_in_the_true_ledger(
    form: str, carry: Callable[[list[bytes]], list[bytes]]
) -> None:
    ends_in_the_true_ledger(0, form, carry)


@pytest.mark.slow
@pytest.mark.usefixtures("few_a_page")
@pytest.mark.parametrize("form", ["mt940", "mt940 with ids", "csv", "csv newest first"])
def test_any_cutting_joined_into_one_file_ends_in_the_true_ledger(form: str) -> None:
    """In order of their days CSV exports may look like pages of one, see test_csv_page_breaks.py."""
    for seed in range(2):
        ends_in_the_true_ledger(seed, form, joined)
