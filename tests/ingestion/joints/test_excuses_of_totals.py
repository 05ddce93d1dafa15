"""A total that disagrees is told with what the source's own proof says of it, and with nothing else that was proved."""

from __future__ import annotations

import pytest

from ingestion import CountsAgree, Proof, ReconciliationError, SumAgrees
from ingestion.running.verification import verify
from tests.ingestion.runs import over

PIPELINE = over([], reconciliations=[CountsAgree(), SumAgrees("amount")])
COUNTED, SUMMED = {"count": ["3", "2"]}, {"amount": ["5", "4"]}


def told(tally: dict[str, list[str]], *proofs: Proof) -> str:
    with pytest.raises(ReconciliationError) as raised:
        verify(PIPELINE, tally, {proof.subject: {proof.verdict: 1} for proof in proofs})
    return str(raised.value).removesuffix(". What was loaded stays. The watermark has not moved; run the window again.")


def test_a_proof_that_says_how_the_total_differs_takes_the_place_of_the_count() -> None:
    differs = Proof.differ("/things", "the source counts 3, 2 came")

    assert told(COUNTED, differs) == "/things: totals differ: the source counts 3, 2 came"
    assert told({**COUNTED, **SUMMED}, differs).endswith("2 came; amount: the source declares 5, stored is 4")


@pytest.mark.parametrize("proof", [Proof.totals("/things"), Proof.unchecked("/things", "the source states no total")])
def test_a_proof_that_says_something_else_hides_no_count(proof: Proof) -> None:
    assert told(COUNTED, proof) == "count: the source declares 3, stored is 2"
