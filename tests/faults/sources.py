"""Between what a source says and what becomes of it: replays, declared APIs, other databases, accounts of a bank."""

from tests.faults.planting import Fault

_REST, _BANK, _DATABASES = "tests/integrations/rest", "tests/integrations/bank", "tests/integrations/databases"
_ORDER = "tests/ingestion/test_replay_order.py"
_LEFT = "tests/ingestion/commands/test_letters_left.py"

FAULTS = [
    Fault("ingestion/dead_letters/writing.py", "after = number * CHUNK * _NEXT", "after = timedelta()", (_ORDER,)),
    Fault("ingestion/dead_letters/writing.py", "            began += _NEXT", "            pass", (_ORDER,)),
    Fault(
        "ingestion/dead_letters/writing.py", "(_last_delivered(run, settles) if new else None) or now", "now", (_ORDER,)
    ),
    Fault(
        "ingestion/dead_letters/writing.py",
        '        at = F("last_seen")',
        "        (at,) = list(keys_at)[:1]",
        (_ORDER,),
    ),
    Fault(
        "ingestion/dead_letters/replay.py",
        "Q(last_seen=last_seen, pk__gt=pk)",
        "Q(last_seen=last_seen)",
        (_ORDER, "tests/ingestion/test_replay.py"),
    ),
    Fault(
        "ingestion/running/newer_rows.py",
        "and row.at > last_seen[0]",
        "and row.at < last_seen[0]",
        (_ORDER, "tests/ingestion/test_replay.py"),
    ),
    Fault(
        "ingestion/actions/dead_letters_left_out.py",
        "dead_letter.replay_state in Run.ACTIVE",
        "dead_letter.replay_state is not None and dead_letter.replay_state not in Run.ACTIVE",
        (_LEFT,),
    ),
    Fault(
        "ingestion/management/verbs/dead_letters.py",
        "    _say_left_out(selection, [fate.dead_letter.pk for fate in fates], output)\n",
        "",
        (_LEFT,),
    ),
    Fault(
        "ingestion/running/committing.py",
        "            execution.claim.extended_at = extended_at  # the",
        "            # the",
        ("tests/ingestion/joints/test_leases.py",),
    ),
    Fault(
        "ingestion/running/execution.py",
        "allow_nan=False",
        "allow_nan=True",
        ("tests/ingestion/test_misbehaving_sources.py::test_a_source_that_gives_no_pages_is_told_what_to_give",),
    ),
    Fault(
        "ingestion/loading/upsert.py",
        "now + _TOLERATED_LEAD)",
        "now)",
        ("tests/ingestion/test_versioned_pages.py::test_a_row_that_nothing_will_be_newer_than_is_told",),
    ),
    Fault(
        "ingestion/core/json_tokens.py", 'if token[1] == b"":', "if False:", ("tests/ingestion/test_json_tokens.py",)
    ),
    Fault(
        "integrations/rest/pipelines.py",
        "_latest_time(ctx), unit)",
        '_latest_time(ctx), "")',
        ("tests/integrations/rest/test_updated.py::test_a_counter_takes_no_times",),
    ),
    Fault(
        "integrations/rest/ordering.py",
        "update(version=None)",
        "none()",
        (f"{_REST}/test_ordering.py",),
    ),
    Fault(
        "integrations/rest/unused_totals.py",
        "    if arrived < number:",
        "    if False:",
        (f"{_REST}/test_odd_answers.py",),
    ),
    Fault(
        "integrations/rest/paginator.py",
        "*no_change_time_notes(self.declaration, records, number), *missing_notes(next_progress)",
        "*missing_notes(next_progress),",
        (f"{_REST}/test_odd_answers.py",),
    ),
    Fault(
        "integrations/rest/source.py",
        "or config.integration_of(stored) or",
        "or",
        (f"{_REST}/test_config_keys.py",),
    ),
    Fault(
        "integrations/stripe/source.py",
        "        check_keys(config, KEYS, self.keys, source=self)",
        "        pass",
        ("tests/integrations/stripe/test_config_keys.py",),
    ),
    Fault(
        "integrations/rest/ordering.py", "name != ordering_name(declaration)", "False", (f"{_REST}/test_ordering.py",)
    ),
    Fault(
        "integrations/rest/paging/signals.py",
        "        if path not in signal_paths:\n            raise",
        "        if True:\n            raise",
        (f"{_REST}/test_contradictions.py",),
    ),
    Fault(
        "integrations/rest/source.py",
        "            config_keys.refuse_unknown_keys_of(other_keys, declaration)",
        "            pass",
        (f"{_REST}/test_config_keys.py",),
    ),
    Fault(
        "integrations/rest/paginator.py",
        'last=next_progress.done and self.declaration.pagination.style != "none"',
        "last=next_progress.done",
        (f"{_REST}/test_last_pages.py",),
    ),
    Fault(
        "integrations/databases/rows.py",
        "            if notes:  # no page carried them",
        "            if False:",
        (f"{_DATABASES}/test_odd_rows.py",),
    ),
    Fault(
        "integrations/databases/borders.py",
        "if following and _equal(following[0].cursor, next_in_order):",
        "if True:",
        ("tests/integrations/databases/test_unordered.py::test_rows_that_are_left_out_behind_a_page_end_the_walk",),
    ),
    Fault(
        "integrations/databases/statements.py",
        "return [*self._indexed_conditions(span), *self.exact_conditions]",
        "return self._indexed_conditions(span)",
        (f"{_DATABASES}/test_owners.py",),
    ),
    Fault(
        "integrations/databases/queries.py",
        "return query.filter(self._exact_filter()) if self.exact_texts else query",
        "return query",
        (f"{_DATABASES}/test_owners.py",),
    ),
    Fault(
        "integrations/databases/sqlite_files.py",
        "?'}mode=rw",
        "?'}mode=rwc",
        (
            "tests/integrations/databases/test_refusals.py::test_a_sqlite_file_that_goes_between_the_look_and_the_opening_is_not_made",
        ),
    ),
    Fault(
        "integrations/bank/destination.py",
        "        merged_accounts.withdraw_duplicates(ctx, arrived)\n",
        "",
        (
            "tests/integrations/bank/test_accounts_told_apart.py::test_an_entry_that_a_newer_export_loaded_anew_counts_once_when_the_file_of_that_time_comes_again",
        ),
    ),
    Fault(
        "integrations/bank/continued.py",
        "    moving |= {_group_of(arrival, ids) for arrival in _find_misplaced(ctx, elsewhere)}\n",
        "",
        (f"{_BANK}/test_three_statements.py",),
    ),
    Fault(
        "integrations/bank/twins.py",
        "if predecessor is not None and _overlaps_with_chain(predecessor.place, placed):",
        "if False:",
        (f"{_BANK}/test_chains_that_overlap.py",),
    ),
    Fault(
        "integrations/bank/judging.py",
        "        if any(compared_course.first <= day <= compared_course.last for day in completed.filled):",
        "        if False:",
        (f"{_BANK}/test_completing.py",),
    ),
    Fault(
        "integrations/bank/completing.py",
        "if sum(amount for _, amount in filling) == change:",
        "if filling:",
        (f"{_BANK}/test_completing.py",),
    ),
    Fault(
        "integrations/rest/session.py",
        "[response.body, *([] if",
        "[*([] if",
        (
            "tests/integrations/rest/test_echoes.py::test_an_answer_repeats_the_credential_in_the_characters_that_came_and_in_those_that_were_declared",
        ),
    ),
    Fault(
        "integrations/rest/session.py",
        "*([] if body is response.body else [body]), ",
        "",
        (
            "tests/integrations/rest/test_echoes.py::test_an_answer_repeats_the_credential_in_the_characters_that_came_and_in_those_that_were_declared",
        ),
    ),
    Fault(
        "integrations/rest/session.py",
        "json.dumps([page.checkpoint, ",
        "json.dumps([",
        ("tests/integrations/rest/test_echoes.py::test_a_cursor_that_is_the_credential_once_it_is_read_is_not_kept",),
    ),
    Fault(
        "integrations/rest/session.py",
        "EchoDetector(self._ctx.credential().values, self._auth_headers)",
        "EchoDetector(self._ctx.credential().values, None)",
        ("tests/integrations/rest/test_echoes.py::test_what_was_made_of_the_credential_is_not_repeated_either",),
    ),
    Fault(
        "integrations/rest/page_reader.py",
        "        error = self.redact(error)\n",
        "",
        (
            "tests/integrations/rest/test_echoes.py::test_an_error_in_whose_words_the_credential_comes_together_keeps_them_to_itself",
        ),
    ),
    Fault(
        "integrations/rest/page_reader.py",
        "str(self.redact(SourceFailed(words)))",
        "str(SourceFailed(words))",
        ("tests/integrations/rest/test_echoes.py::test_a_remark_in_which_the_credential_comes_together_is_no_note",),
    ),
    Fault(
        "integrations/rest/credential_policy.py",
        ', ("client_id", "client_secret"))',
        ",)",
        ("tests/integrations/rest/test_echoes.py::test_who_asks_by_a_client_id_may_stand_in_the_records",),
    ),
    Fault(
        "ingestion/core/duplicate_names.py",
        "body.removeprefix(_MARK).decode",
        "body.decode",
        ("tests/ingestion/test_doubled_names.py::test_the_name_is_found_wherever_it_lies",),
    ),
    Fault(
        "ingestion/core/duplicate_names.py",
        '"surrogateescape"',
        '"strict"',
        ("tests/ingestion/test_doubled_names.py::test_the_name_is_found_wherever_it_lies",),
    ),
    Fault(
        "ingestion/core/duplicate_names.py",
        ', b"\\\\u003A")',
        ",)",
        ("tests/ingestion/test_doubled_names.py::test_the_name_is_found_wherever_it_lies",),
    ),
    Fault(
        "ingestion/core/duplicate_names.py",
        "waiting += reversed(inner)",
        "waiting += inner",
        ("tests/ingestion/test_doubled_names.py::test_the_name_is_found_wherever_it_lies",),
    ),
    Fault(
        "ingestion/core/duplicate_names.py",
        ", parse_int=str",
        "",
        ("tests/ingestion/test_doubled_names.py::test_the_name_is_found_wherever_it_lies",),
    ),
    Fault(
        "ingestion/core/duplicate_names.py",
        "        raise error\n    return body",
        "        pass\n    return body",
        ("tests/ingestion/test_doubled_names.py::test_a_reader_looks_for_sources_that_do_not",),
    ),
    Fault(
        "ingestion/core/duplicate_names.py",
        ", errors=faults)",
        ")",
        ("tests/ingestion/test_doubled_names.py::test_such_a_record_is_refused_and_the_others_are_not",),
    ),
    Fault(
        "ingestion/core/duplicate_names.py",
        "(ValueError, RecursionError):\n        return ()",
        "ValueError:\n        return ()",
        ("tests/ingestion/test_doubled_names.py::test_the_name_is_found_wherever_it_lies",),
    ),
    Fault(
        "integrations/rest/credential_policy.py",
        "for name, secret_field in pairs if secret.get(secret_field)}",
        "for name, secret_field in pairs if secret_field in secret}",
        ("tests/integrations/rest/test_echoes.py::test_a_user_name_that_no_password_proves_is_the_credential",),
    ),
    Fault(
        "integrations/rest/credential_policy.py",
        "for name, secret_field in pairs if secret.get(secret_field)}",
        "for name, secret_field in pairs}",
        ("tests/integrations/rest/test_echoes.py::test_a_user_name_that_no_password_proves_is_the_credential",),
    ),
]
