"""Details of :86: and the second line of :61: beside text, party and reference, in the words both formats share.

The vocabulary is docs/reference/bank-details.md. German words are those of the DFÜ agreement (annex 3), slash words
those of the Dutch payments association and of SWIFT's :61: supplementary details.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from integrations.bank.formats.money_words import swift_money, swift_rate, without_empty

_NONE = {"", "NOTPROVIDED", "NONREF", "NOT PROVIDED"}
_SEPA = {
    "EREF": "end_to_end_id",
    "KREF": "customer_reference",
    "MREF": "mandate_id",
    "CRED": "creditor_id",
    "DEBT": "debtor_id",
    "ABWA": "ultimate_debtor",
    "ABWE": "ultimate_creditor",
    "PURP": "purpose",
}
_SLASH = {
    "EREF": "end_to_end_id",
    "KREF": "customer_reference",
    "CREF": "customer_reference",
    "PREF": "payment_id",
    "IREF": "instruction_id",
    "MARF": "mandate_id",
    "CSID": "creditor_id",
    "PURP": "purpose",
    "RTRN": "return_reason",
    "BIC": "counterparty_bank",
    "ULTC": "ultimate_creditor",
    "ULTB": "ultimate_creditor",
    "ULTD": "ultimate_debtor",
    "TRCD": "bank_code",
}
_LABEL = {
    "KENMERK": "end_to_end_id",
    "MACHTIGING": "mandate_id",
    "INCASSANT": "creditor_id",
    "ID DEBITEUR": "debtor_id",
    "BIC": "counterparty_bank",
}
_PIECES = re.compile(r"/(OCMT|CHGS|EXCH)/([^/]*)")
_STRUCTURED = re.compile(r"/?STRD/(?:CUR|ISO)?/?([^/]+)/?")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


def german_details(transaction_code: str, codes: Mapping[str, str], words: Mapping[str, str]) -> dict[str, Any]:
    bank = "".join(codes.get("30", "").split())
    return without_empty(
        {
            "bank_code": transaction_code,
            "booking_text": _text(codes.get("00", "")),
            "bank_code_supplement": _text(codes.get("34", "")),
            "counterparty_bank": bank if _BIC.fullmatch(bank) or bank.isdigit() else "",
            **_keyed_texts(_SEPA, words),
            "instructed_amount": _original_amount(words.get("OAMT", "")),
        }
    )


def slash_details(words: Mapping[str, str]) -> dict[str, Any]:
    structured = _STRUCTURED.match(words.get("REMI", ""))
    return without_empty(
        {
            **_keyed_texts(_SLASH, words),
            "creditor_references": [_text(structured[1])] if structured else [],
            **_amounts((word, text) for word, text in words.items() if word in {"OCMT", "CHGS", "EXCH"}),
        }
    )


def label_details(words: Mapping[str, str]) -> dict[str, Any]:
    reference = _text(words.get("BETALINGSKENM.", ""))
    return without_empty({**_keyed_texts(_LABEL, words), "creditor_references": [reference] if reference else []})


def supplementary_details(lines: Iterable[str]) -> dict[str, Any]:
    """`/OCMT/USD100,00/CHGS/EUR1,50/`: the original amount and the charges, in the second line of :61:."""
    return without_empty(_amounts(_PIECES.findall("".join(lines))))


def _amounts(pieces: Iterable[tuple[str, str]]) -> dict[str, Any]:
    original: dict[str, str] = {}
    rate, charges = "", []
    for word, text in pieces:
        if word == "OCMT":
            original = original or swift_money(text)
        elif word == "EXCH":
            rate = rate or swift_rate(text)
        elif charge := swift_money(text):
            charges.append(charge)
    return {"instructed_amount": original, "exchange_rate": rate, "charges": charges}


def _original_amount(text: str) -> dict[str, str]:
    """`USD 100,00` or `EUR100,00`."""
    return swift_money("".join(text.split()).replace(".", ""))


def _keyed_texts(names: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    """The first word that fills a key wins."""
    texts: dict[str, str] = {}
    for word, written in words.items():
        if (key := names.get(word)) and (text := _text(written)).upper() not in _NONE:
            texts.setdefault(key, text)
    return texts


def _text(text: str) -> str:
    return " ".join(text.split()).strip("/ ")
