"""Faults where limits, turns, hints, the tick and operators' actions meet runs."""

from tests.faults.planting import Fault

_LIMITS = ("tests/ingestion/limits", "tests/ingestion/joints")
_ACTIONS = (
    "tests/ingestion/test_retry.py",
    "tests/ingestion/test_windows.py",
    "tests/ingestion/joints",
    "tests/ingestion/test_webhook_runs.py",
)
_TICKS = (
    "tests/ingestion/test_ticks.py",
    "tests/ingestion/test_catch_up.py",
    "tests/ingestion/test_schedules.py",
    "tests/ingestion/test_lateness.py",
)
_BACKFILLS = ("tests/ingestion/backfills",)
_REPLAYS = (
    "tests/ingestion/test_replay.py",
    "tests/ingestion/test_letters.py",
    "tests/ingestion/test_replay_statements.py",
)

_THROTTLING, _TURNS = "ingestion/limits/throttling.py", "ingestion/turns.py"
_RUNS, _DUE = "ingestion/actions/runs.py", "ingestion/scheduling/due.py"
_QUOTAS = "ingestion/limits/quotas.py"

FAULTS = [
    Fault(_THROTTLING, "while place.wait > 0:", "while place.wait > STEP:", _LIMITS),
    Fault(_THROTTLING, "            place = now\n", "            break\n", _LIMITS),
    Fault(
        _THROTTLING,
        "now = self._due(bucket, place)",
        "now = Place(place.wait - STEP, place.ready, place.epoch)",
        _LIMITS,
    ),
    Fault(_THROTTLING, "            self._pulse()\n", "", _LIMITS),
    Fault(_THROTTLING, "if place.wait > left:", "if place.wait > self._patience:", _LIMITS),
    Fault(_THROTTLING, "now, bucket = self._take(weight, left)", "now, bucket = self._take(1.0, left)", _LIMITS),
    Fault(_THROTTLING, "        self._local().hold(seconds)  # also here", "        pass  # also here", _LIMITS),
    Fault(_THROTTLING, "seconds = min(seconds, config().BACKOFF_CAP_SECONDS)", "pass", _LIMITS),
    Fault(
        "ingestion/limits/bucket.lua",
        "return answer(math.max(0, ready - virtual) + held, ready)",
        "return answer(math.max(0, ready - virtual), ready)",
        _LIMITS,
    ),
    Fault(
        "ingestion/limits/buckets.py",
        "Place(max(0.0, place.ready - now, self._held_until - now), place.ready)",
        "Place(max(0.0, place.ready - now), place.ready)",
        _LIMITS,
    ),
    Fault(_TURNS, "    if run.connection_id in busy:\n        return\n", "", _LIMITS),
    Fault(_TURNS, "    ahead = set(older) - busy\n", "    ahead = set(older)\n", _LIMITS),
    Fault(_TURNS, "_line(tenant).exclude(connection_id__in=busy)", "_line(tenant)", _LIMITS),
    Fault(_TURNS, "len(ahead) + running < allowed(tenant.tier)", "len(ahead) < allowed(tenant.tier)", _LIMITS),
    Fault(
        _TURNS,
        "is_able(), is_due(), ~Exists(busy), state=Run.State.QUEUED, parent__isnull=True",
        "is_able(), is_due(), state=Run.State.QUEUED, parent__isnull=True",
        _LIMITS,
    ),
    Fault(_TURNS, "return max(0, free - waiting)", "return max(0, free)", (*_LIMITS, *_BACKFILLS)),
    Fault(
        _TURNS,
        "    if run.not_before is not None and run.not_before > timezone.now():\n        return  # the tick hints it when its time has come\n",
        "",
        (*_LIMITS, "tests/ingestion/test_webhook_runs.py"),
    ),
    Fault(_QUOTAS, "counted = row.in_batch if row.batch == batch else 0", "counted = row.in_batch", _LIMITS),
    Fault(_QUOTAS, "if row.batch > batch:", "if False:", _LIMITS),
    Fault(_QUOTAS, "used__lte=limit - amount", "used__lte=limit", _LIMITS),
    Fault(_QUOTAS, "meter=meter, expires_at__gt=DbNow()", "meter=meter", _LIMITS),
    Fault(_RUNS, "kind=Run.Kind.MANUAL if run.kind == Run.Kind.SCHEDULED else run.kind", "kind=run.kind", _ACTIONS),
    Fault(_RUNS, "            watermark_before=run.watermark_before,\n", "", _ACTIONS),
    Fault(_RUNS, "            params=run.params,\n", "", _ACTIONS),
    Fault(
        _RUNS,
        "            window_end=run.window_end,\n            watermark",
        "            window_end=timezone.now(),\n            watermark",
        _ACTIONS,
    ),
    Fault(_RUNS, "    require_unpaused(run.connection)\n", "", _ACTIONS),
    Fault(_RUNS, "filter(role=RunArtifact.Role.INPUT)", "all()", (*_ACTIONS, "tests/ingestion/test_large_letters.py")),
    Fault(
        _RUNS,
        "state__in=(Run.State.FAILED, Run.State.CANCELLED)).order_by",
        "state__in=Run.TERMINAL).order_by",
        _BACKFILLS,
    ),
    Fault(
        _RUNS,
        ").filter(replay_run=run, status__in=DeadLetter.OPEN).update(\n                replay_run=None\n            )",
        ").none()",
        (*_REPLAYS, "tests/ingestion/joints"),
    ),
    Fault(
        _DUE,
        "pk=seen.pk, next_due=due, paused_at=None",
        "pk=seen.pk, next_due=due",
        (*_TICKS, "tests/ingestion/joints"),
    ),
    Fault(_DUE, "            watermark_before=watermark,\n", "", _TICKS),
    Fault(_DUE, 'if ended is None or registry.get(ended.pipeline).catch_up != "each":', "if ended is None:", _TICKS),
    Fault(
        _DUE,
        "kind=Run.Kind.SCHEDULED, state__in=Run.ACTIVE)",
        "kind=Run.Kind.SCHEDULED, state=Run.State.RUNNING)",
        _TICKS,
    ),
    Fault(
        "ingestion/scheduling/windows.py",
        "registry.get(connection.pipeline).lag",
        "registry.get(connection.pipeline).lag * 0",
        (*_TICKS, *_ACTIONS),
    ),
    Fault("ingestion/scheduling/backfills.py", "turns.is_able(), Exists(waiting)", "Exists(waiting)", _BACKFILLS),
    Fault(
        "ingestion/actions/letters.py",
        "replay_run_id=holder, status__in=DeadLetter.OPEN",
        "status__in=DeadLetter.OPEN",
        (*_REPLAYS, "tests/ingestion/joints"),
    ),
    Fault(
        "ingestion/actions/uploads.py",
        "    refuse_secrets(connection, config)\n",
        "",
        ("tests/ingestion/vault/test_plain_configs.py",),
    ),
    Fault(
        "ingestion/actions/uploads.py",
        "artifact=artifact, run__connection=connection, role",
        "artifact=artifact, role",
        (
            "tests/ingestion/test_letters.py",
            "tests/ingestion/commands/test_uploading.py",
            "tests/ingestion/joints",
            "tests/integrations/bank/test_pipeline.py",
        ),
    ),
    Fault(
        "ingestion/queueing/hints.py",
        'f"run-{run_id}-{fence}"',
        'f"run-{run_id}"',
        ("tests/ingestion/test_queue.py", *_LIMITS),
    ),
    Fault(
        "ingestion/jobs.py",
        "        _pulse.clear()\n",
        "        pass\n",
        (
            "tests/ingestion/test_queue.py",
            "tests/ingestion/chaos/test_slow_records.py",
            "tests/ingestion/joints",
        ),
    ),
    Fault(
        "ingestion/jobs.py",
        "if state in (Run.State.SUCCEEDED, Run.State.PARTIAL):",
        "if False:",
        (*_TICKS, "tests/ingestion/test_queue.py"),
    ),
]
