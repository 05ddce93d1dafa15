"""Entries and statements that could not be read, and their mended versions: one row, and no letter that stays."""

from __future__ import annotations

import pytest

from ingestion.actions import Actor, Selection, replay
from ingestion.models import Connection, DeadLetter, Run
from ingestion.running import execute
from tests.databases import all_on_sqlite
from tests.integrations.bank.test_overlap import active, notes, put
from tests.integrations.bank.test_pipeline import connection, load, mt940

pytestmark = pytest.mark.django_db(transaction=True)


def ofx(*entries: tuple[str, str, str, str]) -> bytes:
    """A statement of June; entries are (date, amount, id, name)."""
    listed = "".join(
        f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{day}<TRNAMT>{amount}{f'<FITID>{name}' if name else ''}<NAME>{text}</STMTTRN>"
        for day, amount, name, text in entries
    )
    return f"""OFXHEADER:100
DATA:OFXSGML

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>1<ACCTID>42<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260601<DTEND>20260630{listed}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>""".encode()


def statuses(where: Connection) -> list[str]:
    return list(DeadLetter.objects.for_tenant(where.tenant).order_by("pk").values_list("status", flat=True))


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("name", ["7", ""])
@pytest.mark.parametrize(
    ("day", "amount"),
    all_on_sqlite(
        [("20260605", "$120"), ("2026-June-5", "-120.00"), ("someday", "$120"), ("20260605", "-120.001")], elsewhere=1
    ),
)
def test_a_mended_entry_closes_its_letter_whatever_could_not_be_read(day: str, amount: str, name: str) -> None:
    where = connection()
    good = ("20260605", "-3.50", "8" if name else "", "Coffee")
    load(where, "bad.ofx", ofx((day, amount, name, "Rent"), good))
    assert statuses(where) == ["new"]

    load(where, "mended.ofx", ofx(("20260605", "-120.00", name, "Rent"), good))

    assert statuses(where) == ["abandoned"]
    assert "newer version" in DeadLetter.objects.for_tenant(where.tenant).get().note
    assert len(active(where)) == 2


@pytest.mark.slow
def test_of_two_letters_of_one_statement_only_the_mended_one_closes() -> None:
    where = connection()
    load(where, "bad.ofx", ofx(("20260605", "$120", "", "Coffee"), ("20260605", "$3", "", "Coffee")))

    load(where, "half.ofx", ofx(("20260605", "-120.00", "", "Coffee"), ("20260605", "$3", "", "Coffee")))

    assert statuses(where) == ["abandoned", "new"]
    load(where, "whole.ofx", ofx(("20260605", "-120.00", "", "Coffee"), ("20260605", "-3.00", "", "Coffee")))
    assert statuses(where) == ["abandoned", "abandoned"]
    assert len(active(where)) == 2


@pytest.mark.slow
def test_an_equal_entry_beside_it_or_of_another_day_does_not_close_a_letter() -> None:
    where = connection()

    load(where, "bad.ofx", ofx(("20260605", "-3.50", "", "Coffee"), ("20260605", "$3.50", "", "Coffee")))
    load(where, "next.ofx", ofx(("20260606", "-3.50", "", "Coffee")))
    put(where, "one.ofx", ofx(("20260605", "-3.50", "", "Coffee")))

    assert statuses(where) == ["new"]


@pytest.mark.every_database
@pytest.mark.slow
def test_a_letter_is_closed_in_its_own_tenant_only() -> None:
    ours, theirs = connection("ours"), connection("theirs")
    bad, mended = ofx(("20260605", "$120", "7", "Rent")), ofx(("20260605", "-120.00", "7", "Rent"))
    load(ours, "bad.ofx", bad)
    load(theirs, "bad.ofx", bad)

    load(ours, "mended.ofx", mended)

    assert (statuses(ours), statuses(theirs)) == (["abandoned"], ["new"])


@pytest.mark.slow
def test_a_letter_that_was_mended_by_hand_and_replayed_is_the_row_of_the_mended_file() -> None:
    where = connection()
    load(where, "bad.ofx", ofx(("20260605", "$120", "", "Coffee"), ("20260605", "-120.00", "", "Coffee")))
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    mended = bytes(dead_letter.payload).replace(b'"amount": null', b'"amount": "-120.00"')
    DeadLetter.objects.for_tenant(where.tenant).update(payload=mended)

    (run,) = replay(Actor(), Selection(where.tenant))
    execute(run.pk)
    load(where, "mended.ofx", ofx(("20260605", "-120.00", "", "Coffee"), ("20260605", "-120.00", "", "Coffee")))

    assert statuses(where) == ["abandoned"]
    assert len(active(where)) == 2


@pytest.mark.slow
def test_a_refused_statement_closes_when_the_same_one_ties() -> None:
    where = connection()
    load(where, "bad.sta", mt940("100,00", [("260105", "-10,00")], "95,00"))
    load(where, "next.sta", mt940("95,00", [("260205", "-5,00")], "90,00", number="2"))
    assert statuses(where) == ["new"]

    run = load(where, "mended.sta", mt940("100,00", [("260105", "-10,00"), ("260106", "5,00")], "95,00"))

    assert run.state == Run.State.SUCCEEDED
    assert statuses(where) == ["abandoned"]


