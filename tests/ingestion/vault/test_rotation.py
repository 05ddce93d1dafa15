"""Keys are replaced while others read and write; killed anywhere, the next start goes on."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ingestion import actions
from ingestion.core.context import Secret
from ingestion.core.errors import CredentialDamaged
from ingestion.database.clock import read_db_now
from ingestion.models import AuditEntry, Credential, DataKey, Tenant
from ingestion.vault import credentials, rotation
from tests.ingestion.chaos.processes import KILLED, DyingAt, end, in_child, start_child
from tests.ingestion.runs import new_tenant
from tests.ingestion.vault.keeping import OPERATOR, master_key, of, stored, under

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
OLD, NEW = master_key(), master_key()
INTEGRATIONS = ("stripe", "rest", "bank")
ENOUGH = 8


@pytest.fixture(autouse=True)
def _no_others() -> Iterator[None]:
    """Tenants of other tests have keys under master keys of theirs."""
    yield
    Credential.unscoped.all().delete()
    DataKey.unscoped.all().delete()


@pytest.fixture
def tenant() -> Tenant:
    with under(old=OLD):
        made = new_tenant()
        for integration in INTEGRATIONS:
            stored(made, integration, key=f"value-of-{integration}")
    return made


def keys(tenant: Tenant) -> list[tuple[int, str]]:
    return list(DataKey.objects.for_tenant(tenant).order_by("generation").values_list("generation", "master_key"))


def assert_readable(tenant: Tenant) -> None:
    for integration in INTEGRATIONS:
        assert credentials.read(tenant.ref, integration) == Secret({"key": f"value-of-{integration}"}, 1)


def rotate_all() -> list[object]:
    return [done for _, done in actions.rotate_keys(OPERATOR, anyway=True)]


def test_everything_comes_under_the_first_master_key_and_the_old_one_may_go(tenant: Tenant) -> None:
    with under(new=NEW, old=OLD):
        assert rotate_all() == [rotation.Rotated(credentials=3, dropped=1)]
        assert rotation.in_use() == {"new": 1, "old": 0}

    with under(new=NEW):
        assert_readable(tenant)
        assert keys(tenant) == [(2, "new")]
        assert rotation.unknown() == {}


def test_a_second_time_there_is_nothing_to_do(tenant: Tenant) -> None:
    with under(new=NEW, old=OLD):
        rotate_all()

        assert rotate_all() == []


def test_a_key_taken_away_too_early_is_seen_before_anything_is_lost(tenant: Tenant) -> None:
    with under(new=NEW):
        assert rotation.unknown() == {"old": 1}
        (failure,) = rotate_all()

    assert "'old' is not in INGESTION" in str(failure)
    with under(new=NEW, old=OLD):
        assert_readable(tenant)
        rotate_all()
        assert keys(tenant) == [(2, "new")]


def test_data_keys_above_an_age_are_replaced_under_the_same_master_key(tenant: Tenant) -> None:
    DataKey.objects.for_tenant(tenant).update(created_at=read_db_now() - timedelta(days=100))

    with under(old=OLD):
        assert rotate_all() == []
        assert len(list(actions.rotate_keys(OPERATOR, anyway=True, older_than=timedelta(days=90)))) == 1
        assert len(list(actions.rotate_keys(OPERATOR, anyway=True, older_than=timedelta(days=90)))) == 0
        assert keys(tenant) == [(2, "old")]
        assert_readable(tenant)


def test_rotation_is_audited_and_changes_no_version(tenant: Tenant) -> None:
    with under(new=NEW, old=OLD):
        rotate_all()

    assert AuditEntry.objects.for_tenant(tenant).get(action="rotate keys").data == {"credentials": 3, "dropped": 1}
    assert set(Credential.objects.for_tenant(tenant).values_list("version", flat=True)) == {1}


@pytest.mark.parametrize(("point", "nth"), [("made", 1), ("sealed", 1), ("sealed", 2), ("sealed", 3), ("dropped", 1)])
def test_killed_here_and_started_again_it_ends_the_same(tenant: Tenant, point: str, nth: int) -> None:
    with under(new=NEW, old=OLD):
        died = in_child(lambda: rotation.rotate(tenant, step=DyingAt(point, nth)))
        assert_readable(tenant)
        if point != "dropped":
            assert rotation.unfinished() == [tenant.pk]

        rotate_all()

        assert (died, keys(tenant), rotation.unfinished()) == (KILLED, [(2, "new")], [])
        assert_readable(tenant)


def test_two_rotations_at_once_do_no_harm(tenant: Tenant) -> None:
    with under(new=NEW, old=OLD):
        pids = [start_child(lambda: rotation.rotate(tenant)) for _ in range(4)]

        assert [end(pid) for pid in pids] == [0] * 4
        assert (keys(tenant), rotation.unfinished()) == ([(2, "new")], [])
        assert_readable(tenant)


def test_a_damaged_credential_keeps_no_other_waiting(tenant: Tenant) -> None:
    (one, *_) = Credential.objects.for_tenant(tenant).order_by("pk")
    of(one).update(version=7)
    other = new_tenant()
    with under(old=OLD):
        stored(other)

    with under(new=NEW, old=OLD):
        outcomes = dict(actions.rotate_keys(OPERATOR, anyway=True))

        assert isinstance(outcomes[tenant], CredentialDamaged)
        assert outcomes[other] == rotation.Rotated(1, 1)
        moved = Credential.objects.for_tenant(tenant).filter(data_key__generation=2)
        assert moved.count() == 2
        assert keys(tenant) == [(1, "old"), (2, "new")]


def soak(seconds: float, folder: Path) -> tuple[int, int, int]:
    """Readers, writers and rotations of two tenants at once; how often each did its work. Any failure ends a child.

    Each goes on for as long as is asked, and until it has done enough to show something on a busy machine.
    """
    names = [f"k{number}" for number in range(40)]
    ring = {name: master_key() for name in names}
    with under(**ring):
        tenants = [new_tenant(), new_tenant()]
        for tenant in tenants:
            for integration in INTEGRATIONS:
                stored(tenant, integration, key=f"{tenant.key}/{integration}/0")
        until = time.monotonic() + seconds
        works = [_read, _read, _write, _write]
        pids = [start_child(lambda w=w, n=n: w(tenants, until, folder, n)) for n, w in enumerate(works)]
        rotations = _rotate(tenants, until, ring)
        codes = [end(pid) for pid in pids]
        assert codes == [0] * len(works)
        for tenant in tenants:
            for integration in INTEGRATIONS:
                assert_own(tenant, integration)
    done = {file.name: int(file.read_text()) for file in folder.glob("done *")}
    return done["done 0"] + done["done 1"], done["done 2"] + done["done 3"], rotations


def assert_own(tenant: Tenant, integration: str) -> None:
    assert credentials.read(tenant.ref, integration).values["key"].startswith(f"{tenant.key}/{integration}/")


def _read(tenants: list[Tenant], until: float, folder: Path, number: int) -> None:
    draw, count = random.Random(number), 0
    while time.monotonic() < until or count < ENOUGH:
        assert_own(draw.choice(tenants), draw.choice(INTEGRATIONS))
        count += 1
        time.sleep(0.002)
    (folder / f"done {number}").write_text(str(count))


def _write(tenants: list[Tenant], until: float, folder: Path, number: int) -> None:
    draw, count = random.Random(number), 0
    while time.monotonic() < until or count < ENOUGH:
        tenant, integration = draw.choice(tenants), draw.choice(INTEGRATIONS)
        count += 1
        value = f"{tenant.key}/{integration}/{os.getpid()}-{count}"
        actions.set_credential(OPERATOR, tenant, integration, {"key": value})
        time.sleep(0.005)
    (folder / f"done {number}").write_text(str(count))


def _rotate(tenants: list[Tenant], until: float, ring: dict[str, str]) -> int:
    """Again and again under fresh data keys, each time."""
    count = 0
    while time.monotonic() < until or count < ENOUGH:
        for tenant in tenants:
            rotation.rotate(tenant, older_than=timedelta(0))
            count += 1
    return count


def test_readers_and_writers_never_fail_while_keys_are_replaced(tmp_path: Path) -> None:
    reads, writes, rotations = soak(2, tmp_path)

    assert reads >= 2 * ENOUGH
    assert writes >= 2 * ENOUGH
    assert rotations >= ENOUGH


@pytest.mark.soak
def test_the_same_for_long(tmp_path: Path) -> None:
    """Ten minutes, or as long as SOAK_SECONDS says."""
    seconds = float(os.environ.get("SOAK_SECONDS", "600"))

    reads, writes, rotations = soak(seconds, tmp_path)

    print(f"{seconds:g} s: {reads} reads, {writes} writes, {rotations} rotations, 0 failures")
