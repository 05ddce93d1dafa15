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
from integrations.bank.formats.camt_balance import Ends, ends
from integrations.bank.formats.camt_entry import STATUSES, unequal_parts, written_number
from integrations.bank.formats.camt_pages import Sheet, joined
from integrations.bank.formats.camt_reversals import turned_reversals
from integrations.bank.formats.camt_taken import Entries, Taken
from integrations.bank.formats.camt_totals import Verdict, judge
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
    entries: Entries
    message: Element
    options: Options


def read(data: bytes, options: Options = DEFAULTS) -> tuple[Statement, ...]:
    """Every statement of the file. Raises UnknownFormat, UnreadableFile, HostileFile or FileTooLarge."""
    declared = _ENCODING.search(data[:1_024])
    xml, note = decode_or_windows(data, declared[1].decode("ascii") if declared else "")
    entries = Entries(options.reversal == KEEPS_SIGN)
    document = bounded_xml.parse(
        xml.lstrip(), source_of="Ntry", namespace_of="Document", counted=_COUNTED, taken=entries.take
    )
    sheets = [
        _sheet(each, Origin(format_name, entries, message, options))
        for message, format_name, part in _messages(document)
        for each in message.iterfind(part)
    ]
    if not sheets:
        raise UnreadableFile("the CAMT message holds no statement")
    first, *rest = joined(sheets)
    statements = (replace(first, notes=(*first.notes, note)) if note else first, *rest)
    if lost := entries.left:
        problem = f"{counted(lost, 'entry (Ntry) stands', 'entries (Ntry) stand')} outside of every statement"
        return tuple(replace(each, problems=(*each.problems, problem)) for each in statements)
    return statements


def _messages(document: bounded_xml.Document) -> list[tuple[Element, str, str]]:
    """The messages of the file, each with its format and the name of its statement elements."""
    if not document.namespaces:
        raise UnknownFormat(f"the XML root is <{document.root.tag[:60]}> and holds no ISO 20022 Document")
    for namespace in document.namespaces.values():
        if other := _OTHER_MESSAGE.search(namespace):
            raise UnknownFormat(f"the namespace names {other[0]}, which is no camt.052, .053 or .054 message")
    found = [
        (child, *known)
        for each in document.namespaces
        for child in each
        if (known := _MESSAGES.get(_VERSION_1.sub("", child.tag)))
    ]
    if not found:
        held = ", ".join(child.tag[:60] for each in document.namespaces for child in list(each)[:3])
        raise UnreadableFile(f"the Document holds {held or 'nothing'}, not a bank-to-customer message")
    return found


def _sheet(element: Element, origin: Origin) -> Sheet:
    limits = ends(element, pages=origin.format == "camt.053")
    keeps_sign = origin.options.reversal == KEEPS_SIGN
    taken = origin.entries.of(element)
    entries, rows = tuple(each.entry for each in taken), [each.row for each in taken]
    page, last_page = _page(element, origin.message)
    verdict = judge(element, rows, is_whole=(page or 1) == 1 and last_page is not False)
    problems = (*limits.problems, *_unknown_statuses(taken), *_mixed_currencies(limits, entries))
    is_notice = origin.format != "camt.053" and not origin.options.posts_notices
    reversals = [each.entry for each in taken if each.is_reversal]
    turned = turned_reversals(entries, reversals, limits, keeps_sign=keeps_sign)
    statement = Statement(
        account=_account(element.find("Acct")),
        entries=entries,
        format=origin.format,
        reference=text(element, "Id"),
        number=text(element, "ElctrncSeqNb", "LglSeqNb"),
        opening=limits.opening,
        closing=limits.closing,
        available=limits.available,
        period_start=day(text(element, "FrToDt/FrDtTm", "FrToDt/FrDt")),
        period_end=day(text(element, "FrToDt/ToDtTm", "FrToDt/ToDt")),
        problems=(*problems, *turned.problems, *(() if is_notice else verdict.problems)),
        unproved=_unproved(origin.format, limits, verdict, (page, last_page)),
        totals=verdict.proved,
        notes=(*turned.notes, *verdict.notes, *_unequal(entries), *(verdict.problems if is_notice else ())),
        page=page,
        last_page=last_page,
    )
    return Sheet(statement, element, rows, verdict, is_notice)


def _unproved(format_name: str, limits: Ends, verdict: Verdict, pages: tuple[int | None, bool | None]) -> str:
    """Why neither balances nor totals speak for the entries."""
    if verdict.proved or (limits.opening is not None and limits.closing is not None):
        return ""
    missing = {"opening balance (OPBD)": limits.opening, "closing balance (CLBD)": limits.closing}
    ends = " and no ".join(name for name, end in missing.items() if end is None)
    page, last_page = pages
    if format_name != "camt.053":
        why = "a report or notice has no balances that its entries lead to"
    elif (page or 1) > 1 or last_page is False:
        why = f"page {page} of the statement gives no {ends}, and the other pages are not in this file"
    else:
        why = f"the statement gives no {ends}"
    totals = "its totals do not hold" if verdict.problems else "it declares no totals"
    return f"{why}; {verdict.unproved or totals}"


def _unequal(entries: tuple[Entry, ...]) -> list[str]:
    """Entries whose parts make another amount: the entry's is what the balance counts. The first ten say enough."""
    told = [
        f"Entry {each.position + 1} of {each.amount:f} consists of "
        f"{counted(len(each.parts), 'part that makes', 'parts that make')} {whole}."
        for each in entries
        if each.parts and (whole := unequal_parts(each))
    ]
    return told[:10]


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


def _unknown_statuses(taken: Iterable[Taken]) -> list[str]:
    """Whether an entry of unknown status is in the balance cannot be told, so the statement cannot be used."""
    codes = {each.status for each in taken} - STATUSES.keys()
    return [f"an entry has the unknown status {code[:40]!r}" for code in sorted(codes)]


def _mixed_currencies(limits: Ends, entries: tuple[Entry, ...]) -> list[str]:
    """Balances and booked entries are in the account's currency (ISO 20022); otherwise their sum means nothing."""
    if limits.opening is None or limits.closing is None:
        return []
    booked = {each.currency for each in entries if each.status is EntryStatus.BOOKED}
    currencies = {limits.opening.currency, limits.closing.currency} | booked
    if len(currencies) == 1:
        return []
    return [f"balances and booked entries are in several currencies: {', '.join(sorted(currencies))[:100]}"]
