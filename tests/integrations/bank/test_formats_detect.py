"""Any file in: the right reader, or a refusal with a name."""

from __future__ import annotations

import contextlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion.core.errors import (
    AmbiguousFormat,
    ConfigurationError,
    FileRefused,
    FileTooLarge,
    HostileFile,
    UnknownFormat,
    UnreadableFile,
)
from integrations.bank.formats import read_file, read_parts
from integrations.bank.layouts import LAYOUTS, Columns, CsvLayout
from tests.corpora import files
from tests.databases import examples

SAMPLES = Path(__file__).parent / "samples"
BUNQ = b'"Date","Amount","Account","Counterparty","Name","Description"\n"2024-03-01","-1,00","NL01","","a","x"\n'
FOUR = b"Date,Description,Amount,Balance\n%s/02/2024,a,-5.00,95.00\n"
MT940 = (
    b":20:REF\r\n:25:12345678/9876543\r\n:28C:1/1\r\n:60F:C240229EUR100,00\r\n"
    b":61:2403010301D5,00NTRFNONREF\r\n:86:Coffee\r\n:62F:C240301EUR95,00\r\n-\r\n"
)
OFX = (
    b"OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\n\r\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR"
    b"<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT"
    b"<DTPOSTED>20240301<TRNAMT>-5.00<FITID>1</STMTTRN></BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
)
CAMT = (
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
    b"<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>"
    b'<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>'
    b"<BookgDt><Dt>2024-03-01</Dt></BookgDt></Ntry></Stmt></BkToCstmrStmt></Document>"
)


def zipped(*contents: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in contents:
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [(BUNQ, "csv:bunq-en"), (MT940, "mt940"), (OFX, "ofx"), (CAMT, "camt.053")],
    ids=["csv", "mt940", "ofx", "camt"],
)
@pytest.mark.parametrize("lead", [b"", b"\xef\xbb\xbf", b"\r\n\r\n"], ids=["bare", "bom", "blank-lines"])
def test_the_content_alone_chooses_the_reader(data: bytes, name: str, lead: bytes) -> None:
    (statement,) = read_file(lead + data)

    assert statement.format == name
    assert len(statement.entries) == 1


@pytest.mark.parametrize("data", [b"", b" \r\n\t ", b"\n" * 1000])
def test_an_empty_file_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableFile, match="empty"):
        read_file(data)


def test_files_and_lines_above_their_limits_are_too_large() -> None:
    with pytest.raises(FileTooLarge, match="the limit is 10"):
        read_file(BUNQ, max_bytes=10)
    with pytest.raises(FileTooLarge, match="line is longer"):
        read_file(BUNQ + b"x" * 17_000_000)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"<a/>", "XML"),
        (b"just some text", "docs/how-to/add-a-csv-layout.md"),
        (zipped(("xl/workbook.xml", b"<a/>")), "spreadsheet"),
    ],
)
def test_an_unknown_file_is_refused_with_a_way_out(data: bytes, says: str) -> None:
    with pytest.raises(UnknownFormat, match=says):
        read_file(data)


RENAMED = BUNQ.replace(b"Counterparty", b"Contra")
DIFFERS = "'bunq-en': the file has no column 'Counterparty', and 'Contra' beside"
BUNQ_EN = next(layout for layout in LAYOUTS if layout.name == "bunq-en")
OWN = replace(BUNQ_EN, name="our-own")


def test_an_unknown_header_names_the_nearest_layouts_and_what_differs_and_no_others() -> None:
    with pytest.raises(UnknownFormat) as refusal:
        read_file(RENAMED)

    assert f"No CSV layout fits, of {len(LAYOUTS)}. Nearest: {DIFFERS}" in str(refusal.value)
    assert sum(layout.name in str(refusal.value) for layout in LAYOUTS) <= 3
    assert "docs/how-to/add-a-csv-layout.md" in str(refusal.value)


@pytest.mark.parametrize("layout", [OWN, BUNQ_EN], ids=["of their own", "by name"])
def test_a_layout_that_is_told_and_does_not_fit_says_what_differs_and_which_are_near(layout: CsvLayout) -> None:
    with pytest.raises(UnreadableFile) as refusal:
        read_file(RENAMED, layouts=(layout,), layout=layout.name)

    assert f"It differs in {layout.name!r}: the file has no column 'Counterparty', and 'Contra'" in str(refusal.value)
    assert "Of those that are known" in str(refusal.value)
    assert "docs/how-to/add-a-csv-layout.md" in str(refusal.value)


def test_a_layout_that_is_told_in_the_place_of_one_that_fits_names_that_one() -> None:
    with pytest.raises(UnreadableFile, match="It is in 'bunq-en': name that one, or take layout away"):
        read_file(BUNQ, layout="dkb-giro")


def test_a_layout_without_a_header_says_how_many_columns_it_wants() -> None:
    shape = CsvLayout(name="bare", bank="B", width=9, columns=Columns(booked="#1", amount="#2"))

    with pytest.raises(UnreadableFile, match="No row has 9 columns"):
        read_file(BUNQ, layouts=(shape,), layout="bare")


