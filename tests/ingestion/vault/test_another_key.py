"""Another master key under a right id: said everywhere, and nothing is sealed that no setting could open again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingestion import actions
from ingestion.checks.credentials import check_stored
from ingestion.core.errors import KeysUnusable
from ingestion.models import DataKey
from tests.ingestion.checked import ids
from tests.ingestion.commands.shell import ingest
from tests.ingestion.commands.test_upkeep import ticked
from tests.ingestion.runs import new_tenant
from tests.ingestion.vault.keeping import OPERATOR, master_key, stored, under

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]
RIGHT, WRONG = master_key(), master_key()


def test_no_key_is_made_beside_those_that_do_not_open() -> None:
    with under(a=RIGHT):
        whole = stored(new_tenant())
    with under(a=WRONG):
        with pytest.raises(KeysUnusable, match="another key of the id 'a'"):
            stored(new_tenant())
        (outcome,) = (done for _, done in actions.rotate_keys(OPERATOR, anyway=True, older_than=timedelta(0)))
    assert isinstance(outcome, KeysUnusable)
    assert DataKey.unscoped.count() == 1

    with under(a=RIGHT):
        stored(whole.tenant, api_key="second")
        stored(new_tenant())


def test_one_damaged_key_keeps_nobody_from_having_one() -> None:
    with under(a=RIGHT):
        stored(new_tenant())
        damaged = stored(new_tenant())
        DataKey.objects.for_tenant(damaged.tenant).update(wrapped=b"damaged")

        stored(new_tenant())


def test_check_health_and_rotation_say_it() -> None:
    ticked()
    with under(a=RIGHT):
        stored(new_tenant())
        assert check_stored(databases=["default"]) == []
    with under(a=WRONG):
        assert ids(check_stored(databases=["default"])) == ["ingestion.E205"]
        health, rotated = ingest("health"), ingest("credential", "rotate-keys", "--anyway")

    assert (health.code, "another key of the id 'a'" in health.error) == (1, True)
    assert (rotated.code, "another key of the id 'a'" in rotated.error) == (1, True)
