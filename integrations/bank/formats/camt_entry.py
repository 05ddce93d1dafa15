"""One Ntry of a CAMT statement. A batch of several TxDtls stays one entry, because the balance counts the Ntry."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from integrations.bank.formats.camt_values import currency, day, signed_amount, text, texts
from integrations.bank.statements import Entry, EntryStatus

STATUSES = {
    "BOOK": EntryStatus.BOOKED,
    "PDNG": EntryStatus.PENDING,
    "FUTR": EntryStatus.PENDING,
    "INFO": EntryStatus.INFORMATION,
    "": EntryStatus.BOOKED,
}
"""ExternalEntryStatus1Code. No status at all is against the schema; booked then, so that the balance is the judge."""

MAX_DESCRIPTION = 4_000
"""A batch may have thousands of details; `raw` has all of them."""

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


def entry(position: int, ntry: Element, source: str) -> Entry:
    amount, amount_text = signed_amount(ntry)
    booked_text = text(ntry, "BookgDt/Dt", "BookgDt/DtTm")
    details = list(ntry.iter("TxDtls"))
    single = details[0] if len(details) == 1 else None
    party, party_account = _counterparty(ntry, single)
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
        raw=source,
    )


def _counterparty(ntry: Element, single: Element | None) -> tuple[str, str]:
    """Name and account of the other side: the debtor of money that came in, the creditor of money that left.

    In a reversal the parties keep the roles of the transaction that is undone, so the direction is turned round.
    """
    came_in = text(ntry, "CdtDbtInd") == "CRDT"
    reversal = text(ntry, "RvslInd").lower() in ("true", "1")
    role = "Dbtr" if came_in is not reversal else "Cdtr"
    parties = None if single is None else single.find("RltdPties")
    name = text(parties, f"{role}/Nm", f"{role}/Pty/Nm", f"{role}/Agt/FinInstnId/Nm")
    return name, account_number(None if parties is None else parties.find(f"{role}Acct/Id"))


def account_number(identification: Element | None) -> str:
    """IBAN, or the number in whichever place the version has for it (BBAN, UPIC and PrtryAcct are version 1)."""
    return text(identification, "IBAN", "Othr/Id", "BBAN", "UPIC", "PrtryAcct/Id").replace(" ", "")


def _reference(ntry: Element, single: Element | None) -> str:
    end_to_end = text(single, "Refs/EndToEndId")
    if end_to_end and end_to_end != "NOTPROVIDED":
        return end_to_end
    return text(ntry, "NtryDtls/Btch/PmtInfId", "Btch/PmtInfId", "NtryRef")


def _kind(element: Element | None) -> str:
    """The ISO bank transaction code as PMNT-RCDT-ESCT, else the bank's own code."""
    codes = [text(element, f"BkTxCd/Domn/{leaf}") for leaf in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "-".join(filter(None, codes)) or text(element, "BkTxCd/Prtry/Cd")


def _description(ntry: Element, details: list[Element]) -> str:
    said = [value for detail in details for path in _REMITTANCE for value in texts(detail, path)]
    whole = " / ".join(dict.fromkeys([*texts(ntry, "AddtlNtryInf"), *said]))
    return whole if len(whole) <= MAX_DESCRIPTION else f"{whole[:MAX_DESCRIPTION]}… ({len(details)} details)"
