"""Faults where limits, turns, hints, the tick and operators' actions meet runs."""

from tests.faults.planting import Fault

_THROTTLING, _TURNS = "ingestion/limits/throttling.py", "ingestion/dispatch.py"

_RUNS, _DUE = "ingestion/actions/runs.py", "ingestion/scheduling/due.py"

_QUOTAS = "ingestion/limits/quotas.py"

FAULTS = [
    Fault(
        _THROTTLING,
        "while reservation.wait > 0:",
        "while reservation.wait > STEP:",
        ("tests/ingestion/joints/test_waiting_for_a_rate.py::test_a_wait_longer_than_one_look_is_waited_to_its_end",),
    ),
    Fault(
        _THROTTLING,
        "            reservation = current\n",
        "            break\n",
        ("tests/ingestion/joints/test_waiting_for_a_rate.py::test_a_wait_longer_than_one_look_is_waited_to_its_end",),
    ),
    Fault(
        _THROTTLING,
        "current = self._due(bucket, reservation)",
        "current = Reservation(reservation.wait - STEP, reservation.ready, reservation.epoch)",
        (
            "tests/ingestion/joints/test_waiting_for_a_rate.py::test_a_hold_off_that_another_worker_hears_of_meanwhile_is_waited_for_too",
        ),
    ),
    Fault(
        _THROTTLING,
        "            self._keep_waiting()\n",
        "",
        ("tests/ingestion/joints/test_waiting_for_a_rate.py::test_a_run_that_is_to_stop_leaves_its_wait",),
    ),
    Fault(
        _THROTTLING,
        "if reservation.wait > remaining:",
        "if reservation.wait > self._patience:",
        (
            "tests/ingestion/joints/test_waiting_for_a_rate.py::test_a_wait_is_cut_by_the_patience_that_is_left_and_not_by_all_of_it",
        ),
    ),
    Fault(
        _THROTTLING,
        "current, bucket = self._take(weight, remaining)",
        "current, bucket = self._take(1.0, remaining)",
        (
            "tests/ingestion/joints/test_waiting_for_a_rate.py::test_a_place_that_was_lost_is_taken_again_with_all_of_its_weight",
        ),
    ),
    Fault(
        _THROTTLING,
        "        self._local().hold(seconds)  # also here",
        "        pass  # also here",
        ("tests/ingestion/limits/test_buckets_without_redis.py::test_a_hold_outlives_the_redis_that_was_told_of_it",),
    ),
    Fault(
        _THROTTLING,
        "seconds = min(seconds, config().BACKOFF_CAP_SECONDS)",
        "pass",
        ("tests/ingestion/limits/test_buckets.py::test_nonsense_asks_for_no_hold_and_a_long_one_is_cut",),
    ),
    Fault(
        "ingestion/limits/bucket.lua",
        "return answer(math.max(0, ready - virtual) + held, ready)",
        "return answer(math.max(0, ready - virtual), ready)",
        ("tests/ingestion/limits/test_buckets.py::test_a_hold_moves_those_who_wait_already",),
    ),
    Fault(
        "ingestion/limits/buckets.py",
        "Reservation(max(0.0, reservation.ready - now, self._held_until - now), reservation.ready)",
        "Reservation(max(0.0, reservation.ready - now), reservation.ready)",
        ("tests/ingestion/joints/test_waiting_for_a_rate.py::test_without_redis_a_hold_moves_those_who_wait_already",),
    ),
    Fault(
        _TURNS,
        "    if run.connection_id in busy:\n        return\n",
        "",
        ("tests/ingestion/joints/test_operators.py::test_no_worker_is_told_of_a_run_whose_connection_is_at_work",),
    ),
    Fault(
        _TURNS,
        "    waiting_connections = set(older) - busy\n",
        "    waiting_connections = set(older)\n",
        ("tests/ingestion/limits/test_dispatch.py::test_a_new_run_does_not_wait_behind_runs_of_connections_at_work",),
    ),
    Fault(
        _TURNS,
        "_queued(tenant).exclude(connection_id__in=busy)",
        "_queued(tenant)",
        (
            "tests/ingestion/limits/test_dispatch.py::test_a_line_headed_by_many_runs_of_a_busy_connection_is_looked_through_to_its_end",
        ),
    ),
    Fault(
        _TURNS,
        "len(waiting_connections) + running < _share(tenant.tier, workers)",
        "len(waiting_connections) < _share(tenant.tier, workers)",
        ("tests/ingestion/joints/test_operators.py::test_no_worker_is_told_of_a_new_run_of_a_tenant_at_its_budget",),
    ),
    Fault(
        _TURNS,
        "is_able(), is_due(), ~Exists(busy), state=Run.State.QUEUED, parent__isnull=True",
        "is_able(), is_due(), state=Run.State.QUEUED, parent__isnull=True",
        (
            "tests/ingestion/joints/test_beside_each_other.py::test_a_run_whose_connection_is_at_work_is_not_among_those_whose_turn_it_is",
        ),
    ),
    Fault(
        _TURNS,
        "return max(0, free - waiting)",
        "return max(0, free)",
        ("tests/ingestion/backfills/test_beside_live_runs.py::test_a_waiting_live_run_goes_before_the_next_shard",),
    ),
    Fault(
        _TURNS,
        "    if run.not_before is not None and run.not_before > timezone.now():\n        return  # the tick wakes a worker for it when it is due\n",
        "",
        (
            "tests/ingestion/joints/test_operators.py::test_a_run_that_waits_for_its_next_attempt_is_told_of_by_the_tick_alone",
        ),
    ),
    Fault(
        _QUOTAS,
        "counted = row.in_batch if row.batch == batch else 0",
        "counted = row.in_batch",
        ("tests/ingestion/limits/test_quotas.py::test_a_batch_that_is_tried_again_after_a_crash_is_not_counted_twice",),
    ),
    Fault(
        _QUOTAS,
        "if row.batch > batch:",
        "if False:",
        ("tests/ingestion/limits/test_quotas.py::test_a_worker_that_comes_back_from_the_dead_cannot_spoil_the_count",),
    ),
    Fault(
        _QUOTAS,
        "used__lte=limit - amount",
        "used__lte=limit",
        (
            "tests/ingestion/limits/test_quotas.py::test_what_is_spent_adds_up_and_the_first_too_many_is_refused_and_not_counted",
        ),
    ),
    Fault(
        _QUOTAS,
        "meter=meter, expires_at__gt=DbNow()",
        "meter=meter",
        (
            "tests/ingestion/limits/test_quotas.py::test_an_override_holds_until_it_expires_or_ends_and_all_of_it_is_in_the_audit_trail",
        ),
    ),
    Fault(
        _RUNS,
        "kind=Run.Kind.MANUAL if run.kind == Run.Kind.SCHEDULED else run.kind",
        "kind=run.kind",
        (
            "tests/ingestion/joints/test_operators.py::test_a_retry_of_a_scheduled_run_was_asked_for_and_is_no_scheduled_one",
        ),
    ),
    Fault(
        _RUNS,
        "            watermark_before=run.watermark_before,\n",
        "",
        (
            "tests/ingestion/joints/test_operators.py::test_a_retry_reads_the_same_window_with_the_same_parameters_after_the_same_watermark",
        ),
    ),
    Fault(
        _RUNS,
        "            params=run.params,\n",
        "",
        (
            "tests/ingestion/joints/test_operators.py::test_a_retry_reads_the_same_window_with_the_same_parameters_after_the_same_watermark",
        ),
    ),
    Fault(
        _RUNS,
        "            window_end=run.window_end,\n            watermark",
        "            window_end=timezone.now(),\n            watermark",
        (
            "tests/ingestion/joints/test_operators.py::test_a_retry_reads_the_same_window_with_the_same_parameters_after_the_same_watermark",
        ),
    ),
    Fault(
        _RUNS,
        "    require_unpaused(run.connection)\n",
        "",
        ("tests/ingestion/joints/test_operators.py::test_a_paused_connections_run_is_not_retried",),
    ),
    Fault(
        _RUNS,
        "filter(role=RunArtifact.Role.INPUT)",
        "all()",
        ("tests/ingestion/joints/test_operators.py::test_a_retry_takes_the_uploaded_files_along_and_no_raw_pages",),
    ),
    Fault(
        _RUNS,
        "state__in=(Run.State.FAILED, Run.State.CANCELLED)).order_by",
        "state__in=Run.TERMINAL).order_by",
        ("tests/ingestion/backfills/test_ends.py::test_one_failed_shard_fails_the_parent_and_only_it_is_retried",),
    ),
    Fault(
        _RUNS,
        "    dead_letters.update(replay_run=None)",
        "    dead_letters.none()",
        ("tests/ingestion/joints/test_operators.py::test_cancelling_a_waiting_replay_lets_go_of_its_letters",),
    ),
    Fault(
        _DUE,
        "pk=due_connection.pk, next_due=due, paused_at=None",
        "pk=due_connection.pk, next_due=due",
        ("tests/ingestion/joints/test_due.py::test_a_connection_paused_since_it_was_seen_to_be_due_gets_no_run",),
    ),
    Fault(
        _DUE,
        "            watermark_before=watermark,\n",
        "",
        ("tests/ingestion/joints/test_due.py::test_a_scheduled_run_says_which_watermark_it_goes_on_from",),
    ),
    Fault(
        _DUE,
        'if ended is None or registry.get(ended.pipeline).catch_up != "each":',
        "if ended is None:",
        (
            "tests/ingestion/joints/test_due.py::test_after_a_run_missed_periods_are_not_made_up_one_by_one_where_they_are_one",
        ),
    ),
    Fault(
        _DUE,
        "kind=Run.Kind.SCHEDULED, state__in=Run.ACTIVE)",
        "kind=Run.Kind.SCHEDULED, state=Run.State.RUNNING)",
        ("tests/ingestion/test_ticks.py::test_a_connection_still_at_work_is_not_queued_again_and_loses_no_turn",),
    ),
    Fault(
        "ingestion/scheduling/windows.py",
        "registry.get(connection.pipeline).lag",
        "registry.get(connection.pipeline).lag * 0",
        ("tests/ingestion/test_windows.py::test_the_first_window_starts_in_1970_and_the_next_overlaps_by_the_lag",),
    ),
    Fault(
        "ingestion/scheduling/backfills.py",
        "dispatch.is_able(), Exists(waiting)",
        "Exists(waiting)",
        ("tests/ingestion/joints/test_due.py::test_shards_of_a_paused_connection_are_told_to_nobody",),
    ),
    Fault(
        "ingestion/actions/dead_letters.py",
        "replay_run_id=holder, status__in=DeadLetter.OPEN",
        "status__in=DeadLetter.OPEN",
        ("tests/ingestion/joints/test_operators.py::test_a_letter_that_somebody_else_took_meanwhile_stays_theirs",),
    ),
    Fault(
        "ingestion/actions/uploads.py",
        "    refuse_secrets(connection, config)\n",
        "",
        (
            "tests/ingestion/joints/test_operators.py::test_an_upload_brings_no_value_of_a_credential_into_a_runs_settings",
        ),
    ),
    Fault(
        "ingestion/actions/uploads.py",
        "artifact=artifact, run__connection=connection, role",
        "artifact=artifact, role",
        ("tests/ingestion/joints/test_operators.py::test_the_same_file_for_two_connections_is_no_duplicate",),
    ),
    Fault(
        "ingestion/queueing/wake_ups.py",
        'f"run-{run_id}-{fence}"',
        'f"run-{run_id}"',
        ("tests/ingestion/test_ticks.py::test_a_lost_hint_is_sent_again",),
    ),
    Fault(
        "ingestion/jobs.py",
        "        _child_progress.clear()\n",
        "        pass\n",
        ("tests/ingestion/joints/test_operators.py::test_a_worker_that_has_ended_a_run_carries_none",),
    ),
    Fault(
        "ingestion/jobs.py",
        "if state in (Run.State.SUCCEEDED, Run.State.PARTIAL):",
        "if False:",
        ("tests/ingestion/test_catch_up.py::test_each_goes_on_at_once_when_a_run_ended_well_and_no_two_are_queued",),
    ),
]
