"""Fills the console's tables by INSERT ... SELECT until an optimiser decides about them as it does about millions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.db import connection, models

from ingestion.core.records import Stage
from ingestion.models import Connection, Credential, DeadLetter, KnownShape, QuotaOverride, Run, TenantOwned, Usage
from integrations.bank.models import BankAccount, BankLookAlike, BankTransaction
from integrations.rest.declaring import PIPELINE as REST
from tests.ingestion.admin.furnish import furnish

TENANTS = 40
PIPELINES = 5
_FEW = (Connection, Credential, KnownShape, QuotaOverride, Usage, BankAccount)
"""What people set up, or what there is one of a connection: it does not grow with the data."""
_COMMON = {Run: "succeeded", DeadLetter: "replayed"}
"""The state of nearly all rows; of other tables it is the first of the choices."""


def large_models() -> list[Any]:
    """The models of the console whose rows come with the data; those that others point to come first."""
    found = [model for model in admin.site._registry if issubclass(model, TenantOwned) and not issubclass(model, _FEW)]
    return sorted(found, key=lambda model: (model is BankLookAlike, model._meta.label))


def begin() -> None:
    """Tenants with one row in each table, from which all others are copied, and pipelines that several tenants share."""
    for number in range(TENANTS):
        furnish(f"t{number}", f"Tenant{number}", 1)
    shared = models.functions.Concat(models.Value("pipeline "), models.F("id") % PIPELINES, output_field=_TEXT)
    Connection.unscoped.update(pipeline=shared)
    Connection.unscoped.filter(pipeline="pipeline 0").update(pipeline=REST)


@contextmanager
def references_unchecked() -> Iterator[None]:
    """What is inserted here are copies of rows that point rightly; to look each one up takes most of the time."""
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW is_superuser")
            if cursor.fetchone() == ("on",):
                cursor.execute("SET session_replication_role = replica")
        yield
        if connection.vendor == "postgresql":
            cursor.execute("RESET session_replication_role")


def multiply(model: Any, rows: int) -> None:
    """About `rows` rows: a third belong to the first tenant, the newest have the newest times, rare states are rare."""
    first = model.unscoped.order_by("pk").values_list("pk", flat=True)[0]
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    values = ", ".join(_value(model, field, rows) for field in fields)
    table = quote(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {_numbers(rows)} {table} b"
            f" ON b.id = {first} + CASE WHEN n % 3 = 0 THEN 0 ELSE n % {TENANTS} END"
        )


def analyse() -> None:
    """Let the database look at what there is."""
    tables = ", ".join(connection.ops.quote_name(name) for name in connection.introspection.table_names())
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE {tables}" if connection.vendor == "mysql" else "ANALYZE")


_TEXT = models.CharField()


def _numbers(rows: int) -> str:
    """1 to `rows` in order, to be joined."""
    if connection.vendor == "mysql":
        return f"(SELECT seq AS n FROM seq_1_to_{rows}) numbers STRAIGHT_JOIN"
    return f"(SELECT n FROM generate_series(1, {rows}) n) numbers JOIN"


def _value(model: Any, field: Any, rows: int) -> str:
    """SQL of a column of row `n`, where `b` is the row that it is copied from."""
    own = f"b.{connection.ops.quote_name(field.column)}"
    if model is BankLookAlike and field.name == "entry":
        return f"{BankTransaction.unscoped.order_by('pk').values_list('pk', flat=True)[0]} + {TENANTS - 1} + n"
    if field.is_relation:
        return "NULL" if field.unique else own
    if field.choices:
        return _choice(model, field)
    match field:
        case models.UUIDField():
            return "UUID()" if connection.vendor == "mysql" else "gen_random_uuid()"
        case models.DateField():
            return _moment(rows, "DATE" if type(field) is models.DateField else "")
        case models.BooleanField():
            return "n % 50 = 0"
        case models.CharField():
            return _text(field)
        case _:
            return "NULL" if field.unique and field.null else own


def _choice(model: Any, field: Any) -> str:
    """Nearly always the common one, now and then another, never the last."""
    words = [str(value) for value, _ in field.choices]
    common = _COMMON.get(model, words[0]) if field.name in ("state", "status") else words[0]
    common = field.default if isinstance(field.default, str) and field.name == "withdrawn" else common
    rare = [word for word in words[:-1] if word != common]
    cases = " ".join(f"WHEN {number} THEN '{word}'" for number, word in enumerate(rare))
    return f"CASE n % 200 {cases} ELSE '{common}' END" if rare else f"'{common}'"


def _moment(rows: int, kind: str) -> str:
    """A minute apart, the newest row's is now."""
    if connection.vendor == "mysql":
        moment = f"NOW(6) - INTERVAL ({rows} - n) MINUTE"
        return f"{kind}({moment})" if kind else moment
    moment = f"now() - ({rows} - n) * interval '1 minute'"
    return f"({moment})::date" if kind else moment


def _text(field: Any) -> str:
    vocabulary = {
        "pipeline": f"CONCAT('pipeline ', b.connection_id % {PIPELINES})",
        "stage": f"CASE WHEN n % 100 = 0 THEN '{Stage.LOAD.value}' ELSE '{next(iter(Stage)).value}' END",
        "currency": "'EUR'",
        "fingerprint": "MD5(CAST(n % 20 AS CHAR(9)))",
        "status": "'open'",
        "answer": "''",
    }
    own = f"LEFT(MD5(CONCAT('{field.name}', n)), {field.max_length or 32})"
    return vocabulary.get(field.name, own)
