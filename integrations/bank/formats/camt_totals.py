"""The totals that a CAMT statement declares of itself: TxsSummry, and Btch of an entry.

They come from the bank, so a total stays when an entry is lost on the way. The standard leaves open how banks count:
with or without entries that are not booked, a batch as one or as its transactions. A way of counting is accepted if
everything that TxsSummry declares is true in it; the verdict names the way.
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
class CamtVerdict:
    problems: tuple[str, ...] = ()
    disproved: tuple[str, ...] = ()
    """Problems that are totals of TxsSummry: other pages of the statement may still make them true."""
    proved: str = ""
    """Which totals hold, and how they count; '' if none is declared or one does not hold."""
    unproved: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CountedEntry:
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
    """What is incomplete about its batches."""


Paged = tuple[Element, Sequence[CountedEntry]]
"""A statement element, or one page of several, and its entries."""


@dataclass(frozen=True, slots=True)
class DeclaredFigure:
    """One declared number: its element's name, its text, what it measures, and of which entries."""

    name: str
    written: str
    measure: Callable[[Sequence[CountedEntry], bool], set[Decimal]]
    side: str = ""
    code: str = ""

    def values(self, rows: Sequence[CountedEntry], by_transaction: bool) -> set[Decimal]:
        chosen = [row for row in rows if self.side in ("", row.side) and (not self.code or self.code in row.codes)]
        return self.measure(chosen, by_transaction)


def judge_totals(statement: Element, rows: Sequence[CountedEntry], *, is_whole: bool) -> CamtVerdict:
    """The verdict on the totals of a statement. `is_whole` is False for one page of several: totals that do not hold
    may then be those of all pages.
    """
    verdict = _verdict(_all_figures(statement), [(statement, rows)], is_whole=is_whole)
    batches = [f"entry {at}: {fault}" for at, row in enumerate(rows, start=1) for fault in row.faults]
    notes = [f"entry {at}: {note}" for at, row in enumerate(rows, start=1) for note in row.notes]
    # The first ten of each say enough.
    return replace(verdict, problems=(*batches[:10], *verdict.disproved), notes=tuple(notes[:10]))


def judge_pages(pages: Sequence[Paged], *, is_whole: bool) -> CamtVerdict:
    """The verdict on TxsSummry alone: totals of a page that are not its own must be those of all pages. `is_whole`: no
    page is missing.
    """
    page_verdicts = [judge_totals(statement, rows, is_whole=False) for statement, rows in pages]
    unproved_pages = [
        statement for (statement, _), verdict in zip(pages, page_verdicts, strict=True) if verdict.unproved
    ]
    if not unproved_pages:
        return CamtVerdict(proved=page_verdicts[0].proved if all(verdict.proved for verdict in page_verdicts) else "")
    # Most banks repeat the same totals on every page.
    figures = {
        (figure.name, figure.written): figure for statement in unproved_pages for figure in _all_figures(statement)
    }
    return _verdict(list(figures.values()), pages, is_whole=is_whole)


def _verdict(figures: Sequence[DeclaredFigure], pages: Sequence[Paged], *, is_whole: bool) -> CamtVerdict:
    proved, wrong = _check_figures(figures, [row for _, rows in pages for row in rows]) if figures else ("", [])
    if wrong and not is_whole:
        return CamtVerdict(unproved="its totals (TxsSummry) are not those of this page; they may count other pages")
    return CamtVerdict(problems=tuple(wrong), disproved=tuple(wrong), proved=proved)


def _check_figures(figures: Sequence[DeclaredFigure], rows: Sequence[CountedEntry]) -> tuple[str, list[str]]:
    """Which totals hold, or what is wrong with them in the first way of counting."""
    wrong: list[str] = []
    for name, counted, by_transaction in _ways_of_counting(rows):
        mismatches = [
            _describe_mismatch(figure, counted, by_transaction)
            for figure in figures
            if not _holds(figure, counted, by_transaction)
        ]
        if not mismatches:
            return f"TxsSummry, of {name}", []
        wrong = wrong or mismatches
    return "", wrong


def _ways_of_counting(rows: Sequence[CountedEntry]) -> Iterator[tuple[str, Sequence[CountedEntry], bool]]:
    booked = [row for row in rows if row.is_booked]
    yield "booked entries", booked, False
    yield "all entries", rows, False
    yield "the transactions of booked entries", booked, True
    yield "the transactions of all entries", rows, True


def _all_figures(statement: Element) -> list[DeclaredFigure]:
    return [*_figures(statement), *_figures_by_code(statement)]


def _figures(statement: Element) -> Iterator[DeclaredFigure]:
    for name, side in _SIDES.items():
        if written := text(statement, f"TxsSummry/{name}/NbOfNtries"):
            yield DeclaredFigure(f"{name}/NbOfNtries", written, _measure_count, side)
        if written := text(statement, f"TxsSummry/{name}/Sum"):
            yield DeclaredFigure(f"{name}/Sum", written, _measure_sums, side)
    net = "TxsSummry/TtlNtries/TtlNetNtry"
    if written := text(statement, f"{net}/Amt", f"{net}Amt"):
        indicator = text(statement, f"{net}/CdtDbtInd", "TxsSummry/TtlNtries/CdtDbtInd")
        yield DeclaredFigure("TtlNtries/TtlNetNtry", f"{written} {indicator}".strip(), partial(_measure_net, indicator))


