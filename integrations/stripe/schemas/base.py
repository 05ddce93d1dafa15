"""What the schemas share: easy about members that are new, old, missing or expanded; strict about money and ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ingestion import Context
from integrations.stripe.money import UnknownCurrency, major

Row = dict[str, Any]
ALLOWANCE = timedelta(minutes=5)
"""How far the clocks of Stripe and of this deployment may be apart."""
_AHEAD = timedelta(days=1)
"""No clock is ahead by more than that."""

_WRONG = {str: "string_type", bool: "bool_type"}
"""What Pydantic calls a value that is none of the type."""


def _null_as(default: str | bool, otherwise: Callable[[Any], Any] | None = None) -> GetPydanticSchema:
    """`null` counts as `default`, and what is neither that nor of the type goes through the function `otherwise`.

    In the validator's own terms: a function of Python for each of a dozen members took a third of it (measured).
    """

    def schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        exact = handler(source)
        empty = core_schema.with_default_schema(exact, default=default, on_error="default")
        choices: list[CoreSchema] = [exact, core_schema.chain_schema([core_schema.none_schema(), empty])]
        if otherwise is not None:
            choices.append(core_schema.no_info_before_validator_function(otherwise, exact))
        return core_schema.union_schema([*choices], mode="left_to_right", custom_error_type=_WRONG[source])

    return GetPydanticSchema(schema)


def _id_of(value: Any) -> Any:
    value = value.get("id") if isinstance(value, dict) else value
    return "" if value is None else value


Ref = Annotated[str, _null_as("", _id_of)]
"""The id of another object, which Stripe may have expanded to the whole of it; '' for none."""
Text = Annotated[str, _null_as("")]
Flag = Annotated[bool, _null_as(False)]
Seconds = Annotated[int, Field(ge=-62_135_596_800, le=253_402_300_799)]
"""Since 1970, of the years that a date can have."""


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class Mark(BaseModel):
    """What the source adds to objects that came with an event."""

    as_of: Seconds | None = None
    deleted: bool = False
    whole: str = ""
    created: Seconds | None = None


class Thing(BaseModel):
    """An object of any kind. `wanted` names the members without which only a deleted one makes sense."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
    wanted: ClassVar[tuple[str, ...]] = ()

    id: str = Field(min_length=1, max_length=191)
    created: Seconds | None = None
    livemode: Flag = False
    currency: Text = ""
    metadata: Annotated[dict[str, str], BeforeValidator(lambda value: value or {})] = {}
    deleted: Flag = False
    mark: Mark | None = Field(None, alias="sluicegate")

    @model_validator(mode="after")
    def _whole(self) -> Thing:
        missing = [name for name in ("began", *self.wanted) if getattr(self, name) in (None, "")]
        if missing and not self.only_gone:
            names = ", ".join(missing).replace("began", "created")
            raise PydanticCustomError("missing", "{names}: required, but not there", {"names": names})
        return self

    @property
    def began(self) -> int | None:
        """When it was created; of a part, when its whole was."""
        return self.created if self.created is not None else self.mark.created if self.mark else None

    @property
    def only_gone(self) -> bool:
        """Whether all that is known of it is that it was deleted."""
        return self.deleted and self.began is None

    def money(self, amount: int | Decimal | None) -> Decimal | None:
        """In major units of the object's currency. Raises UnknownCurrency, which rejects the record."""
        if amount is None:
            return None
        if not self.currency:
            raise UnknownCurrency("The object has amounts, but no currency.")
        return major(amount, self.currency)

    def row(self, ctx: Context) -> Row:
        """The columns of every table, with those of `columns`; of an object that is only gone just its end."""
        as_of = self.as_of(ctx)
        gone = self.deleted or (self.mark is not None and self.mark.deleted)
        row = {"external_id": self.id, "as_of": as_of, "deleted_at": as_of if gone else None}
        if self.only_gone:
            return row
        common = {"created_at": moment(self.began), "livemode": self.livemode, "metadata": dict(self.metadata)}
        return {**row, **common, **self.columns()}

    def columns(self) -> Row:
        """The columns of this kind's own table."""
        return {}

    def as_of(self, ctx: Context) -> datetime:
        """A moment since which Stripe is known to have had it like this; rows with a later one are newer.

        Objects that came with an event say it. Listed ones are as new as their run, which is told by its window. What
        is replayed without either may be as old as the object. What is dated far ahead, as under a test clock that was
        advanced, is known since the run: nothing else would ever be newer.
        """
        told = self.mark.as_of if self.mark else None
        known = told if told is not None or ctx.window else self.began
        since = moment(known) or ctx.now - ALLOWANCE
        return since if since <= max(ctx.now, datetime.now(UTC)) + _AHEAD else ctx.now
