"""Account numbers: one spelling for each, and which cannot be right."""

from __future__ import annotations

import re

from ingestion import counted
from integrations.bank.statements import Statement

_IBAN = re.compile(r"([A-Za-z]{2})[0-9]{2}[A-Za-z0-9]{11,30}")
_LEAST_DIGITS = 8
"""Of a number that has letters, so that VISA 1 11 is a name."""
_CURRENCY_OR_BIC = re.compile(r"[A-Z]{3}|[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_LENGTHS = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24
    FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32
    LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24
    RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_LENGTH = {entry[:2]: int(entry[2:]) for entry in _LENGTHS.split()}
"""Characters of an IBAN by country, from the IBAN registry (ISO 13616)."""


def canonical(identifier: str) -> str:
    """The identifier as it identifies, in every format: an IBAN in capitals, without the currency or BIC beside it,
    else as `spelled` gives it.

    The case of other numbers may mean something.
    """
    compact = formerly_canonical(identifier)
    return iban_within(identifier)[0] or (compact if _country(compact) else spelled(identifier))


def spelled(written: str) -> str:
    """The text without blanks if it is a number, with single ones if it is a name: blanks tell "Visa 1 11" from "Visa
    11 1".
    """
    return ("" if is_number(written) else " ").join(written.split())


def is_number(written: str) -> bool:
    """Whether blanks only group its digits: no letters but those of a mask (XXXX 1234), or the shape of an IBAN, or
    many digits and a code in capitals (INGB 0001 2345 67). Any other text is a name that the account's owner gave.
    """
    letters = [character for character in written if character.isalpha() and character not in "xX"]
    if not letters or _country("".join(written.split())):
        return True
    return all(letter.isupper() for letter in letters) and sum(map(str.isdigit, written)) >= _LEAST_DIGITS


def bank_code(written: str) -> str:
    """The bank's number without leading zeros, which banks leave out as they like; any other name as it is."""
    return written.lstrip("0") or written if written.isdecimal() else written


def qualifier_of(bank: str, kind: str) -> str:
    """The text that tells an account from others of its number, if the format promises bank and kind."""
    return " ".join(f"{bank_code(bank)} {kind}".casefold().split())[:100]


def shown_qualifier(qualifier: str, bank: str) -> str:
    """The qualifier for people, with the bank's number as the bank writes it: "021000021 checking"."""
    code = bank_code(bank)
    return bank + qualifier.removeprefix(code) if qualifier.split(" ")[0] == code else qualifier


def formerly_canonical(identifier: str) -> str:
    """The identifier as it was formed while currency and BIC beside an IBAN were part of it, in all formats but MT940,
    and while names lost their blanks in all formats.
    """
    compact = "".join(identifier.split())
    return compact.upper() if _country(compact) else compact


def iban_within(written: str) -> tuple[str, str]:
    """IBAN and BIC in `IBAN/EUR`, `IBAN EUR` and `BIC/IBAN`; '' for a text without them.

    Only a valid IBAN counts, and nothing may stand beside it that could tell one account from another.
    """
    pieces = [part for piece in re.split(r"[/.-]", "".join(written.split()).upper()) for part in _split_suffix(piece)]
    ibans = [piece for piece in pieces if _country(piece) and not iban_doubt(piece)]
    extras = [piece for piece in pieces if piece not in ibans]
    if len(ibans) != 1 or not all(map(_CURRENCY_OR_BIC.fullmatch, extras)):
        return "", ""
    return ibans[0], next((piece for piece in extras if len(piece) > 3), "")


def _split_suffix(piece: str) -> list[str]:
    """`NL91ABNA0417164300EUR` in two; '' is no part."""
    end = _LENGTH.get(piece[:2], len(piece))
    if len(piece) == end + 3 and piece[end:].isalpha():
        return [piece[:end], piece[end:]]
    return [piece] if piece else []


def notes_of(statement: Statement) -> list[str]:
    """What the run's timeline says of a statement that was read."""
    return [*statement.notes, *filter(None, [iban_doubt(statement.account.identifier)])]


def iban_doubt(identifier: str) -> str:
    """Why this cannot be an IBAN although it looks like one, in a sentence; '' if nothing is wrong with it."""
    country = _country(identifier)
    if not country:
        return ""
    if len(identifier) != _LENGTH[country]:
        length = counted(len(identifier), "character")
        return f"The IBAN {identifier} has {length}; one of {country} has {_LENGTH[country]}."
    if _remainder(identifier.upper()) != 1:
        return f"The check digits of the IBAN {identifier} are wrong: it was mistyped or made up."
    return ""


def _country(identifier: str) -> str:
    match = _IBAN.fullmatch(identifier)
    return match[1].upper() if match and match[1].upper() in _LENGTH else ""


def _remainder(iban: str) -> int:
    """ISO 7064 MOD 97-10: the first four characters to the end, letters as 10 to 35; 1 for a right one."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97
