"""What is sealed for one place opens nowhere else, whatever the places are called."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingestion.core.errors import CredentialDamaged
from ingestion.vault.sealing import AssociatedData, seal, unseal

KEY = os.urandom(32)
words = st.text(max_size=12)
places = st.builds(
    AssociatedData,
    tenant_id=st.integers(0, 10**6), integration=words, row=words, field=words, version=st.integers(0, 10**6),
)  # fmt: skip
HERE = AssociatedData(1, "stripe", "credential 7", "values", 3)


@given(plain=st.binary(max_size=200), here=places, there=places)
@pytest.mark.slow
def test_a_sealed_value_opens_in_its_own_place_and_in_no_other(
    plain: bytes, here: AssociatedData, there: AssociatedData
) -> None:
    sealed = seal(KEY, plain, here)

    assert unseal(KEY, sealed, here) == plain
    assume(here != there)
    with pytest.raises(CredentialDamaged):
        unseal(KEY, sealed, there)


@given(here=places, there=places)
def test_two_places_never_share_their_associated_data(here: AssociatedData, there: AssociatedData) -> None:
    assert (here.to_bytes() == there.to_bytes()) == (here == there)


def test_parts_that_join_to_the_same_text_are_different_places() -> None:
    assert AssociatedData(1, "2|x", "", "", 1).to_bytes() != AssociatedData(12, "|x", "", "", 1).to_bytes()
    assert AssociatedData(1, "ab", "c", "", 1).to_bytes() != AssociatedData(1, "a", "bc", "", 1).to_bytes()


@pytest.mark.parametrize(
    "elsewhere",
    [{"tenant_id": 2}, {"integration": "rest"}, {"row": "credential 8"}, {"field": "wrapped"}, {"version": 2}],
)
def test_each_part_of_the_place_is_bound(elsewhere: dict[str, object]) -> None:
    sealed = seal(KEY, b"secret", HERE)

    with pytest.raises(CredentialDamaged):
        unseal(KEY, sealed, replace(HERE, **elsewhere))  # type: ignore[arg-type]


@given(st.data())
def test_a_sealed_value_with_one_changed_byte_or_a_missing_end_does_not_open(data: st.DataObject) -> None:
    sealed = seal(KEY, b"a secret", HERE)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[at] ^= data.draw(st.integers(1, 255))

    for broken in (bytes(changed), sealed[:at], sealed + b"\0"):
        with pytest.raises(CredentialDamaged):
            unseal(KEY, broken, HERE)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(CredentialDamaged):
        unseal(os.urandom(32), seal(KEY, b"secret", HERE), HERE)


def test_the_same_value_is_sealed_differently_each_time() -> None:
    sealed = {seal(KEY, b"secret", HERE) for _ in range(1000)}

    assert len({one[1:13] for one in sealed}) == 1000
