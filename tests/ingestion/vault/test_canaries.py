"""A credential planted everywhere a pipeline can leak it turns up nowhere that anybody reads."""

from __future__ import annotations

import base64
import io
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django_rq
import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from ingestion import actions, jobs, queueing, redaction
from ingestion.core.errors import ActionRefused, IngestionError, SourceChanged
from ingestion.models import Connection, Credential, DeadLetter, Event, Run, Tenant
from ingestion.testing import registered
from tests.ingestion.admin.crawl import _send
from tests.ingestion.admin.requests import Aim, Ask, each_surface, every_request
from tests.ingestion.admin.staff import staff, superuser
from tests.ingestion.chaos.processes import in_child
from tests.ingestion.commands.shell import ingest
from tests.ingestion.runs import OPERATOR, carry, new_tenant, queued
from tests.ingestion.test_queue import everything_in
from tests.ingestion.vault.keeping import STORE, stored
from tests.ingestion.vault.leaky import FAILURES, leaking

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed", "redis"),
]
CANARY = f"QZ/{uuid.uuid4().hex}+&ü{uuid.uuid4().hex}"


def needles() -> set[str]:
    """Raw, URL-quoted, hexadecimal and base64 at each alignment; found here without the code under test."""
    raw = CANARY.encode()
    blobs = {base64.b64encode(b"x" * shift + raw).decode()[4:-4] for shift in range(3)}
    return {CANARY, CANARY[3:35], CANARY[-32:], quote(CANARY, safe=""), raw.hex(), *blobs, *map(_urlsafe, blobs)}


def _urlsafe(blob: str) -> str:
    return blob.translate(str.maketrans("+/", "-_"))


