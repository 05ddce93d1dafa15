"""The source of the webhook endpoint: every event once, whatever it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from ingestion import Context, Json, Page, Record, Refusal, counted
from integrations.stripe.client import is_live_key
from integrations.stripe.objects import decode_head, delivered_event
from integrations.stripe.schemas.base import Flag, Seconds, Text, to_datetime
from integrations.stripe.signature import secrets_in


class Subject(BaseModel):
    id: Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")] = ""


class EventData(BaseModel):
    object: Subject


def _second(value: Any) -> Any:
    """The creation of an event in seconds since 1970; thin events have it as text."""
    return int(datetime.fromisoformat(value).timestamp()) if isinstance(value, str) else value


def _owner(value: Any) -> Any:
    """The account of an event, which for an organization's account is the last part of a path."""
    return value.rpartition("/")[2] if isinstance(value, str) else value


class EventHead(BaseModel):
    """An event without its object. A thin event has its account as `context`, and of the object only the id."""

    id: str = Field(min_length=1, max_length=191)
    type: str = Field(min_length=1, max_length=100)
    created: Annotated[Seconds, BeforeValidator(_second)]
    account: Annotated[Text, BeforeValidator(_owner)] = Field("", validation_alias=AliasChoices("account", "context"))
    livemode: Flag = False
    api_version: Text = ""
    data: EventData | None = None
    related_object: Subject | None = None

    @property
    def subject(self) -> str:
        """The id of the object that the event is about; '' for none."""
        subject = self.data.object if self.data else self.related_object
        return subject.id[:191] if subject else ""

    def row(self) -> dict[str, object]:
        return {
            "external_id": self.id,
            "type": self.type,
            "object_id": self.subject,
            "account": self.account,
            "livemode": self.livemode,
            "api_version": self.api_version[:50],
            "created_at": to_datetime(self.created),
        }


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """Events that webhooks deliver. A run without deliveries reads nothing: the feed is read by kind of object."""

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        yield from ()

    def is_fed(self) -> bool:
        return True

    def receive(self, ctx: Context, deliveries: Sequence[Record]) -> Page:
        records: list[Record] = []
        refused: list[Refusal] = []
        for delivery in deliveries:
            event_or_refusal = delivered_event(delivery)
            if isinstance(event_or_refusal, Refusal):
                refused.append(event_or_refusal)
            else:
                object_type = decode_head(event_or_refusal.data.object).object
                position = f"{delivery.position}, about a {object_type}"
                records.append(Record(event_or_refusal.id, delivery.body, position))
        return Page(records, None, refused)

    def test(self, ctx: Context) -> str:
        """Check that the credential holds signing secrets; no call is made."""
        credential = ctx.credential()
        count = len(secrets_in(credential))
        mode = {True: "live", False: "test"}.get(bool(is_live_key(credential.values.get("api_key", ""))))
        return f"The credential holds {counted(count, 'signing secret')}; its key is for {mode} mode."
