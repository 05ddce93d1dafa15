"""What a CAMT entry says beyond party, reference and text, and the parts of one that the bank booked together.

The keys are those of docs/reference/bank-details.md. Each TxDtls is walked once: a path apiece would be sixty searches.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

from integrations.bank.formats.camt_values import text
from integrations.bank.formats.money_words import Details, money, plain, said
from integrations.bank.statements import EntryPart

Leaves = Mapping[str, list[Element]]
"""Elements without children by their path, in file order; Pty, which versions 8 and later add, is left out."""

_KEYS = {
    "Refs/EndToEndId": "end_to_end_id",
    "Refs/InstrId": "instruction_id",
    "Refs/TxId": "transaction_id",
    "Refs/PmtInfId": "payment_id",
    "Refs/MndtId": "mandate_id",
    "Refs/ChqNb": "cheque_number",
    "Refs/ClrSysRef": "clearing_reference",
    "RltdPties/Cdtr/Id/PrvtId/Othr/Id": "creditor_id",
    "RltdPties/Cdtr/Id/OrgId/Othr/Id": "creditor_id",
    "RltdPties/Dbtr/Id/PrvtId/Othr/Id": "debtor_id",
    "RltdPties/Dbtr/Id/OrgId/Othr/Id": "debtor_id",
    "RltdPties/UltmtDbtr/Nm": "ultimate_debtor",
    "RltdPties/UltmtCdtr/Nm": "ultimate_creditor",
    "Purp/Cd": "purpose",
    "Purp/Prtry": "purpose",
    "RtrInf/Rsn/Cd": "return_reason",
    "RtrInf/Rsn/Prtry": "return_reason",
    "RtrInf/RtrRsn/Cd": "return_reason",
    "RtrInf/RtrRsn/Prtry": "return_reason",
    "RtrInf/AddtlInf": "return_text",
    "BkTxCd/Prtry/Cd": "bank_code",
    "Btch/MsgId": "message_id",
    "Btch/PmtInfId": "payment_id",
}
_DOMAIN = ("BkTxCd/Domn/Cd", "BkTxCd/Domn/Fmly/Cd", "BkTxCd/Domn/Fmly/SubFmlyCd")
_AMOUNTS = {"InstdAmt": "instructed_amount", "TxAmt": "transaction_amount", "CntrValAmt": "counter_amount"}
_NONE = frozenset({"", "NOTPROVIDED"})


def leaves(element: Element, path: str = "", *, without: str = "") -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    _walk(element, path, found, without)
    return found


def _walk(element: Element, path: str, found: dict[str, list[Element]], without: str) -> None:
    for child in element:
        tag = child.tag
        if tag == without:
            continue
        below = path if tag == "Pty" else f"{path}/{tag}" if path else tag
        if len(child):
            _walk(child, below, found, without)
        else:
            found.setdefault(below, []).append(child)


def details(found: Leaves, element: Element, role: str) -> Details:
    """`role` is Dbtr or Cdtr, whichever is the other side."""
    named: Details = {}
    for path, nodes in found.items():
        key = _KEYS.get(path)
        if key and (value := _value(nodes)) not in _NONE:
            named.setdefault(key, value)
    # What stands in few transactions is looked for only where the element that holds it is there.
    sections = {path.partition("/")[0] for path in found}
    if "BkTxCd" in sections:
        named["transaction_code"] = "-".join(filter(None, (_first(found, path) for path in _DOMAIN)))
    if "RltdAgts" in sections:
        agent = f"RltdAgts/{role}Agt/FinInstnId"
        named["counterparty_bank"] = _first(found, f"{agent}/BICFI", f"{agent}/BIC", f"{agent}/ClrSysMmbId/MmbId")
    if "AmtDtls" in sections:
        named.update({key: _money(found.get(f"AmtDtls/{part}/Amt", [])) for part, key in _AMOUNTS.items()})
        named.update(_exchange(found))
    if "Chrgs" in sections:
        named["charges"] = _charges(found)
    if element.find("RmtInf/Strd") is not None:
        named.update(_structured(element))
    return said(named)


def _exchange(found: Leaves) -> Details:
    """The first exchange that is stated; ISO 20022: one unit of UnitCcy, else of SrcCcy, is so much of the other."""
    if not any(path.endswith("XchgRate") for path in found):
        return {}
    for part in ("", *(f"/{part}" for part in _AMOUNTS), "/AnncdPstngAmt", "/PrtryAmt"):
        exchange = f"AmtDtls{part}/CcyXchg"
        if rate := plain(_first(found, f"{exchange}/XchgRate")):
            ends = {"exchange_from": "SrcCcy", "exchange_to": "TrgtCcy", "exchange_unit": "UnitCcy"}
            return {"exchange_rate": rate, **{key: _first(found, f"{exchange}/{leaf}") for key, leaf in ends.items()}}
    return {}


def _charges(found: Leaves) -> list[dict[str, str]]:
    nodes = found.get("Chrgs/Rcrd/Amt") or found.get("Chrgs/Amt") or found.get("Chrgs/TtlChrgsAndTaxAmt") or []
    return [charge for node in nodes if (charge := _money([node]))]


def _structured(element: Element) -> Details:
    references, documents = [], []
    for remittance in element.iterfind("RmtInf/Strd"):
        references.append(text(remittance, "CdtrRefInf/Ref", "CdtrRefInf/CdtrRef"))
        for document in remittance.iterfind("RfrdDocInf"):
            kind = text(document, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Tp/Cd", "RfrdDocTp/Cd", "RfrdDocTp/Prtry")
            number = text(document, "Nb", "RfrdDocNb")
            documents.append(said({"number": number, "type": kind, "date": text(document, "RltdDt", "RltdDt/Dt")}))
        if number := text(remittance, "RfrdDocInf"):
            documents.append({"number": number})
    return {"creditor_references": list(filter(None, references)), "documents": list(filter(None, documents))}


def part(
    detail: Element, sign: int, entry_currency: str, party: tuple[str, str], description: str, role: str
) -> EntryPart:
    """`sign` is the entry's, for a part that has none of its own."""
    found = leaves(detail)
    amount, written, currency = _part_amount(found, entry_currency)
    own = _first(found, "CdtDbtInd")
    sign = {"CRDT": 1, "DBIT": -1}.get(own, sign)
    reference = _first(found, "Refs/EndToEndId")
    return EntryPart(
        amount=amount if amount is None or sign > 0 else -amount,
        amount_text=written,
        currency=currency,
        reference="" if reference in _NONE else reference,
        counterparty=party[0],
        counterparty_account=party[1],
        description=description,
        details=details(found, detail, role),
    )