RENT, TEA = ("20260605", "-120.00", "", "Rent"), ("20260605", "-3.50", "", "Tea")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["7", ""])
@pytest.mark.parametrize(
    ("day", "amount"),
    all_on_sqlite([("20260605", "$120"), ("20260605", "-120.001"), ("someday", "-120.00")], elsewhere=1),
)
def test_an_unreadable_version_of_what_is_stored_leaves_the_row_and_a_letter_that_says_where_it_is(
    day: str, amount: str, name: str
) -> None:
    where = connection()
    load(where, "good.ofx", ofx(("20260605", "-120.00", name, "Rent"), TEA))

    run = load(where, "bad.ofx", ofx((day, amount, name, "Rent"), TEA))

    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert (dead_letter.status, run.dead) == ("settled", 1)
    assert dead_letter.note.startswith("Arrived already: stored as 2026-06-05 -120 USD by run ")
    assert "1 of the rejected records arrived already" in notes(run)
    assert len(active(where)) == 2


@pytest.mark.every_database
@pytest.mark.parametrize(
    "bad",
    [
        [("20260605", "$120", "", "Rent"), RENT, TEA],
        [("20260606", "$120", "", "Rent"), TEA],
        [("20260605", "$120", "", "Taxes"), TEA],
        [("someday", "-121.00", "", "Rent"), TEA],
        [("someday", "$120", "", "Rent"), TEA],
        [("20260605", "$120", "9", "Rent"), TEA],
    ],
    ids=["one more", "another day", "other texts", "another amount", "nothing to read", "an id"],
)
@pytest.mark.slow
def test_an_unreadable_entry_of_which_less_is_stored_stays_open(bad: list[tuple[str, str, str, str]]) -> None:
    where = connection()
    load(where, "good.ofx", ofx(RENT, TEA))

    load(where, "bad.ofx", ofx(*bad))

    assert statuses(where) == ["new"]


def test_a_letter_that_does_not_say_among_how_many_it_is_stays_open_when_it_is_replayed() -> None:
    where = connection()
    load(where, "bad.ofx", ofx(("20260605", "$120", "", "Rent"), RENT, TEA))
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert b'"among": 2, ' in bytes(dead_letter.payload)
    from_before = bytes(dead_letter.payload).replace(b'"among": 2, ', b"")
    DeadLetter.objects.for_tenant(where.tenant).update(payload=from_before)

    (run,) = replay(Actor(), Selection(where.tenant))
    execute(run.pk)

    assert set(statuses(where)) == {"new"}  # the payload of before is another letter


@pytest.mark.every_database
@pytest.mark.slow
def test_a_row_of_another_tenant_or_account_settles_no_letter() -> None:
    ours, theirs = connection("ours"), connection("theirs")
    load(theirs, "good.ofx", ofx(RENT, TEA))
    load(ours, "other.ofx", ofx(RENT, TEA).replace(b"<ACCTID>42", b"<ACCTID>43"))

    load(ours, "bad.ofx", ofx(("20260605", "$120", "", "Rent"), TEA))

    assert statuses(ours) == ["new"]


def csv_rows(*rows: str) -> bytes:
    return "\n".join(("Date,Description,Amount,Balance", *rows, "")).encode()


@pytest.mark.slow
def test_a_refused_csv_closes_when_the_same_one_ties() -> None:
    where = connection()
    bad = csv_rows("2026-06-01,A,10,10", "2026-06-02,B,-3,5", "2026-06-03,C,1,6")
    load(where, "bad.csv", bad, account="1", currency="EUR")
    load(where, "next.csv", csv_rows("2026-06-03,D,1,7", "2026-06-04,E,1,8"), account="1", currency="EUR")
    assert statuses(where) == ["new"]

    run = load(where, "mended.csv", bad.replace(b"B,-3", b"B,-5"), account="1", currency="EUR")

    assert run.state == Run.State.SUCCEEDED
    assert statuses(where) == ["abandoned"]


@pytest.mark.slow
def test_a_refused_csv_of_one_day_is_not_closed_by_another_export_of_that_day() -> None:
    where = connection()
    bad = csv_rows("2026-06-01,A,10,10", "2026-06-01,B,-3,5", "2026-06-01,C,1,6")
    load(where, "bad.csv", bad, account="1", currency="EUR")

    load(where, "other.csv", csv_rows("2026-06-01,D,1,7", "2026-06-01,E,1,8"), account="1", currency="EUR")

    assert statuses(where) == ["new"]


@pytest.mark.slow
def test_a_refused_pocket_is_not_closed_by_another_one_of_the_same_file() -> None:
    where = connection()
    head = "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
    row = "TRANSFER,{},2026-06-0{} 09:00:00,2026-06-0{} 09:00:00,{},{}.00,0.00,EUR,COMPLETED,{}.00\n"
    saved = [row.format("Savings", day, day, "To Ada", amount, after) for day, amount, after in ((1, 5, 5), (2, 5, 11))]
    spent = [row.format("Current", day, day, "To Bo", amount, after) for day, amount, after in ((1, 7, 7), (2, 7, 14))]

    load(where, "both.csv", "".join((head, *saved, *spent)).encode(), account="1")
    assert (statuses(where), len(active(where))) == (["new"], 2)

    load(where, "mended.csv", "".join((head, *saved, *spent)).replace("11.00", "10.00").encode(), account="1")
    assert (statuses(where), len(active(where))) == (["abandoned"], 4)
