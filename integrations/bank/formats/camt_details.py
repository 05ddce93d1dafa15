"""The details of a CAMT entry beside party, reference and text, and the parts of an entry that was booked as one.

The keys are those of docs/reference/bank-details.md. Each TxDtls is walked once: a path for each key would take sixty
searches.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

from integrations.bank.formats.camt_values import text
from integrations.bank.formats.money_words import Details, money, plain, without_empty
from integrations.bank.statements import EntryPart

Leaves = Mapping[str, list[Element]]
"""Elements without children by their path, in file order. Pty, which versions 8 and later add, is left out of
the path.
"""

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
    leaves_by_path: dict[str, list[Element]] = {}
    _walk(element, path, leaves_by_path, without)
    return leaves_by_path


def _walk(element: Element, path: str, leaves_by_path: dict[str, list[Element]], without: str) -> None:
    for child in element:
        tag = child.tag
        if tag == without:
            continue
        below = path if tag == "Pty" else f"{path}/{tag}" if path else tag
        if len(child):
            _walk(child, below, leaves_by_path, without)
        else:
            leaves_by_path.setdefault(below, []).append(child)


def read_details(leaves_by_path: Leaves, element: Element, role: str) -> Details:
    """`role` is Dbtr or Cdtr, whichever is the counterparty."""
    details: Details = {}
    for path, nodes in leaves_by_path.items():
        key = _KEYS.get(path)
        if key and (value := _value(nodes)) not in _NONE:
            details.setdefault(key, value)
    # What stands in few transactions is looked for only where the element that holds it is there.
    sections = {path.partition("/")[0] for path in leaves_by_path}
    if "BkTxCd" in sections:
        details["transaction_code"] = "-".join(filter(None, (_first(leaves_by_path, path) for path in _DOMAIN)))
    if "RltdAgts" in sections:
        agent = f"RltdAgts/{role}Agt/FinInstnId"
        details["counterparty_bank"] = _first(
            leaves_by_path, f"{agent}/BICFI", f"{agent}/BIC", f"{agent}/ClrSysMmbId/MmbId"
        )
    if "AmtDtls" in sections:
        details.update(
            {
                key: _money_of(leaves_by_path.get(f"AmtDtls/{amount_name}/Amt", []))
                for amount_name, key in _AMOUNTS.items()
            }
        )
        details.update(_exchange(leaves_by_path))
    if "Chrgs" in sections:
        details["charges"] = _charges(leaves_by_path)
    if element.find("RmtInf/Strd") is not None:
        details.update(_structured(element))
    return without_empty(details)


def _exchange(leaves_by_path: Leaves) -> Details:
    """The first exchange that is stated. In ISO 20022 one unit of UnitCcy, else of SrcCcy, is worth the rate in the
    other currency.
    """
    if not any(path.endswith("XchgRate") for path in leaves_by_path):
        return {}
    for amount_name in ("", *(f"/{amount_name}" for amount_name in _AMOUNTS), "/AnncdPstngAmt", "/PrtryAmt"):
        exchange = f"AmtDtls{amount_name}/CcyXchg"
        if rate := plain(_first(leaves_by_path, f"{exchange}/XchgRate")):
            currencies = {"exchange_from": "SrcCcy", "exchange_to": "TrgtCcy", "exchange_unit": "UnitCcy"}
            return {
                "exchange_rate": rate,
                **{key: _first(leaves_by_path, f"{exchange}/{leaf}") for key, leaf in currencies.items()},
            }
    return {}


def _charges(leaves_by_path: Leaves) -> list[dict[str, str]]:
    nodes = (
        leaves_by_path.get("Chrgs/Rcrd/Amt")
        or leaves_by_path.get("Chrgs/Amt")
        or leaves_by_path.get("Chrgs/TtlChrgsAndTaxAmt")
        or []
    )
    return [charge for node in nodes if (charge := _money_of([node]))]


def _structured(element: Element) -> Details:
    references, documents = [], []
    for remittance in element.iterfind("RmtInf/Strd"):
        references.append(text(remittance, "CdtrRefInf/Ref", "CdtrRefInf/CdtrRef"))
        for document in remittance.iterfind("RfrdDocInf"):
            kind = text(document, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Tp/Cd", "RfrdDocTp/Cd", "RfrdDocTp/Prtry")
            number = text(document, "Nb", "RfrdDocNb")
            documents.append(
                without_empty({"number": number, "type": kind, "date": text(document, "RltdDt", "RltdDt/Dt")})
            )
        if number := text(remittance, "RfrdDocInf"):
            documents.append({"number": number})
    return {"creditor_references": list(filter(None, references)), "documents": list(filter(None, documents))}


def read_part(
    detail: Element, sign: int, entry_currency: str, party: tuple[str, str], description: str, role: str
) -> EntryPart:
    """`sign` is the entry's, for a part without its own."""
    leaves_by_path = leaves(detail)
    amount, written, currency = _part_amount(leaves_by_path, entry_currency)
    indicator = _first(leaves_by_path, "CdtDbtInd")
    sign = {"CRDT": 1, "DBIT": -1}.get(indicator, sign)
    reference = _first(leaves_by_path, "Refs/EndToEndId")
    return EntryPart(
        amount=amount if amount is None or sign > 0 else -amount,
        amount_text=written,
        currency=currency,
        reference="" if reference in _NONE else reference,
        counterparty=party[0],
        counterparty_account=party[1],
        description=description,
        details=read_details(leaves_by_path, detail, role),
    )


def _part_amount(leaves_by_path: Leaves, entry_currency: str) -> tuple[Decimal | None, str, str]:
    """The part's own amount, else the one of its AmtDtls that is in the entry's currency."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        for node in leaves_by_path.get(path, []):
            currency = node.get("Ccy", "").strip().upper() or entry_currency
            if path == "Amt" or currency == entry_currency:
                number = plain(_value([node]))
                return (Decimal(number) if number else None), _value([node]), currency
    return None, "", entry_currency


def _money_of(nodes: list[Element]) -> dict[str, str]:
    return money(_value(nodes), nodes[0].get("Ccy", "").strip().upper()) if nodes else {}


def _first(leaves_by_path: Leaves, *paths: str) -> str:
    return next((value for path in paths if (value := _value(leaves_by_path.get(path, [])))), "")


def _value(nodes: list[Element]) -> str:
    return " ".join((nodes[0].text or "").split()) if nodes else ""


def entry_details(ntry: Element, single: Element | None, role: str) -> Mapping[str, Any]:
    """The details of the entry and of its transaction, if it has exactly one: the transaction's come first."""
    batch = ntry.find("NtryDtls/Btch")
    leaves_by_path = leaves(ntry, without="NtryDtls") | ({} if batch is None else leaves(batch, "Btch"))
    from_entry = read_details(leaves_by_path, ntry, role)
    return from_entry if single is None else {**from_entry, **read_details(leaves(single), single, role)}
