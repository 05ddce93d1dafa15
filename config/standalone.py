"""Everything of the standalone project in one process tree."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import connections

from config.embedded import EmbeddedValkey, embedded_socket, embedded_url
from config.programs import programs
from config.supervisor import ProcessGroupGuard, Program, Supervisor
from config.terminal import emit


@contextmanager
def redis(guard: ProcessGroupGuard) -> Iterator[EmbeddedValkey | None]:
    """The embedded Valkey, answering; None when REDIS_URL names a server that others look after."""
    if embedded_url() != settings.REDIS_URL:
        yield None
        return
    with EmbeddedValkey(embedded_socket(), guard) as server:
        yield server


def serve(
    guard: ProcessGroupGuard,
    server: EmbeddedValkey | None,
    *,
    port: int | None,
    workers: int,
    beside: Sequence[Program] = (),
) -> None:
    """Keep web, workers, scheduler and what goes `beside` them running until a signal says stop."""
    connections.close_all()  # this process only watches from here on
    beat = server.ensure if server else lambda: None
    Supervisor([*beside, *programs(port=port, workers=workers)], guard=guard, emit=emit, beat=beat).run()
