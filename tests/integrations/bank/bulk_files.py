"""Builders of files of any number of entries, a hundred a day, whose balances hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from tests.integrations.bank.camt_messages import balance, entry, message

Build = Callable[..., bytes]
_START = date(2024, 1, 1)


def _day(at: int) -> date:
    return _START + timedelta(days=at // 100)


def mt940(count: int, *, number: str = "1/1") -> bytes:
    lines = [":20:R", ":25:20010020/0012345678", f":28C:{number}", f":60F:C{_day(0):%y%m%d}EUR0,00"]
    for at in range(count):
        lines += [f":61:{_day(at):%y%m%d}{_day(at):%m%d}C1,00NTRFNONREF", f":86:Rent {at % 90}"]
    return "\r\n".join([*lines, f":62F:C{_day(count - 1):%y%m%d}EUR{count},00", "-", ""]).encode()


def camt(count: int, *, number: str = "1") -> bytes:
    ends = balance("OPBD", "0", f"{_day(0)}"), balance("CLBD", f"{count}", f"{_day(count - 1)}")
    text = "<NtryDtls><TxDtls><RmtInf><Ustrd>Rent {}</Ustrd></RmtInf></TxDtls></NtryDtls>"
    booked = "<BookgDt><Dt>{}</Dt></BookgDt>"
    entries = (entry("1.00", rest=booked.format(_day(at)) + text.format(at % 90)) for at in range(count))
    return message(f"<ElctrncSeqNb>{number}</ElctrncSeqNb>", *ends, *entries)


def ofx(count: int, *, number: str = "1") -> bytes:
    listed = "".join(
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{_day(at):%Y%m%d}<TRNAMT>1.00<FITID>A{at}<NAME>Rent {at % 90}</STMTTRN>\n"
        for at in range(count)
    )
    return (
        "OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1"
        f"<ACCTID>42<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>{_day(0):%Y%m%d}"
        f"<DTEND>{_day(count + int(number)):%Y%m%d}{listed}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    ).encode()


def csv(count: int, *, number: str = "1") -> bytes:
    rows = (f'"{_day(at)}","1,00","NL01","","Ada","Rent {at % 90}"' for at in range(count))
    header = '"Date","Amount","Account","Counterparty","Name","Description"'
    return "\n".join([header, *rows, ""]).encode() + b"\n" * int(number.partition("/")[0])


FORMATS: dict[str, Build] = {"mt940": mt940, "camt": camt, "ofx": ofx, "csv": csv}
