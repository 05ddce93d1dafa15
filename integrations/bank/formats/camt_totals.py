"""The totals that a CAMT statement declares of itself: TxsSummry, and Btch of an entry.

They come from the bank, so an entry that is lost on the way takes no total with it. Banks count differently, which the
standard leaves open: with or without entries that are not booked, a batch as one or as its transactions. Accepted is a
way of counting in which everything that TxsSummry declares is true at once; the verdict names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import accumulate
from xml.etree.ElementTree import Element

from integrations.bank.formats.camt_values import text
from integrations.bank.formats.money_words import plain
from integrations.bank.statements import Entry, EntryStatus

_SIDES = {"TtlNtries": "", "TtlCdtNtries": "CRDT", "TtlDbtNtries": "DBIT"}


@dataclass(frozen=True, slots=True)
class Verdict:
    problems: tuple[str, ...] = ()
    disproved: tuple[str, ...] = ()
    """Those of the problems that are totals of TxsSummry: other pages of the statement may yet make them true."""
    proved: str = ""
    """Which totals hold, and how they count; '' where none is declared or one does not hold."""
    unproved: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the totals count it."""

    amount: Decimal
    side: str
    is_booked: bool
    transactions: int
    codes: frozenset[str] = frozenset()
    """Its bank transaction codes: a total may be declared by code."""
    faults: tuple[str, ...] = ()
    """What is wrong with its batches."""
    notes: tuple[str, ...] = ()
    """What is not all there of its batches."""


Paged = tuple[Element, Sequence[Row]]
"""A statement element, or one page of several, and its entries."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One declared number: its element's name, its text, what it measures, and of which entries."""

    name: str
    written: str
    measure: Callable[[Sequence[Row], bool], set[Decimal]]
    side: str = ""
    code: str = ""

    def values(self, rows: Sequence[Row], by_transaction: bool) -> set[Decimal]:
        chosen = [row for row in rows if self.side in ("", row.side) and (not self.code or self.code in row.codes)]
        return self.measure(chosen, by_transaction)


def judge(statement: Element, rows: Sequence[Row], *, is_whole: bool) -> Verdict:
    """`is_whole` is False for one page of several: totals that do not hold may then be those of all pages."""
    verdict = _verdict(_all_figures(statement), [(statement, rows)], is_whole=is_whole)
    batches = [f"entry {at}: {fault}" for at, row in enumerate(rows, start=1) for fault in row.faults]
    notes = [f"entry {at}: {note}" for at, row in enumerate(rows, start=1) for note in row.notes]
    # The first ten of each say enough.
    return replace(verdict, problems=(*batches[:10], *verdict.disproved), notes=tuple(notes[:10]))


def judge_pages(pages: Sequence[Paged], *, is_whole: bool) -> Verdict:
    """TxsSummry alone: totals of a page that are not its own must be those of all. `is_whole`: no page is missing."""
    alone = [judge(statement, rows, is_whole=False) for statement, rows in pages]
    shared = [statement for (statement, _), verdict in zip(pages, alone, strict=True) if verdict.unproved]
    if not shared:
        return Verdict(proved=alone[0].proved if all(verdict.proved for verdict in alone) else "")
    # Most banks repeat the same totals on every page.
    figures = {(figure.name, figure.written): figure for statement in shared for figure in _all_figures(statement)}
    return _verdict(list(figures.values()), pages, is_whole=is_whole)


def _verdict(figures: Sequence[Figure], pages: Sequence[Paged], *, is_whole: bool) -> Verdict:
    proved, wrong = _held(figures, [row for _, rows in pages for row in rows]) if figures else ("", [])
    if wrong and not is_whole:
        return Verdict(unproved="its totals (TxsSummry) are not those of this page; they may count other pages")
    return Verdict(problems=tuple(wrong), disproved=tuple(wrong), proved=proved)


def _held(figures: Sequence[Figure], rows: Sequence[Row]) -> tuple[str, list[str]]:
    """Which totals hold, or what is wrong with them in the first way of counting."""
    wrong: list[str] = []
    for counting, counted, by_transaction in _countings(rows):
        failed = [
            _told(figure, counted, by_transaction) for figure in figures if not _holds(figure, counted, by_transaction)
        ]
        if not failed:
            return f"TxsSummry, of {counting}", []
        wrong = wrong or failed
    return "", wrong


def _countings(rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row], bool]]:
    booked = [row for row in rows if row.is_booked]
    yield "booked entries", booked, False
    yield "all entries", rows, False
    yield "the transactions of booked entries", booked, True
    yield "the transactions of all entries", rows, True


def _all_figures(statement: Element) -> list[Figure]:
    return [*_figures(statement), *_figures_by_code(statement)]


def _figures(statement: Element) -> Iterator[Figure]:
    for name, side in _SIDES.items():
        if written := text(statement, f"TxsSummry/{name}/NbOfNtries"):
            yield Figure(f"{name}/NbOfNtries", written, _count, side)
        if written := text(statement, f"TxsSummry/{name}/Sum"):
            yield Figure(f"{name}/Sum", written, _sums, side)
    net = "TxsSummry/TtlNtries/TtlNetNtry"
    if written := text(statement, f"{net}/Amt", f"{net}Amt"):
        indicator = text(statement, f"{net}/CdtDbtInd", "TxsSummry/TtlNtries/CdtDbtInd")
        yield Figure("TtlNtries/TtlNetNtry", f"{written} {indicator}".strip(), partial(_net, indicator))


