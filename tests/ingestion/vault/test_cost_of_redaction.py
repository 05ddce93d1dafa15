"""What masking costs depends on the length of the text, not on the number of secrets; a text is searched once."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from types import FrameType
from typing import Any

import pytest

from ingestion import Page, Record, redaction
from ingestion.logs import ContextFormatter, SecretsFilter, install
from ingestion.previews import preview
from ingestion.redaction import MASK, mask, remember
from ingestion.redaction.index import Index

LINE = "an ordinary line of a log, of the usual length, with nothing in it that is secret to anybody at all\n"
FEW, MANY = 6, 600


@pytest.fixture(autouse=True)
def _none_known() -> Iterator[None]:
    redaction.forget()
    yield
    redaction.forget()


def remember_secrets(count: int, beginning: str = "") -> None:
    """Secrets of so many tenants, as APIs give them out: random, behind a word that all of them share."""
    for number in range(count):
        remember([f"{beginning}{number * 2654435761 % 2**32:08x}-of-tenant-{number:04}"], tenant=number)


def seconds(action: Callable[[], object]) -> float:
    """Of the processor, so that a busy machine does not count; the quickest of five."""
    spent = []
    for _ in range(5):
        begun = time.thread_time()
        action()
        spent.append(time.thread_time() - begun)
    return min(spent)


def ratio(action: Callable[[], object], beginning: str = "") -> float:
    remember_secrets(FEW, beginning)
    with_few = seconds(action)
    remember_secrets(MANY, beginning)
    return seconds(action) / with_few


def test_a_hundred_times_as_many_secrets_do_not_make_a_text_dearer() -> None:
    text = LINE * 3000

    assert ratio(lambda: mask(text)) < 4


@pytest.mark.slow
def test_nor_a_text_that_is_full_of_what_all_secrets_begin_with() -> None:
    text = "sk_live_ " * 3000

    assert ratio(lambda: mask(text), "sk_live_") < 4


def test_nor_a_text_that_is_full_of_secrets() -> None:
    text = "sk_live_00000000-of-tenant-0000 " * 1000

    assert ratio(lambda: mask(text), "sk_live_") < 4


@pytest.mark.slow
def test_nor_the_preview_of_a_large_page() -> None:
    body = json.dumps({"id": 1, "text": LINE * 300, "lines": [LINE] * 50}).encode()
    page = Page([Record(str(number), body) for number in range(50)], checkpoint=None)

    assert ratio(lambda: preview(page)) < 4


def test_remembering_one_more_secret_costs_the_same_among_many() -> None:
    remember_secrets(FEW)
    among_few = seconds(lambda: (remember([f"{time.monotonic_ns()}-another"]), mask(LINE)))
    remember_secrets(MANY)

    assert seconds(lambda: (remember([f"{time.monotonic_ns()}-another"]), mask(LINE))) < among_few * 4


def searched(action: Callable[[], Any]) -> list[str]:
    """The texts that were searched for secrets meanwhile."""
    texts: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is mask.__code__:
            texts.append(frame.f_locals["text"])

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return texts


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """With two handlers, as for a console and a file."""
    install()
    logger = logging.getLogger("of.one.line")
    logger.propagate = False
    for form in ("first: %(message)s", "second: %(message)s"):
        handler = logging.StreamHandler(StringIO())
        handler.addFilter(SecretsFilter())
        handler.setFormatter(ContextFormatter(form))
        logger.addHandler(handler)
    yield logger
    logger.handlers.clear()


PARTS = ("a customer", "a reason", "first:", "second:")


def test_each_part_of_a_log_line_is_searched_once(logger: logging.Logger) -> None:
    remember_secrets(FEW)

    def log() -> None:
        try:
            raise ValueError("a reason")
        except ValueError:
            logger.exception("It failed for %s.", "a customer", extra={"run_id": 3})

    texts = searched(log)

    assert [sum(part in text for text in texts) for part in PARTS] == [1, 1, 1, 1]


def test_a_secret_learnt_after_the_record_was_made_is_masked_in_its_line() -> None:
    install()
    remember(["the-first-secret"])
    record = logging.getLogRecordFactory()("x", logging.INFO, "x", 1, "with %s", ("the-second-secret",), None)
    remember(["the-second-secret"])

    assert ContextFormatter("%(message)s").format(record) == f"with {MASK}"


def test_an_index_forgets_all_of_what_is_dropped() -> None:
    index = Index()
    texts = [b"sk_live_one", b"sk_live_one_and_more", b"another-text", b"another-text"]
    for text in texts:
        index.add(text)
    index.drop(b"another-text")

    assert list(index.spans(b"another-text")) == [(0, 12)]
    for text in texts[:3]:
        index.drop(text)
    assert list(index.spans(b"another-text sk_live_one_and_more")) == []
    assert (index._times, index._beginnings, index._words) == ({}, {}, {})
