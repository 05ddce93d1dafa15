"""ISO 20022 bank-to-customer messages: camt.052 reports, camt.053 statements, camt.054 notifications, versions 1 to 13.

The namespace is not compared, since banks write many; the message element decides. An envelope around Document (a
business application header, SOAP) is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from ingestion import UnknownFormat, UnreadableFile, counted
from integrations.bank.account_numbers import spelled
from integrations.bank.formats import bounded_xml
from integrations.bank.formats.camt_balance import CamtBalances, find_balances
from integrations.bank.formats.camt_entry import STATUSES, unequal_parts, written_number
from integrations.bank.formats.camt_pages import CamtPage, join_pages
from integrations.bank.formats.camt_reversals import check_reversals
from integrations.bank.formats.camt_taken import ReadEntries, ReadEntry
from integrations.bank.formats.camt_totals import CamtVerdict, judge_totals
from integrations.bank.formats.camt_values import day, text
from integrations.bank.formats.charset import decode_or_windows
from integrations.bank.formats.options import DEFAULTS, KEEPS_SIGN, Options
from integrations.bank.statements import Account, Entry, EntryStatus, Statement

_PAGINATIONS = ("StmtPgntn", "RptPgntn", "NtfctnPgntn")

_MESSAGES = {
    "BkToCstmrAcctRpt": ("camt.052", "Rpt"),
    "BkToCstmrStmt": ("camt.053", "Stmt"),
    "BkToCstmrDbtCdtNtfctn": ("camt.054", "Ntfctn"),
}
_COUNTED = frozenset({"Ntry", "Bal", *(part for _, part in _MESSAGES.values())})
"""What takes about as long to read as an entry."""
_VERSION_1 = re.compile(r"V0\d$")
_OTHER_MESSAGE = re.compile(r"\b(?!camt\.05[234])[a-z]{4}\.\d{3}(?:\.\d{3})?(?:\.\d{2})?\b")
_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([\w.\-]{1,40})["']""")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement element stands, and how its bank wants it read."""

    format: str
    entries: ReadEntries
    message: Element
    options: Options


def read(data: bytes, options: Options = DEFAULTS) -> tuple[Statement, ...]:
    """Every statement of the file. Raises UnknownFormat, UnreadableFile, HostileFile or FileTooLarge."""
    declared = _ENCODING.search(data[:1_024])
    xml, note = decode_or_windows(data, declared[1].decode("ascii") if declared else "")
    entries = ReadEntries(options.reversal == KEEPS_SIGN)
    document = bounded_xml.parse(
        xml.lstrip(), source_of="Ntry", namespace_of="Document", counted=_COUNTED, on_element=entries.read_entry
    )
    pages = [
        _page_of(element, Origin(format_name, entries, message, options))
        for message, format_name, part in _messages(document)
        for element in message.iterfind(part)
    ]
    if not pages:
        raise UnreadableFile("the CAMT message holds no statement")
    first, *other_statements = join_pages(pages)
    statements = (replace(first, notes=(*first.notes, note)) if note else first, *other_statements)
    if unclaimed := entries.unclaimed_count:
        problem = f"{counted(unclaimed, 'entry (Ntry) stands', 'entries (Ntry) stand')} outside of every statement"
        return tuple(replace(statement, problems=(*statement.problems, problem)) for statement in statements)
    return statements


def _messages(document: bounded_xml.Document) -> list[tuple[Element, str, str]]:
    """The messages of the file, each with its format and the name of its statement elements."""
    if not document.namespaces:
        raise UnknownFormat(f"the XML root is <{document.root.tag[:60]}> and holds no ISO 20022 Document")
    for namespace in document.namespaces.values():
        if message_name := _OTHER_MESSAGE.search(namespace):
            raise UnknownFormat(f"the namespace names {message_name[0]}, which is no camt.052, .053 or .054 message")
    messages = [
        (child, *format_and_part)
        for document_element in document.namespaces
        for child in document_element
        if (format_and_part := _MESSAGES.get(_VERSION_1.sub("", child.tag)))
    ]
    if not messages:
        children = ", ".join(
            child.tag[:60] for document_element in document.namespaces for child in list(document_element)[:3]
        )
        raise UnreadableFile(f"the Document holds {children or 'nothing'}, not a bank-to-customer message")
    return messages


def _page_of(element: Element, origin: Origin) -> CamtPage:
    balances = find_balances(element, pages=origin.format == "camt.053")
    keeps_sign = origin.options.reversal == KEEPS_SIGN
    read_entries = origin.entries.of_statement(element)
    entries = tuple(read_entry.entry for read_entry in read_entries)
    counted_entries = [read_entry.row for read_entry in read_entries]
    page, last_page = _page(element, origin.message)
    verdict = judge_totals(element, counted_entries, is_whole=(page or 1) == 1 and last_page is not False)
    problems = (*balances.problems, *_find_unknown_statuses(read_entries), *_find_mixed_currencies(balances, entries))
    is_notice = origin.format != "camt.053" and not origin.options.posts_notices
    reversals = [read_entry.entry for read_entry in read_entries if read_entry.is_reversal]
    reversal_result = check_reversals(entries, reversals, balances, keeps_sign=keeps_sign)
    statement = Statement(
        account=_account(element.find("Acct")),
        entries=entries,
        format=origin.format,
        reference=text(element, "Id"),
        number=text(element, "ElctrncSeqNb", "LglSeqNb"),
        opening=balances.opening,
        closing=balances.closing,
        available=balances.available,
        period_start=day(text(element, "FrToDt/FrDtTm", "FrToDt/FrDt")),
        period_end=day(text(element, "FrToDt/ToDtTm", "FrToDt/ToDt")),
        problems=(*problems, *reversal_result.problems, *(() if is_notice else verdict.problems)),
        unproved=_describe_unproved(origin.format, balances, verdict, (page, last_page)),
        totals=verdict.proved,
        notes=(
            *reversal_result.notes,
            *verdict.notes,
            *_note_unequal_parts(entries),
            *(verdict.problems if is_notice else ()),
        ),
        page=page,
        last_page=last_page,
    )
    return CamtPage(statement, element, counted_entries, verdict, is_notice)


def _describe_unproved(
    format_name: str, balances: CamtBalances, verdict: CamtVerdict, pages: tuple[int | None, bool | None]
) -> str:
    """Why neither balances nor totals prove the entries; '' if one of them does."""
    if verdict.proved or (balances.opening is not None and balances.closing is not None):
        return ""
    missing = {"opening balance (OPBD)": balances.opening, "closing balance (CLBD)": balances.closing}
    missing_balances = " and no ".join(name for name, balance in missing.items() if balance is None)
    page, last_page = pages
    if format_name != "camt.053":
        reason = "a report or notice has no balances that its entries lead to"
    elif (page or 1) > 1 or last_page is False:
        reason = f"page {page} of the statement gives no {missing_balances}, and the other pages are not in this file"
    else:
        reason = f"the statement gives no {missing_balances}"
    totals = "its totals do not hold" if verdict.problems else "it declares no totals"
    return f"{reason}; {verdict.unproved or totals}"


def _note_unequal_parts(entries: tuple[Entry, ...]) -> list[str]:
    """Entries whose parts make another amount: the entry's is what the balance counts. The first ten say enough."""
    notes = [
        f"Entry {entry.position + 1} of {entry.amount:f} consists of "
        f"{counted(len(entry.parts), 'part that makes', 'parts that make')} {sum_of_parts}."
        for entry in entries
        if entry.parts and (sum_of_parts := unequal_parts(entry))
    ]
    return notes[:10]