def _figures_by_code(statement: Element) -> Iterator[Figure]:
    for declared in statement.iterfind("TxsSummry/TtlNtriesPerBkTxCd"):
        side, codes = text(declared, "CdtDbtInd"), _codes(declared)
        name = f"TtlNtriesPerBkTxCd {codes[-1]}" if codes else ""
        if codes and (written := text(declared, "NbOfNtries")):
            yield Figure(f"{name}/NbOfNtries", written, _count, side, codes[-1])
        if codes and (written := text(declared, "Sum")):
            yield Figure(f"{name}/Sum", written, _sums, side, codes[-1])


def _codes(element: Element) -> list[str]:
    """The bank's own code, and PMNT, PMNT-RCDT and PMNT-RCDT-ESCT: a total may be declared for a whole family."""
    if element.find("BkTxCd") is None:
        return []
    levels = (text(element, f"BkTxCd/Domn/{leaf}") for leaf in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd"))
    return [*filter(None, [text(element, "BkTxCd/Prtry/Cd")]), *accumulate(filter(None, levels), "{}-{}".format)]


def _count(rows: Sequence[Row], by_transaction: bool) -> set[Decimal]:
    return {Decimal(sum(row.transactions for row in rows) if by_transaction else len(rows))}


def _sums(rows: Sequence[Row], _: bool) -> set[Decimal]:
    """Without signs; some banks give the net amount."""
    gross = sum((abs(row.amount) for row in rows), Decimal())
    return {gross, abs(sum((row.amount for row in rows), Decimal()))}


def _net(indicator: str, rows: Sequence[Row], _: bool) -> set[Decimal]:
    net = sum((row.amount for row in rows), Decimal())
    return {-net if indicator == "DBIT" else net if indicator == "CRDT" else abs(net)}


def _holds(figure: Figure, rows: Sequence[Row], by_transaction: bool) -> bool:
    number = plain(figure.written.split(" ")[0])
    return bool(number) and Decimal(number) in figure.values(rows, by_transaction)


def _told(figure: Figure, rows: Sequence[Row], by_transaction: bool) -> str:
    values = " or ".join(sorted(format(value, "f") for value in figure.values(rows, by_transaction)))
    return f"the bank declares {figure.written[:40]!r} as {figure.name}, but the file has {values}"


def row_of(ntry: Element, entry: Entry) -> Row:
    """What the totals of the statement, and those of its own batches, ask of an entry."""
    declared = [text(batch, "NbOfTxs") for batch in ntry.iter("Btch")]
    counted = sum(int(number) for number in declared if number.isascii() and number.isdigit() and len(number) < 16)
    held = sum(1 for _ in ntry.iter("TxDtls"))
    booked = entry.status is EntryStatus.BOOKED
    codes = frozenset(code for element in (ntry, *ntry.iter("TxDtls")) for code in _codes(element))
    faults, notes = _batches(ntry, entry)
    return Row(entry.amount or Decimal(), text(ntry, "CdtDbtInd"), booked, counted or held or 1, codes, faults, notes)


def _batches(ntry: Element, entry: Entry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is wrong with the batches, and what is only not all there."""
    faults: list[str] = []
    notes: list[str] = []
    for group in (*ntry.iterfind("NtryDtls"), *([ntry] if ntry.find("Btch") is not None else [])):
        if group.find("Btch") is not None:
            _judge_batch(group, entry, faults, notes)
    return tuple(faults), tuple(notes)


def _judge_batch(group: Element, entry: Entry, faults: list[str], notes: list[str]) -> None:
    held = sum(1 for _ in group.iter("TxDtls"))
    number = plain(text(group, "Btch/NbOfTxs"))
    if number and held and Decimal(number) != held:
        told = f"its batch declares {number} transactions (Btch/NbOfTxs), but the file has {held}"
        # One transaction with the whole amount stands for a batch whose parts the bank keeps to itself.
        (notes if held == 1 and _is_whole(group, entry) else faults).append(told)
    total, currency = plain(text(group, "Btch/TtlAmt")), _currency(group)
    if total and entry.amount is not None and currency in ("", entry.currency):
        parts = [part.amount for part in entry.parts if part.amount is not None and part.currency == entry.currency]
        accepted = {abs(entry.amount), abs(sum(parts, Decimal())), abs(_own_amount(group))}
        if Decimal(total) not in accepted:
            faults.append(f"its batch declares {total} (Btch/TtlAmt), but the entry is {abs(entry.amount):f}")


def _currency(group: Element) -> str:
    node = group.find("Btch/TtlAmt")
    return "" if node is None else node.get("Ccy", "").strip().upper()


def _own_amount(group: Element) -> Decimal:
    """The sum of the transactions of one NtryDtls of several."""
    numbers = [plain(text(detail, "Amt", "AmtDtls/TxAmt/Amt")) for detail in group.iter("TxDtls")]
    return sum((Decimal(number) for number in numbers if number), Decimal())


def _is_whole(group: Element, entry: Entry) -> bool:
    own = _own_amount(group)
    return not own or own == abs(entry.amount or Decimal())
