"""Faults where a run's execution meets its batches, its owner, its totals and its isolation."""

from tests.faults.planting import Fault

_EXECUTE = "ingestion/running/execute.py"
_BATCH = "ingestion/running/batch.py"
_CLOSING = "ingestion/running/closing.py"
_OWNERSHIP = "ingestion/running/claims.py"
_VERIFY = "ingestion/running/verification.py"
_ISOLATION = "ingestion/running/poison_bisection.py"

FAULTS = [
    Fault(
        _EXECUTE,
        "        gc.set_threshold(*thresholds)\n",
        "        pass\n",
        ("tests/ingestion/joints/test_executing.py::test_a_run_leaves_the_garbage_collector_as_it_was",),
    ),
    Fault(
        _EXECUTE,
        "        if not frozen:\n            gc.unfreeze()",
        "        pass",
        ("tests/ingestion/joints/test_executing.py::test_a_run_leaves_the_garbage_collector_as_it_was",),
    ),
    Fault(
        _EXECUTE,
        "if execution.hooks.stop():",
        "if execution.hooks.stop() and False:",
        (
            "tests/ingestion/joints/test_executing.py::test_a_worker_asked_to_stop_gives_the_run_back_after_the_batch_it_is_at",
        ),
    ),
    Fault(
        _EXECUTE,
        "execution.credentials.forget_if_replaced()  # before",
        "pass  # before",
        ("tests/ingestion/vault/test_in_runs.py::test_a_running_worker_takes_a_new_one_at_its_next_batch",),
    ),
    Fault(
        _EXECUTE,
        "    claim.batches = run.batches",
        "    pass",
        (
            "tests/ingestion/joints/test_owning.py::test_a_batch_that_the_owner_before_committed_during_our_claim_fences_nobody",
        ),
    ),
    Fault(
        _EXECUTE,
        "if claim.fence == 1:",
        "if claim.fence >= 1:",
        ("tests/ingestion/joints/test_executing.py::test_a_run_that_is_claimed_again_started_once",),
    ),
    Fault(
        _BATCH,
        "read, bad = execution.read + len(prepared)",
        "read, bad = len(prepared)",
        ("tests/ingestion/joints/test_adding_up.py::test_a_broken_budget_tells_of_all_that_was_read_and_rejected",),
    ),
    Fault(
        "ingestion/running/budget.py",
        "exceeded(execution, execution.read + len(prepared), execution.dead + bad)",
        "exceeded(execution, len(prepared), bad)",
        (
            "tests/ingestion/joints/test_adding_up.py::test_the_page_that_breaks_the_budget_of_the_whole_run_is_not_loaded",
        ),
    ),
    Fault(
        "ingestion/running/budget.py",
        "kinds_without_budget = (Run.Kind.REPLAY, Run.Kind.WEBHOOK)",
        "kinds_without_budget = (Run.Kind.REPLAY,)",
        ("tests/ingestion/test_webhook_runs.py::test_deliveries_mostly_bad_are_taken_in_and_block_nothing",),
    ),
    Fault(
        _BATCH,
        "settled = () if prepared.rejected or loaded.rejected or overtaken else page.settles",
        "settled = () if overtaken else page.settles",
        (
            "tests/ingestion/joints/test_executing.py::test_a_statement_of_which_a_record_is_refused_again_keeps_its_letter",
        ),
    ),
    Fault(
        _BATCH,
        "overtaken = any(skip.reason == OVERTAKEN for skip in prepared.skipped)",
        "overtaken = False",
        ("tests/ingestion/test_newer_rows.py::test_a_letter_of_several_records_one_of_which_was_left_stays_open",),
    ),
    Fault(
        _BATCH,
        "rejected = [*prepared.rejected, *loaded.rejected]",
        "rejected = [*prepared.rejected]",
        ("tests/ingestion/test_guilty_rows.py::test_only_the_rows_that_break_a_constraint_are_rejected",),
    ),
    Fault(
        _BATCH,
        "    run.tally = tally\n",
        "    pass\n",
        ("tests/ingestion/test_reasons.py::test_a_total_declared_with_one_page_is_held_against_all",),
    ),
    Fault(
        _BATCH,
        "    execution.read, execution.dead = execution.read + counts.read, execution.dead + counts.dead\n",
        "",
        ("tests/ingestion/joints/test_totals.py::test_a_few_rejects_on_each_page_break_the_budget_of_the_whole_run",),
    ),
    Fault(
        _VERIFY,
        "if prepared.rejected or loaded.rejected or not unchanged:",
        "if prepared.rejected or not unchanged:",
        ("tests/ingestion/joints/test_totals.py::test_a_sum_over_a_row_that_the_database_refuses_is_unverifiable",),
    ),
    Fault(
        _VERIFY,
        "all(skip.reason == UNCHANGED for skip in prepared.skipped)",
        "True",
        (
            "tests/ingestion/joints/test_totals.py::test_a_sum_over_a_row_that_is_older_than_the_stored_one_is_unverifiable",
        ),
    ),
    Fault(
        _VERIFY,
        "[*keys, *(skip.key for skip in prepared.skipped)]",
        "keys",
        ("tests/ingestion/joints/test_totals.py::test_a_sum_over_unchanged_rows_is_proved_with_them",),
    ),
    Fault(
        _VERIFY,
        'str(Decimal(declared or "0") + page.declares[check.name])',
        "str(page.declares[check.name])",
        ("tests/ingestion/joints/test_totals.py::test_totals_of_several_pages_add_up_on_both_sides",),
    ),
    Fault(
        _CLOSING,
        "joins = watermark is None or run.window_start <= watermark <= run.window_end",
        "joins = True",
        ("tests/ingestion/test_windows.py::test_an_older_run_that_ends_late_does_not_move_the_watermark_back",),
    ),
    Fault(
        _CLOSING,
        "if run.kind not in _LIVE or run.window_start",
        "if run.window_start",
        ("tests/ingestion/backfills/test_shards.py::test_every_day_is_read_once_and_the_watermark_stays",),
    ),
    Fault(
        _CLOSING,
        "attempts + 1 < config().MAX_ATTEMPTS",
        "attempts < config().MAX_ATTEMPTS",
        ("tests/ingestion/test_failures.py::test_a_run_fails_when_its_attempts_are_used_up",),
    ),
    Fault(
        _CLOSING,
        "backoff(attempts, error.retry_after)",
        "backoff(attempts, None)",
        (
            "tests/ingestion/joints/test_executing.py::test_a_run_is_not_tried_again_before_its_source_wants_to_be_asked",
        ),
    ),
    Fault(
        _CLOSING,
        "    if claim.row.filter(cancel_requested=True).exists():\n        return cancel(run, claim)\n",
        "",
        ("tests/ingestion/test_attempts.py::test_cancelling_a_run_that_meets_a_transient_error_ends_it",),
    ),
    Fault(
        _CLOSING,
        "        webhook_key=None,\n",
        "",
        ("tests/ingestion/test_deliveries.py::test_what_arrives_while_a_run_works_is_taken_in_by_the_next_one",),
    ),
    Fault(
        _CLOSING,
        "        slot_key=None,\n        lease_until=None,\n        isolation=None,",
        "        lease_until=None,\n        isolation=None,",
        ("tests/ingestion/limits/test_budgets.py::test_every_end_of_a_run_frees_its_slot",),
    ),
    Fault(
        _OWNERSHIP,
        "claim.row.filter(where, batches=claim.batches).update(",
        "claim.row.filter(where).update(",
        ("tests/ingestion/joints/test_owning.py::test_one_batch_is_committed_once_also_by_its_own_owner",),
    ),
    Fault(
        _OWNERSHIP,
        "            attempts=0,\n",
        "",
        ("tests/ingestion/test_attempts.py::test_progress_pays_back_failed_attempts",),
    ),
    Fault(
        _OWNERSHIP,
        'attempts=F("attempts") + (1 if failed else 0)',
        'attempts=F("attempts") + 1',
        (
            "tests/ingestion/limits/test_runs_within_limits.py::test_a_worker_asked_to_stop_gives_a_waiting_run_back_at_once",
        ),
    ),
    Fault(
        _OWNERSHIP,
        "return bool(claim.row.filter(batches=claim.batches + 1).exists())",
        "return bool(claim.row.exists())",
        ("tests/ingestion/joints/test_owning.py::test_a_batch_has_landed_only_when_it_is_there",),
    ),
    Fault(
        _OWNERSHIP,
        "died = 0 if predecessors.is_alive(run, hostname()) else 1",
        "died = 1",
        (
            "tests/ingestion/chaos/test_interrupted_searches.py::test_records_whose_trial_outlived_its_lease_are_innocent",
        ),
    ),
    Fault(
        _ISOLATION,
        'if run.deaths > state.get("deaths", 0):',
        "if True:",
        ("tests/ingestion/chaos/test_interrupted_searches.py::test_records_whose_trial_was_cut_short_are_innocent",),
    ),
    Fault(
        _ISOLATION,
        'if trial == [state.get("alone")]:',
        "if len(trial) == 1:",
        (
            "tests/ingestion/joints/test_owning.py::test_a_record_that_died_alone_once_is_tried_alone_again_before_it_is_convicted",
        ),
    ),
    Fault(
        "ingestion/running/newer_rows.py",
        "\n        and row.at > last_seen[0]",
        "",
        ("tests/ingestion/test_replay_spares.py",),
    ),
    Fault(
        "ingestion/running/newer_rows.py",
        "and row.run_id != run.pk\n",
        "",
        ("tests/ingestion/test_replay_order.py",),
    ),
    Fault(
        "ingestion/core/shapes.py",
        "    places = 0 if last else many\n",
        "    places = many\n",
        ("tests/integrations/rest/test_last_pages.py",),
    ),
    Fault(
        "ingestion/core/drift.py",
        "if path.startswith(_AROUND):",
        "if False:",
        ("tests/integrations/rest/test_last_pages.py",),
    ),
    Fault("ingestion/running/closing.py", ", *execution.unchecked]", "]", ("tests/ingestion/test_reasons.py",)),
    Fault(
        "ingestion/running/drift.py",
        "(row.version, row.changed_at) == (1, now)",
        "row.version == 1",
        ("tests/ingestion/drift/test_crashes_and_shards.py",),
    ),
    Fault(
        "ingestion/running/batch.py",
        "    undisturbed = claims.not_stopped()\n",
        "    undisturbed = Q()\n",
        (
            "tests/ingestion/test_windows.py",
            "tests/ingestion/test_failures.py",
            "tests/ingestion/chaos/test_crash_points.py",
        ),
    ),
    Fault(
        "ingestion/reconciling/known_causes.py",
        "not 0 <= declared.count - stored.count <= count",
        "False",
        ("tests/ingestion/reconciling/test_unverifiable.py",),
    ),
]
