"""Ask a source while an operator waits for the page: with a short deadline, and a message that says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ingestion.conf import config
from ingestion.core import transient_errors
from ingestion.core.context import Context
from ingestion.core.errors import Transient
from ingestion.core.pipeline import Pipeline
from ingestion.models import Connection
from ingestion.redaction import mask
from ingestion.running.execution import outside_a_run


@contextmanager
def waiting(pipeline: Pipeline, connection: Connection, overlay: Mapping[str, Any] | None = None) -> Iterator[Context]:
    """A context of INGESTION["PREVIEW_SECONDS"]. What is an outage is raised as Transient, in words for an operator."""
    seconds = config().PREVIEW_SECONDS
    ctx = outside_a_run(pipeline, connection, overlay, seconds=seconds)
    try:
        yield ctx
    except Exception as error:
        if not isinstance(error, Transient) and not transient_errors.is_outage(error):
            raise
        message = str(error) if isinstance(error, Transient) else f"{type(error).__name__}: {error}"
        if ctx.left() <= 0:
            message += (
                f" Nobody is kept waiting here for more than {seconds:g} s; a run waits longer. Try again, find out "
                'why the source is so slow, or raise INGESTION["PREVIEW_SECONDS"].'
            )
        elif isinstance(error, Transient):
            raise
        raise Transient(mask(message, connection.tenant_id)) from None
