"""What the webhook endpoint takes in: every event once, whatever it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from ingestion import Context, Json, Page, Record, Refusal, counted
from integrations.stripe.client import live
from integrations.stripe.objects import delivered, head
from integrations.stripe.schemas.base import Flag, Seconds, Text, moment
from integrations.stripe.signature import secrets_in


class Subject(BaseModel):
    id: Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")] = ""


class Told(BaseModel):
    object: Subject


def _second(value: Any) -> Any:
    """Thin events say when they were made as text."""
    return int(datetime.fromisoformat(value).timestamp()) if isinstance(value, str) else value


def _owner(value: Any) -> Any:
    return value.rpartition("/")[2] if isinstance(value, str) else value


class EventHead(BaseModel):
    """An event without what it says. A thin one names an account as its `context`, and no more than its object's id."""

    id: str = Field(min_length=1, max_length=191)
    type: str = Field(min_length=1, max_length=100)
    created: Annotated[Seconds, BeforeValidator(_second)]
    account: Annotated[Text, BeforeValidator(_owner)] = Field("", validation_alias=AliasChoices("account", "context"))
    livemode: Flag = False
    api_version: Text = ""
    data: Told | None = None
    related_object: Subject | None = None

    @property
    def subject(self) -> str:
        about = self.data.object if self.data else self.related_object
        return about.id[:191] if about else ""

    def row(self) -> dict[str, object]:
        return {
            "external_id": self.id,
            "type": self.type,
            "object_id": self.subject,
            "account": self.account,
            "livemode": self.livemode,
            "api_version": self.api_version[:50],
            "created_at": moment(self.created),
        }


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """Events as webhooks bring them. There is nothing to read besides: the objects' own connections follow the feed."""

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
            event_or_refusal = delivered(delivery)
            if isinstance(event_or_refusal, Refusal):
                refused.append(event_or_refusal)
            else:
                what = head(event_or_refusal.data.object).object
                records.append(Record(event_or_refusal.id, delivery.body, f"{delivery.position}, about a {what}"))
        return Page(records, None, refused)

    def test(self, ctx: Context) -> str:
        """Whether the credential can prove webhooks; nobody is called."""
        credential = ctx.credential()
        count = len(secrets_in(credential))
        mode = {True: "live", False: "test"}.get(bool(live(credential.values.get("api_key", ""))))
        return f"The credential holds {counted(count, 'signing secret')}; its key is for {mode} mode."
