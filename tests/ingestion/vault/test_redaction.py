"""Known secrets are masked in every spelling, wherever text leaves the process."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import timeit
from collections.abc import Iterator
from io import StringIO
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import redaction
from ingestion.logs import ContextFormatter, SecretsFilter
from ingestion.redaction import MASK, MaskedError, mask, masked, remember, safely

SECRET = "s3cr&t/=+ wörd\"'<x>\\n"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----"


@pytest.fixture(autouse=True)
def _known() -> Iterator[None]:
    redaction.forget()
    remember([SECRET, PEM])
    yield
    redaction.forget()


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SPELLINGS = {
    "raw": SECRET,
    "url": quote(SECRET),
    "url, nothing safe": quote(SECRET, safe=""),
    "url, lower case": re.sub("%..", lambda code: code[0].lower(), quote(SECRET, safe="")),
    "form": urlencode({"token": SECRET}),
    "plus": quote_plus(SECRET),
    "json": json.dumps({"token": SECRET}),
    "json, unicode": json.dumps({"token": SECRET}, ensure_ascii=False),
    "repr": repr({"token": SECRET}),
    "html": html.escape(SECRET),
    "hex": SECRET.encode().hex(),
    "HEX": SECRET.encode().hex().upper(),
    "basic": "Basic " + base64_of(f"user:{SECRET}"),
    "basic, first": "Basic " + base64_of(f"{SECRET}:"),
    "basic, third": "Basic " + base64_of(f"ab{SECRET}xyz"),
    "urlsafe": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "quoted base64": quote(base64_of(SECRET), safe=""),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_each_spelling_is_masked(text: str) -> None:
    said = mask(f"401 for {text}!")

    assert MASK in said
    assert text not in said
    assert said.startswith("401 for ")


@given(before=st.binary(max_size=8), after=st.binary(max_size=8), value=st.text("abcXYZ019-_", min_size=9, max_size=40))
def test_base64_around_it_hides_it_at_any_alignment(before: bytes, after: bytes, value: str) -> None:
    redaction.forget()
    remember([value])

    said = mask(base64.b64encode(before + value.encode() + after).decode())

    assert MASK in said


def test_each_line_of_a_key_is_masked_by_itself() -> None:
    assert mask("near MIIEvQIBADANBgkqhkiG9w0BAQEFAASC in line 2") == f"near {MASK} in line 2"


def test_short_values_would_garble_the_text_and_stay() -> None:
    remember(["eu"])

    assert mask("queued in eu") == "queued in eu"


def test_json_values_are_masked_at_any_depth() -> None:
    assert masked({"a": [1, {SECRET: f"x{SECRET}"}, None]}) == {"a": [1, {MASK: f"x{MASK}"}, None]}


def test_only_so_many_values_are_kept() -> None:
    for number in range(300):
        remember([f"value-{number:04}"], tenant=1)

    assert mask("value-0299") == MASK
    assert mask("value-0001") == "value-0001"


def test_the_many_values_of_one_tenant_push_out_nobody_else_s() -> None:
    remember(["the-secret-of-globex"], tenant=2)
    for number in range(300):
        remember([f"value-{number:04}"], tenant=1)

    assert mask("the-secret-of-globex") == MASK


def test_of_one_credential_the_longest_values_are_known() -> None:
    remember([*(f"value-{number:04}" for number in range(30)), "the-only-long-value"])

    assert mask("the-only-long-value") == MASK
    assert len({text for text in (f"value-{number:04}" for number in range(30)) if mask(text) == MASK}) == 19


def test_what_a_tenant_reads_is_masked_with_its_own_secrets() -> None:
    remember(["the-secret-of-acme"], tenant=1)
    remember(["the-secret-of-globex"], tenant=2)
    told = "the-secret-of-acme, the-secret-of-globex"

    assert mask(told, tenant=1) == f"{MASK}, the-secret-of-globex"
    assert masked([told], tenant=2) == [f"the-secret-of-acme, {MASK}"]
    assert mask(told, tenant=3) == told
    assert mask(told) == f"{MASK}, {MASK}"


def test_overlapping_secrets_leave_no_rest() -> None:
    remember(["abcdefghij", "ghijklmnopqrst"])

    assert mask("xabcdefghijklmnopqrsty, abcdefghijabcdefghij") == f"x{MASK}y, {MASK}{MASK}"


@pytest.mark.slow
def test_a_value_of_very_many_lines_makes_masking_no_slower() -> None:
    text = "an ordinary line of a log, of the usual length, with nothing in it that is secret to anybody at all" * 2
    remember("\n".join(f"{number:016}" for number in range(n, n + 3600)) for n in range(0, 72_000, 3600))

    mask(text)
    quickest = min(timeit.repeat(lambda: mask(text), number=10, repeat=5)) / 10

    assert quickest < 0.001


def test_an_exception_with_a_secret_does_not_get_out_as_it_is() -> None:
    def fail() -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError("outer, and innocent") from error

    with pytest.raises(MaskedError) as raised, safely():
        fail()

    assert SECRET not in repr(raised.value)
    assert "ValueError: outer, and innocent" in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_an_exception_without_one_gets_out_unchanged() -> None:
    with pytest.raises(KeyError), safely():
        raise KeyError("innocent")


@pytest.fixture
def handler() -> Iterator[logging.StreamHandler[StringIO]]:
    """A handler of somebody else's, who knows nothing of us."""
    made = logging.StreamHandler(StringIO())
    made.setFormatter(logging.Formatter("%(name)s %(message)s"))
    logger = logging.getLogger("somebody.elses")
    logger.addHandler(made)
    logger.setLevel(logging.DEBUG)
    yield made
    logger.removeHandler(made)


def test_a_line_of_anybodys_logger_is_masked(handler: logging.StreamHandler[StringIO]) -> None:
    logging.getLogger("somebody.elses").debug("GET /?key=%s", quote(SECRET))

    assert handler.stream.getvalue() == f"somebody.elses GET /?key={MASK}\n"


def test_an_exception_in_a_log_line_is_masked(handler: logging.StreamHandler[StringIO]) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("somebody.elses").exception("It failed.")

    said = handler.stream.getvalue()
    assert f"ValueError: {MASK}" in said
    assert SECRET not in said


def test_a_record_without_a_secret_keeps_its_arguments(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("somebody.elses").warning("%s of %s", 1, 2)

    assert caplog.records[-1].args == (1, 2)


def test_a_message_that_does_not_fit_its_arguments_is_left_to_logging(caplog: pytest.LogCaptureFixture) -> None:
    from ingestion.logs import redact

    record = logging.LogRecord("x", logging.INFO, "x", 1, "%d", ("text",), None)
    redact(record)

    assert record.args == ("text",)


def test_the_filter_masks_extra_fields_and_the_formatter_the_whole_line() -> None:
    record = logging.makeLogRecord(
        {"msg": "asked", "event": SECRET, "data_url": f"/?k={SECRET}", "data_n": {"a": SECRET}}
    )
    line = ContextFormatter("%(message)s").format(record)
    SecretsFilter().filter(record)

    assert line == f"asked event={MASK}"
    assert (record.event, record.data_url, record.data_n) == (MASK, f"/?k={MASK}", {"a": MASK})  # type: ignore[attr-defined]
