"""An account that appears under a second spelling is named on its run, and only within its tenant."""

from __future__ import annotations

import pytest

from ingestion.models import Connection, Run
from integrations.bank.alike_accounts import are_similar
from tests.integrations.bank.test_accounts_of_one_number import bank
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection, load, mt940

pytestmark = pytest.mark.django_db(transaction=True)


def loaded(where: Connection, account: str, currency: str = "EUR") -> list[str]:
    data = mt940("100,00", [("260105", "-10,00")], "90,00").replace(b"NL91ABNA0417164300", account.encode())
    run = load(where, f"{account.replace('/', '_')}{currency}.sta", data.replace(b"EUR", currency.encode()))
    assert run.state == Run.State.SUCCEEDED
    return [event.text for event in run.events.all() if "looks like" in event.text]


@pytest.mark.slow
def test_a_second_spelling_of_an_account_is_told_once() -> None:
    where = connection()

    first, second = loaded(where, "20010020/12345678"), loaded(where, "20010020/0012345678")

    assert first == []
    assert len(second) == 1
    assert "20010020/0012345678 is new and looks like the account 20010020/12345678" in second[0]


@pytest.mark.parametrize(
    ("of", "kind", "is_told"), [("1", "CHECKING", True), ("2", "CHECKING", False), ("1", "SAVINGS", False)]
)
def test_accounts_of_other_banks_or_kinds_are_not_told(of: str, kind: str, is_told: bool) -> None:
    where = connection()
    put(where, "first.ofx", bank("1", "-10"))

    run = put(where, "second.ofx", bank(of, "-10", kind=kind).replace(b"<ACCTID>", b"<ACCTID>00"))

    assert ("looks like" in notes(run)) is is_told


@pytest.mark.every_database
@pytest.mark.slow
def test_accounts_of_other_tenants_and_other_currencies_are_not_told() -> None:
    loaded(connection("theirs"), "20010020/12345678")
    ours = connection("ours")
    loaded(ours, "20010020/12345678", "USD")

    assert loaded(ours, "20010020/0012345678") == []


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("20010020/12345678", "20010020/0012345678", True),
        ("0012345678", "12345678", True),
        ("12-345-678", "12345678", True),
        ("20010020/12345678", "12345678", True),
        ("20010020/12345678", "20010021/12345678", False),
        ("12345678", "12345679", False),
        ("123456780", "12345678", False),
        ("0001", "1", False),
        ("000", "/", False),
    ],
)
def test_which_numbers_look_alike(left: str, right: str, verdict: bool) -> None:
    assert are_similar(left, right) is verdict
    assert are_similar(right, left) is verdict
