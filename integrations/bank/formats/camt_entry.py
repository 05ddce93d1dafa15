"""One Ntry of a CAMT statement. A batch of several TxDtls stays one entry, because the balance counts the Ntry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

from ingestion import counted
from integrations.bank.formats.camt_details import entry_details, read_part
from integrations.bank.formats.camt_values import currency, day, signed_amount, text, texts
from integrations.bank.statements import Entry, EntryPart, EntryStatus

STATUSES = {
    "BOOK": EntryStatus.BOOKED,
    "PDNG": EntryStatus.PENDING,
    "FUTR": EntryStatus.PENDING,
    "INFO": EntryStatus.INFORMATION,
    "": EntryStatus.BOOKED,
}
"""ExternalEntryStatus1Code. No status at all is against the schema; booked then, so that the balance is the judge."""

MAX_DESCRIPTION = 4_000
"""A batch may have thousands of details; `parts` has all of them."""
MAX_RAW = 64_000
"""Characters of a batch that are kept as written. Beyond, its transactions are kept once, as `parts`."""

_REMITTANCE = (
    "RmtInf/Ustrd",
    "RmtInf/Strd/CdtrRefInf/Ref",
    "RmtInf/Strd/CdtrRefInf/CdtrRef",
    "RmtInf/Strd/AddtlRmtInf",
    "AddtlTxInf",
)


def status_code(ntry: Element) -> str:
    """Plain text up to version 6, a code inside Sts from 7 on."""
    return text(ntry, "Sts", "Sts/Cd", "Sts/Prtry")


def is_reversal(ntry: Element) -> bool:
    return text(ntry, "RvslInd").lower() in ("true", "1")


def read_entry(position: int, ntry: Element, source: str, *, keeps_sign: bool = False) -> Entry:
    """With `keeps_sign` the bank gives a reversal the direction of the entry that it undoes, instead of its own."""
    amount, amount_text = signed_amount(ntry)
    is_turned = keeps_sign and is_reversal(ntry)
    if is_turned and amount is not None:
        amount = -amount
    booked_text = text(ntry, "BookgDt/Dt", "BookgDt/DtTm")
    details = list(ntry.iter("TxDtls"))
    single = details[0] if len(details) == 1 else None
    role = _role(ntry, keeps_sign=keeps_sign)
    party, party_account = _counterparty(single, role)
    parts = _parts(ntry, details, role, is_turned=is_turned) if single is None else ()
    return Entry(
        position=position,
        amount=amount,
        amount_text=amount_text,
        currency=currency(ntry),
        booked_on=day(booked_text),
        booked_text=booked_text,
        value_on=day(text(ntry, "ValDt/Dt", "ValDt/DtTm")),
        status=STATUSES.get(status_code(ntry), EntryStatus.INFORMATION),
        bank_id=text(ntry, "AcctSvcrRef"),
        reference=_reference(ntry, single),
        kind=_kind(ntry) or _kind(single),
        counterparty=party,
        counterparty_account=party_account,
        description=_description(ntry, details),
        parts=parts,
        details=entry_details(ntry, single, role),
        raw=_without_transactions(source, len(parts)) if parts and len(source) > MAX_RAW else source,
    )


def _without_transactions(source: str, count: int) -> str:
    """The entry's own XML: a comment in the place of all from its first TxDtls to its last."""
    first, last = source.find("TxDtls"), source.rfind("TxDtls")
    start, end = source.rfind("<", 0, first), source.find(">", last) + 1
    return f"{source[:start]}<!-- {count} TxDtls, kept as parts -->{source[end:]}"


def _parts(ntry: Element, details: list[Element], role: str, *, is_turned: bool) -> tuple[EntryPart, ...]:
    sign = -1 if text(ntry, "CdtDbtInd") == "DBIT" else 1
    entry_currency = currency(ntry)
    parts = (
        read_part(
            detail, sign, entry_currency, _counterparty(detail, role), " / ".join(_remittance_texts(detail)), role
        )
        for detail in details
    )
    if not is_turned:
        return tuple(parts)
    return tuple(replace(part, amount=None if part.amount is None else -part.amount) for part in parts)


def unequal_parts(entry: Entry) -> str:
    """What the parts make if that is not the entry's amount; '' if it is, or if not all parts have an amount.

    The charges of the parts or of the entry may be the difference: banks include them or not, and do not say which.
    """
    amounts = [part.amount for part in entry.parts if part.amount is not None and part.currency == entry.currency]
    if not entry.parts or len(amounts) < len(entry.parts) or entry.amount is None:
        return ""
    sum_of_parts = sum(amounts, Decimal())
    charges_of_parts = sum((_sum_of_charges(part.details, entry.currency) for part in entry.parts), Decimal())
    allowed = {Decimal(), charges_of_parts, _sum_of_charges(entry.details, entry.currency)}
    return "" if abs(sum_of_parts - entry.amount) in allowed else format(sum_of_parts, "f")


def _sum_of_charges(details: Mapping[str, Any], currency: str) -> Decimal:
    charges = (charge["amount"] for charge in details.get("charges", []) if charge["currency"] == currency)
    return sum((Decimal(amount) for amount in charges), Decimal())


def _role(ntry: Element, *, keeps_sign: bool) -> str:
    """The role of the counterparty: debtor of money that came in, creditor of money that left.

    In a reversal the parties keep the roles of the transaction that is undone, so the direction is turned round.
    """
    came_in = text(ntry, "CdtDbtInd") == "CRDT"
    is_turned = is_reversal(ntry) and not keeps_sign
    return "Dbtr" if came_in is not is_turned else "Cdtr"


def _counterparty(single: Element | None, role: str) -> tuple[str, str]:
    """Name and account of the counterparty of one transaction."""
    parties = None if single is None else single.find("RltdPties")
    name = text(parties, f"{role}/Nm", f"{role}/Pty/Nm", f"{role}/Agt/FinInstnId/Nm")
    return name, account_number(None if parties is None else parties.find(f"{role}Acct/Id"))


def account_number(identification: Element | None) -> str:
    """The `written_number` without its blanks."""
    return written_number(identification).replace(" ", "")


def written_number(identification: Element | None) -> str:
    """IBAN, or the number in whichever place the version has for it (BBAN, UPIC and PrtryAcct are version 1)."""
    return text(identification, "IBAN", "Othr/Id", "BBAN", "UPIC", "PrtryAcct/Id")


def _reference(ntry: Element, single: Element | None) -> str:
    end_to_end = text(single, "Refs/EndToEndId")
    if end_to_end and end_to_end != "NOTPROVIDED":
        return end_to_end
    return text(ntry, "NtryDtls/Btch/PmtInfId", "Btch/PmtInfId", "NtryRef")


def _kind(element: Element | None) -> str:
    """The ISO bank transaction code as PMNT-RCDT-ESCT, else the bank's own code."""
    codes = [text(element, f"BkTxCd/Domn/{leaf}") for leaf in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "-".join(filter(None, codes)) or text(element, "BkTxCd/Prtry/Cd")


def _remittance_texts(detail: Element) -> list[str]:
    return [value for path in _REMITTANCE for value in texts(detail, path)]


def _description(ntry: Element, details: list[Element]) -> str:
    remittance = [value for detail in details for value in _remittance_texts(detail)]
    description = " / ".join(dict.fromkeys([*texts(ntry, "AddtlNtryInf"), *remittance]))
    return (
        description
        if len(description) <= MAX_DESCRIPTION
        else f"{description[:MAX_DESCRIPTION]}… ({counted(len(details), 'detail')})"
    )
