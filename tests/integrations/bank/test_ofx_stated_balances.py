"""OFX rows that state a balance are no money: left out where the file shows it, asked about where it does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion import ConfigurationError
from ingestion.models import DeadLetter, Run
from integrations.bank.formats.ofx import read
from integrations.bank.formats.options import Options
from integrations.bank.statements import Statement
from tests.integrations.bank.ofx_files import statement
from tests.integrations.bank.test_pipeline_details import connection, load, rows


def row(day: int, amount: str, name: str, fitid: str = "") -> str:
    return f"<STMTTRN><TRNTYPE>OTHER<DTPOSTED>202606{day:02}<TRNAMT>{amount}<FITID>{fitid}<NAME>{name}</STMTTRN>"


def file(*transactions: str, ledger: str = "") -> bytes:
    closing = f"<LEDGERBAL><BALAMT>{ledger}<DTASOF>20260630</LEDGERBAL>" if ledger else ""
    return statement("".join(transactions), closing)


def only(data: bytes, **settings: str) -> Statement:
    (parsed_statement,) = read(data, **settings)
    return parsed_statement


def amounts(parsed_statement: Statement) -> list[Decimal | None]:
    return [entry.amount for entry in parsed_statement.entries]


BOUGHT, SOLD = row(2, "-10.00", "Compra", "1"), row(3, "30.00", "Venda", "2")


def test_rows_that_state_the_balance_at_their_place_are_left_out_and_counted() -> None:
    data = file(
        row(1, "1000.00", "Saldo Anterior"),
        *(BOUGHT, row(2, "990.00", "Saldo do dia"), SOLD, row(3, "1020.00", "S A L D O")),
        ledger="1020.00",
    )

    parsed_statement = only(data)

    assert amounts(parsed_statement) == [Decimal("-10.00"), Decimal("30.00")]
    assert parsed_statement.left_out == {"rows that state a balance": 3}


def test_a_file_from_new_to_old_shows_the_same() -> None:
    data = file(row(3, "1020.00", "Saldo do dia"), SOLD, row(2, "990.00", "Saldo do dia"), BOUGHT, ledger="1020.00")

    assert amounts(only(data)) == [Decimal("30.00"), Decimal("-10.00")]


def test_without_a_ledger_balance_such_rows_prove_each_other() -> None:
    data = file(row(1, "1000.00", "Saldo anterior"), BOUGHT, row(2, "990.00", "Saldo do dia"))

    assert amounts(only(data)) == [Decimal("-10.00")]


def test_a_row_of_zero_moves_nothing_and_is_left_out() -> None:
    assert amounts(only(file(row(1, "0.00", "Saldo Anterior"), BOUGHT))) == [Decimal("-10.00")]


@pytest.mark.parametrize("ledger", ["", "100.00"])
def test_a_row_that_nothing_shows_to_be_a_balance_is_no_money_until_someone_says_so(ledger: str) -> None:
    parsed_statement = only(file(BOUGHT, row(2, "1000.00", "Saldo do dia"), ledger=ledger))

    assert (amounts(parsed_statement), parsed_statement.left_out) == ([Decimal("-10.00"), None], {})


def test_a_row_with_an_id_is_never_left_out_unasked() -> None:
    shown = only(file(row(1, "1000.00", "Opening balance", "7"), BOUGHT, ledger="990.00"))
    unlike = only(file(row(1, "5.00", "Opening balance", "7"), BOUGHT, ledger="990.00"))

    assert amounts(shown) == [None, Decimal("-10.00")]
    assert amounts(unlike) == [Decimal("5.00"), Decimal("-10.00")]


@pytest.mark.parametrize("name", ["Pagamento saldo anterior", "Saldo Bar Lda", "Balance Yoga", "Soldes d'hiver"])
def test_a_payment_that_mentions_a_balance_is_money(name: str) -> None:
    assert amounts(only(file(row(1, "1000.00", name), ledger="1000.00"))) == [Decimal("1000.00")]


def test_what_the_config_says_of_such_rows_holds() -> None:
    data = file(BOUGHT, row(2, "1000.00", "Saldo do dia", "9"), ledger="100.00")

    assert amounts(only(data, balance_rows="leave out")) == [Decimal("-10.00")]
    assert amounts(only(data, balance_rows="post")) == [Decimal("-10.00"), Decimal("1000.00")]


def test_a_word_that_is_neither_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="balance_rows"):
        Options.of({"balance_rows": "maybe"})


@pytest.mark.django_db(transaction=True)
def test_the_dead_letter_asks_and_closes_when_the_row_is_posted() -> None:
    where = connection()
    data = file(BOUGHT, row(2, "1000.00", "Saldo do dia"), ledger="100.00")

    first_run = load(where, "banco.ofx", data)
    message = DeadLetter.objects.for_tenant(where.tenant).get().errors[0]["message"]
    posted = load(where, "banco.ofx", data, again=True, balance_rows="post")

    assert (first_run.state, first_run.ok, first_run.dead) == (Run.State.PARTIAL, 1, 1)
    assert "1000.00 of 'Saldo do dia' may state a balance" in message
    assert 'balance_rows="leave out"' in message
    assert (posted.state, {each.amount for each in rows(where)}) == (Run.State.SUCCEEDED, {Decimal(-10), Decimal(1000)})
    assert DeadLetter.objects.for_tenant(where.tenant).get().status not in DeadLetter.OPEN
