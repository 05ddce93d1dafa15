"""`ingest tick`: what rq-scheduler does, without Redis."""

from __future__ import annotations

import dataclasses
import logging
import os

from django.db import InterfaceError, OperationalError, connections

from ingestion import scheduling
from ingestion.conf import config
from ingestion.management.verbs import arguments
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.management.verbs.stop_signals import stopping
from ingestion.repeats import Repeats
from ingestion.vault import key_holders

_UNSENT = (
    "Redis cannot be reached, so no worker was told of these runs; the next tick tries again. To execute those of a "
    "connection here: manage.py ingest run --tenant … --pipeline …"
)
logger = logging.getLogger("ingestion")
_repeats = Repeats()


def add(verbs: Verbs) -> None:
    parser = arguments.verb(verbs, "tick", tick, "Turn due connections into runs and tell the workers.")
    parser.add_argument("--loop", action="store_true", help='again every INGESTION["TICK_SECONDS"], until SIGTERM')


def tick(options: Options, output: Output) -> None:
    if options["loop"]:
        output.say(f"Tick {os.getpid()} looks every {config().TICK_SECONDS:g} seconds; SIGTERM ends it.")
        loop()
        return
    outcome = scheduling.tick()
    output.fields("tick", dataclasses.asdict(outcome))
    if outcome.unsent:
        output.say(_UNSENT)


def loop() -> None:
    """Tick until asked to stop. A tick that fails is logged and the next one tries again."""
    with stopping() as stop:
        while not stop.is_set():
            try:
                scheduling.tick()
                _repeats.over()
            except (OperationalError, InterfaceError) as error:
                if (more := _repeats.due("database")) is not None:
                    text = "The tick could not use the database, and tries again: %s%s"
                    logger.error(text, error, more, extra={"event": "tick"})
            except Exception as error:
                # Whatever it is, a ticker that ended would keep every tenant waiting.
                if (more := _repeats.due(repr(error))) is not None:
                    logger.exception("The tick failed; the next one tries again.%s", more, extra={"event": "tick"})
            key_holders.announce("tick")
            connections.close_all()  # an outage leaves dead connections behind
            stop.wait(config().TICK_SECONDS)