def test_a_document_type_in_unknown_xml_is_hostile() -> None:
    with pytest.raises(HostileFile):
        read_file(b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')


def test_two_layouts_that_fit_alike_are_refused_until_one_is_named() -> None:
    with pytest.raises(AmbiguousFormat, match="first-direct, us-date-description-amount-balance"):
        read_file(FOUR % b"03")

    (statement,) = read_file(FOUR % b"03", layout="first-direct")
    assert str(statement.entries[0].booked_on) == "2024-02-03"


def test_one_row_that_only_one_layout_can_read_settles_it() -> None:
    rows = b"".join(b"03/02/2024,a,-5.00,95.00\n" for _ in range(90))

    (statement,) = read_file(FOUR % b"03" + rows + b"28/02/2024,a,-5.00,95.00\n")

    assert statement.format == "csv:first-direct"


def test_a_layout_that_does_not_exist_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'bunq-en'"):
        read_file(BUNQ, layout="bunk-en")


def test_two_layouts_of_one_name_are_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="same name"):
        read_file(BUNQ, layouts=(*LAYOUTS, replace(LAYOUTS[0], bank="Other")))


def test_a_zip_of_several_formats_gives_the_statements_of_all_in_order() -> None:
    data = zipped(("a/1.xml", CAMT), ("a/", b""), ("__MACOSX/._1.xml", b"x"), ("2.csv", BUNQ), ("3", MT940), ("4", OFX))

    assert [s.format for s in read_file(data)] == ["camt.053", "csv:bunq-en", "mt940", "ofx"]
    assert [len(part) for part in read_parts(data)] == [1, 1, 1, 1]


def test_a_member_that_cannot_be_read_refuses_the_archive_and_is_named() -> None:
    with pytest.raises(UnknownFormat, match=r"In the ZIP archive, 'readme.txt'"):
        read_file(zipped(("1.csv", BUNQ), ("readme.txt", b"hello")))


def lying_about_its_size() -> bytes:
    data = bytearray(zipped(("1.csv", BUNQ * 50_000)))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.index(signature) + offset
        data[at : at + 4] = (1000).to_bytes(4, "little")
    return bytes(data)


def encrypted() -> bytes:
    data = bytearray(zipped(("1.csv", BUNQ)))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        pytest.param(zipped(("bomb", b"\0" * 30_000_000)), HostileFile, id="ratio"),
        pytest.param(zipped(*((f"{n}", BUNQ) for n in range(1001))), HostileFile, id="members"),
        pytest.param(zipped(("in.zip", zipped(("1.csv", BUNQ)))), HostileFile, id="nested"),
        pytest.param(lying_about_its_size(), UnreadableFile, id="declares-less-than-it-holds"),
        pytest.param(encrypted(), UnreadableFile, id="encrypted"),
        pytest.param(zipped(("1.csv", BUNQ), method=zipfile.ZIP_LZMA), UnreadableFile, id="lzma"),
        pytest.param(zipped(("1.csv", BUNQ))[:-30], UnreadableFile, id="cut-off"),
        pytest.param(zipped(), UnreadableFile, id="no-member"),
        pytest.param(zipped(("1.csv", b"")), UnreadableFile, id="empty-member"),
    ],
)
def test_hostile_and_damaged_archives_are_refused(data: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read_file(data)


def test_members_that_exceed_the_limit_together_are_too_large() -> None:
    data = zipped(*((str(n), BUNQ * 300) for n in range(20)), method=zipfile.ZIP_STORED)

    with pytest.raises(FileTooLarge):
        read_file(data, max_bytes=len(data) - 1)
    with pytest.raises(FileTooLarge):
        read_file(zipped(*((str(n), BUNQ * 300) for n in range(20))), max_bytes=200_000)


SEEDS = (BUNQ, MT940, OFX, CAMT, FOUR % b"13", zipped(("1.csv", BUNQ), ("2.xml", CAMT)))


def statements_or_refusal(data: bytes) -> None:
    with contextlib.suppress(FileRefused):
        read_file(data)


@given(st.binary(max_size=2000))
@example(b"<" * 5000)
@example(b"\xff\xfe<\0")
@example(b'"' * 1001)
@settings(suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    statements_or_refusal(data)


@pytest.mark.slow
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=4)), max_size=6),
    st.integers(0, 99),
)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=examples(150))
def test_damaged_statements_are_read_or_refused_by_name(seed: bytes, damage: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(seed)
    for at, content in damage:
        data[at % len(data) : at % len(data) + len(content)] = content

    statements_or_refusal(bytes(data[: len(data) - cut]))


@pytest.mark.slow
@pytest.mark.parametrize("area", ["bank/ofx", "bank/mt940", "bank/camt", "bank/csv", "csv", "excel"])
def test_every_corpus_file_is_read_or_refused_by_name(area: str) -> None:
    paths = files(area)
    if not paths:
        pytest.skip("the corpora are not here")

    for path in paths:
        statements_or_refusal(path.read_bytes())


def test_pdfs_of_the_corpus_are_unknown_formats() -> None:
    paths = files("pdf")[:10]
    if not paths:
        pytest.skip("the corpora are not here")

    for path in paths:
        with pytest.raises(FileRefused):
            read_file(path.read_bytes())
