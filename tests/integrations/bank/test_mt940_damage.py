"""Whatever happens to an MT940 file, no altered money is accepted."""

from __future__ import annotations

import random
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.core.errors import FileRefused
from integrations.bank.formats.mt940 import read
from integrations.bank.statements import Statement, imbalance
from tests.databases import examples
from tests.integrations.bank.mt940 import REAL, TYING, sample

TAGS = (":20:", ":25:", ":28C:", ":60F:", ":61:", ":86:", ":62F:", ":NS:", ":90D:", ":34F:", "-", "-}", "{4:", "\n")
VALUES = ("C240101EUR1,00", "2401010101D1,00NTRFX//Y", "240230", "0000", "EUR", ",", "//", " ", "1", "\uff11", "NONREF")
WORDS = ("?20", "EREF+", "166?00", "/CNTP/", "/REMI/", "IBAN: ", "NAAM: ", "000>10", "\x00", "\u2028", "\ufeff", "\r\n")
PIECES = st.sampled_from([*TAGS, *VALUES, *WORDS])


@given(st.binary(max_size=400) | st.lists(PIECES, max_size=40).map(lambda parts: "".join(parts).encode()))
@settings(max_examples=examples(200))
@pytest.mark.slow
def test_arbitrary_bytes_give_statements_or_a_named_refusal(data: bytes) -> None:
    try:
        statements = read(data)
    except FileRefused:
        return
    assert statements


@given(st.sampled_from([*TYING, "mt942_interim.sta"]), st.randoms(use_true_random=False), st.integers(1, 30))
@settings(max_examples=examples(100))
@pytest.mark.slow
def test_mutated_samples_give_statements_or_a_named_refusal(name: str, chance: random.Random, times: int) -> None:
    data = sample(name)
    for _ in range(times):
        data = mutated(data, chance)

    with suppress(FileRefused):
        assert read(data)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One random damage: a bit, a byte, a transposition, an end cut off, a line gone or doubled."""
    at = chance.randrange(len(data)) if data else 0
    lines = data.splitlines(keepends=True)
    line = chance.randrange(len(lines)) if lines else 0
    match chance.randrange(8) if data else 2:
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        case 1:
            return data[:at] + data[at + 1 :]
        case 2:
            return data[:at] + bytes([chance.choice(b"0123456789,.CDR:-\n A\x00\xff")]) + data[at:]
        case 3:
            return data[:at] + data[at : at + 2][::-1] + data[at + 2 :]
        case 4:
            return data[:at] + bytes([chance.choice(b"0123456789,CD:")]) + data[at + 1 :]
        case 5:
            return data[:at]
        case 6:
            return b"".join(lines[:line] + lines[line + 1 :])
        case _:
            return b"".join(lines[: line + 1] + lines[line:])


Money = tuple[str, list[Decimal]]


def money(statement: Statement) -> Money:
    """What a damage must not change: the account and every amount that is not zero, in order."""
    return statement.account.identifier, [entry.amount for entry in statement.entries if entry.amount]


def accepted(data: bytes) -> list[Statement]:
    """What would be posted: statements that tie and have no problem, judged one by one."""
    try:
        statements = read(data)
    except FileRefused:
        return []
    return [statement for statement in statements if not statement.problems and imbalance(statement) == 0]


def tally(originals: list[bytes], mutations: int, seed: int) -> dict[str, int]:
    """Damages the originals in turn; counts what became of them and collects what was posted with altered money."""
    chance = random.Random(seed)
    counts = {"refused in part or whole": 0, "money unchanged": 0, "other account": 0, "altered": 0}
    accepted_moneys = [[money(statement) for statement in accepted(data)] for data in originals]
    for turn in range(mutations):
        data, before = originals[turn % len(originals)], accepted_moneys[turn % len(originals)]
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            data = mutated(data, chance)
        counts[verdict(before, accepted(data))] += 1
    return counts


def verdict(before: list[Money], after: list[Statement]) -> str:
    posted = [money(statement) for statement in after]
    if any(amounts not in [known_amounts for _, known_amounts in before] for _, amounts in posted):
        return "altered"
    if any(posted_money not in before for posted_money in posted):
        return "other account"
    return "refused in part or whole" if len(posted) < len(before) else "money unchanged"


def originals() -> list[bytes]:
    """Our samples and every corpus file whose statements all tie and hold an entry."""
    own = [sample(name) for name in TYING]
    real = [path.read_bytes() for path in REAL]
    return own + [data for data in real if any(statement.entries for statement in accepted(data))]


@pytest.mark.slow
@pytest.mark.parametrize("mutations", [3_000, pytest.param(20_000, marks=pytest.mark.soak)])
def test_no_damaged_statement_is_accepted_with_altered_money(mutations: int) -> None:
    counts = tally(originals(), mutations, seed=mutations)

    print(counts)
    assert counts["altered"] == 0
    # MT940 has no check on the account number: damage to :25: is seen only as an account that nobody knows.
    assert counts["other account"] < mutations // 10
