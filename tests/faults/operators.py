"""Faults where commands, the console and operators' actions meet what they act on; and the tick and the supervisor."""

from tests.faults.planting import Fault

_BACKFILLS, _SUPERVISE = "ingestion/actions/backfills.py", "config/supervisor/supervise.py"

FAULTS = [
    Fault(
        "ingestion/admin/pages/dead_letters.py",
        "actions.replay(actor, Selection(dead_letter.tenant, ids=[dead_letter.pk])",
        "actions.replay(actor, Selection(dead_letter.tenant)",
        (
            "tests/ingestion/admin/test_dead_letters.py::test_the_other_letters_of_its_connection_stay_when_one_is_replayed_from_its_page",
        ),
    ),
    Fault(
        "ingestion/admin/pages/dead_letters.py",
        '        Actor(user).audit(dead_letter.tenant, "download", f"payload of dead letter {dead_letter.pk}")\n',
        "",
        ("tests/ingestion/admin/test_dead_letters.py::test_a_payload_is_downloaded_as_it_came_and_that_is_noted",),
    ),
    Fault(
        "ingestion/admin/pages/replays.py",
        "matching.filter(pk__lte=upto)",
        "matching.all()",
        (
            "tests/ingestion/admin/test_dead_letters.py::test_letters_that_came_after_the_confirmation_was_shown_stay_out",
        ),
    ),
    Fault(
        "ingestion/admin/pages/replays.py",
        "dead_letters.filter(_FREE, status__in",
        "dead_letters.filter(status__in",
        ("tests/ingestion/admin/test_dead_letters.py::test_a_letter_under_replay_is_not_offered_to_a_bulk_replay",),
    ),
    Fault(
        "ingestion/admin/kit/verbs.py",
        'request.POST.get("seen") != _digest(form)',
        'not request.POST.get("seen")',
        ("tests/ingestion/admin/test_schedules.py::test_what_was_changed_after_the_preview_is_previewed_again",),
    ),
    Fault(
        "ingestion/admin/pages/runs.py",
        'again = actions.retry(actor, run, values["reason"])',
        "again = actions.retry(actor, run)",
        ("tests/ingestion/admin/test_runs.py::test_a_failed_run_is_retried_from_its_page",),
    ),
    Fault(
        "ingestion/admin/kit/console.py",
        "        prefetch_related_objects(list(changelist.result_list), *self.list_prefetch)\n",
        "",
        ("tests/ingestion/admin/test_queries.py::test_a_list_takes_the_same_number_of_queries_for_few_rows_and_many",),
    ),
    Fault(
        "ingestion/management/verbs/dead_letters.py",
        '        since=options["since"],\n',
        "",
        ("tests/ingestion/commands/test_letters.py::test_replay_filters",),
    ),
    Fault(
        "ingestion/management/verbs/dead_letters.py",
        "        selection,\n        limit=limit,\n",
        "        selection,\n",
        ("tests/ingestion/commands/test_letters.py::test_replay_takes_the_oldest_letters_up_to_the_limit",),
    ),
    Fault(
        "ingestion/management/verbs/dead_letters.py",
        "    with transaction.atomic():\n",
        "    if True:\n",
        ("tests/ingestion/commands/test_letters.py::test_abandon_of_several_letters_is_all_or_nothing",),
    ),
    Fault(
        "ingestion/management/verbs/waiting_runs.py",
        '        return Unmade("No other run was made: it would read the same window.", Exit.WAITING)\n',
        "        return None\n",
        (
            "tests/ingestion/commands/test_waiting_runs.py::test_a_run_that_is_held_off_again_keeps_another_over_its_window_from_being_made",
        ),
    ),
    Fault(
        "ingestion/management/verbs/uploads.py",
        "if not received.duplicate or _waits(received.run):",
        "if not received.duplicate:",
        ("tests/ingestion/commands/test_waiting_runs.py::test_uploading_a_file_again_executes_its_run_that_is_queued",),
    ),
    Fault(
        "ingestion/actions/runs.py",
        "    if shard_runs.filter(state=Run.State.RUNNING).exists():\n",
        "    if False:\n",
        ("tests/ingestion/commands/test_waiting_runs.py::test_a_backfill_that_is_at_work_elsewhere_is_not_retried",),
    ),
    Fault(
        "ingestion/management/verbs/backfills.py",
        'parallel=options["parallel"], config',
        "config",
        ("tests/ingestion/joints/test_commands.py::test_a_backfill_runs_as_many_shards_at_a_time_as_the_command_says",),
    ),
    Fault(
        "ingestion/management/verbs/listing.py",
        '    if not options["parent"]:\n        rows = rows.filter(parent__isnull=True)\n',
        "",
        ("tests/ingestion/joints/test_commands.py::test_a_backfills_shards_are_listed_when_they_are_asked_for",),
    ),
    Fault(
        "ingestion/management/verbs/ticks.py",
        "            except Exception as error:\n",
        "            except ValueError as error:\n",
        ("tests/ingestion/joints/test_at_the_same_moment.py::test_a_ticker_goes_on_whatever_a_tick_raised",),
    ),
    Fault(
        "ingestion/actions/credentials.py",
        "if before and secret(kept_values) and not actor.is_superuser:",
        "if False:",
        ("tests/ingestion/admin/test_credentials.py::test_staff_cannot_send_kept_secrets_elsewhere",),
    ),
    Fault(
        "ingestion/actions/shapes.py",
        "if version is not None and row.version != version:",
        "if False:",
        (
            "tests/ingestion/drift/test_runs.py::test_accepting_needs_a_reason_something_pending_and_the_version_looked_at",
        ),
    ),
    Fault(
        "ingestion/actions/connections.py",
        "state__in=Run.ACTIVE, kind__in=(Run.Kind.SCHEDULED, Run.Kind.MANUAL)",
        "state=Run.State.RUNNING, kind__in=(Run.Kind.SCHEDULED, Run.Kind.MANUAL)",
        ("tests/ingestion/joints/test_operators.py::test_a_watermark_is_not_moved_under_a_run_that_waits",),
    ),
    Fault(
        "ingestion/actions/schedules.py",
        "row.next_due = scheduling.next_due(row, scheduling.schedule_of(row))",
        "row.next_due = scheduling.next_due(row, scheduling.schedule_of(connection))",
        ("tests/ingestion/test_catch_up.py::test_setting_a_schedule_moves_the_next_due_time_and_is_audited",),
    ),
    Fault(
        "ingestion/limits/hold_off.py",
        "if integrations[run.connection_id] == integration:",
        "if True:",
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_ending_a_hold_off_frees_no_run_that_waits_for_another_integration",
        ),
    ),
    Fault(
        "ingestion/limits/hold_off.py",
        "    release_here(tenant, integration)\n",
        "",
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_a_hold_off_that_was_ended_holds_nobody_in_this_process_either",
        ),
    ),
    Fault(
        _BACKFILLS,
        "        _require_none_open(actor, connection)\n",
        "",
        ("tests/ingestion/admin/test_schedules.py::test_staff_open_one_backfill_of_a_connection_at_a_time",),
    ),
    Fault(
        _BACKFILLS,
        "Run(**shared, parent=parent, params=overlaid, window_start",
        "Run(**shared, parent=parent, window_start",
        (
            "tests/ingestion/joints/test_shards_read.py::test_every_shard_reads_with_the_config_that_the_backfill_was_given",
        ),
    ),
    Fault(
        "ingestion/scheduling/__init__.py",
        "    expiry.warn()\n",
        "",
        ("tests/ingestion/commands/test_credentials.py::test_the_tick_warns_once_a_day",),
    ),
    Fault(
        "ingestion/scheduling/__init__.py",
        "*unclaimed_deliveries.make_runs()]",
        "]",
        (
            "tests/ingestion/test_webhook_runs.py::test_deliveries_of_a_paused_connection_wait_and_are_taken_in_after_it_resumed",
        ),
    ),
    Fault(
        "ingestion/scheduling/__init__.py",
        "        queueing.wake_for_periods(connection.pk, connection.tenant.tier)\n",
        "        pass\n",
        ("tests/ingestion/test_resync.py::test_the_tick_hints_a_worker_once_with_an_id_and_nothing_else",),
    ),
    Fault(
        "ingestion/vault/expiry.py",
        ".filter(quiet, pk=credential.pk)",
        ".filter(pk=credential.pk)",
        (
            "tests/ingestion/joints/test_at_the_same_moment.py::test_one_of_two_tickers_warns_of_a_credential_that_ends_soon",
        ),
    ),
    Fault(
        _SUPERVISE,
        "            self._guard.check()\n",
        "",
        ("tests/config/test_supervisor.py::test_supervisor_replaces_a_watchdog_that_was_killed",),
    ),
    Fault(
        _SUPERVISE,
        "if self._clock() - child.started >= STEADY_AFTER:",
        "if False:",
        ("tests/config/test_supervisor.py::test_failure_after_a_long_healthy_time_counts_as_the_first",),
    ),
    Fault(
        _SUPERVISE,
        "and self._stops < 2:",
        ":",
        ("tests/config/test_supervisor.py::test_second_stop_signal_does_not_wait_for_the_grace",),
    ),
    Fault(
        "config/supervisor/child.py",
        "        guard.hold(self.pid)\n",
        "",
        ("tests/config/test_supervisor.py::test_killed_supervisor_leaves_no_process_behind",),
    ),
    Fault(
        "config/management/commands/demo.py",
        "        with transaction.atomic():  #",
        "        if True:  #",
        (
            "tests/config/test_killed_demo.py::test_the_next_start_goes_on_with_the_superuser_of_a_demo_that_was_killed_while_it_made_one",
        ),
    ),
    Fault(
        "config/demo_data.py",
        "    with transaction.atomic():  #",
        "    if True:  #",
        (
            "tests/config/test_killed_demo.py::test_the_next_start_goes_on_with_the_staff_of_a_demo_that_was_killed_while_it_made_them",
        ),
    ),
]
