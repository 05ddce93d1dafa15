"""Statements and entries as the CAMT reader gives them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from integrations.bank.formats.camt import read
from integrations.bank.formats.camt_entry import MAX_DESCRIPTION
from integrations.bank.statements import Balance, EntryStatus, imbalance
from tests.integrations.bank.camt_messages import SAMPLE, balance, entry, message, only


def test_statement_is_read_with_account_balances_number_and_period() -> None:
    swedish, norwegian = read(SAMPLE)

    assert (swedish.format, swedish.reference, swedish.number) == ("camt.053", "ST-2024-63", "63")
    assert (swedish.account.identifier, swedish.account.bank) == ("SE4550000000058398257466", "HARBSESS")
    assert (swedish.account.name, swedish.account.currency) == ("Dockside AB", "SEK")
    assert swedish.opening == Balance(Decimal("1000.00"), "SEK", date(2024, 3, 1))
    assert swedish.closing == Balance(Decimal("817.45321"), "SEK", date(2024, 3, 1))
    assert swedish.available == Balance(Decimal("900.00"), "SEK", date(2024, 3, 1))
    assert (swedish.period_start, swedish.period_end) == (date(2024, 3, 1), date(2024, 3, 1))
    assert norwegian.opening == Balance(Decimal("-5.00"), "NOK", date(2024, 2, 29))


def test_each_statement_of_a_file_ties_in_its_own_currency() -> None:
    assert [(imbalance(each), each.problems) for each in read(SAMPLE)] == [(Decimal(0), ()), (Decimal(0), ())]


def test_batch_of_several_details_stays_one_entry() -> None:
    batch = read(SAMPLE)[0].entries[0]

    assert (batch.amount, batch.bank_id, batch.reference) == (Decimal("-200.00"), "B-1", "BATCH-9")
    assert (batch.kind, batch.counterparty, batch.value_on) == ("PMNT-ICDT-DMCT", "", date(2024, 3, 2))
    assert batch.description == "Supplier batch / Invoice 11 / RF18 5390"


def test_entry_keeps_five_decimals_and_takes_its_day_from_a_timestamp() -> None:
    credit = read(SAMPLE)[0].entries[1]

    assert (credit.amount, credit.amount_text) == (Decimal("37.45321"), "37.45321")
    assert (credit.booked_on, credit.booked_text) == (date(2024, 3, 1), "2024-03-01T13:15:00+01:00")
    assert (credit.counterparty, credit.counterparty_account, credit.reference) == ("Åsa Öberg", "123-4", "")


def test_reversal_keeps_its_direction_and_names_the_party_that_was_paid_back() -> None:
    reversal = read(SAMPLE)[0].entries[2]

    assert (reversal.amount, reversal.counterparty) == (Decimal("-20.00"), "Refunded Payer")


def test_raw_is_the_exact_text_of_the_entry() -> None:
    credit = read(SAMPLE.decode().encode("utf-16"))[0].entries[1]

    assert credit.raw.encode() in SAMPLE
    assert credit.raw.startswith("<Ntry>")
    assert credit.raw.endswith("</Ntry>")
    assert "Åsa Öberg" in credit.raw


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("<Sts>BOOK</Sts>", EntryStatus.BOOKED),
        ("<Sts>PDNG</Sts>", EntryStatus.PENDING),
        ("<Sts>INFO</Sts>", EntryStatus.INFORMATION),
        ("<Sts><Cd>BOOK</Cd></Sts>", EntryStatus.BOOKED),
        ("<Sts><Cd>FUTR</Cd></Sts>", EntryStatus.PENDING),
        ("", EntryStatus.BOOKED),
    ],
)
def test_status_is_read_as_text_or_as_code(status: str, expected: EntryStatus) -> None:
    statement = only(message(entry(status=status)))

    assert (statement.entries[0].status, statement.problems) == (expected, ())


def test_unknown_status_is_a_problem_because_it_may_or_may_not_count() -> None:
    assert any("'BOOJ'" in problem for problem in only(message(entry(status="<Sts>BOOJ</Sts>"))).problems)


@pytest.mark.parametrize(
    "written",
    [
        "NaN",
        "Infinity",
        "1e400",
        "1_0",
        "\uff11",
        "-5",
        "+5",
        "1,50",
        "",
        ".",
        "1.2.3",
        "9" * 19,
        "9" * 5_000,
        "1<b/>0",
    ],
)
def test_amount_that_is_not_plain_digits_is_none_and_breaks_the_balance(written: str) -> None:
    statement = only(message(balance("OPBD", "0"), balance("CLBD", "10.00"), entry(written)))

    assert statement.entries[0].amount is None
    assert imbalance(statement) == -10


def test_unknown_indicator_leaves_no_amount_and_a_text_that_is_none() -> None:
    parsed_entry = only(message(entry("3.00", "CRDX"))).entries[0]

    assert (parsed_entry.amount, parsed_entry.amount_text) == (None, "3.00 CRDX")


def test_description_of_a_huge_batch_is_cut() -> None:
    details = "".join(f"<TxDtls><RmtInf><Ustrd>Invoice {n}</Ustrd></RmtInf></TxDtls>" for n in range(1_000))
    parsed_entry = only(message(entry(rest=f"<NtryDtls>{details}</NtryDtls>"))).entries[0]

    assert parsed_entry.description.endswith("… (1000 details)")
    assert len(parsed_entry.description) < MAX_DESCRIPTION + 30
