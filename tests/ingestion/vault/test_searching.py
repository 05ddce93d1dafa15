"""The search for many texts at once agrees with the plain one, and holds with threads and forks."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import redaction
from ingestion.redaction import MASK, mask, remember, spellings
from ingestion.redaction.known_secrets import Known

LETTERS = st.text(st.sampled_from("aab/ é\ud800😀"), max_size=60)
SECRETS = st.lists(st.text(st.sampled_from("aab/é😀"), min_size=8, max_size=14), min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def _none_known() -> Iterator[None]:
    redaction.forget()
    yield
    redaction.forget()


def plainly_masked(text: str, secrets: list[str]) -> str:
    """Each place of the text against each spelling; secrets that overlap are one gap, those that touch are two."""
    texts = {spelling for secret in secrets for spelling in spellings(secret)}
    gaps: list[list[int]] = []
    for at in range(len(text)):
        length = max((len(one) for one in texts if text.startswith(one, at)), default=0)
        if length and gaps and at < gaps[-1][1]:
            gaps[-1][1] = max(gaps[-1][1], at + length)
        elif length:
            gaps.append([at, at + length])
    for start, end in reversed(gaps):
        text = text[:start] + MASK + text[end:]
    return text


@given(secrets=SECRETS, around=st.lists(LETTERS, min_size=1, max_size=4), data=st.data())
@pytest.mark.slow
def test_masking_agrees_with_the_plain_way(secrets: list[str], around: list[str], data: st.DataObject) -> None:
    redaction.forget()
    remember(secrets)
    hidden = sorted(spelling for secret in secrets for spelling in spellings(secret))
    text = "".join(piece + data.draw(st.sampled_from(hidden)) for piece in around) + data.draw(LETTERS)

    assert mask(text) == plainly_masked(text, secrets)


@given(secrets=st.lists(SECRETS, min_size=2, max_size=3), text=LETTERS)
@pytest.mark.slow
def test_what_a_tenant_reads_agrees_with_the_plain_way(secrets: list[list[str]], text: str) -> None:
    redaction.forget()
    remember(secrets[0], tenant=None)
    for tenant, owned in enumerate(secrets[1:], 1):
        remember(owned, tenant=tenant)
    text = text + secrets[1][0] + secrets[0][0] + text

    assert mask(text, tenant=1) == plainly_masked(text, secrets[0] + secrets[1])


@pytest.mark.slow
@given(kept=SECRETS, pushed_out=st.lists(st.text("ab", min_size=8, max_size=9), max_size=5), text=LETTERS)
def test_values_that_were_pushed_out_leave_nothing_behind(kept: list[str], pushed_out: list[str], text: str) -> None:
    redaction.forget()
    for value in [
        *pushed_out,
        *(f"filler-{number:04}" for number in range(200 - len(set(kept)))),
        *dict.fromkeys(kept),
    ]:
        remember([value], tenant=1)

    assert mask(text + kept[0], tenant=1) == mask(text + kept[0]) == plainly_masked(text + kept[0], kept)


def test_threads_that_remember_hide_no_secret_from_one_that_masks() -> None:
    remember(["sk_live_the-secret-that-stays"])
    failures: list[str] = []
    stop = threading.Event()

    def churn(number: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            remember([f"sk_live_{number}-{count:06}"], tenant=number)

    threads = [threading.Thread(target=churn, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for _ in range(2000):
        if mask("x sk_live_the-secret-that-stays") != f"x {MASK}":
            failures.append("seen")
    stop.set()
    for thread in threads:
        thread.join()

    assert failures == []


@pytest.mark.slow
def test_a_child_that_was_forked_while_a_thread_remembered_can_mask() -> None:
    known = Known()
    stop = threading.Event()

    def churn() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            known.add([f"sk_live_{count:06}"], 1)

    thread = threading.Thread(target=churn)
    thread.start()
    for _ in range(20):
        child = os.fork()
        if not child:
            known.add(["the-secret-of-the-child"], 1)
            os._exit(len([*known.indexes(1)[0].spans(b"the-secret-of-the-child")]))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    stop.set()
    thread.join()
