"""OFX files of one account that name its bank and kind, or leave one of them out, load nothing twice in any order."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from random import Random

import pytest

from ingestion.actions import Actor, Selection, replay
from ingestion.models import Connection, DeadLetter, Run
from ingestion.running import execute
from integrations.bank.models import BankAccount, BankTransaction
from tests.databases import all_on_sqlite, seeds
from tests.integrations.bank.test_cuttings import archived
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection, load, mt940

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
MONTH = [("0105", "-10.00", "A1"), ("0106", "-3.00", ""), ("0106", "-3.00", ""), ("0107", "25.00", "A2")]
"""Day, amount and id; two of them are twins."""


def ofx(bank: str = "", kind: str = "", name: str = "", booked: list[tuple[str, str, str]] = MONTH) -> bytes:
    """A file of the account 5550004 that names its bank by number or by name, and its kind, where they are given."""
    rows = "".join(
        f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>2026{day}<TRNAMT>{amount}{f'<FITID>{fitid}' * bool(fitid)}<NAME>SHOP</STMTTRN>"
        for day, amount, fitid in booked
    )
    institution = f"<SIGNONMSGSRSV1><SONRS><FI><ORG>{name}</FI></SONRS></SIGNONMSGSRSV1>" * bool(name)
    heading = f"<BANKID>{bank}" * bool(bank) + "<ACCTID>5550004" + f"<ACCTTYPE>{kind}" * bool(kind)
    return f"""OFXHEADER:100
DATA:OFXSGML

