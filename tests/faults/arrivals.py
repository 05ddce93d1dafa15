"""Faults where what arrives is counted, judged and delivered: reasons, dead_letters, drift, deliveries, pushes, streams."""

from tests.faults.planting import Fault

_BATCH = "ingestion/running/batch.py"
_REASONS = "ingestion/running/reasons.py"
_DRIFTING = "ingestion/running/drift.py"
_DELIVERIES = "ingestion/deliveries.py"
_DELIVER = "ingestion/actions/deliveries.py"
_RECEIVER = "ingestion/webhooks/receiver.py"
_GROUP = "integrations/streams/group.py"

FAULTS = [
    Fault(
        _REASONS,
        "add(run.left_out, _masked_totals(page.left_out, run.tenant_id))",
        "_masked_totals(page.left_out, run.tenant_id)",
        ("tests/ingestion/test_reasons.py::test_a_run_says_what_was_left_out_and_what_was_proved",),
    ),
    Fault(
        _REASONS,
        "add(added.get(name, {}), {_masked_text(",
        "add({}, {_masked_text(",
        ("tests/ingestion/test_reasons.py::test_a_run_says_what_was_left_out_and_what_was_proved",),
    ),
    Fault(
        _REASONS,
        "proofs[name] = add(proofs.get(name, {}), totals)",
        "proofs[name] = dict(totals)",
        (
            "tests/ingestion/joints/test_adding_up.py::test_a_backfill_says_together_what_its_shards_proved_and_left_out",
        ),
    ),
    Fault(
        _BATCH,
        "            setattr(run, name, value)\n".replace("            ", "        "),
        "        pass\n",
        ("tests/ingestion/test_reasons.py::test_a_run_counts_the_reasons_of_its_skips",),
    ),
    Fault(
        "ingestion/running/committing.py",
        'fields=["tally", "read", "dead", "skip_reasons", "left_out", "proofs"]',
        'fields=["tally", "read", "dead"]',
        (
            "tests/ingestion/joints/test_adding_up.py::test_batches_whose_commit_was_not_answered_are_added_up_like_the_others",
        ),
    ),
    Fault(
        _BATCH,
        "        recovery.supersede(execution.run, names)\n",
        "",
        ("tests/integrations/bank/test_mended.py::test_a_mended_entry_closes_its_letter_whatever_could_not_be_read",),
    ),
    Fault(
        _BATCH,
        "        execution.open_dead_letters = OpenDeadLetters(None)\n",
        "        pass\n",
        (
            "tests/ingestion/backfills/test_beside_live_runs.py::test_a_live_run_closes_the_letter_that_a_shard_opened_beside_it",
        ),
    ),
    Fault(
        _BATCH,
        "    execution.open_dead_letters.add(rejected)\n",
        "",
        (
            "tests/ingestion/joints/test_letters_of_one_run.py::test_a_record_that_comes_again_later_in_its_run_and_is_fine_then_closes_its_letter",
        ),
    ),
    Fault(
        _BATCH,
        "elif skip.reason == STALE or (execution.run.kind == Run.Kind.REPLAY and skip.reason != OVERTAKEN):",
        "elif skip.reason == STALE:",
        (
            "tests/ingestion/joints/test_owning.py::test_two_bad_versions_of_one_page_that_are_replayed_together_are_both_closed",
        ),
    ),
    Fault(
        "ingestion/dead_letters/lookup.py",
        "        if run.kind == Run.Kind.BACKFILL:\n            return cls(None)\n",
        "",
        (),
        equivalent="a shard counts among the shards beside itself, so before each page what is open is unknown anyway",
    ),
    Fault(
        _DRIFTING,
        " or self.run.kind in (Run.Kind.WEBHOOK, Run.Kind.REPLAY):",
        ":",
        ("tests/ingestion/drift/test_runs.py::test_a_replay_notes_and_neither_stops_nor_learns",),
    ),
    Fault(
        _DRIFTING,
        "self.accepted.records >= LEAST and row.learned_by_id != _learner(self.run)",
        "self.accepted.records >= LEAST",
        ("tests/ingestion/joints/test_learning.py::test_a_first_run_that_was_interrupted_goes_on_learning",),
    ),
    Fault(
        _DRIFTING,
        "return run.parent_id or run.pk",
        "return run.pk",
        ("tests/ingestion/joints/test_learning.py::test_the_shards_of_a_first_backfill_learn_together",),
    ),
    Fault(
        _DRIFTING,
        "since = row.pending_since if row.pending is not None else now",
        "since = now",
        (
            "tests/ingestion/joints/test_learning.py::test_a_change_waits_since_it_was_first_met_however_it_changes_further",
        ),
    ),
    Fault(
        _DRIFTING,
        "        self.noted.add(drift.sentence(page_shape.drifted))\n",
        "",
        ("tests/ingestion/joints/test_learning.py::test_a_replay_of_several_pages_tells_the_same_change_once",),
    ),
    Fault(
        _DELIVER,
        "    if stored_hash == sha256:\n",
        "    if stored_hash:\n",
        (
            "tests/ingestion/test_deliveries.py::test_other_bytes_under_a_known_id_are_kept_with_a_note_and_taken_in_after_the_first",
        ),
    ),
    Fault(
        _DELIVER,
        "        with transaction.atomic():\n            new.save",
        "        if True:\n            new.save",
        (
            "tests/ingestion/joints/test_storing_deliveries.py::test_a_receiver_that_is_killed_leaves_a_delivery_with_its_run_or_neither",
        ),
    ),
    Fault(
        _DELIVERIES,
        "        with transaction.atomic():\n            run = ",
        "        if True:\n            run = ",
        (
            "tests/ingestion/joints/test_storing_deliveries.py::test_a_delivery_stays_stored_when_another_sender_made_the_run_at_the_same_moment",
        ),
    ),
    Fault(
        _DELIVERIES,
        "    queued.update(not_before=None)\n",
        "",
        (
            "tests/ingestion/test_webhook_runs.py::test_a_failed_webhook_run_is_retried_at_once_by_its_connections_next_run",
        ),
    ),
    Fault(
        _DELIVERIES,
        ' or waiting["size"] >= config().MAX_PENDING_BYTES',
        "",
        ("tests/integrations/push/test_endpoint.py::test_a_connection_for_which_too_much_waits_takes_no_more",),
    ),
    Fault(
        _DELIVERIES,
        "filter(old, paused_at__isnull=True)",
        "filter(old)",
        (
            "tests/ingestion/commands/test_upkeep.py::test_health_names_connections_whose_deliveries_wait_for_more_than_an_hour",
        ),
    ),
    Fault(
        _RECEIVER,
        "if (wait := _wait(connection)) > 0 or (wait",
        "if (wait",
        ("tests/integrations/push/test_endpoint.py::test_a_sender_over_its_limit_is_told_how_long_to_wait",),
    ),
    Fault(
        "ingestion/running/delivery_source.py",
        "            settles=(),\n",
        "",
        (),
        equivalent="replays alone say what a page settles, and they take deliveries apart by another way",
    ),
    Fault(
        "integrations/push/source.py",
        "refused=[*refused, *page.refused]",
        "refused=page.refused",
        (
            "tests/integrations/push/test_source.py::test_more_than_ten_thousand_records_are_one_refusal_and_counted_first",
        ),
    ),
    Fault(
        _GROUP,
        "if not waiting and _order(last) <",
        "if _order(last) <",
        (
            "tests/integrations/streams/test_missing_entries.py::test_what_still_waits_at_a_run_s_limit_is_not_passed_over_with_what_is_missing",
        ),
    ),
    Fault(
        _GROUP,
        "return [(entry_id, existing.get(entry_id)) for entry_id in answered]",
        "return [(entry_id, existing[entry_id]) for entry_id in answered if entry_id in existing]",
        ("tests/integrations/streams/test_missing_entries.py",),
    ),
    Fault(
        _GROUP,
        "oldest = min(bounds, key=_order)",
        "oldest = max(bounds, key=_order)",
        (
            "tests/integrations/streams/test_redis_stream.py::test_trimming_keeps_what_another_group_has_not_acknowledged",
        ),
    ),
    Fault(
        _GROUP,
        "count > 0 else None",
        "count >= 0 else None",
        ("tests/integrations/streams/test_missing_entries.py::test_a_stream_trimmed_to_nothing_is_told_once",),
    ),
    Fault(
        _GROUP,
        "if entry[0] not in self._delivered]",
        "]",
        (
            "tests/integrations/streams/test_missing_entries.py::test_an_entry_deleted_after_it_was_given_out_is_not_told_of_as_unread",
        ),
    ),
    Fault(
        "integrations/streams/redis_stream.py",
        "            if not ctx.dry_run and ctx.run_id:\n                subscription.ensure()",
        "            if ctx.run_id:\n                subscription.ensure()",
        (
            "tests/integrations/streams/test_redis_stream.py::test_a_dry_run_shows_what_waits_and_changes_nothing_in_redis",
        ),
    ),
    Fault(
        "ingestion/actions/deliveries.py",
        "new.delivery_id, lock=True)",
        "new.delivery_id)",
        (
            "tests/ingestion/joints/test_storing_deliveries.py::test_a_delivery_that_was_stored_after_our_transaction_began_is_known",
        ),
    ),
    Fault(
        "ingestion/actions/deliveries.py",
        "        if stored_hash is None:\n            raise\n",
        "",
        (
            "tests/ingestion/joints/test_storing_deliveries.py::test_a_delivery_that_the_database_refuses_for_another_reason_is_not_taken_for_stored",
        ),
    ),
    Fault(
        "ingestion/actions/deliveries.py",
        "if len(body) > limit:",
        "if len(body) >= limit:",
        (
            "tests/ingestion/test_deliveries.py::test_a_body_above_the_limit_and_no_other_is_refused_before_it_is_stored",
        ),
    ),
    Fault(
        "ingestion/deliveries.py",
        "    if run is None and wake:\n        transaction.on_commit(lambda: start_run(connection), robust=True)\n",
        "",
        (
            "tests/ingestion/test_deliveries.py::test_a_delivery_whose_run_ends_before_the_commit_has_another_one_after_it",
        ),
    ),
    Fault(
        "ingestion/deliveries.py",
        "(Run.State.FAILED, Run.State.CANCELLED), newest",
        "(Run.State.FAILED,), newest",
        ("tests/ingestion/test_webhook_runs.py::test_the_wait_after_failed_runs_doubles_and_ends_with_a_good_one",),
    ),
    Fault(
        "ingestion/deliveries.py",
        "MAX_ATTEMPTS + len(failed))",
        "MAX_ATTEMPTS)",
        ("tests/ingestion/test_webhook_runs.py::test_the_wait_after_failed_runs_doubles_and_ends_with_a_good_one",),
    ),
    Fault(
        "ingestion/deliveries.py",
        "    _create_run(connection, wake=False)\n",
        "",
        ("tests/ingestion/test_webhook_runs.py::test_deliveries_for_which_nobody_made_a_run_have_one_at_once",),
    ),
]