def _part_amount(found: Leaves, entry_currency: str) -> tuple[Decimal | None, str, str]:
    """Its own amount, else the one of its AmtDtls that is in the entry's currency."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        for node in found.get(path, []):
            currency = node.get("Ccy", "").strip().upper() or entry_currency
            if path == "Amt" or currency == entry_currency:
                number = plain(_value([node]))
                return (Decimal(number) if number else None), _value([node]), currency
    return None, "", entry_currency


def _money(nodes: list[Element]) -> dict[str, str]:
    return money(_value(nodes), nodes[0].get("Ccy", "").strip().upper()) if nodes else {}


def _first(found: Leaves, *paths: str) -> str:
    return next((value for path in paths if (value := _value(found.get(path, [])))), "")


def _value(nodes: list[Element]) -> str:
    return " ".join((nodes[0].text or "").split()) if nodes else ""


def entry_details(ntry: Element, single: Element | None, role: str) -> Mapping[str, Any]:
    """Of the entry, and of its one transaction where it has one: what that says is the nearer word."""
    batch = ntry.find("NtryDtls/Btch")
    found = leaves(ntry, without="NtryDtls") | ({} if batch is None else leaves(batch, "Btch"))
    own = details(found, ntry, role)
    return own if single is None else {**own, **details(leaves(single), single, role)}