def leaks(where: str, text: str | bytes) -> list[str]:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    lowered = said.lower()
    return [f"{where}: {needle[:12]}…" for needle in needles() if needle in said or needle.lower() in lowered]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Everything that anybody logs at any level, with SQL, of this process and of the workers it forks."""
    file = tmp_path / "log"
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    level, sql = root.level, connection.force_debug_cursor
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    connection.force_debug_cursor = True
    yield file
    connection.force_debug_cursor = sql
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


@pytest.fixture
def tenant() -> Tenant:
    made = new_tenant()
    stored(made, api_key=CANARY)
    return made


def test_the_needles_would_be_found() -> None:
    for text in (
        CANARY,
        quote(CANARY, safe=""),
        CANARY.encode().hex(),
        base64.b64encode(f"ab{CANARY}c".encode()).decode(),
    ):
        assert leaks("here", f"key={text}!")


@pytest.mark.parametrize("failure", FAILURES)
def test_no_run_leaves_it_in_logs_redis_rows_events_or_letters(
    failure: str, tenant: Tenant, log: Path, redis: Redis
) -> None:
    with registered(leaking(FAILURES[failure])) as pipeline:
        here = queued(pipeline, tenant)
        if failure != "unspeakable":
            carry(here)
        Connection.unscoped.filter(pk=here.connection_id).update(paused_at=None)
        there = queued(pipeline, tenant)
        queueing.wake(there.pk, tenant.tier, there.fence)
        in_child(lambda: jobs.work("ingestion-free", burst=True))

    assert Event.objects.for_tenant(tenant).filter(name="note", text__contains=redaction.MASK).exists()
    assert DeadLetter.objects.for_tenant(tenant).count() == 2
    found = [*leaks("log", log.read_text()), *leaks("redis", everything_in(redis)), *_in_jobs(), *_in_tables()]
    assert found == []
    if failure in ("transient", "credential", "changed", "bug"):
        here.refresh_from_db()
        assert redaction.MASK in here.error_message


def _in_jobs() -> list[str]:
    queue = django_rq.get_queue("ingestion-free")
    found = []
    for job_id in [*queue.job_ids, *queue.failed_job_registry.get_job_ids()]:
        job = Job.fetch(job_id, connection=queue.connection, serializer=JSONSerializer)
        result = job.latest_result()
        told = result.exc_string if result else ""
        found += leaks(f"job {job_id}", f"{job.to_dict()} {job.description} {told}")
    return found


def _in_tables() -> list[str]:
    found = []
    for model in (model for model in apps.get_models() if model._meta.managed):
        for row in model._base_manager.values():
            for name, value in row.items():
                text = bytes(value) if isinstance(value, bytes | memoryview) else str(value)
                found += leaks(f"{model._meta.label}.{name}", text)
    return found


def test_a_job_that_fails_outside_any_run_tells_rq_no_secret(tenant: Tenant) -> None:
    """Its run cannot be ended either, because the database refuses what is written once the secret is known."""

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and redaction.mask(CANARY) != CANARY:
            raise RuntimeError(f"{sql} {params} {CANARY}")
        return execute(sql, params, many, context)

    with registered(leaking()) as pipeline:
        run = queued(pipeline, tenant)
        redaction.forget()
        with connection.execute_wrapper(refuse), pytest.raises(redaction.MaskedError) as raised:
            jobs.execute(run.pk)

    assert leaks("exception", str(raised.value)) == []
    assert redaction.MASK in str(raised.value)


def of_lists_with_rows(asks: list[Ask]) -> list[Ask]:
    """However a list of no rows is filtered, it shows none: one look at it is enough."""
    lists = {f"/admin/{model._meta.label_lower.replace('.', '/')}/": model for model in admin.site._registry}
    empty = tuple(f"{path}?" for path, model in lists.items() if not model._base_manager.exists())
    return [*each_surface(asks), *(ask for ask in asks if "?" in ask.path and not ask.path.startswith(empty))]


@pytest.mark.sqlite
@pytest.mark.usefixtures("crawling")
def test_no_page_of_the_console_shows_it_to_anybody(tenant: Tenant) -> None:
    """All that can be asked for whoever sees most, but of empty lists their address alone; every page for the others."""
    with registered(leaking(RuntimeError)) as pipeline:
        carry(queued(pipeline, tenant))
        clients = {
            "root": superuser(),
            "vera": staff("vera", tenant, permissions="view"),
            "olga": staff("olga", tenant),
        }
        asks = [ask for ask in every_request(Aim(admin.site, "/admin/", tenant, "QZ")) if ask.post is None]
        found, shown = [], 0
        for name, user in clients.items():
            browser = Client()
            browser.force_login(user)
            for ask in of_lists_with_rows(asks) if name == "root" else each_surface(asks):
                status, text = _send(browser, ask.path, None)
                shown += status == 200
                found += leaks(f"{name} {ask.path}", text)

    assert found == []
    assert shown > 100


def test_a_form_never_shows_again_what_was_typed_into_it(tenant: Tenant) -> None:
    row = Credential.objects.for_tenant(tenant).get()
    browser = Client()
    browser.force_login(staff("otto", tenant))
    values = {
        "tenant": tenant.pk,
        "integration": "a b",
        "values": f"api_key={CANARY}",
        "expires_at": "never",
        "reason": "x",
    }
    new = reverse("admin:ingestion_credential_add")
    replace = reverse("admin:ingestion_credential_replace", args=[row.pk])

    pages = [browser.post(path, {**values, **more}) for path in (new, replace)
             for more in ({}, {"expires_at": ""}, {"values": CANARY, "expires_at": ""})]  # fmt: skip
    stored_page = browser.post(replace, {**values, "expires_at": ""}, follow=True)

    assert [leaks("page", page.content) for page in [*pages, stored_page]] == [[]] * 7
    assert b'autocomplete="off"' in pages[0].content
    assert "Version" in stored_page.content.decode()


def test_no_fixture_and_no_output_of_a_command_holds_it(tenant: Tenant, log: Path) -> None:
    with registered(leaking(SourceChanged)) as pipeline:
        run = carry(queued(pipeline, tenant))
        dead_letter = DeadLetter.objects.for_tenant(tenant).first()
        assert dead_letter is not None
        named = ("--tenant", tenant.key, "--pipeline", pipeline.name)
        asked = [
            ("list", "runs"), ("list", "connections"), ("list", "dead-letters"), ("list", "artifacts"), ("list", "tenants"),
            ("list", "pipelines"), ("show", "run", run.pk), ("show", "dead-letter", dead_letter.pk, "--payload"),
            ("show", "connection", run.connection_id), ("health",), ("dry-run", *named), ("run", *named),
            ("replay", "--tenant", tenant.key), ("credential", "list"), ("credential", "test", *named),
            ("credential", "show", "--tenant", tenant.key, "--integration", STORE), ("credential", "rotate-keys"),
        ]  # fmt: skip
        answers = [(words, ingest(*words, *more)) for words in asked for more in ((), ("--json",))]
        fixture = io.StringIO()
        call_command("dumpdata", "ingestion", "auth", "admin", stdout=fixture)

    found = [leak for words, answer in answers for leak in leaks(str(words), f"{answer.out}\n{answer.error}")]
    assert found == []
    assert leaks("fixture", fixture.getvalue()) == []
    assert leaks("log", log.read_text()) == []
    told = " ".join(f"{answer.out}{answer.error}" for _, answer in answers)
    assert redaction.MASK in told


def test_testing_a_connection_tells_it_nobody(tenant: Tenant) -> None:
    with registered(leaking()) as pipeline:
        link = actions.connect(OPERATOR, tenant, pipeline.name)
        said = actions.test_connection(OPERATOR, link)

    assert said.startswith("answered to POST")
    assert leaks("answer", said) == []


def test_a_config_that_holds_it_is_refused_in_every_spelling(tenant: Tenant) -> None:
    with registered(leaking()) as pipeline:
        link = actions.connect(OPERATOR, tenant, pipeline.name)
        for spelled in (
            CANARY,
            quote(CANARY, safe=""),
            CANARY.encode().hex(),
            base64.b64encode(CANARY.encode()).decode(),
        ):
            config: dict[str, Any] = {"headers": [{"X-Key": f"Token {spelled}"}]}
            for attempt in (
                lambda config=config: actions.configure(OPERATOR, link, config),
                lambda config=config: actions.run_now(OPERATOR, link, config=config),
                lambda config=config: actions.upload(OPERATOR, link, "f.csv", b"x", config=config),
            ):
                with pytest.raises(ActionRefused, match="the value 'api_key' of the credential stored for") as refused:
                    attempt()
                assert leaks("refusal", str(refused.value)) == []

        actions.configure(OPERATOR, link, {"account": "NL69INGB0123456789"})

    assert not Run.objects.for_tenant(tenant).exists()


def test_no_repr_of_what_holds_it_shows_it(tenant: Tenant) -> None:
    from ingestion.conf import config
    from ingestion.running.execution import outside_a_run

    with registered(leaking()) as pipeline:
        ctx = outside_a_run(pipeline, actions.connect(OPERATOR, tenant, pipeline.name))
        secret = ctx.credential()

    assert leaks("repr", f"{secret!r} {secret} {ctx!r} {Credential.objects.for_tenant(tenant).get()!r}") == []
    for key in config().MASTER_KEYS.values():
        assert key.get_secret_value() not in f"{config()!r} {config()}"


def test_errors_about_it_are_errors_of_ours(tenant: Tenant) -> None:
    with pytest.raises(IngestionError) as raised:
        actions.set_credential(OPERATOR, tenant, STORE, {"bad name": CANARY})

    assert leaks("error", str(raised.value)) == []
