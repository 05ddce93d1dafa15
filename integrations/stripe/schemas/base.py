"""What the schemas share: they accept new, old, missing and expanded members, and are strict about money and ids."""

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
_MOST_AHEAD = timedelta(days=1)
"""A time further in the future is not explained by clocks."""

_ERROR_TYPES = {str: "string_type", bool: "bool_type"}
"""Pydantic's error type for a value that is not of the type."""


def _null_as(default: str | bool, otherwise: Callable[[Any], Any] | None = None) -> GetPydanticSchema:
    """A schema in which `null` means `default`, and any other value of a wrong type goes through `otherwise`.

    It is built of the validator's own parts: Python functions for a dozen members took a third of its time (measured).
    """

    def schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        exact = handler(source)
        empty = core_schema.with_default_schema(exact, default=default, on_error="default")
        choices: list[CoreSchema] = [exact, core_schema.chain_schema([core_schema.none_schema(), empty])]
        if otherwise is not None:
            choices.append(core_schema.no_info_before_validator_function(otherwise, exact))
        return core_schema.union_schema([*choices], mode="left_to_right", custom_error_type=_ERROR_TYPES[source])

    return GetPydanticSchema(schema)


def _id_of(value: Any) -> Any:
    value = value.get("id") if isinstance(value, dict) else value
    return "" if value is None else value


Ref = Annotated[str, _null_as("", _id_of)]
"""The id of another object, which Stripe may have expanded to the whole object; '' for none."""
Text = Annotated[str, _null_as("")]
Flag = Annotated[bool, _null_as(False)]
Seconds = Annotated[int, Field(ge=-62_135_596_800, le=253_402_300_799)]
"""Seconds since 1970, within the years of Python's datetime."""


def to_datetime(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class MarkSchema(BaseModel):
    """The mark that the source adds to objects that came with an event, and to parts."""

    as_of: Seconds | None = None
    deleted: bool = False
    whole: str = ""
    created: Seconds | None = None


class ObjectSchema(BaseModel):
    """An object of any kind. `required` names members without which the object must be a deleted one."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
    required: ClassVar[tuple[str, ...]] = ()

    id: str = Field(min_length=1, max_length=191)
    created: Seconds | None = None
    livemode: Flag = False
    currency: Text = ""
    metadata: Annotated[dict[str, str], BeforeValidator(lambda value: value or {})] = {}
    deleted: Flag = False
    mark: MarkSchema | None = Field(None, alias="sluicegate")

    @model_validator(mode="after")
    def _require_members(self) -> ObjectSchema:
        missing = [name for name in ("began", *self.required) if getattr(self, name) in (None, "")]
        if missing and not self.is_stub:
            names = ", ".join(missing).replace("began", "created")
            raise PydanticCustomError("missing", "{names}: required, but not there", {"names": names})
        return self

    @property
    def began(self) -> int | None:
        """When the object was created; for a part, when its whole was created."""
        return self.created if self.created is not None else self.mark.created if self.mark else None

    @property
    def is_stub(self) -> bool:
        """Whether only the id and the deletion of the object are known."""
        return self.deleted and self.began is None

    def money(self, amount: int | Decimal | None) -> Decimal | None:
        """`amount` in major units of the object's currency. Raises UnknownCurrency, which rejects the record."""
        if amount is None:
            return None
        if not self.currency:
            raise UnknownCurrency("The object has amounts, but no currency.")
        return major(amount, self.currency)

    def row(self, ctx: Context) -> Row:
        """The row: the columns of every table and those of `columns`; for a stub only the deletion."""
        as_of = self.as_of(ctx)
        is_deleted = self.deleted or (self.mark is not None and self.mark.deleted)
        row = {"external_id": self.id, "as_of": as_of, "deleted_at": as_of if is_deleted else None}
        if self.is_stub:
            return row
        common = {"created_at": to_datetime(self.began), "livemode": self.livemode, "metadata": dict(self.metadata)}
        return {**row, **common, **self.columns()}

    def columns(self) -> Row:
        """The columns of this kind's own table."""
        return {}

    def as_of(self, ctx: Context) -> datetime:
        """The moment since which Stripe is known to have had the object in this state; a row with a later one is newer.

        An object that came with an event has it in its mark. A listed object is as new as its run, recognized by the
        run's window. An object that is replayed without either may be as old as its creation. A time far in the future,
        as of a test clock that was advanced, is replaced by the run's: else no later state would ever be newer.
        """
        marked_second = self.mark.as_of if self.mark else None
        second = marked_second if marked_second is not None or ctx.window else self.began
        since = to_datetime(second) or ctx.now - ALLOWANCE
        return since if since <= max(ctx.now, datetime.now(UTC)) + _MOST_AHEAD else ctx.now
