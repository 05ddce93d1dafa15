"""Is the database told to be strict, and does it keep writers apart as the engine expects?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, Tags
from django.db import connections, router

from ingestion.checks.guarding import check

_VARIABLES = ("sql_mode", "character_set_connection", "transaction_isolation", "tx_isolation")


@check()
def check_sqlite(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    from ingestion.models import Run

    alias = router.db_for_write(Run)
    options = connections[alias].settings_dict.get("OPTIONS", {})
    if connections[alias].vendor != "sqlite" or str(options.get("transaction_mode")).upper() in (
        "IMMEDIATE",
        "EXCLUSIVE",
    ):
        return []
    return [
        checks.Warning(
            f"DATABASES[{alias!r}] is SQLite with deferred transactions: of two writers at once, one fails.",
            hint='Set OPTIONS = {"transaction_mode": "IMMEDIATE", "timeout": 30}.',
            id="ingestion.W001",
        )
    ]


@check(Tags.database)
def check_mysql(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asks the server, so only when databases are checked (`check --database default`, `migrate`)."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        if connections[alias].vendor == "mysql":
            with connections[alias].cursor() as cursor:
                cursor.execute("SHOW SESSION VARIABLES WHERE Variable_name IN %s", [_VARIABLES])
                messages += mysql(alias, dict(cursor.fetchall()))
    return messages


def mysql(alias: str, variables: Mapping[str, str]) -> list[CheckMessage]:
    """Messages about a session with these variables."""
    where = f"DATABASES[{alias!r}]"
    messages: list[CheckMessage] = []
    if not {"STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"} & set(variables["sql_mode"].split(",")):
        problem = f"{where} is not strict: the server would cut values that do not fit instead of refusing them."
        messages.append(Error(problem, hint='Set OPTIONS["sql_mode"] = "STRICT_ALL_TABLES".', id="ingestion.E010"))
    if variables["character_set_connection"] != "utf8mb4":
        problem = f"{where} talks {variables['character_set_connection']}: emoji and many scripts cannot be stored."
        messages.append(Error(problem, hint='Set OPTIONS["charset"] = "utf8mb4".', id="ingestion.E011"))
    isolation = variables.get("transaction_isolation") or variables.get("tx_isolation", "")
    if isolation != "READ-COMMITTED":
        problem = f"{where} runs at {isolation}: workers would see old data and lock gaps that others must insert into."
        messages.append(
            checks.Warning(problem, hint='Set OPTIONS["isolation_level"] = "read committed".', id="ingestion.W004")
        )
    return messages
