"""Party and purpose: the free field :86: (and :NS:), which every banking community fills in its own way.

Four styles are told apart by their marks, never by the bank's name; any other text is plain:
- German `GVC?00..?63` (any separator; Triodos uses `>`), with SEPA words `EREF+` `SVWZ+` inside the purpose;
- Dutch and Balkan slash words `/TRTP/../IBAN/../REMI/..`, ING's `/CNTP/account/bic/name/city/`;
- ABN AMRO labels `IBAN: .. NAAM: .. OMSCHRIJVING: ..`;
- STARTUMS :NS: lines of a two-digit code and text.

None of this decides about money, so the reader guesses if it must, and never fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.bank.formats.mt940_more import german_details, label_details, slash_details

_GVC = re.compile(r"\s*[0-9]{3}([?>~|^!@])[0-9]{2}")
_SEPA = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|COAM|OAMT|PURP)\+")
_SLASH = re.compile(
    r"/(TRTP|IBAN|BBAN|BIC|NAME|REMI|EREF|ORDP|BENM|CNTP|MARF|CSID|ID|PURP|ADDR|ISDT|TRCD|RTRN|SVCL|PREF|IREF|ULTC"
    r"|ULTD|CREF|KREF|OCMT|CHGS|EXCH|NRTX|ULTB)(?=/)"
)
_LABEL = re.compile(r"\b(IBAN|BIC|NAAM|OMSCHRIJVING|KENMERK|BETALINGSKENM\.|MACHTIGING|INCASSANT|ID DEBITEUR) ?: ?")
_ACCOUNT = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}|[0-9]{7,34}")
_ABSENT = {"", "NOTPROVIDED", "NONREF", "NOT PROVIDED"}


@dataclass(frozen=True, slots=True)
class NarrativeDetails:
    description: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    reference: str = ""
    """End-to-end or customer reference, '' if the text says there is none."""
    more: dict[str, Any] = field(default_factory=dict)
    """In the vocabulary of docs/reference/bank-details.md."""


def read_details(lines: Sequence[str]) -> NarrativeDetails:
    # The structured styles are cut at 65 characters wherever that falls, so the line break is not a space.
    joined = "".join(lines).strip()
    if mark := _GVC.match(joined):
        codes = _collect(re.split(re.escape(mark[1]) + "([0-9]{2})", joined)[1:])
        return _triodos(codes) if mark[1] == ">" else _german(joined.lstrip()[:3], codes)
    if _SLASH.match(joined):
        return _slashes(_collect(_SLASH.split(joined)[1:]), joined)
    text = _spaced(lines)
    if len(_LABEL.findall(text)) > 1:
        return _labels(_collect(_LABEL.split(text)[1:]), text)
    return NarrativeDetails(description=text)


def read_non_swift(lines: Sequence[str]) -> NarrativeDetails:
    codes = _collect(part for line in lines if line[:2].isdigit() for part in (line[:2], line[2:].strip()))
    purpose = " ".join(codes[code] for code in sorted(codes) if code <= "14")
    return NarrativeDetails(
        description=purpose.strip() or codes.get("17", ""),
        counterparty=_spaced((codes.get("15", ""), codes.get("16", ""))),
    )


def account_name(lines: Sequence[str]) -> str:
    """The account's holder in the :NS: field that heads a STARTUMS statement."""
    return next((line[2:].strip() for line in lines if line.startswith("22") and not line[2:3].isdigit()), "")


def _collect(parts: Iterable[str]) -> dict[str, str]:
    """Code, text, code, text, ... as a mapping; the texts of a repeated code are joined."""
    codes: dict[str, list[str]] = {}
    pairs = iter(parts)
    for code, text in zip(pairs, pairs, strict=False):
        codes.setdefault(code, []).append(text)
    return {code: "".join(texts) for code, texts in codes.items()}


def _german(transaction_code: str, codes: dict[str, str]) -> NarrativeDetails:
    purpose = _purpose(codes)
    head, *tagged = _SEPA.split(purpose)
    words = _collect(tagged)
    return NarrativeDetails(
        description=_spaced((words.get("SVWZ", "").strip() or head.strip() or purpose or codes.get("00", ""),)),
        counterparty=_spaced((codes.get("32", "") + codes.get("33", ""),)),
        counterparty_account=_account(codes.get("38", "")) or _account(codes.get("31", "")),
        reference=_reference(words, "EREF", "KREF"),
        more=german_details(transaction_code, codes, words),
    )


def _purpose(codes: dict[str, str]) -> str:
    # A purpose line holds 27 characters; a shorter one lost its trailing blanks, so the next word starts anew.
    lines = (text for code, text in codes.items() if "20" <= code <= "29" or "60" <= code <= "63")
    return "".join(line if len(line) >= 27 else f"{line} " for line in lines)


def _triodos(codes: dict[str, str]) -> NarrativeDetails:
    """`>10` is the other account, `>21` its IBAN when `>20` is a BIC; `>31` is the customer's own account."""
    iban = _account(codes.get("21", "")) if re.fullmatch(r"[A-Z]{6}[A-Z0-9]{2}", codes.get("20", "").strip()) else ""
    texts = [text for code, text in codes.items() if "20" <= code <= "29" and not (iban and code in {"20", "21"})]
    number = codes.get("10", "").strip()
    account = iban or (_account(number) if number.strip("0") else "")
    return NarrativeDetails(description=_spaced(("".join(texts),)), counterparty_account=account)


def _slashes(words: dict[str, str], joined: str) -> NarrativeDetails:
    party = (words.get("CNTP") or words.get("BENM") or words.get("ORDP") or "").removeprefix("/").split("/")
    account = _account(words.get("IBAN", "") or words.get("BBAN", "")) or _account(party[0])
    names = [part for part in party[1:] if part.strip()]
    # ING writes account, BIC, name, city; others write account, name.
    name = words.get("NAME", "").strip("/") or (party[2] if "CNTP" in words and len(party) > 2 else "".join(names[:1]))
    remittance = words.get("REMI", "").strip("/").removeprefix("USTD//").removeprefix("STRD/")
    return NarrativeDetails(
        description=_spaced((remittance or words.get("TRTP", "").strip("/") or joined,)),
        counterparty=_spaced((name,)),
        counterparty_account=account,
        reference=_reference(words, "EREF", "PREF", "KREF"),
        more=slash_details(words),
    )


def _labels(words: dict[str, str], text: str) -> NarrativeDetails:
    return NarrativeDetails(
        description=_spaced((words.get("OMSCHRIJVING", "") or text,)),
        counterparty=_spaced((words.get("NAAM", ""),)),
        counterparty_account=_account(words.get("IBAN", "").split(" ")[0]),
        reference=_reference(words, "KENMERK", "BETALINGSKENM."),
        more=label_details(words),
    )


def _reference(words: dict[str, str], *codes: str) -> str:
    texts = (_spaced((words.get(code, ""),)).strip("/ ") for code in codes)
    return next((text for text in texts if text.upper() not in _ABSENT), "")


def _account(text: str) -> str:
    compact = re.sub(r"[\s/]", "", text)
    return compact if _ACCOUNT.fullmatch(compact) else ""


def _spaced(texts: Iterable[str]) -> str:
    return " ".join(" ".join(texts).split())
