"""Faults where what arrives is counted, kept, judged and forgotten: reasons, letters, drift, deliveries, files, periods."""

from tests.faults.planting import Fault

_COUNTED = ("tests/ingestion/joints", "tests/ingestion/test_reasons.py", "tests/ingestion/test_database_faults.py")
_LETTERS = (
    "tests/ingestion/joints",
    "tests/ingestion/test_letters.py",
    "tests/ingestion/test_letters_close.py",
    "tests/ingestion/test_superseded_letters.py",
    "tests/integrations/bank/test_mended.py",
)
_DRIFT = ("tests/ingestion/joints", "tests/ingestion/drift")
_DELIVERED = (
    "tests/ingestion/joints",
    "tests/ingestion/test_webhook_runs.py",
    "tests/ingestion/test_deliveries.py",
    "tests/ingestion/webhooks",
    "tests/integrations/push/test_endpoint.py",
)
_STREAMS = ("tests/integrations/streams",)
_FILES = (
    "tests/ingestion/joints",
    "tests/ingestion/test_storage_outages.py",
    "tests/ingestion/commands/test_upkeep.py",
    "tests/ingestion/test_large_letters.py",
)
_PERIODS = ("tests/ingestion/joints", "tests/ingestion/reconciling")
_VAULT = ("tests/ingestion/joints", "tests/ingestion/vault")
_BANK = (
    "tests/integrations/bank/test_identity.py",
    "tests/integrations/bank/test_overlap.py",
    "tests/integrations/bank/test_continued.py",
    "tests/integrations/bank/test_pipeline.py",
    "tests/integrations/bank/test_reported_statements.py",
)

_BATCH, _REASONS, _DRIFTING = "ingestion/running/batch.py", "ingestion/running/reasons.py", "ingestion/running/drift.py"
_DELIVERIES, _DELIVER, _RECEIVER = (
    "ingestion/deliveries.py",
    "ingestion/actions/deliveries.py",
    "ingestion/webhooks/receiver.py",
)
_GROUP, _ARTIFACTS = "integrations/streams/group.py", "ingestion/artifacts.py"
_CADENCE, _VERDICTS = "ingestion/reconciling/cadence.py", "ingestion/reconciling/verdicts.py"

