"""Exports that a bank changed in passing: each is read by a layout of its own, and no other one takes it."""

from __future__ import annotations

import pytest

from ingestion import AmbiguousFormat
from integrations.bank.formats import read_file

DKB = (
    '"{}"\n""\n"Kontostand vom 30.06.2023:";"1.000,00 €"\n""\n'
    '"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";'
    '"Umsatztyp";"Betrag";"Gläubiger-ID";"Mandatsreferenz";"Kundenreferenz"\n'
    '"05.06.23";"06.06.23";"Gebucht";"Ada";"Haus GmbH";"Miete";"Ausgang";"-1.012,90 €";"";"";"K1"\n'
)
CARD = (
    '"Karte";"Visa Kreditkarte 4998 •••• •••• 1234"\n""\n"Saldo vom 30.06.2023:";"-42,00 EUR"\n""\n'
    '"Belegdatum";"Wertstellung";"Status";"Beschreibung";"Umsatztyp";"Betrag";"Fremdwährungsbetrag"\n'
    '"04.06.23";"05.06.23";"Gebucht";"Hotel Demo";"Im Geschäft";"-42,00 €";""\n'
)
COMMERZBANK = (
    "Buchungstag;Wertstellung;Umsatzart;Buchungstext;Betrag;Währung;IBAN Kontoinhaber;Kategorie\n"
    "05.06.2023;06.06.2023;Lastschrift;Miete Juni;-700,00;EUR;DE02100100100006820101;Wohnen\n"
)
IBAN = "DE02120300000000202051"


@pytest.mark.parametrize(
    ("text", "layout", "account", "amount"),
    [
        (DKB.format(f'Girokonto";"{IBAN}'), "dkb-giro-2023", IBAN, "-1012.90"),
        (DKB.format(f'Konto";"Girokonto {IBAN}'), "dkb-giro-2023", IBAN, "-1012.90"),
        (CARD, "dkb-credit-2023", "1234", "-42.00"),
        (COMMERZBANK, "commerzbank-holder", "DE02100100100006820101", "-700.00"),
    ],
)
def test_an_export_is_read_with_its_account_day_and_amount(text: str, layout: str, account: str, amount: str) -> None:
    (statement,) = read_file(text.encode())

    (entry,) = statement.entries
    assert (statement.format, str(entry.amount), str(entry.booked_on)) == (f"csv:{layout}", amount, "2023-06-05")
    assert statement.account.identifier.endswith(account)


@pytest.mark.parametrize(
    ("day", "layout"),
    [
        ("2023-06-15", "date-payee-amount"),
        ("15/06/2023", "date-payee-amount-dmy"),
        ("06/15/2023", "date-payee-amount-mdy"),
    ],
)
def test_date_payee_amount_is_read_in_the_order_that_its_days_show(day: str, layout: str) -> None:
    (statement,) = read_file(f"Date,Payee,Amount\n{day},Ada,-1.00\n".encode(), currency="EUR")

    (entry,) = statement.entries
    assert (statement.format, entry.counterparty, str(entry.booked_on)) == (f"csv:{layout}", "Ada", "2023-06-15")


def test_date_payee_amount_whose_days_leave_the_order_open_asks_for_it() -> None:
    with pytest.raises(AmbiguousFormat, match="dates=dmy"):
        read_file(b"Date,Payee,Amount\n02/11/2024,Ada,-1\n", currency="EUR")


def test_a_header_of_several_layouts_alone_is_said_to_hold_no_entries() -> None:
    with pytest.raises(AmbiguousFormat, match=r"^The file holds no entries, only a header\. The file fits several"):
        read_file(b"Date,Payee,Amount\n", currency="EUR")
