"""A good hand-written loader: orjson, Pydantic for each record, SQLAlchemy Core's upsert with 1,000 rows a statement.

It keeps no dead letters, no raw pages and no checkpoints; a record that fails is forgotten.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, MetaData, Table, func, select

from benchmarks.app.models import Invoice
from benchmarks.contestants import addresses, ground
from benchmarks.data import Corpus


def prepare(corpus: Corpus) -> ground.Work:
    owner, run = ground.connection().tenant_id, ground.run_id()
    engine = addresses.sqlalchemy_engine()
    table = Table(Invoice._meta.db_table, MetaData(), autoload_with=engine)
    statement = _upsert(engine, table)
    fixed = {name: ground.with_engine_columns({"external_id": ""}, owner, run)[name] for name in ground.ENGINE_COLUMNS}
    pages = ground.validated(corpus)

    def work() -> int:
        with engine.connect() as connection:
            for page in pages():
                for start in range(0, len(page), ground.BATCH):
                    connection.execute(statement, [{**fixed, **row} for row in page[start : start + ground.BATCH]])
                connection.commit()
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    return work


def _upsert(engine: Engine, table: Table) -> Any:
    updates = [column.name for column in table.columns if column.name not in ("id", "tenant_id", "external_id")]
    if engine.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        into = sqlite.insert(table)
        changes = {name: into.excluded[name] for name in updates}
        return into.on_conflict_do_update(index_elements=["tenant_id", "external_id"], set_=changes)
    from sqlalchemy.dialects import mysql

    insert = mysql.insert(table)
    return insert.on_duplicate_key_update({name: insert.inserted[name] for name in updates})