def _page(element: Element, message: Element) -> tuple[int | None, bool | None]:
    """The statement's own page (version 4 and later), else the message's."""
    for pagination in (*(element.find(tag) for tag in _PAGINATIONS), message.find("GrpHdr/MsgPgntn")):
        number = text(pagination, "PgNb")
        if number.isascii() and number.isdigit() and len(number) <= 5:
            return int(number), text(pagination, "LastPgInd").lower() in ("true", "1")
    return None, None


def _account(element: Element | None) -> Account:
    if element is None:
        return Account("")
    return Account(
        identifier=spelled(written_number(element.find("Id"))),
        currency=text(element, "Ccy").upper(),
        bank=text(element, *(f"Svcr/FinInstnId/{leaf}" for leaf in ("BICFI", "BIC", "CmbndId/BIC", "Nm"))),
        name=text(element, "Nm", "Ownr/Nm", "Ownr/Pty/Nm"),
        kind=text(element, "Tp/Cd", "Tp/Prtry").lower(),
    )


def _find_unknown_statuses(read_entries: Iterable[ReadEntry]) -> list[str]:
    """Statuses that are not known: the balance may or may not count such an entry, so the statement cannot be used."""
    codes = {read_entry.status for read_entry in read_entries} - STATUSES.keys()
    return [f"an entry has the unknown status {code[:40]!r}" for code in sorted(codes)]


def _find_mixed_currencies(balances: CamtBalances, entries: tuple[Entry, ...]) -> list[str]:
    """Balances and booked entries are in the account's currency (ISO 20022); otherwise their sum means nothing."""
    if balances.opening is None or balances.closing is None:
        return []
    booked = {entry.currency for entry in entries if entry.status is EntryStatus.BOOKED}
    currencies = {balances.opening.currency, balances.closing.currency} | booked
    if len(currencies) == 1:
        return []
    return [f"balances and booked entries are in several currencies: {', '.join(sorted(currencies))[:100]}"]
