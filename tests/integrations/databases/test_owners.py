"""Whose rows these are is compared to the letter: a database that takes two texts for one gives a tenant no other's."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import CASCADE, CharField, DateTimeField, ForeignKey, IntegerField, Model
from django.test.utils import isolate_apps

from ingestion import ConfigurationError, SourceChanged
from integrations.databases import Rows
from tests.ingestion.runs import load
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import context, keys, mine, pages
from tests.integrations.databases.test_runs import loading

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]
SPELLINGS = ["acme", "ACME", "acm\u00e9", "acme ", "acme\u200d", "acm\u0435", "globex", None]
TEXT = {
    "sqlite": "TEXT COLLATE NOCASE",
    "mysql": "VARCHAR(30) COLLATE utf8mb4_unicode_ci",
    "postgresql": "TEXT COLLATE nobody_minds",
}


class Owned(Model):  # noqa: DJ008  # nobody is shown one
    id: Any = IntegerField(primary_key=True)
    company: Any = CharField(max_length=30)
    updated_at: Any = DateTimeField()

    class Meta:
        app_label = "oracle"
        db_table = "owned"
        managed = False


@isolate_apps("tests.app")
def sales() -> tuple[Any, Any]:
    """A company known by its code, and what it sold."""

    class Company(Model):  # noqa: DJ008  # nobody is shown one
        code: Any = CharField(max_length=10, primary_key=True)

        class Meta:
            app_label = "app"
            db_table = "company"

    class Sale(Model):  # noqa: DJ008  # nobody is shown one
        company: Any = ForeignKey(Company, on_delete=CASCADE)

        class Meta:
            app_label = "app"
            db_table = "sale"

    return Company, Sale._base_manager.all()


def owned(legacy: Legacy, kind: str = "", companies: Any = SPELLINGS) -> None:
    if legacy.vendor == "postgresql" and not kind:
        legacy.say("CREATE COLLATION IF NOT EXISTS nobody_minds (provider = icu, locale = 'und-u-ks-level1', "
                   "deterministic = false)")  # fmt: skip
    legacy.make("owned", f"id INTEGER PRIMARY KEY, company {kind or TEXT[legacy.vendor]}, updated_at {{time}}")
    legacy.insert("owned", *((number, company, "2026-03-01 00:00:00") for number, company in enumerate(companies)))


def reading(form: str, **changes: Any) -> Rows:
    ways: dict[str, dict[str, Any]] = {
        "table": {"table": "owned"},
        "sql": {"sql": "SELECT * FROM owned"},
        "queryset": {"queryset": lambda ctx: Owned._base_manager.all()},
    }
    return Rows(**{"using": "legacy", "of": mine, "watermark": "updated_at", **ways[form], **changes})


@pytest.mark.parametrize("form", ["table", "sql", "queryset"])
@pytest.mark.parametrize("watermark", ["updated_at", ""])
def test_only_rows_of_exactly_the_text_asked_for_are_read_and_of_others_it_is_said_that_they_are_there(
    legacy: Legacy, form: str, watermark: str
) -> None:
    owned(legacy)

    found = pages(reading(form, watermark=watermark, page_size=1))

    assert keys(found) == ["0"]
    assert [page.left_out for page in found] == [{}]
    assert "list each spelling" in found[0].notes[0]


@pytest.mark.parametrize("form", ["table", "sql", "queryset"])
def test_a_text_of_a_whole_number_asks_a_column_of_any_numbers_for_that_number(legacy: Legacy, form: str) -> None:
    owned(legacy, "{real}", [7, 7.5, 70, 8])

    found = pages(reading(form, of=lambda ctx: {"company": "7"}))

    assert keys(found) == ["0"]
    assert [note for page in found for note in page.notes] == []


@pytest.mark.parametrize("form", ["table", "queryset"])
def test_how_many_rows_there_are_that_may_be_another_tenants_is_not_told(legacy: Legacy, form: str) -> None:
    owned(legacy, companies=["acme", "ACME"])
    (few,) = pages(reading(form))
    legacy.insert("owned", *((number, "ACME", "2026-03-01 00:00:00") for number in range(2, 9)))

    (many,) = pages(reading(form))

    assert "There are rows whose text is only nearly" in few.notes[0]
    assert (few.notes, few.left_out) == (many.notes, many.left_out)


def test_a_run_notes_that_it_left_rows_of_another_spelling_out(legacy: Legacy) -> None:
    owned(legacy)

    run = load(loading(reading("table", of=lambda ctx: {"company": "acme"})))

    assert run.read == 1
    assert "only nearly" in run.events.get(name="note").text


@pytest.mark.parametrize("form", ["table", "queryset"])
def test_a_tenant_of_whom_there_are_other_spellings_only_is_told_so(legacy: Legacy, form: str) -> None:
    owned(legacy)
    nobody = context(tenant="AcMe")

    (page,) = pages(reading(form), nobody)

    assert page.records == []
    assert "nearly" in page.notes[0]
    assert "there are no rows" in reading(form).test(nobody)
    assert "nearly" in reading(form).test(nobody)


@pytest.mark.parametrize("form", ["table", "queryset"])
def test_each_spelling_of_a_list_is_read(legacy: Legacy, form: str) -> None:
    owned(legacy)

    found = pages(reading(form, of=lambda ctx: {"company": ["acme", "ACME", "globex"]}))

    assert keys(found) == ["0", "1", "6"]


@pytest.mark.parametrize("asked", [{"company__in": ["acme"]}, {"company__exact": "acme"}], ids=str)
def test_a_lookup_that_asks_for_a_text_asks_for_exactly_that_text(legacy: Legacy, asked: dict[str, Any]) -> None:
    owned(legacy)

    assert keys(pages(reading("queryset", of=lambda ctx: asked))) == ["0"]


@pytest.mark.parametrize(
    "asked", [{"company__in": ["acme"], "company": "globex"}, {"compnay": "acme"}, {"company__inn": "acme"}], ids=str
)
def test_what_asks_for_no_field_or_twice_for_one_reads_no_row(legacy: Legacy, asked: dict[str, Any]) -> None:
    owned(legacy)

    with pytest.raises(ConfigurationError, match=next(iter(asked))):
        pages(reading("queryset", of=lambda ctx: asked))


@pytest.mark.parametrize("many", [False, True])
def test_a_company_itself_stands_for_what_a_foreign_key_holds_of_it(legacy: Legacy, many: bool) -> None:
    legacy.make("sale", "id INTEGER PRIMARY KEY, company_id VARCHAR(10)")
    legacy.insert("sale", (1, "acme"), (2, "globex"))
    company, sold = sales()
    acme = company(code="acme")

    found = pages(Rows("legacy", lambda ctx: {"company": [acme] if many else acme}, queryset=lambda ctx: sold))

    assert keys(found) == ["1"]


@pytest.mark.parametrize("form", ["table", "queryset"])
def test_nothing_is_told_where_every_row_is_exactly_the_tenants(legacy: Legacy, form: str) -> None:
    owned(legacy, companies=["acme", "acme", "globex"])

    (page,) = pages(reading(form))

    assert (keys([page]), page.left_out, page.notes) == (["0", "1"], {}, [])


def test_other_companies_rows_without_a_watermark_fail_nobodys_run(legacy: Legacy) -> None:
    owned(legacy)
    legacy.say("UPDATE owned SET updated_at = NULL WHERE company <> 'acme' OR id = 1")

    assert keys(pages(reading("table"))) == ["0"]


@pytest.mark.parametrize("form", ["table", "queryset"])
def test_text_for_a_column_of_numbers_reads_no_row(legacy: Legacy, form: str) -> None:
    owned(legacy, "INTEGER", [0, 1, 7])

    for tenant in ("acme", "007", "7 ", "", "7.0", "\u0667"):
        if legacy.vendor == "sqlite" and form == "table":  # whose columns hold whatever comes
            assert keys(pages(reading(form), context(tenant=tenant))) == []
        elif form == "table":
            with pytest.raises(ConfigurationError, match="'company'"):
                pages(reading(form), context(tenant=tenant))
    assert keys(pages(reading(form), context(tenant="7"))) == ["2"]
    assert keys(pages(reading(form, of=lambda ctx: {"company": [1, 7]}))) == ["1", "2"]


@pytest.mark.parametrize("value", [7, Decimal(7), 7.0, True])
def test_a_number_for_a_column_of_text_is_that_text_or_refused(legacy: Legacy, value: Any) -> None:
    owned(legacy, "VARCHAR(30)", ["7", "7abc", "07", " 7", "1"])

    found: list[str] = []
    if legacy.vendor != "sqlite" and (value is True or not isinstance(value, int)):
        with pytest.raises(ConfigurationError, match="'company'"):
            pages(reading("table", of=lambda ctx: {"company": value}))
    else:
        found = keys(pages(reading("table", of=lambda ctx: {"company": value})))

    assert found in ([], ["0"], ["4"])


def test_a_uuid_is_asked_for_in_a_column_of_text(legacy: Legacy) -> None:
    company = uuid.uuid4()
    owned(legacy, "VARCHAR(40)", [str(company), str(uuid.uuid4())])
    of = str if legacy.vendor == "sqlite" else lambda value: value

    assert keys(pages(reading("table", of=lambda ctx: {"company": of(company)}))) == ["0"]


def test_text_that_is_no_day_is_not_asked_of_a_column_of_days(legacy: Legacy) -> None:
    owned(legacy, "DATE", ["2026-01-01"])

    assert keys(pages(reading("table", of=lambda ctx: {"company": "2026-01-01"}))) == ["0"]
    if legacy.vendor != "sqlite":
        with pytest.raises(ConfigurationError, match="'company'"):
            pages(reading("table"))


@pytest.mark.postgres
def test_a_column_that_minds_no_capitals_or_holds_its_own_words_is_compared_to_the_letter(legacy: Legacy) -> None:
    legacy.say("DROP TYPE IF EXISTS their_company")
    legacy.say("CREATE TYPE their_company AS ENUM ('ACME', 'acme')")
    owned(legacy, "their_company", ["ACME", "acme"])
    assert keys(pages(reading("table"))) == ["1"]
    with pytest.raises(SourceChanged):
        pages(reading("table"), context(tenant="globex"))

    legacy.tables.remove('"owned"')
    legacy.say("DROP TABLE owned")
    legacy.say("DROP TYPE their_company")
    owned(legacy, "CHAR(9)", ["acme", "ACME"])
    assert keys(pages(reading("table"))) == ["0"]


@pytest.mark.mariadb
@pytest.mark.parametrize("kind", ["ENUM('globex', 'acme')", "CHAR(9) CHARACTER SET latin1", "VARBINARY(20)", "TEXT"])
def test_every_kind_of_text_is_compared_to_the_letter(legacy: Legacy, kind: str) -> None:
    owned(legacy, kind, ["acme", "acm\u00e9"] if "ENUM" not in kind else ["acme"])

    assert keys(pages(reading("table"))) == ["0"]


@pytest.mark.parametrize("asked", [{"id": "acme"}, {"id": "007"}, {"updated_at": "acme"}], ids=str)
def test_what_a_models_field_cannot_be_reads_no_row(legacy: Legacy, asked: dict[str, Any]) -> None:
    owned(legacy)

    with pytest.raises(ConfigurationError, match=next(iter(asked))):
        pages(reading("queryset", of=lambda ctx: asked, watermark=""))
    assert keys(pages(reading("queryset", of=lambda ctx: {"id": "7"}, watermark=""))) == ["7"]
