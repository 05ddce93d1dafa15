"""The record between reader and ledger: one entry with the head of its statement, as JSON, and its rules.

A record is self-contained, so that a dead letter can be judged and replayed without the file it came from.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from integrations.bank import day_ends, money, unread_amounts
from integrations.bank.identity import Keyed
from integrations.bank.numbering import page_of
from integrations.bank.statements import (
    Balance,
    Correction,
    EntryPart,
    EntryStatus,
    Statement,
    known_by,
)
from integrations.bank.twins import booked_day


class AccountHead(BaseModel):
    """The account of a statement."""

    model_config = ConfigDict(frozen=True)

    identifier: str = Field(min_length=1, max_length=100)
    currency: str = Field("", max_length=3)
    bank: str = ""
    name: str = ""
    kind: str = ""
    institution: str = ""
    """The bank's name, if the format has one beside the number."""
    qualifier: str = ""
    """What tells it from other accounts of its number, '' if the format does not promise that."""
    former: str = ""
    """The identifier in its former spelling, '' if that is the same."""
    is_name: bool = False
    """The identifier is a name, spelled with its blanks; never in records from before names kept them."""
    shares_former: bool = False
    """Another account of the file was known by the same `former`."""
    keyed_as: str = ""
    """The name that the ids of the stored account's entries are made of, if the file says another; no part of a
    record.
    """

    @property
    def known_by(self) -> str:
        """What identifies the account, beside its currency."""
        return self.keyed_as or known_by(self.identifier, self.qualifier)


class StatementHead(BaseModel):
    """Which statement it is; balances signed, in major units."""

    model_config = ConfigDict(frozen=True)

    format: str
    reference: str = ""
    number: str = ""
    page: int | None = None
    """The page of a statement that the bank cut up, if its number does not say it."""
    opening: Decimal | None = None
    closing: Decimal | None = None
    period_start: date | None = None
    period_end: date | None = None
    first: date | None = None
    last: date | None = None
    """The days of its booked entries, if it has the balances that prove them. They follow from the rest."""
    entries: int
    between: tuple[Decimal, Decimal] | None = None
    """See `Statement.between`; never in older records."""
    listed: str = ""
    """A digest of the days and amounts of a statement without balances: nothing else tells it from others."""


