"""Faults where what is kept is found, checked and forgotten: files, periods, credentials, events, bank statements."""

from tests.faults.planting import Fault

_ARTIFACTS = "ingestion/artifacts.py"
_CADENCE = "ingestion/reconciling/due_checks.py"
_VERDICTS = "ingestion/reconciling/results.py"
_BANK = "tests/integrations/bank"

FAULTS = [
    Fault(
        "ingestion/running/closing.py",
        "    if run.deliveries_wait:\n        deliveries.start_run(run.connection)\n",
        "",
        ("tests/ingestion/test_deliveries.py::test_what_arrives_while_a_run_works_is_taken_in_by_the_next_one",),
    ),
    Fault(
        _ARTIFACTS,
        "if not is_named and store.get_modified_time(path) < newest:",
        "if not is_named:",
        ("tests/ingestion/joints/test_tenants_apart.py::test_a_file_that_an_open_batch_may_still_name_is_not_swept",),
    ),
    Fault(
        _ARTIFACTS,
        "if stored is not None and files.exists(stored.path):",
        "if stored is not None:",
        ("tests/ingestion/joints/test_files_again.py::test_a_file_that_storage_lost_is_written_again",),
    ),
    Fault(
        _ARTIFACTS,
        'stored.path if stored else "", not check_stored',
        '"", not check_stored',
        (
            "tests/ingestion/joints/test_files_again.py::test_a_row_that_names_a_place_where_nothing_lies_names_the_new_one",
        ),
    ),
    Fault(
        _ARTIFACTS,
        "changes = list(where) if self.is_unchecked else",
        "changes =",
        (
            "tests/ingestion/joints/test_files_again.py::test_a_page_kept_again_without_a_look_is_read_from_where_it_is_now",
        ),
    ),
    Fault(
        "ingestion/retention.py",
        "config().KEEP_DAYS.get(retention.name, retention.days)",
        "retention.days",
        ("tests/ingestion/test_retention.py::test_a_kind_s_rows_are_forgotten_after_the_days_that_the_settings_say",),
    ),
    Fault(
        "ingestion/retention.py",
        ".filter(retention.of, **{",
        ".filter(**{",
        ("tests/ingestion/test_retention.py::test_what_a_run_spent_is_forgotten_once_it_ended_long_ago",),
    ),
    Fault(
        _CADENCE,
        "if Connection.unscoped.filter(due, pk=connection.pk, paused_at__isnull=True)",
        "if Connection.unscoped.filter(pk=connection.pk)",
        (
            "tests/ingestion/joints/test_at_the_same_moment.py::test_one_of_two_tickers_gets_the_turn_to_check_a_connection",
        ),
    ),
    Fault(
        _CADENCE,
        "not in settled - unsettled]",
        "not in settled]",
        ("tests/ingestion/reconciling/test_due_checks.py::test_a_day_that_was_in_the_way_of_a_run_is_due_again_soon",),
    ),
    Fault(
        _CADENCE,
        'resync__finished_at__gt=F("checked_at"),',
        "",
        ("tests/ingestion/test_resync.py::test_a_period_that_its_resync_did_not_mend_is_not_checked_at_each_turn",),
    ),
    Fault(
        _VERDICTS,
        "if before == State.BREACH and result.state == State.UNVERIFIABLE:",
        "if False:",
        ("tests/ingestion/reconciling/test_results.py::test_a_breach_stays_one_until_a_check_finds_it_matched",),
    ),
    Fault(
        _VERDICTS,
        "if row.checked_at > since or not unchanged.update",
        "if not unchanged.update",
        ("tests/ingestion/reconciling/test_results.py::test_a_check_that_began_earlier_never_overwrites_a_later_one",),
    ),
    Fault(
        "ingestion/vault/credentials.py",
        '            _remember_version(at, credential.version + 1, "delete")\n',
        "",
        ("tests/ingestion/vault/test_database_store.py::test_a_version_number_never_comes_twice_also_after_deleting",),
    ),
    Fault(
        "ingestion/vault/credentials.py",
        'exchange_token="", exchange_until=None, warned_at=None)',
        'exchange_token="", exchange_until=None)',
        ("tests/ingestion/commands/test_credentials.py::test_a_new_version_is_warned_about_anew",),
    ),
    Fault(
        "ingestion/vault/rotation.py",
        "unchanged = rows.filter(version=row.version, data_key_id=row.data_key_id)",
        "unchanged = rows",
        (
            "tests/ingestion/joints/test_at_the_same_moment.py::test_a_credential_stored_while_its_keys_are_replaced_stays",
        ),
    ),
    Fault(
        "ingestion/vault/token_refresh.py",
        "self._rows().filter(exchange_token=token).update(exchange_token",
        "self._rows().update(exchange_token",
        (
            "tests/ingestion/joints/test_at_the_same_moment.py::test_a_refusal_that_comes_after_the_lease_ended_leaves_the_next_workers_lease_alone",
        ),
    ),
    Fault(
        "ingestion/running/closing.py",
        "if isinstance(error, CredentialError) and pause_connection(run.connection_id, error):\n",
        "if isinstance(error, CredentialError):\n",
        ("tests/ingestion/test_failures.py::test_a_refused_credential_fails_the_run_and_pauses_the_connection",),
    ),
    Fault(
        "integrations/stripe/redelivery.py",
        "        _reduce_deliveries(event, endpoint)\n",
        "        pass\n",
        ("tests/integrations/stripe/test_kept_events.py::test_what_is_no_longer_the_tenant_s_is_cut_down_to_its_head",),
    ),
    Fault(
        "integrations/stripe/distribution.py",
        "        return _VERDICT.TOO_LARGE\n",
        "        return verdict\n",
        ("tests/integrations/stripe/test_kept_events.py",),
    ),
    Fault(
        "integrations/stripe/redelivery.py",
        "        undelivered = undelivered.filter(account=account)\n",
        "        pass\n",
        ("tests/integrations/stripe/test_kept_events.py::test_kept_events_are_delivered_again_by_command",),
    ),
    Fault(
        "integrations/bank/twins.py",
        "if not have_nothing_in_common(earlier.course, placed.course):\n                return None",
        "if not have_nothing_in_common(earlier.course, placed.course):\n                continue",
        (
            "tests/integrations/bank/test_identity.py::test_what_overlaps_with_an_older_statement_counts_from_no_newer_one_that_is_apart_from_it",
        ),
    ),
    Fault(
        "integrations/bank/judging.py",
        "        return places | self._arriving.get(statement.pk, {})",
        "        return places",
        (f"{_BANK}/test_replays_without_a_listing.py",),
    ),
    Fault(
        "integrations/bank/courses.py",
        "first.closing == second.opening and first.first <= second.first and first.last <= second.last",
        "first.closing == second.opening",
        ("tests/integrations/bank/test_three_statements.py",),
    ),
    Fault(
        "integrations/bank/leading.py",
        "if step.opening != step.closing and step not in elsewhere:",
        "if step not in elsewhere:",
        (),
        equivalent="a step from a balance to itself leads nowhere that was not reached",
    ),
    Fault(
        "integrations/bank/arrivals.py",
        "return row.account_id in accounts or row.statement_id == owner.statement_id",
        "return True",
        (
            f"{_BANK}/test_accounts_loaded_as_one.py::test_a_newer_export_of_another_bank_takes_no_row_of_a_statement_that_is_not_its_own",
        ),
    ),
    Fault(
        "integrations/bank/heads.py",
        "if statement_row is not None and _has_any_row(ctx, statement_row.pk, sorted(former)):",
        "if statement_row is not None:",
        (
            f"{_BANK}/test_accounts_told_apart.py::test_an_equal_statement_of_another_bank_leaves_the_account_its_statements_and_rows",
        ),
    ),
    Fault(
        "integrations/bank/which_account.py",
        "if len(possible) > 1 and not (head.bank and head.kind):",
        "if False:",
        (
            f"{_BANK}/test_accounts_named_in_part.py::test_a_file_that_may_be_of_two_accounts_is_refused_until_it_is_said_of_which",
        ),
    ),
    Fault(
        "integrations/bank/which_account.py",
        "        account.keyed_as = before",
        "        pass",
        (f"{_BANK}/test_accounts_named_in_part.py::test_every_way_to_name_the_account_is_one_account_in_any_order",),
    ),
    Fault(
        "integrations/bank/formats/csv_parts.py",
        "(is_page_break is None and seam.layout.name not in joined_layouts)",
        "is_page_break is None",
        (f"{_BANK}/test_cuttings.py::test_any_cutting_joined_into_one_file_ends_in_the_true_ledger",),
    ),
]