<OFX>{institution}<BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM>{heading}</BANKACCTFROM>
<BANKTRANLIST><DTSTART>2026{booked[0][0]}<DTEND>2026{booked[-1][0]}{rows}</BANKTRANLIST></STMTRS></STMTTRNRS>
</BANKMSGSRSV1></OFX>""".encode()


def amounts(where: Connection) -> Counter[str]:
    """The accounts with what they hold together, rows and sum."""
    rows = BankTransaction.objects.for_tenant(where.tenant).active().select_related("account")
    return Counter(f"{row.account.qualifier} {row.booked_on:%m%d} {row.amount:.2f}" for row in rows)


def expected(qualifier: str, booked: list[tuple[str, str, str]] = MONTH) -> Counter[str]:
    return Counter(f"{qualifier} {day} {amount}" for day, amount, _ in booked)


HEADINGS = {
    "whole": {"bank": "1", "kind": "CHECKING"},
    "no bank": {"kind": "CHECKING"},
    "no kind": {"bank": "001"},
    "neither": {},
    "name too": {"bank": "1", "kind": "CHECKING", "name": "First Bank"},
    "name alone": {"kind": "CHECKING", "name": "First Bank"},
}


@pytest.mark.every_database
@pytest.mark.parametrize("order", all_on_sqlite(permutations(("whole", "no bank", "neither"))), ids=" ".join)
def test_files_of_an_account_with_and_without_its_bank_and_kind_load_nothing_twice(order: tuple[str, ...]) -> None:
    where = connection()

    for at, name in enumerate((*order, *order)):
        put(where, f"{at}.ofx", ofx(**HEADINGS[name], booked=MONTH[at % 2 :]))
        put(where, f"{at} whole.ofx", ofx(**HEADINGS[name]))

    assert amounts(where) == expected("1 checking")


@pytest.mark.every_database
@pytest.mark.parametrize("seed", seeds(3, elsewhere=1))
def test_every_way_to_name_the_account_is_one_account_in_any_order(seed: int) -> None:
    where, random = connection(), Random(seed)
    names = [*HEADINGS, *HEADINGS]
    random.shuffle(names)

    for at, name in enumerate(names):
        first = random.choice((0, 1, 3))
        run = put(where, f"{at}.ofx", ofx(**HEADINGS[name], booked=MONTH[first:]))
        assert run.state == Run.State.SUCCEEDED
    put(where, "all.ofx", ofx(**HEADINGS[names[0]]))

    assert BankAccount.objects.for_tenant(where.tenant).count() == 1
    assert amounts(where) == expected("1 checking")


def test_members_of_a_zip_that_name_the_account_in_each_way_are_one_account() -> None:
    where = connection()
    (archive,) = archived([ofx(**heading, booked=MONTH[at % 3 :]) for at, heading in enumerate(HEADINGS.values())])

    run = put(where, "all.zip", archive)

    assert run.state == Run.State.SUCCEEDED
    assert amounts(where) == expected("1 checking")


@pytest.mark.every_database
def test_a_replayed_entry_goes_to_the_account_that_its_file_was_taken_for() -> None:
    where = connection()
    put(where, "whole.ofx", ofx(bank="1", kind="CHECKING", booked=MONTH[1:]))
    put(where, "bad.ofx", ofx(kind="CHECKING", booked=[("0105", "-1O.00", "A1"), *MONTH[1:]]))
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    mended = bytes(dead_letter.payload).replace(b'"amount": null', b'"amount": "-10.00"')
    DeadLetter.objects.for_tenant(where.tenant).update(payload=mended)

    (run,) = replay(Actor(), Selection(where.tenant))
    execute(run.pk)
    put(where, "again.ofx", ofx(bank="1", kind="CHECKING"))

    assert amounts(where) == expected("1 checking")


@pytest.mark.every_database
def test_trusted_and_ignored_ids_are_found_under_every_name_of_the_account() -> None:
    for ids in ("trust", "ignore"):
        where = connection(ids)
        for at, name in enumerate(("no bank", "whole", "neither", "no bank")):
            put(where, f"{at}.ofx", ofx(**HEADINGS[name]), ids=ids)

        assert amounts(where) == expected("1 checking")


def test_the_run_says_which_account_a_file_without_a_bank_is_taken_for_and_what_an_account_is_known_as() -> None:
    where = connection()
    put(where, "part.ofx", ofx(kind="CHECKING"))

    run = put(where, "whole.ofx", ofx(bank="1", kind="CHECKING"))
    again = put(where, "later.ofx", ofx(kind="CHECKING", booked=MONTH[1:]))

    assert "The account 5550004 USD (checking) is known as 5550004 USD (1 checking) from now on" in notes(run)
    assert "5550004 (checking) of the file is taken for 5550004 USD (1 checking), the only one" in notes(again)


@pytest.mark.parametrize(
    ("heading", "missing", "there"),
    [({"kind": "CHECKING"}, "bank=NUMBER", "kind="), ({"bank": "021000021"}, "kind=checking", "bank=")],
)
def test_what_tells_the_account_names_only_what_the_file_leaves_out(
    heading: dict[str, str], missing: str, there: str
) -> None:
    where = connection()
    put(where, "whole.ofx", ofx(bank="021000021", kind="CHECKING"))

    run_notes = notes(put(where, "part.ofx", ofx(**heading, booked=MONTH[1:])))

    assert "is taken for 5550004 USD (021000021 checking)" in run_notes
    assert f"--config {missing}" in run_notes
    assert f"Other settings: {missing}." in run_notes
    assert there not in run_notes


def test_the_refusal_shows_the_banks_as_they_write_their_numbers_and_both_ways_to_tell() -> None:
    where = connection()
    for bank in ("021000021", "031000053"):
        put(where, f"{bank}.ofx", ofx(bank=bank, kind="CHECKING"))

    message = put(where, "part.ofx", ofx(kind="CHECKING")).error_message

    assert "there are 5550004 USD (021000021 checking), 5550004 USD (031000053 checking)" in message
    assert (
        "--config bank=NUMBER (BANKID); in the console's upload form under Other settings: bank=NUMBER, or" in message
    )


def test_a_file_that_may_be_of_two_accounts_is_refused_until_it_is_said_of_which() -> None:
    where = connection()
    put(where, "1.ofx", ofx(bank="1", kind="CHECKING"))
    put(where, "2.ofx", ofx(bank="2", kind="CHECKING"))

    run = put(where, "part.ofx", ofx(kind="CHECKING"))
    run_with_bank = put(where, "told.ofx", ofx(kind="CHECKING"), bank="2")

    assert run.state == Run.State.FAILED
    assert "there are 5550004 USD (1 checking), 5550004 USD (2 checking)" in run.error_message
    assert "--config bank=NUMBER (BANKID)" in run.error_message
    assert run_with_bank.state == Run.State.SUCCEEDED
    assert amounts(where) == expected("1 checking") + expected("2 checking")


def test_a_file_without_a_kind_asks_for_it_where_there_are_two() -> None:
    where = connection()
    put(where, "1.ofx", ofx(bank="1", kind="CHECKING"))
    put(where, "2.ofx", ofx(bank="1", kind="SAVINGS"))

    run = put(where, "part.ofx", ofx(bank="1"))
    run_with_kind = put(where, "told.ofx", ofx(bank="1"), kind="savings")

    assert "--config kind=checking (ACCTTYPE)" in run.error_message
    assert "bank=" not in run.error_message
    assert run_with_kind.state == Run.State.SUCCEEDED
    assert amounts(where) == expected("1 checking") + expected("1 savings")


def test_one_that_was_taken_for_an_account_before_there_were_two_is_asked_for_too() -> None:
    where = connection()
    for at, heading in enumerate(({"kind": "CHECKING"}, {"bank": "1", "kind": "CHECKING"})):
        put(where, f"{at}.ofx", ofx(**heading))
    put(where, "2.ofx", ofx(bank="2", kind="CHECKING"))

    run = put(where, "part.ofx", ofx(kind="CHECKING"))

    assert run.state == Run.State.FAILED
    assert amounts(where) == expected("1 checking") + expected("2 checking")


@pytest.mark.parametrize("turned", [False, True])
def test_the_name_of_a_bank_tells_accounts_apart_where_the_number_is_left_out(turned: bool) -> None:
    where = connection()
    files = [ofx(bank=number, kind="CHECKING", name=name) for number, name in (("1", "First"), ("2", "Second"))]
    files.append(ofx(kind="CHECKING", name="second"))

    for at, data in enumerate(reversed(files) if turned else files):
        put(where, f"{at}.ofx", data)

    assert amounts(where) == expected("1 checking") + expected("2 checking")


def test_accounts_of_other_tenants_make_nothing_ambiguous() -> None:
    for at in "12":
        put(connection("theirs"), f"{at}.ofx", ofx(bank=at, kind="CHECKING"))
    where = connection("ours")

    run = put(where, "part.ofx", ofx(kind="CHECKING"))

    assert run.state == Run.State.SUCCEEDED
    assert amounts(where) == expected("checking")


def test_another_format_finds_the_account_that_it_made_also_beside_another_of_its_number() -> None:
    where = connection()
    statement = mt940("100,00", [("260105", "-10,00")], "90,00")
    as_ours = {b"5550004": b"NL91ABNA0417164300", b"USD": b"EUR"}
    load(where, "a.sta", statement)
    for bank in "12":
        data = ofx(bank=bank, kind="CHECKING", booked=[("0220", "-1.00", "Z")])
        for old, new in as_ours.items():
            data = data.replace(old, new)
        put(where, f"{bank}.ofx", data)

    put(where, "again.sta", statement)

    assert amounts(where) == Counter(
        {"1 checking 0105 -10.00": 1, "1 checking 0220 -1.00": 1, "2 checking 0220 -1.00": 1}
    )


def test_an_unreadable_entry_is_looked_for_in_the_account_that_the_settings_name() -> None:
    where = connection()
    for name in ("1", "2"):
        put(where, f"{name}.ofx", ofx(bank=name, kind="CHECKING"))
    unreadable = ofx(kind="CHECKING", booked=[("0105", "1O.OO", "A1"), *MONTH[1:]])

    run = put(where, "torn.ofx", unreadable, bank="2")

    assert "1 of the rejected records arrived already" in notes(run)


@pytest.mark.parametrize("former", ["5550004", "", "5550004 checking"])
def test_rows_that_another_format_left_under_its_own_name_of_the_account_are_met_again(former: str) -> None:
    rows = b"Date,Description,Amount\n2026-01-09,SHOP,-7.00\n"
    settings = {"account": "5550004", "currency": "USD"}
    alone, where = connection("alone"), connection("where")
    put(alone, "1.csv", rows, **settings)
    put(where, "1.ofx", ofx(bank="1", kind="CHECKING"))
    put(where, "1.csv", rows, **settings)
    by_number = BankTransaction.objects.for_tenant(alone.tenant).get().external_id
    kept = BankTransaction.objects.for_tenant(where.tenant).filter(booked_on="2026-01-09")
    kept.update(external_id=by_number, digest=b"older")
    BankAccount.objects.for_tenant(where.tenant).update(former=former)

    put(where, "2.csv", rows + b"2026-01-10,CAFE,-1.00\n", **settings)

    assert [external_id != by_number for external_id in kept.values_list("external_id", flat=True)] == [True]