class BankEntry(BaseModel):
    """One entry ready for the ledger. Texts that the reader could not turn into values are rejected here, with a
    reason.
    """

    model_config = ConfigDict(frozen=True)

    external_id: str = Field(min_length=1, max_length=40)
    account: AccountHead
    statement: StatementHead
    status: EntryStatus
    currency: str
    amount_text: str = ""
    amount: Decimal = Field(max_digits=24, decimal_places=5, allow_inf_nan=False)
    booked_text: str = ""
    booked_on: date | None
    value_on: date | None = None
    bank_id: str = ""
    reference: str = ""
    kind: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    description: str = ""
    parts: list[dict[str, Any]] = Field(default_factory=list)
    details: dict[str, Any] = Field(default_factory=dict)
    corrects: str = ""
    correction: Correction = ""
    position: int | None = None
    """0-based within the statement; None in older records."""
    twins: int = 1
    """Entries of its day, amount and texts up to the end of its statement; see identity.Keyed for all three."""
    namesakes: int = 0
    alike: int = 1
    among: int = 0
    """For an unreadable entry, how many of its statement match it in everything readable; 0: not counted."""
    listing: str = ""
    """Days and amounts of all entries of its statement, with the first of them alone; see listings.py."""
    unreadable: bool = False
    """The reader could not make out amount or day, so `external_id` is the name of its dead letter."""

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        try:
            money.exponent(value)
        except money.UnknownCurrencyError as error:
            raise PydanticCustomError("currency", "{text}", {"text": str(error)}) from error
        return value

    @field_validator("amount", mode="before")
    @classmethod
    def _readable_amount(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None:
            statement = info.data.get("statement")
            form = statement.format if isinstance(statement, StatementHead) else ""
            raise unread_amounts.amount_fault(info.data.get("amount_text", ""), form)
        return value

    @field_validator("amount")
    @classmethod
    def _as_the_currency_has_it(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        """ISO 4217 says how many decimals; more are a misread grouping or another currency, never money."""
        currency = info.data.get("currency")
        if currency and money.places(value) > money.exponent(currency):
            raise PydanticCustomError(
                "decimals", "{amount} has more decimals than {currency}", {"amount": f"{value:f}", "currency": currency}
            )
        return value

    @model_validator(mode="after")
    def _dated(self) -> BankEntry:
        # What is not booked yet has no booking date, and is not posted.
        undated = self.booked_on is None and (self.booked_text or self.value_on is None)
        if undated and self.status is EntryStatus.BOOKED:
            raise PydanticCustomError("date", "{text} is not a booking date", {"text": repr(self.booked_text)})
        return self

    @property
    def day(self) -> date:
        """The booking date, or the value date if the format gives no other (some CAMT.054)."""
        day = booked_day(self)
        assert day is not None
        return day


def entry_json(
    statement: Statement, keyed: Keyed, head: dict[str, Any], *, equal_count: int = 0, listing: str = ""
) -> bytes:
    """The record of one entry. `head` is `head_json` of its statement, made once.

    `equal_count` counts the entries of the statement like an unreadable one, itself included; 0 for a readable one.
    `listing` is for the first entry that loads.
    """
    entry = keyed.entry
    return json.dumps(
        {
            "external_id": keyed.key,
            **head,
            "status": entry.status,
            "currency": entry.currency or statement.account.currency,
            "amount_text": entry.amount_text,
            "amount": None if entry.amount is None else format(entry.amount, "f"),
            "booked_text": entry.booked_text,
            "booked_on": _day(entry.booked_on),
            "value_on": _day(entry.value_on),
            "bank_id": entry.bank_id,
            "reference": entry.reference,
            "kind": entry.kind,
            "counterparty": entry.counterparty,
            "counterparty_account": entry.counterparty_account,
            "description": entry.description,
            "parts": [_part(part) for part in entry.parts],
            "details": entry.details,
            "raw": entry.raw,
            **_rare_values(keyed, equal_count),
            **({"listing": listing} if listing else {}),
        },
        ensure_ascii=True,
    ).encode()


def _rare_values(keyed: Keyed, equal_count: int) -> dict[str, Any]:
    """The values that few entries have; an entry with the usual value leaves it out."""
    entry = keyed.entry
    values = {
        "corrects": entry.corrects,
        "correction": entry.correction,
        "position": entry.position,
        "twins": keyed.twins,
        "namesakes": keyed.namesakes,
        "alike": keyed.alike,
        "among": equal_count,
        "unreadable": equal_count > 0,
    }
    return {name: value for name, value in values.items() if value != _USUAL.get(name)}


_USUAL = {"corrects": "", "correction": "", "twins": 1, "namesakes": 0, "alike": 1, "among": 0, "unreadable": False}


def _part(part: EntryPart) -> dict[str, Any]:
    return {
        "amount": None if part.amount is None else format(part.amount, "f"),
        "amount_text": part.amount_text,
        "currency": part.currency,
        "reference": part.reference,
        "counterparty": part.counterparty,
        "counterparty_account": part.counterparty_account,
        "description": part.description,
        "details": part.details,
    }


def head_json(statement: Statement) -> dict[str, Any]:
    """What the records of one statement share."""
    account = statement.account
    return {
        "account": {
            "identifier": account.identifier,
            "currency": account.currency,
            "bank": account.bank,
            "name": account.name,
            "kind": account.kind,
            **({"institution": account.institution} if account.institution else {}),
            **({"qualifier": account.qualifier} if account.qualifier else {}),
            **({"former": account.former} if account.former else {}),
            **({"is_name": True} if account.is_name else {}),
            **({"shares_former": True} if account.shares_former else {}),
        },
        "statement": {
            "format": statement.format,
            "reference": statement.reference,
            "number": statement.number,
            **({"page": statement.page} if statement.page and page_of("", statement.number, None) is None else {}),
            "opening": _amount(statement.opening),
            "closing": _amount(statement.closing),
            "period_start": _day(statement.period_start),
            "period_end": _day(statement.period_end),
            **_days(statement),
            "entries": len(statement.entries),
            **({"listed": day_ends.digest_moneys(statement)} if day_ends.keeps_day_ends(statement) else {}),
            **({"between": [f"{balance.normalize():f}" for balance in statement.between]} if statement.between else {}),
        },
    }


def without_listed(head: dict[str, Any]) -> dict[str, Any]:
    """The head without what the other entries of the file decide: a dead letter stays the same one as long as its entry
    does.
    """
    if "listed" not in head.get("statement", {}):
        return head
    return {**head, "statement": {name: value for name, value in head["statement"].items() if name != "listed"}}


def _days(statement: Statement) -> dict[str, str]:
    if statement.opening is None or statement.closing is None:
        return {}
    booked = (booked_day(entry) for entry in statement.entries if entry.status is EntryStatus.BOOKED)
    days = [day for day in booked if day is not None]
    return {"first": min(days).isoformat(), "last": max(days).isoformat()} if days else {}


def _amount(balance: Balance | None) -> str | None:
    return None if balance is None else format(balance.amount, "f")


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
