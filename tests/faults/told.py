"""Between what a source, a dead_letter or a file tells and what is taken from it: pages' ends, versions, whose account it is."""

from tests.faults.planting import Fault

_REST, _BANK = "tests/integrations/rest", "tests/integrations/bank"
_MOMENT = "tests/ingestion/test_letters_of_one_moment.py"
_IN_PART = f"{_BANK}/test_accounts_named_in_part.py"
_AS_ONE = f"{_BANK}/test_accounts_loaded_as_one.py"

FAULTS = [
    Fault(
        "ingestion/dead_letters/recovery.py",
        "version.seen_at < replayed_at",
        "version.last_seen < replayed_at[0]",
        (_MOMENT,),
    ),
    Fault(
        "ingestion/running/newer_rows.py",
        "replayed_at <= seen_at[record.body]:",
        "replayed_at[0] <= seen_at[record.body][0]:",
        (_MOMENT,),
    ),
    Fault("ingestion/dead_letters/writing.py", "or now) + after", "or now)", (_MOMENT,)),
    Fault(
        "ingestion/actions/dead_letters.py",
        'oldest = replayable(selection).order_by("last_seen", "pk")\n',
        'oldest = replayable(selection).order_by("pk")\n',
        (_MOMENT,),
    ),
    Fault(
        "ingestion/running/batch.py",
        "rejected_at = datetime.now(UTC)",
        "rejected_at = now",
        (_MOMENT,),
    ),
    Fault(
        "ingestion/dead_letters/replay.py",
        "if chosen and (alone or total > _PAGE_BYTES):",
        "if chosen and total > _PAGE_BYTES:",
        ("tests/ingestion/test_replay_statements.py",),
    ),
    Fault(
        "ingestion/running/execute.py",
        "            require_page(page, source)\n",
        "",
        ("tests/ingestion/test_misbehaving_sources.py",),
    ),
    Fault(
        "ingestion/running/drift.py",
        "page.envelope, last=page.last)",
        "page.envelope)",
        (f"{_REST}/test_last_pages.py",),
    ),
    Fault(
        "ingestion/core/exact_numbers.py",
        'detail["type"].startswith("decimal")',
        'detail["type"].startswith("float")',
        ("tests/ingestion/test_exact_numbers.py",),
    ),
    Fault(
        "ingestion/core/windows.py",
        "watermark - EPOCH <= lag",
        "watermark <= EPOCH",
        ("tests/ingestion/test_windows.py::test_a_lag_longer_than_time_reads_everything_each_time",),
    ),
    Fault(
        "ingestion/core/text.py",
        "return text if text.strip() else",
        "return text if text else",
        ("tests/ingestion/test_failures.py", "tests/ingestion/test_unforeseen.py"),
    ),
    Fault(
        "ingestion/loading/upsert.py",
        "if not isinstance(field, models.DateField):",
        "if not isinstance(field, models.DateTimeField):",
        ("tests/ingestion/test_versioned_pages.py::test_a_row_that_nothing_will_be_newer_than_is_told",),
    ),
    Fault(
        "ingestion/running/verification.py",
        "for text in texts if text.startswith(DIFFER)]",
        "for text in texts]",
        ("tests/ingestion/joints/test_excuses_of_totals.py",),
    ),
    Fault(
        "ingestion/scheduling/waiting.py",
        "if facts.tick and status.wake_ups == 0:",
        "if facts.tick:",
        ("tests/ingestion/test_late_workers.py",),
    ),
    Fault("integrations/rest/failures.py", '(no_records or name != "status")', "True", (f"{_REST}/test_answers.py",)),
    Fault(
        "integrations/rest/failure_candidates.py",
        "value_at_steps(body, record_path[:depth], at), at, names",
        "value_at_steps(body, record_path[:1], at), at, names",
        (f"{_REST}/test_answers.py", f"{_REST}/test_names_on_the_way.py"),
    ),
    Fault(
        "integrations/rest/config_keys.py",
        "    refuse_unknown_keys(members, (), advice=_advise_member)",
        "    pass",
        (f"{_REST}/test_config_keys.py",),
    ),
    Fault(
        "integrations/rest/paging/signals.py",
        "        if earlier_count is not None and not absent_ends:",
        "        if False:",
        (f"{_REST}/test_contradictions.py",),
    ),
    Fault(
        "integrations/rest/paging/links.py",
        "        if not is_readable(header):",
        "        if False:",
        (f"{_REST}/test_ends.py", f"{_REST}/test_paging.py"),
    ),
    Fault(
        "integrations/rest/paging/single_page.py",
        "        if response.status == 206:",
        "        if False:",
        (f"{_REST}/test_contradictions.py",),
    ),
    Fault(
        "integrations/rest/progress.py",
        ' or checkpoint.get("first_total") is not None',
        "",
        (f"{_REST}/test_totals.py",),
    ),
    Fault(
        "integrations/rest/versions.py",
        "(int(number) - _COARSE) // 64",
        "(int(number) - _COARSE)",
        ("tests/integrations/rest/test_updated.py::test_a_declared_counter_keeps_its_unit_whatever_it_passes",),
    ),
    Fault(
        "integrations/rest/pipelines.py",
        "return max(ctx.now, datetime.now(UTC))",
        "return ctx.now",
        ("tests/integrations/rest/test_updated.py::test_what_changed_while_a_run_went_on_for_days_lies_in_no_future",),
    ),
    Fault(
        "integrations/rest/batches.py",
        ", envelope=page.envelope, last=page.last)",
        ")",
        (f"{_REST}/test_last_pages.py",),
    ),
    Fault(
        "integrations/rest/paginator.py",
        "            next_page = self._strip_secrets(next_page, state, response)\n",
        "",
        (f"{_REST}/test_auth.py",),
    ),
    Fault(
        "integrations/databases/rows.py",
        "            if not any_page and checkpoint is None:",
        "            if not any_page:",
        (),
        "A resumed reading has read rows, so that there are some: it would ask once more, and tell what is true.",
    ),
    Fault(
        "integrations/push/source.py",
        "            yield from (sign[0] for sign in _SIGN.finditer(text, match.start() + 1))\n",
        "",
        ("tests/integrations/push/test_source.py",),
    ),
    Fault(
        "integrations/stripe/schemas/base.py",
        "return since if since <= max(ctx.now, datetime.now(UTC)) + _MOST_AHEAD else ctx.now",
        "return since",
        ("tests/integrations/stripe/test_reported.py",),
    ),
    Fault(
        "integrations/bank/which_account.py",
        "    if qualifier_changes and (before := account.known_by) != account.former:",
        "    if qualifier_changes and (before := account.known_by):",
        (
            "tests/integrations/bank/test_accounts_told_apart.py::test_an_equal_statement_of_another_bank_leaves_the_account_its_statements_and_rows",
        ),
    ),
    Fault(
        "integrations/bank/arrivals.py",
        '        keys |= {arrival.key_in_file} - {""}\n',
        "",
        (
            "tests/integrations/bank/test_accounts_named_in_part.py::test_rows_that_another_format_left_under_its_own_name_of_the_account_are_met_again",
        ),
    ),
    Fault(
        "integrations/bank/alike_accounts.py",
        "        and _may_be_one(qualifier, stored_qualifier)\n",
        "",
        ("tests/integrations/bank/test_alike_accounts.py::test_accounts_of_other_banks_or_kinds_are_not_told",),
    ),
    Fault(
        "integrations/bank/recognition.py",
        "add_settings(head, ctx.config) if names_bank_and_kind(form) else head",
        "head",
        (
            "tests/integrations/bank/test_accounts_named_in_part.py::test_an_unreadable_entry_is_looked_for_in_the_account_that_the_settings_name",
        ),
    ),
    Fault(
        "integrations/bank/formats/camt_taken.py",
        "        return len(self._by_element)",
        "        return 0",
        (f"{_BANK}/test_camt_pages.py",),
    ),
    Fault(
        "integrations/bank/file_config.py",
        "        if isinstance(config.get(name), bool | Mapping | list):",
        "        if False:",
        (f"{_BANK}/test_settings.py",),
    ),
]
