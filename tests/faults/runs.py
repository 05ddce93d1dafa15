"""Faults where a run's execution meets its batches, its owner, its letters, its totals and its isolation."""

from tests.faults.planting import Fault

_ENGINE = (
    "tests/ingestion/test_idempotence.py",
    "tests/ingestion/test_failures.py",
    "tests/ingestion/test_reasons.py",
    "tests/ingestion/test_guilty_rows.py",
    "tests/ingestion/joints",
)
_LETTERS = (
    "tests/ingestion/test_letters.py",
    "tests/ingestion/test_replay.py",
    "tests/ingestion/test_superseded_letters.py",
    "tests/ingestion/test_large_letters.py",
    "tests/ingestion/test_replay_statements.py",
    "tests/ingestion/joints",
)
_OWNERS = (
    "tests/ingestion/test_windows.py",
    "tests/ingestion/test_attempts.py",
    "tests/ingestion/chaos/test_fence.py",
    "tests/ingestion/chaos/test_slow_records.py",
    "tests/ingestion/joints",
)
_DEADLY = ("tests/ingestion/chaos/test_poison.py", "tests/ingestion/chaos/test_interrupted_searches.py")
_AHEAD = ("tests/ingestion/test_reading_ahead.py", "tests/ingestion/test_reading_ahead_and_kills.py")
_DELIVERED = ("tests/ingestion/test_webhook_runs.py", "tests/ingestion/test_deliveries.py")

_EXECUTE, _BATCH = "ingestion/running/execute.py", "ingestion/running/batch.py"
_CLOSING, _OWNERSHIP = "ingestion/running/closing.py", "ingestion/running/ownership.py"
_VERIFY, _ISOLATION = "ingestion/running/verification.py", "ingestion/running/isolation.py"
_LETTER, _REPLAY, _RECEIVING = "ingestion/letters.py", "ingestion/replay.py", "ingestion/running/receiving.py"

