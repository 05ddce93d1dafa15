"""What users of other tools report about their banks' MT940 and CAMT files, rebuilt in a few lines of our own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integrations.bank.formats import read_file
from integrations.bank.statements import Statement, imbalance
from tests.integrations.bank.camt_messages import balance, entry, message


def mt940(
    *lines: str, opening: str = "C260101EUR100,00", closing: str = "C260131EUR90,00", after: str = ""
) -> Statement:
    text = "\r\n".join((":20:R", ":25:1", ":28C:1/1", f":60F:{opening}", *lines, f":62F:{closing}{after}", "-"))
    (only,) = read_file(text.encode())
    assert only.problems == ()
    assert imbalance(only) == 0
    return only


def mt942(*lines: str) -> Statement:
    (only,) = read_file("\r\n".join((":20:R", ":25:1", ":28C:1/1", *lines, "-")).encode())
    return only


@pytest.mark.parametrize(
    ("line", "kind", "reference", "bank_id"),
    [
        ("260105D10,00FMSCNONREF\r\nBALANCE_CASHBACK-510151a4-4ead-46c5-05ab", "FMSC", "", ""),
        ("2601050105D10,NMSC341241773/1ABC//O/341241774\r\nPaiement", "NMSC", "341241773/1ABC", "O/341241774"),
        (
            "2601050105DR10,NTRFBIPI-abcdefghijklmnopqrstuvwxyz0123//2026010512345",
            "NTRF",
            "BIPI-abcdefghijklmnopqrstuvwxyz0123",
            "2026010512345",
        ),
        ("2601050105DF10,00S   X", "S", "X", ""),
        ("2601050105DR10,00S445328556-7650//1", "S445", "328556-7650", "1"),
        ("2601050105D0000000000010,00N541NONREF\r\nNL91ABNA0417164300", "N541", "", ""),
        ("260105    D10,00NTRFNONREF", "NTRF", "", ""),
        ("2601050105D        10,00NTRFX", "NTRF", "X", ""),
    ],
)
def test_lines_that_other_parsers_choke_on_are_read(line: str, kind: str, reference: str, bank_id: str) -> None:
    (only,) = mt940(f":61:{line}").entries

    assert (only.amount, only.kind, only.bank_id) == (Decimal(-10), kind, bank_id)
    assert only.reference == (reference or only.reference)


def test_a_dash_between_balance_and_entry_ends_nothing() -> None:
    assert len(mt940("-", ":61:260105D10,00NTRFX").entries) == 1


def test_an_entry_of_zero_that_carries_on_a_text_is_kept() -> None:
    lines = (
        ":61:260105DR10,00N023NONREF",
        ":86:805?00ABSCHLUSS?20Zeile 1",
        ":61:260105DR0,00N023NONREF",
        ":86:805?20Zeile 2",
    )

    assert [each.amount for each in mt940(*lines).entries] == [Decimal(-10), Decimal(0)]


def test_a_text_about_the_statement_belongs_to_no_entry() -> None:
    parsed = mt940(
        ":61:260105D10,00NTRFX",
        ":86:Rent",
        after="\r\n:64:C260131EUR90,00\r\n:65:C260201EUR90,00\r\n:86:/SUM/1/0/10,00/0,00/",
    )

    assert parsed.entries[0].description == "Rent"
    assert parsed.left_out == {"texts after the last entry": 1}


def test_a_statement_without_entries_may_have_a_text() -> None:
    assert mt940(":86:No movements", closing="C260131EUR100,00").entries == ()


@pytest.mark.parametrize("total", ["1EUR10,00", "1EUR 10,00", "00001EUR10,"])
def test_floor_limit_and_totals_with_a_blank_or_without_digits_are_read(total: str) -> None:
    parsed = mt942(
        ":34F:EUR 999999999999,99", ":13D:2601051200+0100", ":61:260105D10,00NTRFX", f":90D:{total}", ":90C:EUR,00"
    )

    assert (parsed.problems, parsed.unproved) == ((), "")


def test_a_line_break_inside_a_tag_is_mended() -> None:
    (only,) = mt940(":", "61:260105D", "10,00NTRFX", ":", "86:166?00GUTSCHRIFT?20SVWZ+Test?32Ada").entries

    assert (only.amount, only.description, only.counterparty) == (Decimal(-10), "Test", "Ada")


def test_statements_without_a_reference_are_told_apart_by_their_header_lines() -> None:
    day = "BANKNL2A\n940\nBANKNL2A\n:25:NL1\n:28:{0}/01\n:60F:C260101EUR1,00\n:62F:C260101EUR1,00\n:64:C260101EUR1,00\n-\n"

    statements = read_file((day.format(1) + day.format(2)).encode())

    assert [(each.number, each.problems, imbalance(each)) for each in statements] == [("1/01", (), 0), ("2/01", (), 0)]


def camt(*parts: str, **kind: str) -> Statement:
    (only,) = read_file(message(*parts, **kind))
    assert only.problems == ()
    return only


ENDS = balance("OPBD", "0"), balance("CLBD", "10.00")


def test_a_statement_without_entries_is_a_statement() -> None:
    assert camt(balance("OPBD", "5"), balance("CLBD", "5")).entries == ()


def test_several_charges_right_inside_a_transaction_are_all_kept() -> None:
    charges = "".join(f'<Chrgs><Amt Ccy="EUR">{amount}</Amt></Chrgs>' for amount in ("1.00", "0.50"))

    (only,) = camt(*ENDS, entry("10.00", rest=f"<NtryDtls><TxDtls>{charges}</TxDtls></NtryDtls>")).entries

    assert [charge["amount"] for charge in only.details["charges"]] == ["1.00", "0.50"]


def transaction(amount: str, charge: str) -> str:
    fee = f'<Chrgs><Rcrd><Amt Ccy="EUR">{charge}</Amt></Rcrd></Chrgs>' if charge else ""
    return f'<TxDtls><Amt Ccy="EUR">{amount}</Amt>{fee}</TxDtls>'


@pytest.mark.parametrize(("indicator", "amounts"), [("DBIT", ("6.00", "3.50")), ("CRDT", ("6.00", "4.50"))])
def test_parts_that_differ_from_their_entry_by_the_charges_alone_are_right(
    indicator: str, amounts: tuple[str, ...]
) -> None:
    details = "".join(transaction(amount, charge) for amount, charge in zip(amounts, ("", "0.50"), strict=True))

    assert camt(entry("10.00", indicator, rest=f"<NtryDtls>{details}</NtryDtls>")).notes == ()


def test_an_amount_with_more_zeros_than_its_currency_has_decimals_is_read() -> None:
    assert camt(*ENDS, entry("10.00000")).entries[0].amount == 10


@pytest.mark.parametrize("amount", ["InstdAmt", "TxAmt"])
def test_the_other_side_is_read_whichever_amount_the_transaction_states(amount: str) -> None:
    party = "<RltdPties><Dbtr><Nm>Ada</Nm></Dbtr><DbtrAcct><Id><IBAN>DE1</IBAN></Id></DbtrAcct></RltdPties>"
    stated = f'<AmtDtls><{amount}><Amt Ccy="EUR">10.00</Amt></{amount}></AmtDtls>'

    (only,) = camt(*ENDS, entry("10.00", rest=f"<NtryDtls><TxDtls>{stated}{party}</TxDtls></NtryDtls>")).entries

    assert (only.counterparty, only.counterparty_account) == ("Ada", "DE1")


def test_a_day_that_is_left_empty_is_no_day() -> None:
    parsed = camt(
        "<CreDtTm/><FrToDt><FrDtTm/></FrToDt>", *ENDS, entry("10.00", rest="<ValDt><Dt>2026-01-05</Dt></ValDt>")
    )

    assert parsed.period_start is None
    assert parsed.entries[0].value_on is not None


def test_two_accounts_in_a_file_of_which_one_has_no_entries_are_both_read() -> None:
    text = message(*ENDS, entry("10.00")).decode()
    second_statement = text[text.index("<Stmt>") : text.index("</Stmt>")].replace("DE00", "DE11")
    second_statement = second_statement[: second_statement.index("<Ntry>")].replace("10.00", "0") + "</Stmt>"

    statements = read_file(text.replace("</BkToCstmrStmt>", f"{second_statement}</BkToCstmrStmt>").encode())

    assert [(each.account.identifier, len(each.entries), imbalance(each)) for each in statements] == [
        ("DE00", 1, 0),
        ("DE11", 0, 0),
    ]


@pytest.mark.parametrize("zeros", ["000000000000010.00", "10", "10."])
def test_an_amount_padded_with_zeros_or_without_decimals_is_read(zeros: str) -> None:
    assert camt(*ENDS, entry(zeros)).entries[0].amount == 10


def test_white_space_and_comments_between_elements_change_nothing() -> None:
    data = message(*ENDS, entry("10.00")).replace(b"><", b">\n  <!-- x -->\n<")

    (only,) = read_file(data)

    assert (imbalance(only), only.entries[0].amount) == (0, 10)