FAULTS = [
    Fault(
        _REASONS,
        "add(run.left_out, _told(page.left_out, run.tenant_id))",
        "_told(page.left_out, run.tenant_id)",
        _COUNTED,
    ),
    Fault(_REASONS, "add(added.get(name, {}), {_text(", "add({}, {_text(", _COUNTED),
    Fault(
        _REASONS,
        "proofs[name] = add(proofs.get(name, {}), totals)",
        "proofs[name] = dict(totals)",
        (*_COUNTED, "tests/ingestion/backfills/test_ends.py"),
    ),
    Fault(
        _BATCH,
        "            setattr(run, name, value)\n".replace("            ", "        "),
        "        pass\n",
        _COUNTED,
    ),
    Fault(
        _BATCH,
        'fields=["tally", "read", "dead", "skip_reasons", "left_out", "proofs"]',
        'fields=["tally", "read", "dead"]',
        _COUNTED,
    ),
    Fault(
        _BATCH,
        "    if page.formerly is not None:\n        letters.supersede(work.run, work.open_letters.named(page.formerly(), [record.key for record in present]))\n",
        "",
        _LETTERS,
    ),
    Fault(
        _BATCH,
        "        work.open_letters = OpenLetters(None)\n",
        "        pass\n",
        (*_LETTERS, "tests/ingestion/backfills"),
    ),
    Fault(_BATCH, "    work.open_letters.add(rejected)\n", "", _LETTERS),
    Fault(
        _BATCH,
        "elif skip.reason == STALE or (work.run.kind == Run.Kind.REPLAY and skip.reason != OVERTAKEN):",
        "elif skip.reason == STALE:",
        _LETTERS,
    ),
    Fault(
        "ingestion/open_letters.py",
        "        if run.kind == Run.Kind.BACKFILL:\n            return cls(None)\n",
        "",
        (*_LETTERS, "tests/ingestion/backfills"),
        equivalent="a shard counts among the shards beside itself, so before each page what is open is unknown anyway",
    ),
    Fault(_DRIFTING, " or self.run.kind in (Run.Kind.WEBHOOK, Run.Kind.REPLAY):", ":", (*_DRIFT, *_DELIVERED)),
    Fault(
        _DRIFTING,
        "self.known.records >= LEAST and row.learned_by_id != _learner(self.run)",
        "self.known.records >= LEAST",
        _DRIFT,
    ),
    Fault(_DRIFTING, "return run.parent_id or run.pk", "return run.pk", _DRIFT),
    Fault(_DRIFTING, "since = row.pending_since if row.pending is not None else now", "since = now", _DRIFT),
    Fault(
        _DRIFTING,
        "        self.noted.add(drift.sentence(seen.drifted))\n",
        "",
        _DRIFT,
    ),
    Fault(_DELIVER, "    if known == sha256:\n", "    if known:\n", _DELIVERED),
    Fault(_DELIVERIES, "        mine.update(not_before=None)\n", "", _DELIVERED),
    Fault(_DELIVERIES, ' or waiting["size"] >= config().MAX_PENDING_BYTES', "", _DELIVERED),
    Fault(
        _DELIVERIES,
        "filter(old, paused_at__isnull=True)",
        "filter(old)",
        (*_DELIVERED, "tests/ingestion/commands/test_upkeep.py"),
    ),
    Fault(
        "ingestion/running/closing.py",
        "    if run.deliveries_wait:\n        deliveries.wake(run.connection)\n",
        "",
        _DELIVERED,
    ),
    Fault(_RECEIVER, "if (wait := _wait(connection)) > 0 or (wait", "if (wait", _DELIVERED),
    Fault(
        "ingestion/running/receiving.py",
        "            settles=(),\n",
        "",
        _DELIVERED,
        equivalent="replays alone say what a page settles, and they take deliveries apart by another way",
    ),
    Fault(
        "integrations/push/source.py",
        "refused=[*refused, *page.refused]",
        "refused=page.refused",
        ("tests/integrations/push",),
    ),
    Fault(_GROUP, "if not waits and _order(last) <", "if _order(last) <", _STREAMS),
    Fault(
        _GROUP,
        "return [(number, there.get(number)) for number in seen]",
        "return [(number, there[number]) for number in seen if number in there]",
        ("tests/integrations/streams/test_missing_entries.py",),
    ),
    Fault(_GROUP, "oldest = min(bounds, key=_order)", "oldest = max(bounds, key=_order)", _STREAMS),
    Fault(_GROUP, "count > 0 else None", "count >= 0 else None", _STREAMS),
    Fault(_GROUP, "if entry[0] not in self._held]", "]", _STREAMS),
    Fault(
        "integrations/streams/redis_stream.py",
        "            if not ctx.rehearsing and ctx.run_id:\n                subscription.ensure()",
        "            if ctx.run_id:\n                subscription.ensure()",
        _STREAMS,
    ),
    Fault(_ARTIFACTS, "if not known and store.get_modified_time(path) < newest:", "if not known:", _FILES),
    Fault(_ARTIFACTS, "if known is not None and store.exists(known.path):", "if known is not None:", _FILES),
    Fault(_ARTIFACTS, 'known.path if known else "", not look', '"", not look', _FILES),
    Fault(_ARTIFACTS, "changes = list(where) if self.unlooked else", "changes =", _FILES),
    Fault(
        "ingestion/retention.py",
        "config().KEEP_DAYS.get(one.name, one.days)",
        "one.days",
        ("tests/ingestion/joints", "tests/ingestion/test_retention.py"),
    ),
    Fault(
        "ingestion/retention.py",
        ".filter(one.of, **{",
        ".filter(**{",
        ("tests/ingestion/joints", "tests/ingestion/test_retention.py"),
    ),
    Fault(
        _CADENCE,
        "if Connection.unscoped.filter(due, pk=one.pk, paused_at__isnull=True)",
        "if Connection.unscoped.filter(pk=one.pk)",
        _PERIODS,
    ),
    Fault(_CADENCE, "not in settled - unsettled]", "not in settled]", _PERIODS),
    Fault(_CADENCE, 'resync__finished_at__gt=F("checked_at"),', "", _PERIODS),
    Fault(_VERDICTS, "if before == State.BREACH and verdict.state == State.UNVERIFIABLE:", "if False:", _PERIODS),
    Fault(_VERDICTS, "if row.checked_at > since or not same.update", "if not same.update", _PERIODS),
    Fault(
        "ingestion/vault/credentials.py", '            _remember_version(at, mine.version + 1, "delete")\n', "", _VAULT
    ),
    Fault(
        "ingestion/vault/credentials.py",
        'exchange_token="", exchange_until=None, warned_at=None)',
        'exchange_token="", exchange_until=None)',
        _VAULT,
    ),
    Fault(
        "ingestion/vault/rotation.py",
        "same = rows.filter(version=row.version, data_key_id=row.data_key_id)",
        "same = rows",
        _VAULT,
    ),
    Fault(
        "ingestion/vault/exchange.py",
        "self._mine().filter(exchange_token=token).update(exchange_token",
        "self._mine().update(exchange_token",
        _VAULT,
    ),
    Fault(
        "ingestion/running/closing.py",
        "        pause_for(run.connection_id, error)\n",
        "        pass\n",
        ("tests/ingestion/joints", "tests/ingestion/test_failures.py", "tests/ingestion/vault/test_in_runs.py"),
    ),
    Fault(
        "integrations/stripe/redelivery.py",
        "        _cut_down(event, endpoint)\n",
        "        pass\n",
        ("tests/integrations/stripe/test_kept_events.py",),
    ),
    Fault(
        "integrations/stripe/distribution.py",
        "        return _VERDICT.TOO_LARGE\n",
        "        return verdict\n",
        ("tests/integrations/stripe/test_kept_events.py",),
    ),
    Fault(
        "integrations/stripe/redelivery.py",
        "        kept = kept.filter(account=account)\n",
        "        pass\n",
        ("tests/integrations/stripe/test_kept_events.py",),
    ),
    Fault(
        "integrations/bank/twins.py",
        "if not have_nothing_in_common(earlier.course, read.course):\n                return None",
        "if not have_nothing_in_common(earlier.course, read.course):\n                continue",
        _BANK,
    ),
    Fault("integrations/bank/judging.py", "            places |= self._arriving.get(statement.pk, {})\n", "", _BANK),
    Fault("integrations/bank/courses.py", "or first.first > second.first or first.last > second.last:", ":", _BANK),
    Fault(
        "integrations/bank/judging.py",
        "if step.opening != step.closing:",
        "if True:",
        _BANK,
        equivalent="a step from a balance to itself leads nowhere that was not reached",
    ),
]
