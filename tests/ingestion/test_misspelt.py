"""A capability of a source whose name is misspelt is named: nobody would call it, and nobody miss it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from ingestion import Context
from ingestion.checks import pipelines
from ingestion.core import capabilities, registry
from tests.app.pipelines import payments


@dataclasses.dataclass(frozen=True)
class Misspelt:
    """A source whose author meant `takes_files` and `reads_windows`, and has a method of their own."""

    def extract(self, ctx: Context, checkpoint: Any) -> Iterator[Any]:
        yield from ()

    def take_files(self) -> bool:
        return True

    def read_windows(self, ctx: Context) -> bool:
        return True

    def rewind(self) -> None: ...


def test_w017_a_capability_that_is_misspelt() -> None:
    messages = pipelines.problems(dataclasses.replace(payments, source=Misspelt()))

    assert [message.id for message in messages] == ["ingestion.W017", "ingestion.W017"]
    assert [message.msg.split(". ")[-1] for message in messages] == [
        "Did you mean reads_windows?",
        "Did you mean takes_files?",
    ]


def test_no_source_of_ours_has_a_misspelt_capability() -> None:
    sources = {type(pipeline.source): pipeline.source for pipeline in registry.registered()}

    assert len(sources) > 3
    assert [fault for source in sources.values() for fault in capabilities.misspelt(source)] == []


def test_the_names_of_capabilities_are_those_of_their_protocols() -> None:
    protocols = [value for value in vars(capabilities).values() if getattr(value, "_is_protocol", False)]
    named = {name for protocol in protocols for name in vars(protocol) if not name.startswith("_")}

    assert named - {"model"} <= {*capabilities.METHODS}
