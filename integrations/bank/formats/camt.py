"""ISO 20022 bank-to-customer messages: camt.052 reports, camt.053 statements, camt.054 notifications, versions 1 to 13.

The namespace is not compared, since banks write many; the message element decides. An envelope around Document (a
business application header, SOAP) is allowed.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from ingestion import UnknownFormat, UnreadableFile
from integrations.bank.formats import bounded_xml
from integrations.bank.formats.camt_balance import Ends, ends
from integrations.bank.formats.camt_entry import STATUSES, account_number, entry, status_code
from integrations.bank.formats.camt_values import day, text
from integrations.bank.formats.charset import decode
from integrations.bank.statements import Account, Entry, EntryStatus, Statement

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


def read(data: bytes) -> tuple[Statement, ...]:
    """Every statement of the file. Raises UnknownFormat, UnreadableFile, HostileFile or FileTooLarge."""
    declared = _ENCODING.search(data[:1_024])
    xml = decode(data, declared[1].decode("ascii") if declared else "").lstrip()
    document = bounded_xml.parse(xml, source_of="Ntry", namespace_of="Document", counted=_COUNTED)
    statements = tuple(
        _statement(each, format_name, document)
        for message, format_name, part in _messages(document)
        for each in message.iterfind(part)
    )
    if not statements:
        raise UnreadableFile("the CAMT message holds no statement")
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


def _statement(element: Element, format_name: str, document: bounded_xml.Document) -> Statement:
    limits = ends(element, pages=format_name == "camt.053")
    entries = tuple(
        entry(number, ntry, document.sources.get(ntry, "")) for number, ntry in enumerate(element.iterfind("Ntry"))
    )
    return Statement(
        account=_account(element.find("Acct")),
        entries=entries,
        format=format_name,
        reference=text(element, "Id"),
        number=text(element, "ElctrncSeqNb", "LglSeqNb"),
        opening=limits.opening,
        closing=limits.closing,
        available=limits.available,
        period_start=day(text(element, "FrToDt/FrDtTm", "FrToDt/FrDt")),
        period_end=day(text(element, "FrToDt/ToDtTm", "FrToDt/ToDt")),
        problems=(*limits.problems, *_unknown_statuses(element), *_mixed_currencies(limits, entries)),
    )


def _account(element: Element | None) -> Account:
    if element is None:
        return Account("")
    return Account(
        identifier=account_number(element.find("Id")),
        currency=text(element, "Ccy").upper(),
        bank=text(element, *(f"Svcr/FinInstnId/{leaf}" for leaf in ("BICFI", "BIC", "CmbndId/BIC", "Nm"))),
        name=text(element, "Nm", "Ownr/Nm", "Ownr/Pty/Nm"),
        kind=text(element, "Tp/Cd", "Tp/Prtry").lower(),
    )


def _unknown_statuses(element: Element) -> list[str]:
    """Whether an entry of unknown status is in the balance cannot be told, so the statement cannot be used."""
    codes = {status_code(ntry) for ntry in element.iterfind("Ntry")} - STATUSES.keys()
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
