"""OFX, QIF and CSV files as people report them about importers, each through upload, run and ledger."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.actions import Actor, configure, connect, upload
from ingestion.core.errors import ConfigurationError
from ingestion.models import Connection, DeadLetter, Run, Tenant
from ingestion.running import execute
from integrations.bank.models import BankTransaction
from tests.integrations.bank.test_overlap import notes

pytestmark = pytest.mark.django_db(transaction=True)
CASES = Path(__file__).parent / "samples" / "cases"
FRENCH = {
    "name": "debits-with-a-sign",
    "bank": "A bank of ours",
    "header": ["Date", "Libelle", "Debit", "Credit"],
    "columns": {"booked": "Date", "description": ["Libelle"], "debit": "Debit", "credit": "Credit"},
    "date_formats": ["%d/%m/%Y"],
    "signed_debits": True,
    "currency": "EUR",
}


def connection() -> Connection:
    tenant, _ = Tenant.objects.get_or_create(key="acme", defaults={"name": "Acme"})
    return connect(Actor(), tenant, "bank.statements")


def load(data: bytes | str, where: Connection | None = None, **config: Any) -> Run:
    """A run over a file of the cases (by name) or over bytes."""
    where = where or connection()
    content = (CASES / data).read_bytes() if isinstance(data, str) else data
    received = upload(Actor(), where, "statement", content, config=config)
    execute(received.run.pk)
    return Run.objects.for_tenant(where.tenant).get(pk=received.run.pk)


def rows(run: Run) -> list[tuple[str, str]]:
    """Day and amount of every row in the ledger."""
    transactions = BankTransaction.objects.for_tenant(run.tenant).order_by("booked_on", "amount")
    return [(row.booked_on.isoformat(), f"{row.amount:.2f}") for row in transactions]


def dead_letters(run: Run) -> list[str]:
    """What every dead letter says."""
    found = DeadLetter.objects.for_tenant(run.tenant).order_by("pk")
    return [" ".join(str(error["message"]) for error in dead_letter.errors) for dead_letter in found]


@pytest.mark.slow
def test_two_exports_joined_into_one_file_load_as_one() -> None:
    run = load("ing_joined_twice.csv")

    assert (run.state, run.dead) == (Run.State.SUCCEEDED, 0)
    assert len(rows(run)) == 8
    assert rows(run)[-1] == ("2025-01-20", "-30.00")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "ing_3rows_middle_altered.csv",
            "entry 2 of 15.01.2025 takes 1000.00 by -700.00 to 900.00, a difference of 600",
        ),
        ("ing_8rows_altered_and_one_unreadable.csv", "entry 4 of 09.01.2025 takes 550.00 by -250.00 to 500.00"),
    ],
)
def test_altered_amount_refuses_the_statement_and_names_row_and_difference(name: str, said: str) -> None:
    run = load(name)

    assert (run.state, rows(run)) == (Run.State.PARTIAL, [])
    assert said in dead_letters(run)[0]
    assert "Statement of DE02100100100006820101 refused" in notes(run)


def test_filtered_export_loads_once_the_connection_says_that_balances_are_not_to_be_checked() -> None:
    run = load("ing_3rows_middle_altered.csv", balances="unchecked")

    assert (run.state, len(rows(run))) == (Run.State.SUCCEEDED, 3)


def test_currency_decides_what_three_decimals_are() -> None:
    run = load("05b_kwd.ofx")

    assert rows(run) == [("2026-06-01", "-8.95"), ("2026-06-02", "12.50"), ("2026-06-03", "-1234.50")]


def test_three_decimals_in_a_currency_with_two_are_a_dead_letter_with_both_readings() -> None:
    data = (CASES / "05b_kwd.ofx").read_bytes().replace(b"KWD", b"USD")

    run = load(data)

    assert rows(run) == [("2026-06-03", "-1234.50")]
    assert ["12.5 or 12500?" in text for text in dead_letters(run)] == [False, True]
    assert "8.95 or 8950?" in dead_letters(run)[0]


def test_statement_closed_by_the_tag_of_its_sibling_loads() -> None:
    assert rows(load("07_wrong_close.ofx")) == [("2026-06-03", "-19.95")]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("11_no_currency.ofx", {}),
        ("csv_generic_three_columns.csv", {"account": "7"}),
        ("50_quicken.qif", {"account": "7", "dates": "mdy"}),
    ],
)
def test_file_without_a_currency_is_one_refusal_that_names_the_setting(name: str, config: dict[str, Any]) -> None:
    run = load(name, **config)

    assert (run.state, run.error_class, dead_letters(run)) == (Run.State.FAILED, "UnreadableFile", [])
    assert "--config currency=" in run.error_message


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        ("11_no_currency.ofx", {"currency": "usd"}, [("2026-06-01", "-3.00")]),
        (
            "csv_generic_three_columns.csv",
            {"account": "7", "currency": "EUR"},
            [("2025-01-02", "-100.00"), ("2025-01-03", "40.00")],
        ),
        (
            "50_quicken.qif",
            {"account": "7", "currency": "USD", "dates": "mdy"},
            [("2026-06-05", "-12.50"), ("2026-06-06", "1200.00")],
        ),
        (
            "45_sample_dk_fr.csv",
            {"account": "7", "layout": FRENCH},
            [("2026-06-01", "-750.00"), ("2026-06-02", "2100.00")],
        ),
        (
            "56_revolut.csv",
            {"account": "7"},
            [("2026-06-02", "-4.50"), ("2026-06-03", "-20.00"), ("2026-06-03", "-0.20")],
        ),
        ("57_paypal.csv", {"account": "7", "dates": "dmy"}, [("2026-06-01", "-3.20"), ("2026-06-01", "100.00")]),
        ("ocbc_two_row_description.csv", {}, [("2025-04-17", "-50.00"), ("2025-04-18", "-6.60")]),
    ],
)
def test_file_loads_with_what_it_does_not_say(
    name: str, config: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    run = load(name, **config)

    assert (run.state, dead_letters(run)) == (Run.State.SUCCEEDED, [])
    assert rows(run) == expected


def test_texts_keep_what_looks_like_tags_and_entities_of_html_are_read() -> None:
    run = load("13_texts.ofx")

    transactions = BankTransaction.objects.for_tenant(run.tenant).order_by("-amount")
    assert [(row.counterparty, row.description) for row in transactions] == [
        ("AT&T SHOP", "paid <b>twice</b> & more"),
        ("A <B> &amp; C", "x < y"),
        ("Café", ""),
    ]


def test_days_that_may_be_either_month_are_refused_with_the_setting_that_settles_them() -> None:
    run = load("50_quicken.qif", account="7", currency="USD")

    assert run.error_class == "AmbiguousFormat"
    assert "--config dates=mdy" in run.error_message


def test_short_second_row_carries_the_description_on() -> None:
    run = load("ocbc_two_row_description.csv")

    transactions = BankTransaction.objects.for_tenant(run.tenant).order_by("booked_on")
    assert [row.description for row in transactions] == [
        "CASH WITHDRAWAL  ATM 11-1111 BRANCH",
        "DEBIT PURCHASE 15/04/25 11-1111 NOODLE BAR",
    ]


def test_connection_declares_a_layout_of_its_own_and_a_wrong_one_is_refused_before_it_is_stored() -> None:
    where = connection()
    configure(Actor(), where, {"account": "7", "layout": FRENCH})

    with pytest.raises(ConfigurationError, match="Did you mean 'debit'"):
        configure(Actor(), where, {"layout": json.loads(json.dumps(FRENCH).replace('"debit"', '"debits"'))})
    with pytest.raises(ConfigurationError, match="could take long"):
        configure(Actor(), where, {"layout": {**FRENCH, "footers": ["^(a+)+$"]}})
    run = load("45_sample_dk_fr.csv", where)

    assert [Decimal(amount) for _, amount in rows(run)] == [Decimal(-750), Decimal(2100)]


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"layout": "ing-deu"}, "Did you mean .ing-de"),
        ({"layout": 7}, "layout"),
        ({"dates": "mm/dd"}, "dates is one of"),
        ({"balances": "no"}, "balances is one of"),
        ({"currency": "EURO"}, "ISO 4217"),
    ],
)
def test_config_that_no_run_could_use_is_refused(config: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        configure(Actor(), connection(), config)


@pytest.mark.slow
def test_null_in_the_config_is_absent() -> None:
    nothing = dict.fromkeys(("layout", "dates", "balances", "currency"))

    run = load("ing_joined_twice.csv", **nothing)

    assert run.state == Run.State.SUCCEEDED