FAULTS = [
    Fault(_EXECUTE, "        gc.set_threshold(*before)\n", "        pass\n", _ENGINE),
    Fault(_EXECUTE, "        if not frozen:\n            gc.unfreeze()", "        pass", _ENGINE),
    Fault(_EXECUTE, "if work.seams.stop():", "if work.seams.stop() and False:", _ENGINE + _OWNERS),
    Fault(_EXECUTE, "work.held.look()  # before", "pass  # before", ("tests/ingestion/vault/test_in_runs.py",)),
    Fault(_EXECUTE, "    mine.batches = run.batches", "    pass", _OWNERS),
    Fault(_EXECUTE, "if mine.fence == 1:", "if mine.fence >= 1:", _ENGINE),
    Fault(_BATCH, "read, bad = work.read + len(prepared)", "read, bad = len(prepared)", _ENGINE),
    Fault(
        "ingestion/running/budget.py",
        "exceeded(work, work.read + len(prepared), work.dead + bad)",
        "exceeded(work, len(prepared), bad)",
        _ENGINE,
    ),
    Fault(
        "ingestion/running/budget.py",
        "spared = (Run.Kind.REPLAY, Run.Kind.WEBHOOK)",
        "spared = (Run.Kind.REPLAY,)",
        _DELIVERED,
    ),
    Fault(
        _BATCH, "whole = () if prepared.rejected or loaded.rejected else page.settles", "whole = page.settles", _LETTERS
    ),
    Fault(_BATCH, "rejected = [*prepared.rejected, *loaded.rejected]", "rejected = [*prepared.rejected]", _ENGINE),
    Fault(
        _BATCH,
        "    run.tally = tally\n",
        "    pass\n",
        _ENGINE,
    ),
    Fault(
        _BATCH,
        "    work.read, work.dead = work.read + counts.read, work.dead + counts.dead\n",
        "",
        _ENGINE,
    ),
    Fault(
        _VERIFY,
        "if prepared.rejected or loaded.rejected or not unchanged:",
        "if prepared.rejected or not unchanged:",
        _ENGINE,
    ),
    Fault(_VERIFY, "all(one.reason == UNCHANGED for one in prepared.skipped)", "True", _ENGINE),
    Fault(_VERIFY, "[*keys, *(one.key for one in prepared.skipped)]", "keys", _ENGINE),
    Fault(
        _VERIFY, 'str(Decimal(declared or "0") + page.declares[check.name])', "str(page.declares[check.name])", _ENGINE
    ),
    Fault(_CLOSING, "joins = known is None or run.window_start <= known <= run.window_end", "joins = True", _OWNERS),
    Fault(
        _CLOSING,
        "if run.kind not in _LIVE or run.window_start",
        "if run.window_start",
        (*_LETTERS, "tests/ingestion/backfills"),
    ),
    Fault(_CLOSING, "attempts + 1 < config().MAX_ATTEMPTS", "attempts < config().MAX_ATTEMPTS", _ENGINE + _OWNERS),
    Fault(
        _CLOSING,
        "backoff(attempts, error.retry_after)",
        "backoff(attempts, None)",
        (*_ENGINE, "tests/ingestion/limits"),
    ),
    Fault(
        _CLOSING,
        "    if mine.row.filter(cancel_requested=True).exists():\n        return cancel(run, mine)\n",
        "",
        _OWNERS,
    ),
    Fault(_CLOSING, "        webhook_key=None,\n", "", _DELIVERED),
    Fault(
        _CLOSING,
        "        slot_key=None,\n        lease_until=None,\n        isolation=None,",
        "        lease_until=None,\n        isolation=None,",
        ("tests/ingestion/limits/test_budgets.py",),
    ),
    Fault(
        _OWNERSHIP,
        "mine.row.filter(where, batches=mine.batches).update(",
        "mine.row.filter(where).update(",
        (*_OWNERS, "tests/ingestion/chaos/test_crash_points.py"),
    ),
    Fault(_OWNERSHIP, "            attempts=0,\n", "", _OWNERS),
    Fault(
        _OWNERSHIP,
        'attempts=F("attempts") + (1 if failed else 0)',
        'attempts=F("attempts") + 1',
        _ENGINE + _OWNERS + ("tests/ingestion/limits/test_runs_within_limits.py",),
    ),
    Fault(
        _OWNERSHIP,
        "return bool(mine.row.filter(batches=mine.batches + 1).exists())",
        "return bool(mine.row.exists())",
        ("tests/ingestion/test_database_faults.py", "tests/ingestion/joints"),
    ),
    Fault(
        _OWNERSHIP,
        "died = 0 if _still_at_it(run) else 1",
        "died = 1",
        (*_DEADLY, "tests/ingestion/chaos/test_slow_records.py"),
    ),
    Fault(_ISOLATION, 'if run.deaths > state.get("deaths", 0):', "if True:", _DEADLY),
    Fault(_ISOLATION, 'if trial == [state.get("alone")]:', "if len(trial) == 1:", _DEADLY),
    Fault(_LETTER, 'len(source_id).to_bytes(4, "big") + source_id.encode()', "source_id.encode()", _LETTERS),
    Fault(_LETTER, "[one.pk for one in others if one.run_id != run.pk]", "[one.pk for one in others]", _LETTERS),
    Fault(
        _LETTER,
        "    if run.kind != Run.Kind.REPLAY:\n        return [one.pk",
        "    if True:\n        return [one.pk",
        _LETTERS,
    ),
    Fault(
        _LETTER, "    seen.filter(replay_run=run).update(replay_run=None)", "    seen.update(replay_run=None)", _LETTERS
    ),
    Fault(_LETTER, 'times_seen=F("times_seen") + times', 'times_seen=F("times_seen") + 1', _LETTERS),
    Fault(
        _LETTER,
        ".filter(connection_id=run.connection_id)",
        "",
        (*_LETTERS, "tests/ingestion/test_superseded_letters.py"),
    ),
    Fault(
        _REPLAY,
        "filter(self.which, status__in=DeadLetter.OPEN, pk__gt=last)",
        "filter(self.which, pk__gt=last)",
        _LETTERS,
    ),
    Fault(
        _REPLAY,
        "source=DeadLetters(pipeline.source, which), reconciliations=()",
        "source=DeadLetters(pipeline.source, which)",
        _LETTERS,
    ),
    Fault(
        "ingestion/running/overtaken.py",
        "row.run_id in (run.pk, letter.run_id)",
        "row.run_id in (run.pk,)",
        ("tests/ingestion/test_replay_spares.py",),
    ),
    Fault("ingestion/running/closing.py", ", *work.unchecked]", "]", ("tests/ingestion/test_reasons.py",)),
    Fault(
        "ingestion/running/drift.py",
        "(row.version, row.changed_at) == (1, now)",
        "row.version == 1",
        ("tests/ingestion/drift/test_crashes_and_shards.py",),
    ),
    Fault(
        "ingestion/running/batch.py",
        "    undisturbed = ownership.going_on()\n",
        "    undisturbed = Q()\n",
        (
            "tests/ingestion/test_windows.py",
            "tests/ingestion/test_failures.py",
            "tests/ingestion/chaos/test_crash_points.py",
        ),
    ),
    Fault(
        "ingestion/reconciling/excuses.py",
        "not 0 <= declared.count - stored.count <= count",
        "False",
        ("tests/ingestion/reconciling/test_unverifiable.py",),
    ),
    Fault(_RECEIVING, "ahead.filter(pk__lte=newest)", "ahead.all()", _DELIVERED),
    Fault(_RECEIVING, "deliveries=[row.pk for row in rows],", "deliveries=[row.pk for row in rows[:1]],", _DELIVERED),
    Fault(
        "ingestion/deliveries.py",
        "    if done != len(ids):",
        "    if not done:",
        (*_DELIVERED, "tests/ingestion/joints"),
    ),
    Fault(
        "ingestion/deliveries.py",
        "state=Delivery.State.DONE, run=run, done_at=now",
        "state=Delivery.State.DONE, done_at=now",
        _DELIVERED,
    ),
    Fault(
        "ingestion/running/ahead.py",
        "allowed = config().READ_AHEAD and work.run.deaths == 0",
        "allowed = config().READ_AHEAD",
        _AHEAD,
    ),
    Fault("ingestion/running/ahead.py", "            spend=self._in_its_thread(work.ctx.spend),\n", "", _AHEAD),
    Fault(
        "ingestion/running/lanes.py",
        "    if run.active_key is not None:\n        return run.active_key  #",
        "    if False:\n        return run.active_key  #",
        _OWNERS,
    ),
    Fault(
        "ingestion/running/shards.py",
        "lanes = parallel(parent.params) - parent.shards.filter(state=Run.State.RUNNING).count()",
        "lanes = parallel(parent.params)",
        ("tests/ingestion/backfills",),
    ),
]
