"""Any broker behind two methods: the how-to's example with a fake RabbitMQ, and what `Queue` asks of a broker."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from config.paths import PROJECT
from ingestion import ConfigurationError, Context, Secret, TenantRef, Transient
from ingestion.models import Run
from ingestion.running.dry_run import dry_run
from ingestion.testing import registered
from integrations.streams import Message, Queue
from tests.ingestion.chaos.test_poison import claims_until_the_end, deadly
from tests.ingestion.runs import carry, counts, dead_letters, finish, item, load, new_tenant, over, queued, rows
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.entries import add_items, reading, unacknowledged, wanted

pytestmark = pytest.mark.django_db
HOW_TO = PROJECT / "docs" / "how-to" / "read-a-redis-stream.md"


@dataclass
class Tag:
    delivery_tag: int


@dataclass
class FakeChannel:
    """As pika's: tags count within a channel, and closing gives back what was not acknowledged."""

    ready: deque[bytes]
    taken: dict[int, bytes] = field(default_factory=dict)
    last: int = 0

    def basic_get(self, queue: str) -> tuple[Tag | None, None, bytes | None]:
        if not self.ready:
            return None, None, None
        self.last += 1
        self.taken[self.last] = self.ready.popleft()
        return Tag(self.last), None, self.taken[self.last]

    def basic_ack(self, tag: int) -> None:
        del self.taken[tag]

    def close(self) -> None:
        self.ready.extendleft(reversed(self.taken.values()))


@dataclass
class FakeServer:
    ready: deque[bytes] = field(default_factory=deque)

    @contextmanager
    def connect(self, url: str) -> Iterator[Any]:
        opened: list[FakeChannel] = []

        class Connection:
            def channel(_self) -> FakeChannel:  # noqa: N805
                opened.append(FakeChannel(self.ready))
                return opened[-1]

        try:
            yield Connection()
        finally:
            for one in opened:
                one.close()


@pytest.fixture
def rabbit() -> tuple[FakeServer, Queue]:
    """The example as it stands in the how-to, over a fake server with 25 messages."""
    server = FakeServer(deque(json.dumps(item(number)).encode() for number in range(1, 26)))
    block = re.findall(r"^```python\n(.*?)^```", HOW_TO.read_text(), re.MULTILINE | re.DOTALL)[-1]
    names: dict[str, Any] = {"__name__": __name__, "connect": server.connect}
    exec(compile(block, str(HOW_TO), "exec", dont_inherit=True), names)

    @contextmanager
    def opened(ctx: Context) -> Iterator[Any]:
        known = Context(ctx.tenant, ctx.pipeline, ctx.run_id, ctx.now, credential=lambda: Secret({"url": "amqp://x"}))
        with names["orders"](known) as broker:
            yield broker

    return server, Queue(open=opened, key="id", page_size=10)


def test_the_examples_broker_is_drained_and_acknowledged(rabbit: tuple[FakeServer, Queue]) -> None:
    server, queue = rabbit
    tenant = new_tenant()

    run = load(over([], source=queue), tenant)

    assert (run.state, counts(run), run.batches) == (Run.State.SUCCEEDED, (25, 25, 0, 0), 3)
    assert rows(tenant) == wanted(25)
    assert not server.ready


def test_what_the_examples_broker_gave_back_is_loaded_later_without_doubling(rabbit: tuple[FakeServer, Queue]) -> None:
    server, queue = rabbit
    tenant = new_tenant()
    failing = iter([False, True])

    class Flaky(Queue):
        def extract(self, ctx: Context, checkpoint: Any) -> Any:
            for page in super().extract(ctx, checkpoint):
                if next(failing, False):
                    raise Transient("The connection broke.")
                yield page

    with registered(over([], source=Flaky(queue.open, page_size=10))) as pipeline:
        run = carry(queued(pipeline, tenant))
        left = len(server.ready)
        finish(run)

    assert left == 15
    assert (run.ok, run.skipped) == (25, 0)
    assert rows(tenant) == wanted(25)


def test_a_broker_that_cannot_peek_cannot_be_rehearsed(rabbit: tuple[FakeServer, Queue]) -> None:
    server, queue = rabbit

    report = dry_run(new_tenant(), over([], source=queue))

    assert report.failure.startswith("ConfigurationError")
    assert len(server.ready) == 25
    with pytest.raises(ConfigurationError):
        queue.preview(Context(TenantRef(1, "acme"), "app.oracle", 0, datetime.now(UTC)))


@dataclass
class Counting:
    """A broker that remembers what it was asked."""

    sizes: Sequence[int]
    asked: list[int] = field(default_factory=list)
    given: int = 0

    def take(self, most: int) -> Sequence[Message]:
        self.asked.append(most)
        part = self.sizes[self.given : self.given + most]
        self.given += len(part)
        return [Message(str(size), json.dumps({"id": str(size), "text": "x" * size}).encode()) for size in part]

    def acknowledge(self, receipts: Sequence[str]) -> None:
        return None


def pages_of(broker: Counting, **options: Any) -> list[int]:
    @contextmanager
    def opened(ctx: Context) -> Iterator[Counting]:
        yield broker

    ctx = Context(TenantRef(1, "acme"), "app.oracle", 1, datetime.now(UTC))
    return [len(page.records) for page in Queue(opened, **options).extract(ctx, None)]


def test_a_page_takes_more_at_once_the_smaller_the_messages_are() -> None:
    broker = Counting(range(100, 2100))

    assert pages_of(broker, page_size=1000) == [1000, 1000]
    assert broker.asked[:2] == [10, 990]


@pytest.mark.slow
def test_a_page_ends_near_its_bytes_when_messages_are_large() -> None:
    sizes = [500_000 + number for number in range(100)]

    assert max(pages_of(Counting(sizes))) <= 17


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committed")
@pytest.mark.slow
def test_an_entry_that_kills_its_worker_is_isolated(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 30)
    pipeline = over([], source=reading(stream_redis).source, transform=deadly("rec_0013"))
    with registered(pipeline):
        run = queued(pipeline, tenant)
        claims = claims_until_the_end(run)

    assert claims <= 10
    assert counts(run) == (30, 29, 0, 1)
    assert [one.source_id for one in dead_letters(tenant)] == ["rec_0013"]
    assert unacknowledged(stream_redis, tenant) == 0


@pytest.mark.parametrize(("key", "known_by"), [("id", "7"), ("", "m1")])
def test_a_message_with_a_name_twice_is_refused(key: str, known_by: str) -> None:
    messages = [Message("r1", b'{"id": 7, "sum": 1, "sum": 2}', "m1"), Message("r2", b'{"id": 8}', "m2")]

    page = Queue(lambda ctx: None, key)._page(messages, None)  # type: ignore[arg-type,return-value]

    assert [one.body for one in page.records] == [b'{"id": 8}']
    assert [(one.record.key, str(one.error)[:4]) for one in page.refused] == [(known_by, "sum:")]
