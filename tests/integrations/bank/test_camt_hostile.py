"""CAMT files that attack the reader, lie about their encoding, or were altered on the way."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.core.errors import FileRefused, HostileFile, UnreadableFile
from integrations.bank.formats import bounded_xml
from integrations.bank.formats.camt import read
from integrations.bank.statements import EntryStatus, Statement, imbalance
from tests.corpora import files
from tests.databases import examples
from tests.integrations.bank.camt_messages import SAMPLE, entry, message


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE Document><Document/>",
        b'<!DOCTYPE d SYSTEM "http://127.0.0.1/x.dtd"><Document/>',
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document>&x;</Document>',
        b'<!DOCTYPE d [<!ENTITY a "aa"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]><Document>&c;</Document>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE d><Document/>'.encode("utf-16"),
        b"<a>" * 200_000,
        message(entry(rest="<x>" * 80 + "</x>" * 80)),
        b'<Document a="' + b"x" * 1_000_000 + b'"/>',
        b"<Document " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b"/>",
    ],
    ids=[
        "bare dtd",
        "external dtd",
        "xxe",
        "laughs",
        "utf-16 dtd",
        "depth",
        "closed depth",
        "long attribute",
        "attributes",
    ],
)
def test_hostile_construct_is_refused(data: bytes) -> None:
    with pytest.raises(HostileFile):
        read(data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("declared", ["UTF-8", "UTF-16", "US-ASCII", "ISO-8859-1", "windows-1252", "rot13", "x" * 30])
def test_any_declared_encoding_gives_the_right_text_or_a_refusal(encoding: str, declared: str) -> None:
    data = SAMPLE.decode().replace("UTF-8", declared).encode(encoding)

    try:
        names = {each.counterparty for each in read(data)[0].entries}
    except UnreadableFile:
        assert encoding in ("cp1252", "latin-1")
    else:
        assert "Åsa Öberg" in names


@pytest.mark.slow
def test_mutated_statement_never_ties_with_other_amounts() -> None:
    """One change to a statement that ties: refused, told by the balance or a problem, or no amount was changed."""
    chance = random.Random(53)
    samples = [SAMPLE, *(path.read_bytes() for path in files("bank/camt") if _ties(path))]
    amounts = {sample: _amounts(read(sample)) for sample in samples}
    unnoticed = []

    for number in range(2_000):
        sample = samples[number % len(samples)]
        mutated = _mutate(sample, chance)
        try:
            statements = read(mutated)
        except FileRefused:
            continue
        if not any(imbalance(each) or each.problems or _unreadable(each) for each in statements):
            unnoticed += [mutated] if _amounts(statements) != amounts[sample] else []

    assert unnoticed == []


def _ties(path: Path) -> bool:
    expected = json.loads(path.with_name(f"{path.name}.expected.json").read_text())["statements"]
    return bool(expected) and all(each.get("balance_ties") for each in expected)


def _amounts(statements: tuple[Statement, ...]) -> Counter[Decimal | None]:
    """Of booked entries: pending ones are in no balance, so nothing in the file can vouch for them."""
    booked = (each for statement in statements for each in statement.entries if each.status is EntryStatus.BOOKED)
    return Counter(each.amount for each in booked)


def _unreadable(statement: Statement) -> bool:
    return any(each.amount is None for each in statement.entries)


def _mutate(sample: bytes, chance: random.Random) -> bytes:
    """One byte replaced, inserted or lost, a digit replaced (most mutations elsewhere only break the XML), or a line
    lost or doubled."""
    kind = chance.randrange(6)
    if kind == 5:
        lines = sample.splitlines(keepends=True)
        line = chance.randrange(len(lines))
        return b"".join([*lines[:line], *[lines[line]] * chance.choice((0, 2)), *lines[line + 1 :]])
    places = [i for i, byte in enumerate(sample) if chr(byte).isdigit()] if kind > 2 else range(len(sample))
    at = chance.choice(places)
    new = (
        b""
        if kind == 0
        else bytes([chance.choice(b"0123456789.-CDX</>") if chance.random() < 0.7 else chance.randrange(256)])
    )
    return sample[:at] + new + sample[at + (kind != 1) :]


def _hostile_pieces() -> Iterator[bytes]:
    yield from (b"<Ntry>", b"</Stmt>", b"<![CDATA[", b"&#x0;", b"\xff\xfe", b"<!DOCTYPE a>", b"&a;", b'Ccy="', b"\0")


@pytest.mark.slow
@given(st.binary(max_size=400))
@settings(max_examples=examples(75))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    assert _reads_or_refuses(data)
    assert _reads_or_refuses(b"<?xml version='1.0' encoding='" + data)
    assert _reads_or_refuses(b"<Document><BkToCstmrStmt><Stmt>" + data + b"</Stmt></BkToCstmrStmt></Document>")


@pytest.mark.slow
@given(st.data())
@settings(max_examples=examples(100))
def test_mutated_sample_is_read_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SAMPLE)))
    end = data.draw(st.integers(start, min(len(SAMPLE), start + 40)))
    piece = data.draw(st.binary(max_size=8) | st.sampled_from(list(_hostile_pieces())))

    assert _reads_or_refuses(SAMPLE[:start] + piece + SAMPLE[end:])


def _reads_or_refuses(data: bytes) -> bool:
    try:
        return all(isinstance(each, Statement) for each in read(data))
    except FileRefused:
        return True


def test_elements_of_one_name_share_its_text() -> None:
    root = bounded_xml.parse('<a xmlns="urn:x"><entry/><entry/></a>').root

    first, second = root
    assert first.tag is second.tag
