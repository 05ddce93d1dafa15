"""Faults where the engine meets what is outside: HTTP, webhooks, credentials, sources to be reconciled with."""

from tests.faults.planting import Fault

_HTTP = (
    "tests/ingestion/joints",
    "tests/integrations/http/test_calls.py",
    "tests/integrations/http/test_waits.py",
    "tests/integrations/http/test_origins.py",
    "tests/integrations/http/test_bodies.py",
    "tests/integrations/http/test_circuits.py",
    "tests/integrations/http/test_faults.py",
)
_VAULT = (
    "tests/ingestion/vault/test_in_runs.py",
    "tests/ingestion/vault/test_exchange.py",
    "tests/ingestion/vault/test_hashicorp_store.py",
    "tests/ingestion/vault/test_redaction.py",
    "tests/ingestion/vault/test_canaries.py",
)
_WEBHOOKS = (
    "tests/ingestion/webhooks",
    "tests/integrations/push/test_endpoint.py",
    "tests/integrations/stripe/test_webhooks.py",
)
_RECONCILING = ("tests/ingestion/reconciling",)
_BANK = (
    "tests/integrations/bank/test_pipeline.py",
    "tests/integrations/bank/test_identity.py",
    "tests/integrations/bank/test_tenant_safety.py",
)

_ATTEMPTS, _EXCHANGE = "integrations/http/attempts.py", "integrations/http/exchange.py"
_RECEIVER, _EXCUSES = "ingestion/webhooks/receiver.py", "ingestion/reconciling/excuses.py"

FAULTS = [
    Fault(_ATTEMPTS, "            self.ctx.throttle(1.0)\n", "            pass\n", _HTTP),
    Fault(
        "integrations/rest/reading.py",
        "            self.hold_off(error.retry_after)\n",
        "",
        ("tests/integrations/rest/test_later.py",),
    ),
    Fault(
        "ingestion/actions/hold_offs.py",
        "if not ended or not hosts[run.pk] or hosts[run.pk] in ended]",
        "]",
        ("tests/ingestion/limits/test_hold_offs.py",),
    ),
    Fault(
        "ingestion/webhooks/receiver.py",
        "status=207 if told else 202 if stored else 200",
        "status=202 if stored else 200",
        ("tests/integrations/push/test_told.py",),
    ),
    Fault(
        _ATTEMPTS,
        "min(call.ends + waited, started + self.ctx.left())",
        "call.ends + waited",
        (*_HTTP, "tests/integrations/rest/console/test_preview.py"),
    ),
    Fault(_ATTEMPTS, "if hold_off and self.own:", "if hold_off:", _HTTP),
    Fault(_ATTEMPTS, "max(jittered, asked + jittered / 2)", "jittered", _HTTP),
    Fault(_ATTEMPTS, "if origins.origin(url) != origins.origin(asked.url):", "if False:", _HTTP),
    Fault(_ATTEMPTS, "            self.ctx.beat()\n", "", _HTTP),
    Fault(_ATTEMPTS, "if asked.method not in _FOLLOWED or", "if", _HTTP),
    Fault(
        _EXCHANGE,
        'decoded(cast("httpx.SyncByteStream", answer.stream), encoding, call.limits.body_bytes)',
        'decoded(cast("httpx.SyncByteStream", answer.stream), encoding, 10**12)',
        _HTTP,
    ),
    Fault(_EXCHANGE, "isinstance(error, Transient), hold_off, status", "False, hold_off, status", _HTTP),
    Fault("integrations/http/circuits.py", "            state.probe_until = now + self.cooldown\n", "", _HTTP),
    Fault(
        _RECEIVER,
        "pipeline.serves(found.tenant.key) and self.accepts(pipeline)",
        "self.accepts(pipeline)",
        (*_WEBHOOKS, "tests/ingestion/test_pipelines_of_tenants.py", "tests/ingestion/test_endpoints.py"),
    ),
    Fault(
        _RECEIVER,
        "pipeline.serves(found.tenant.key) and self.accepts(pipeline)",
        "pipeline.serves(found.tenant.key)",
        _WEBHOOKS,
    ),
    Fault(_RECEIVER, "public_id=public_id, tenant__key=tenant", "public_id=public_id", _WEBHOOKS),
    Fault(_RECEIVER, "kept = _kept(endpoint.keeps, connection, body)", "kept = body", _WEBHOOKS),
    Fault(_RECEIVER, "    if len(body) != int(length):", "    if False:", _WEBHOOKS),
    Fault(_RECEIVER, "deliveries.is_full(connection)", "False", _WEBHOOKS),
    Fault(
        "ingestion/vault/holding.py",
        "credentials.version(self.tenant, self.integration) != held.version",
        "False",
        _VAULT,
    ),
    Fault("ingestion/vault/exchange.py", "if stored != used_up.version:", "if False:", _VAULT),
    Fault("ingestion/vault/exchange.py", 'cause="exchange", expected=used_up.version', 'cause="exchange"', _VAULT),
    Fault("ingestion/vault/credentials.py", "    if store.remote:\n        _follow(at, found)\n", "", _VAULT),
    Fault(
        "ingestion/vault/credentials.py",
        "    redaction.remember(secret(found.values).values(), tenant.id)\n",
        "",
        _VAULT,
    ),
    Fault("ingestion/reconciling/checking.py", "    require_closed(window, pipeline, sides.since)\n", "", _RECONCILING),
    Fault(
        "ingestion/reconciling/checking.py",
        "return Figure.of({**others, **own})",
        "return Figure.of(own)",
        _RECONCILING,
    ),
    Fault("ingestion/reconciling/checking.py", "        pause_for(sides.connection.pk, error)\n", "", _RECONCILING),
    Fault(
        "ingestion/reconciling/checking.py",
        "tolerance = sides.periods.tolerance",
        "tolerance = sides.periods.tolerance * 0",
        _RECONCILING,
    ),
    Fault(_EXCUSES, "if difference.extra or not wanted:", "if not wanted:", _RECONCILING),
    Fault(_EXCUSES, "if read is not None and read >= window.end:", "if read is not None:", _RECONCILING),
    Fault(_EXCUSES, "Q(finished_at__gte=since)", "Q(pk__lt=0)", _RECONCILING),
    Fault(
        "integrations/bank/source.py",
        "            if number > done:",
        "            if number >= done:",
        (*_BANK, "tests/ingestion/joints"),
    ),
    Fault(
        "integrations/bank/pipelines.py",
        "if entry.status is not EntryStatus.BOOKED:",
        "if entry.status is EntryStatus.INFORMATION:",
        ("tests/integrations/bank",),
    ),
]