def _figures_by_code(statement: Element) -> Iterator[DeclaredFigure]:
    for declared in statement.iterfind("TxsSummry/TtlNtriesPerBkTxCd"):
        side, codes = text(declared, "CdtDbtInd"), _codes(declared)
        name = f"TtlNtriesPerBkTxCd {codes[-1]}" if codes else ""
        if codes and (written := text(declared, "NbOfNtries")):
            yield DeclaredFigure(f"{name}/NbOfNtries", written, _measure_count, side, codes[-1])
        if codes and (written := text(declared, "Sum")):
            yield DeclaredFigure(f"{name}/Sum", written, _measure_sums, side, codes[-1])


def _codes(element: Element) -> list[str]:
    """The bank's own code, and PMNT, PMNT-RCDT and PMNT-RCDT-ESCT: a total may be declared for a whole family."""
    if element.find("BkTxCd") is None:
        return []
    levels = (text(element, f"BkTxCd/Domn/{leaf}") for leaf in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd"))
    return [*filter(None, [text(element, "BkTxCd/Prtry/Cd")]), *accumulate(filter(None, levels), "{}-{}".format)]


def _measure_count(rows: Sequence[CountedEntry], by_transaction: bool) -> set[Decimal]:
    return {Decimal(sum(row.transactions for row in rows) if by_transaction else len(rows))}


def _measure_sums(rows: Sequence[CountedEntry], _: bool) -> set[Decimal]:
    """The sum without signs, and the net amount, which some banks give."""
    gross = sum((abs(row.amount) for row in rows), Decimal())
    return {gross, abs(sum((row.amount for row in rows), Decimal()))}


def _measure_net(indicator: str, rows: Sequence[CountedEntry], _: bool) -> set[Decimal]:
    net = sum((row.amount for row in rows), Decimal())
    return {-net if indicator == "DBIT" else net if indicator == "CRDT" else abs(net)}


def _holds(figure: DeclaredFigure, rows: Sequence[CountedEntry], by_transaction: bool) -> bool:
    number = plain(figure.written.split(" ")[0])
    return bool(number) and Decimal(number) in figure.values(rows, by_transaction)


def _describe_mismatch(figure: DeclaredFigure, rows: Sequence[CountedEntry], by_transaction: bool) -> str:
    values = " or ".join(sorted(format(value, "f") for value in figure.values(rows, by_transaction)))
    return f"the bank declares {figure.written[:40]!r} as {figure.name}, but the file has {values}"


def counted_entry(ntry: Element, entry: Entry) -> CountedEntry:
    """What the totals of the statement and of its own batches count of an entry."""
    declared = [text(batch, "NbOfTxs") for batch in ntry.iter("Btch")]
    counted = sum(int(number) for number in declared if number.isascii() and number.isdigit() and len(number) < 16)
    part_count = sum(1 for _ in ntry.iter("TxDtls"))
    booked = entry.status is EntryStatus.BOOKED
    codes = frozenset(code for element in (ntry, *ntry.iter("TxDtls")) for code in _codes(element))
    faults, notes = _batches(ntry, entry)
    return CountedEntry(
        entry.amount or Decimal(), text(ntry, "CdtDbtInd"), booked, counted or part_count or 1, codes, faults, notes
    )


def _batches(ntry: Element, entry: Entry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is wrong with the batches, and what is only incomplete."""
    faults: list[str] = []
    notes: list[str] = []
    for group in (*ntry.iterfind("NtryDtls"), *([ntry] if ntry.find("Btch") is not None else [])):
        if group.find("Btch") is not None:
            _judge_batch(group, entry, faults, notes)
    return tuple(faults), tuple(notes)


def _judge_batch(group: Element, entry: Entry, faults: list[str], notes: list[str]) -> None:
    part_count = sum(1 for _ in group.iter("TxDtls"))
    number = plain(text(group, "Btch/NbOfTxs"))
    if number and part_count and Decimal(number) != part_count:
        fault = f"its batch declares {number} transactions (Btch/NbOfTxs), but the file has {part_count}"
        # One transaction with the whole amount stands for a batch whose parts the bank keeps to itself.
        (notes if part_count == 1 and _is_whole(group, entry) else faults).append(fault)
    total, currency = plain(text(group, "Btch/TtlAmt")), _currency(group)
    if total and entry.amount is not None and currency in ("", entry.currency):
        parts = [part.amount for part in entry.parts if part.amount is not None and part.currency == entry.currency]
        accepted_sums = {abs(entry.amount), abs(sum(parts, Decimal())), abs(_group_amount(group))}
        if Decimal(total) not in accepted_sums:
            faults.append(f"its batch declares {total} (Btch/TtlAmt), but the entry is {abs(entry.amount):f}")


def _currency(group: Element) -> str:
    node = group.find("Btch/TtlAmt")
    return "" if node is None else node.get("Ccy", "").strip().upper()


def _group_amount(group: Element) -> Decimal:
    """The sum of the transactions of one NtryDtls of several."""
    numbers = [plain(text(detail, "Amt", "AmtDtls/TxAmt/Amt")) for detail in group.iter("TxDtls")]
    return sum((Decimal(number) for number in numbers if number), Decimal())


def _is_whole(group: Element, entry: Entry) -> bool:
    group_amount = _group_amount(group)
    return not group_amount or group_amount == abs(entry.amount or Decimal())
