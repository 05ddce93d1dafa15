"""How records get into a pipeline: found by its source when asked, uploaded as files, or delivered by their sender.

Capabilities of the source say it; what pages offer and actions refuse is asked here.
"""

from __future__ import annotations

from ingestion.core.capabilities import Fed, Receives, Streams, TakesFiles
from ingestion.core.errors import ActionRefused, DeliveriesNotTaken, FilesNotTaken
from ingestion.core.pipeline import Pipeline


def takes_files(pipeline: Pipeline) -> bool:
    return isinstance(pipeline.source, TakesFiles) and pipeline.source.takes_files()


def takes_deliveries(pipeline: Pipeline) -> bool:
    return isinstance(pipeline.source, Receives)


def brought(pipeline: Pipeline) -> bool:
    """Whether its records are messages that others send, so that an older one may arrive after a newer one."""
    streams = isinstance(pipeline.source, Streams) and pipeline.source.is_stream()
    return streams or takes_deliveries(pipeline)


def finds(pipeline: Pipeline) -> bool:
    """Whether a run that was asked for can find anything."""
    return not (isinstance(pipeline.source, Fed) and pipeline.source.is_fed())


def require_files(pipeline: Pipeline) -> None:
    """Raise FilesNotTaken unless its source reads uploaded files."""
    if not takes_files(pipeline):
        raise FilesNotTaken(
            f"The source of {pipeline.name} ({_kind(pipeline)}) reads no files, so the upload was not kept. "
            "Upload to a connection whose source does; one of your own says so with takes_files()."
        )


def require_deliveries(pipeline: Pipeline) -> None:
    """Raise DeliveriesNotTaken unless its source takes apart what its sender delivers."""
    if not takes_deliveries(pipeline):
        raise DeliveriesNotTaken(
            f"The source of {pipeline.name} ({_kind(pipeline)}) takes no deliveries, so this one was not kept. "
            "Deliver to a connection whose source does; one of your own has receive(ctx, deliveries)."
        )


def require_finds(pipeline: Pipeline) -> None:
    """Raise ActionRefused where a run over a window would find nothing, whatever the window."""
    if finds(pipeline):
        return
    raise ActionRefused(
        f"The source of {pipeline.name} ({_kind(pipeline)}) finds nothing by itself: its records are "
        f"{' or '.join(ways_in(pipeline)) or 'brought'}, and that has runs of its own."
        f"{' To load a file once more, upload it again (--again).' if takes_files(pipeline) else ''}"
    )


def ways_in(pipeline: Pipeline) -> list[str]:
    """How its records come unasked: uploaded, delivered."""
    ways = {"uploaded": takes_files(pipeline), "delivered": takes_deliveries(pipeline)}
    return [way for way, is_taken in ways.items() if is_taken]


def _kind(pipeline: Pipeline) -> str:
    return type(pipeline.source).__name__
