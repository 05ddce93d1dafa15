"""Can credentials be kept and opened, and does one of them end soon?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, Tags
from django.db import connections, router
from django.utils.module_loading import import_string

from ingestion.checks.guarding import check
from ingestion.checks.settings import valid
from ingestion.core import registry
from ingestion.core.errors import ConfigurationError
from ingestion.vault import DatabaseStore, HashicorpStore, expiry, hashicorp, master_keys, rotation, stores

_KEEP = "A key is taken away only after `manage.py ingest credential rotate-keys` says that nothing is under it."


@check()
def check_credentials(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    return [] if valid() is None else [*_store(), *_keys()]


def _store() -> Iterator[CheckMessage]:
    hint = "Name ingestion.vault.DatabaseStore, ingestion.vault.HashicorpStore, or a class with their methods."
    try:
        store = stores.configured_store()
    except (ConfigurationError, TypeError) as error:
        yield Error(str(error), hint=hint, id="ingestion.E204")
        return
    if isinstance(store, HashicorpStore):
        hint = (
            "The settings of a Vault server: "
            "https://github.com/sluicegate/django-sluicegate/blob/main/docs/how-to/store-credentials.md"
        )
        for problem in hashicorp.problems():
            yield Error(problem, hint=hint, id="ingestion.E204")


def _keys() -> Iterator[CheckMessage]:
    if _keys_are_missing():
        yield Error(
            'INGESTION["MASTER_KEYS"] is empty, and pipelines need credentials: none could be stored.',
            hint=f'Set {{"2026": "env:MASTER_KEY"}} and make the key with: {master_keys.MAKE}',
            id="ingestion.E201",
        )
    for _key_id, problem in master_keys.problems():
        yield Error(problem, hint=f"{_KEEP} Keys are 32 bytes in base64.", id="ingestion.E202")
    for first, second in master_keys.duplicates():
        problem = f"The master keys {first!r} and {second!r} are the same key: rotating to one would change nothing."
        yield Error(problem, hint=f"Make another one: {master_keys.MAKE}", id="ingestion.E203")


def _keys_are_missing() -> bool:
    configured = valid()
    if configured is None or configured.MASTER_KEYS:
        return False
    try:
        seals = issubclass(import_string(configured.SECRET_STORE), DatabaseStore)
    except (ImportError, TypeError):
        return False
    return seals and any(pipeline.integration for pipeline in registry.registered())


@check(Tags.database)
def check_stored(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asks the tables, so only when databases are checked (`check --database default`, `migrate`)."""
    from ingestion.models import Credential

    alias = router.db_for_read(Credential)
    if valid() is None or alias not in (databases or ()):
        return []
    if Credential._meta.db_table not in connections[alias].introspection.table_names():
        return []  # before the first migration
    return [*(unknown := list(_unknown())), *([] if unknown else _unopened()), *_expiring()]


def _unknown() -> Iterator[CheckMessage]:
    for key_id, count in rotation.unknown().items():
        yield Error(
            f"{count} data keys are under the master key {key_id!r}, which the settings do not have: the credentials "
            "sealed with them cannot be read.",
            hint=f"Put the key back into MASTER_KEYS. {_KEEP}",
            id="ingestion.E205",
        )


def _unopened() -> Iterator[CheckMessage]:
    """Report data keys whose master key id now names another key. An external store has no such keys."""
    if problem := rotation.problem():
        yield Error(problem, hint=_KEEP, id="ingestion.E205")


def _expiring() -> Iterator[CheckMessage]:
    credentials = list(expiry.expiring()[:20])
    if credentials:
        named = ", ".join(
            f"{credential.tenant.key} {credential.integration} ({credential.expires_at:%Y-%m-%d})"
            for credential in credentials
        )
        yield checks.Warning(
            f"Credentials have expired or soon will: {named}.",
            hint="Get new ones and store them: `manage.py ingest credential set --tenant KEY --integration "
            'NAME`. INGESTION["EXPIRY_WARNING_DAYS"] says how early this is said.',
            id="ingestion.W201",
        )
