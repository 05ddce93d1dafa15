"""Faults that users report about other importers, each rebuilt as a small file and uploaded here."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion.models import Run
from tests.integrations.bank.ofx_files import statement
from tests.integrations.bank.test_reported_files import connection, dead_letters, load, rows

pytestmark = pytest.mark.django_db(transaction=True)
EURO_CSV = {
    "name": "euro",
    "bank": "",
    "header": ["Tag", "Text", "Betrag"],
    "columns": {"booked": "Tag", "description": ["Text"], "amount": "Betrag"},
    "symbols": ["€", "EUR"],
    "currency": "EUR",
}
NORDIC_CSV = {
    "name": "nordic",
    "bank": "",
    "header": ["Date", "Text", "In", "Out", ""],
    "columns": {"booked": "Date", "description": ["Text"], "credit": "In", "debit": "Out"},
    "signed_debits": True,
    "currency": "NOK",
}
ONE_LINE = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><?OFX OFXHEADER="200" VERSION="220"?><OFX ><STMTTRNRS><STMTRS>'
    "<CURDEF>USD</CURDEF><BANKACCTFROM><ACCTID>1</ACCTID></BANKACCTFROM><BANKTRANLIST><STMTTRN><TRNAMT>-20.00</TRNAMT>"
    "<DTPOSTED>20250912120000.000</DTPOSTED><FITID>a</FITID></STMTTRN></BANKTRANLIST></STMTRS></STMTTRNRS></OFX>"
)


def euro(*rows: str) -> str:
    return "\n".join(("Tag;Text;Betrag", *rows))


def entry(*leaves: str) -> str:
    return statement(f"<STMTTRN><DTPOSTED>20260601<FITID>a{''.join(leaves)}</STMTTRN>").decode()


@pytest.mark.parametrize(
    ("data", "config", "expected"),
    [
        pytest.param(
            euro("01.06.2026;a;-1.000", "02.06.2026;b;-89,9", "03.06.2026;c;1.488,69"),
            {"layout": EURO_CSV},
            [("2026-06-01", "-1000.00"), ("2026-06-02", "-89.90"), ("2026-06-03", "1488.69")],
            id="whole thousands lose their zeros (a bank drops ,00)",
        ),
        pytest.param(
            euro("01.06.2026;a; -110,7 €", "02.06.2026;b;-100"),
            {"layout": EURO_CSV},
            [("2026-06-01", "-110.70"), ("2026-06-02", "-100.00")],
            id="one decimal, a symbol and a leading space; whole euros without a mark",
        ),
        pytest.param(
            "Date;Text;In;Out;\n27.02.2026;fee;;-50,00;;\n28.02.2026;pay;1.500,00;;;",
            {"layout": NORDIC_CSV},
            [("2026-02-27", "-50.00"), ("2026-02-28", "1500.00")],
            id="debits with a minus and a delimiter at the end of each row",
        ),
        pytest.param(
            "sep=;\n" + euro("01.06.2026;a;-1,00"),
            {"layout": EURO_CSV},
            [("2026-06-01", "-1.00")],
            id="the line that tells Excel the delimiter",
        ),
        pytest.param(
            "\ufeff" + euro('01.06.2026;"one\ntwo; three";-1,00'),
            {"layout": EURO_CSV},
            [("2026-06-01", "-1.00")],
            id="a byte order mark, and a text with a line end and the delimiter",
        ),
        pytest.param(
            euro("01.06.2026;tram;-6,76", "01.06.2026;tram;-6,76"),
            {"layout": EURO_CSV},
            [("2026-06-01", "-6.76")] * 2,
            id="two equal rides on a day are two",
        ),
        pytest.param(
            "!Type:Bank\nD26 Jan 2026\nN20260126\nT-25.24\nPSHOP\nM\n^\n\nD23 Jan 2026\nT-10.49\n^\n",
            {"currency": "CAD"},
            [("2026-01-23", "-10.49"), ("2026-01-26", "-25.24")],
            id="QIF with months in words and blank lines",
        ),
        pytest.param(
            "!Type:Bank\nD2/ 4'19\nU0.08\nT0.08\nCX\n^\nD1/31'19\nT0.01\n^\n",
            {"currency": "CAD"},
            [("2019-01-31", "0.01"), ("2019-02-04", "0.08")],
            id="QIF with spaces in the day and an apostrophe before the year",
        ),
        pytest.param(
            "!Type:Bank\nD28.02'2009\nT2.29\nPSolde initial\nL[Compte]\n^\nD28.02'2009\nT-1.00\nPX\n^\n",
            {"currency": "EUR"},
            [("2009-02-28", "-1.00")],
            id="QIF whose first record is the balance before, in French",
        ),
        pytest.param(
            "!Option:MDY\n!Type:Bank\nD03/07/2026\nT-5\n^\n",
            {"currency": "USD"},
            [("2026-03-07", "-5.00")],
            id="QIF that names its order of day and month",
        ),
        pytest.param(
            "!Type:Bank\r\nD2014-12-31\r\nT-299.91\r\n^",
            {"currency": "EUR"},
            [("2014-12-31", "-299.91")],
            id="QIF with days as in ISO 8601",
        ),
        pytest.param(ONE_LINE, {}, [("2025-09-12", "-20.00")], id="OFX on one line, with a space in its root"),
        pytest.param(entry("<TRNAMT>10<MEMO>a &copy; b"), {}, [("2026-06-01", "10.00")], id="OFX with &copy;"),
        pytest.param(
            entry("<TRNAMT>-1'234.50<MEMO>SEPA <TRN> text"), {}, [("2026-06-01", "-1234.50")], id="Swiss groups in OFX"
        ),
        pytest.param(
            entry("<TRNTYPE>DEBIT</TRNTYPE><TRNAMT>-45.54<NAME>x</NAME><MEMO>y"),
            {},
            [("2026-06-01", "-45.54")],
            id="OFX where some leaves are closed and some are not",
        ),
        pytest.param(
            entry("<TRNAMT>-5.00").replace("OFXHEADER:100\n", "DATA:OFXSGML\nENCODING:UTF-8"),
            {},
            [("2026-06-01", "-5.00")],
            id="OFX with half of its header",
        ),
    ],
)
def test_file_that_other_importers_misread_loads(data: str, config: dict[str, Any], expected: list[Any]) -> None:
    run = load(data.encode(), connection(), account="7", **config)

    assert (run.state, dead_letters(run)) == (Run.State.SUCCEEDED, [])
    assert rows(run) == expected


@pytest.mark.parametrize(
    ("data", "config", "said"),
    [
        pytest.param(
            "!Type:Bank\nM11/15/2023\nT-7.49\n^\n",
            {"currency": "CAD"},
            "'' is not a booking date",
            id="no day, but a memo",
        ),
        pytest.param(
            euro("01.06.2026;a;1.355,90 $"), {"layout": EURO_CSV}, "'1.355,90 $' is not an amount", id="another symbol"
        ),
        pytest.param(euro("01.06.2026;a;173,900"), {"layout": EURO_CSV}, "173.9 or 173900?", id="either is meant"),
        pytest.param(entry("<TRNAMT>1,234<NAME>x"), {}, "1.234 or 1234?", id="a comma that may group"),
    ],
)
def test_entry_that_other_importers_guess_is_a_dead_letter(data: str, config: dict[str, Any], said: str) -> None:
    run = load(data.encode(), connection(), account="7", **config)

    assert (rows(run), run.dead) == ([], 1)
    assert said in dead_letters(run)[0]
