"""Reversals whose bank leaves them the direction of what they undo."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion import ConfigurationError
from integrations.bank.formats.camt import read
from integrations.bank.formats.options import KEEPS_SIGN, Options
from integrations.bank.statements import imbalance
from tests.integrations.bank.camt_messages import SAMPLE, balance, entry, message
from tests.integrations.bank.samples_of_cases import case

REVERSAL = "<RvslInd>true</RvslInd>"
KEEPING = Options(reversal=KEEPS_SIGN)


def test_a_statement_that_ties_only_the_other_way_round_is_refused_with_the_setting() -> None:
    (statement,) = read(case("31_reversal_as_bank_means.xml"))

    (problem,) = statement.problems
    assert "by -40.00" in problem
    assert '--config reversal="keeps sign"' in problem


def test_the_setting_turns_reversals_round_and_says_so() -> None:
    (statement,) = read(case("31_reversal_as_bank_means.xml"), KEEPING)

    assert (statement.problems, imbalance(statement)) == ((), 0)
    assert [each.amount for each in statement.entries] == [Decimal("-20.00"), Decimal("20.00")]
    assert statement.entries[1].counterparty == "Netz AG"
    assert "1 reversal was turned round" in statement.notes[0]


def test_the_setting_refuses_a_statement_that_ties_only_without_it() -> None:
    swedish = read(SAMPLE, KEEPING)[0]

    assert "without the setting reversal" in swedish.problems[0]


def test_a_statement_that_ties_neither_way_is_not_explained_by_reversals() -> None:
    ends = balance("OPBD", "0"), balance("CLBD", "1.00")
    (statement,) = read(message(*ends, entry("20.00", "DBIT", rest=REVERSAL)))

    assert statement.problems == ()
    assert imbalance(statement) == -21


def test_parts_of_a_reversal_turn_with_it() -> None:
    parts = '<NtryDtls><TxDtls><Amt Ccy="EUR">1.00</Amt></TxDtls><TxDtls><Amt Ccy="EUR">2.00</Amt></TxDtls></NtryDtls>'

    (statement,) = read(message(entry("3.00", "DBIT", rest=REVERSAL + parts)), KEEPING)

    assert [part.amount for part in statement.entries[0].parts] == [Decimal("1.00"), Decimal("2.00")]


@pytest.mark.parametrize("config", [{"reversal": "keep"}, {"reversal": True}, {"charset": "iso646-xx"}])
def test_a_setting_that_means_nothing_is_a_configuration_error(config: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=r"reversal|charset"):
        Options.of(config)


def test_null_and_absent_settings_are_none() -> None:
    assert Options.of({"reversal": None, "charset": None}) == Options(posts_notices=False)
