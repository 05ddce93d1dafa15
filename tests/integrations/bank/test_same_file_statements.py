"""A file of several statements that its connection read before, read again with other settings: each is told by itself."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from integrations.bank.models import BankTransaction
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection
from tests.integrations.bank.test_same_file import export, layout, read, zipped

pytestmark = pytest.mark.django_db(transaction=True)
BOTH = layout(account="Kind")
OTHERS = {
    "the same head": layout(account="Kind", counterparty=["Partner"]),
    "another head": layout("yours", account="Kind", counterparty=["Partner"]),
}
ONE = ["13/04/2024,x1,11,coffee,Bar,-5.00", "14/04/2024,x2,11,pay,Boss,10.00"]
TWO = ["13/04/2024,x3,22,tea,Bar,-1.00", "15/04/2024,x4,22,cake,Bar,-2.00"]
FEE = "15/04/2024,x9,11,fee,Bank,-7.00"
WITHOUT_FEES = {**BOTH, "footers": [r"\bfee\b"]}


def stored() -> list[tuple[str, int]]:
    rows = BankTransaction.objects.for_tenant(connection().tenant).active()
    return sorted((number, int(amount)) for number, amount in rows.values_list("account__identifier", "amount"))


def of(rows: Iterable[str]) -> list[tuple[str, int]]:
    return sorted((cells[2], int(float(cells[5]))) for cells in (row.split(",") for row in rows))


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("since", [[], ONE, TWO, [*ONE, *TWO], ONE[:1], TWO[1:]], ids=str)
def test_each_statement_finds_its_rows_also_where_other_files_delivered_them_since(
    other: str, since: list[str]
) -> None:
    where = connection()
    read(where, export(*ONE, *TWO), BOTH)
    for number in ("11", "22"):
        if rows := [row for row in since if f",{number}," in row]:
            read(where, export(*rows, f"16/04/2024,x{number},{number},more,Bar,-3.00"), BOTH, f"{number}.csv")
    before = stored()

    run = read(where, export(*ONE, *TWO), OTHERS[other])

    assert stored() == before
    partners = (
        BankTransaction.objects.for_tenant(where.tenant).exclude(amount=-3).values_list("counterparty", flat=True)
    )
    assert set(partners) == {"Bar", "Boss"}
    assert "Nothing tells which are which" not in notes(run)


@pytest.mark.slow
def test_what_settings_left_out_of_one_statement_is_not_looked_for_among_what_another_one_lost_to_other_files() -> None:
    where = connection()
    read(where, export(*ONE, FEE, *TWO), WITHOUT_FEES)
    read(where, export(TWO[1], "16/04/2024,x7,22,more,Bar,-3.00"), BOTH, "two.csv")
    read(where, export(FEE.replace("fee", "toll"), ONE[1]), BOTH, "one.csv")

    run = read(where, export(*ONE, FEE, *TWO), BOTH)

    assert stored() == of([*ONE, *TWO, FEE, FEE, "16/04/2024,x7,22,more,Bar,-3.00"])
    assert "which was read before" not in notes(run)


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("carry", ["joined", "zip"])
@pytest.mark.parametrize("since", [[], [0], [1], [0, 1]], ids=str)
def test_statements_of_one_account_in_one_file_find_their_rows(other: str, carry: str, since: list[int]) -> None:
    where = connection()
    parts = [ONE, [row.replace(",22,", ",11,") for row in TWO]]
    files = [export(*rows) for rows in parts]
    data = b"".join(files) if carry == "joined" else zipped(a=files[0], b=files[1])
    read(where, data, BOTH)
    for at in since:
        read(where, export(*parts[at], f"1{6 + at}/04/2024,x,11,more,Bar,-3.00"), BOTH, f"{at}.csv")
    before = stored()

    read(where, data, OTHERS[other])

    assert stored() == before


def mt940(number: int, text: str, *amounts: int) -> str:
    lines = [f":20:S{number}", ":25:DE89370400440532013000", f":28C:{number}/1", ":60F:C240301EUR100,"]
    for amount in amounts:
        lines += [f":61:2403010301C{amount},00NTRF99", f":86:{text}"]
    return "\r\n".join([*lines, f":62F:C240301EUR{100 + sum(amounts)},", "-", ""])


@pytest.mark.slow
def test_statements_of_one_day_read_again_in_another_charset_keep_their_rows() -> None:
    where = connection()
    data = (mt940(1, "F\\RS[LJNING", 1, 1, 2) + mt940(5, "F\\RS[LJNING", 1, 3)).encode()
    put(where, "a.sta", data)
    before = stored()

    put(where, "a.sta", data, charset="iso646-se")

    assert stored() == before
    texts = BankTransaction.objects.for_tenant(where.tenant).active().values_list("description", flat=True)
    assert set(texts) == {"FÖRSÄLJNING"}
