"""Faults where the engine meets what is outside: HTTP, webhooks, credentials, sources to be reconciled with."""

from tests.faults.planting import Fault

_ATTEMPTS, _EXCHANGE = "integrations/http/attempts.py", "integrations/http/exchange.py"

_RECEIVER, _EXCUSES = "ingestion/webhooks/receiver.py", "ingestion/reconciling/known_causes.py"

FAULTS = [
    Fault(
        _ATTEMPTS,
        "            self.ctx.throttle(1.0)\n",
        "            pass\n",
        ("tests/integrations/http/test_faults.py::test_every_attempt_is_throttled_and_carries_the_call_s_id",),
    ),
    Fault(
        "integrations/rest/page_reader.py",
        "            self.hold_off(error.retry_after)\n",
        "",
        ("tests/integrations/rest/test_later.py",),
    ),
    Fault(
        "ingestion/actions/hold_offs.py",
        "if not ended or not hosts[run.pk] or hosts[run.pk] in ended]",
        "]",
        ("tests/ingestion/limits/test_hold_offs.py",),
    ),
    Fault(
        "ingestion/webhooks/receiver.py",
        "status=207 if feedback else 202 if stored else 200",
        "status=202 if stored else 200",
        ("tests/integrations/push/test_told.py",),
    ),
    Fault(
        _ATTEMPTS,
        "min(call.deadline + waited, started + self.ctx.left())",
        "call.deadline + waited",
        (
            "tests/integrations/http/test_calls.py::test_no_call_lasts_longer_than_is_left_to_whoever_waits_for_it_rate_limits_included",
        ),
    ),
    Fault(
        _ATTEMPTS,
        "if hold_off and self.to_own_origin:",
        "if hold_off:",
        (
            "tests/ingestion/joints/test_other_origins.py::test_a_hold_off_is_the_integrations_only_when_its_own_origin_asked",
        ),
    ),
    Fault(
        _ATTEMPTS,
        "max(jittered, retry_after + jittered / 2)",
        "jittered",
        ("tests/integrations/http/test_faults.py::test_a_lasting_trouble_ends_in_its_class",),
    ),
    Fault(
        _ATTEMPTS,
        "if urls.origin(url) != urls.origin(request.url):",
        "if False:",
        ("tests/integrations/http/test_origins.py::test_a_redirect_keeps_credentials_at_home",),
    ),
    Fault(
        _ATTEMPTS,
        "            self.ctx.beat()\n",
        "",
        ("tests/integrations/http/test_calls.py::test_a_run_shows_signs_of_life_while_it_waits_to_try_again",),
    ),
    Fault(
        _ATTEMPTS,
        "if request.method not in _FOLLOWED or",
        "if",
        ("tests/integrations/http/test_faults.py::test_a_redirected_post_is_not_sent_again",),
    ),
    Fault(
        _EXCHANGE,
        'decompress(cast("httpx.SyncByteStream", reply.stream), encoding, call.limits.body_bytes)',
        'decompress(cast("httpx.SyncByteStream", reply.stream), encoding, 10**12)',
        ("tests/integrations/http/test_faults.py::test_a_lasting_trouble_ends_in_its_class",),
    ),
    Fault(
        _EXCHANGE,
        "isinstance(error, Transient), hold_off, status",
        "False, hold_off, status",
        ("tests/integrations/http/test_faults.py::test_a_passing_trouble_is_outlasted",),
    ),
    Fault(
        "integrations/http/circuits.py",
        "            state.probe_until = now + self.cooldown\n",
        "",
        ("tests/integrations/http/test_circuits.py::test_one_call_tries_whether_the_host_is_back",),
    ),
    Fault(
        _RECEIVER,
        "pipeline.serves(connection.tenant.key) and self.accepts(pipeline)",
        "self.accepts(pipeline)",
        ("tests/ingestion/test_pipelines_of_tenants.py::test_it_has_no_endpoint_for_another_tenant",),
    ),
    Fault(
        _RECEIVER,
        "pipeline.serves(connection.tenant.key) and self.accepts(pipeline)",
        "pipeline.serves(found.tenant.key)",
        ("tests/integrations/stripe/test_webhooks.py::test_only_connections_to_the_events_have_an_endpoint",),
    ),
    Fault(
        _RECEIVER,
        " and connection.tenant.key == tenant else None",
        " else None",
        ("tests/integrations/push/test_endpoint.py::test_nobody_finds_out_which_endpoints_exist",),
    ),
    Fault(
        _RECEIVER,
        "kept_body = _body_to_keep(endpoint.keeps, connection, body)",
        "kept_body = body",
        ("tests/ingestion/webhooks/test_keeping.py::test_what_is_kept_of_a_body_is_the_project_s_to_say",),
    ),
    Fault(
        _RECEIVER,
        "    if len(body) != int(length):",
        "    if False:",
        ("tests/integrations/push/test_endpoint.py::test_a_body_without_length_cut_short_or_compressed_is_refused",),
    ),
    Fault(
        _RECEIVER,
        "deliveries.is_full(connection)",
        "False",
        ("tests/integrations/push/test_endpoint.py::test_a_connection_for_which_too_much_waits_takes_no_more",),
    ),
    Fault(
        "ingestion/vault/credential_cache.py",
        "credentials.version(self.tenant, self.integration) != secret.version",
        "False",
        ("tests/ingestion/vault/test_in_runs.py::test_a_running_worker_takes_a_new_one_at_its_next_batch",),
    ),
    Fault(
        "ingestion/vault/token_refresh.py",
        "if stored != used_up.version:",
        "if False:",
        (
            "tests/ingestion/joints/test_at_the_same_moment.py::test_who_comes_with_a_used_up_token_that_was_replaced_is_given_the_stored_one_and_asks_nobody",
        ),
    ),
    Fault(
        "ingestion/vault/token_refresh.py",
        'cause="exchange", expected=used_up.version',
        'cause="exchange"',
        ("tests/ingestion/vault/test_token_refresh.py::test_an_operator_who_stores_a_credential_meanwhile_wins",),
    ),
    Fault(
        "ingestion/vault/credentials.py",
        "    if store.remote:\n        _record_remote_version(at, stored)\n",
        "",
        (
            "tests/ingestion/vault/test_hashicorp_store.py::test_a_version_that_somebody_put_there_is_taken_and_followed",
        ),
    ),
    Fault(
        "ingestion/vault/credentials.py",
        "    redaction.remember(secret(stored.values).values(), tenant.id)\n",
        "",
        ("tests/ingestion/vault/test_database_store.py::test_a_credential_is_masked_in_the_process_that_reads_it",),
    ),
    Fault(
        "ingestion/reconciling/checking.py",
        "    require_closed(window, pipeline, sides.since)\n",
        "",
        ("tests/ingestion/reconciling/test_due_checks.py::test_an_open_period_is_refused",),
    ),
    Fault(
        "ingestion/reconciling/checking.py",
        "return Figure.of({**other_amounts, **own_amounts})",
        "return Figure.of(own_amounts)",
        ("tests/ingestion/reconciling/test_figures.py::test_two_connections_of_one_account_both_match",),
    ),
    Fault(
        "ingestion/reconciling/checking.py",
        "        pause_connection(sides.connection.pk, error)\n",
        "",
        ("tests/ingestion/reconciling/test_unverifiable.py::test_a_refused_credential_pauses_the_connection",),
    ),
    Fault(
        "ingestion/reconciling/checking.py",
        "tolerance = sides.periods.tolerance",
        "tolerance = sides.periods.tolerance * 0",
        ("tests/ingestion/reconciling/test_figures.py::test_the_tolerance_is_an_amount_and_counts_have_none",),
    ),
    Fault(
        _EXCUSES,
        "if difference.extra or not differing_keys:",
        "if not differing_keys:",
        (
            "tests/ingestion/reconciling/test_figures.py::test_rejected_records_do_not_explain_what_the_source_does_not_have",
        ),
    ),
    Fault(
        _EXCUSES,
        "if read is not None and read >= window.end:",
        "if read is not None:",
        ("tests/ingestion/reconciling/test_unverifiable.py::test_a_period_that_was_read_in_part_is_unverifiable",),
    ),
    Fault(
        _EXCUSES,
        "Q(finished_at__gte=since)",
        "Q(pk__lt=0)",
        ("tests/ingestion/reconciling/test_unverifiable.py::test_a_run_that_ended_meanwhile_proves_nothing",),
    ),
    Fault(
        "integrations/bank/source.py",
        "            if number > pages_done:",
        "            if number >= pages_done:",
        (
            "tests/integrations/bank/test_joints.py::test_a_file_that_was_interrupted_between_its_statements_is_read_once",
        ),
    ),
    Fault(
        "integrations/bank/pipelines.py",
        "if entry.status is not EntryStatus.BOOKED:",
        "if entry.status is EntryStatus.INFORMATION:",
        ("tests/integrations/bank/test_joints.py::test_an_entry_that_is_only_announced_is_not_posted",),
    ),
    Fault(
        "integrations/stripe/figures.py",
        "        if not head.is_of(kind.object):\n            continue\n",
        "",
        ("tests/integrations/stripe/test_odd_objects.py::test_an_object_of_another_kind_is_in_no_figures",),
    ),
    Fault(
        "integrations/stripe/figures.py",
        " if read_head(part).is_of(PART))",
        ")",
        (
            "tests/integrations/stripe/test_odd_objects.py::test_neither_a_line_of_another_kind_nor_what_is_no_invoice_is_in_the_figures_of_lines",
        ),
    ),
    Fault(
        "integrations/stripe/figures.py",
        "ceil(window.start.timestamp())",
        "int(window.start.timestamp())",
        (
            "tests/integrations/stripe/test_odd_objects.py::test_the_figures_are_those_of_what_was_created_in_the_window_to_the_second",
        ),
    ),
    Fault(
        "integrations/stripe/figures.py",
        "ceil(window.end.timestamp()))",
        "int(window.end.timestamp()))",
        (
            "tests/integrations/stripe/test_odd_objects.py::test_the_figures_are_those_of_what_was_created_in_the_window_to_the_second",
        ),
    ),
    Fault(
        "integrations/stripe/figures.py",
        "range(len(kind.lists))",
        "range(1)",
        ("tests/integrations/stripe/test_odd_objects.py::test_the_figures_are_those_of_every_list",),
    ),
    Fault(
        "integrations/stripe/figures.py",
        "except (UnknownCurrency, *UNREADABLE) as error:",
        "except UnknownCurrency as error:",
        (
            "tests/integrations/stripe/test_odd_objects.py::test_an_object_without_figures_ends_the_check_with_a_word_of_it",
        ),
    ),
    Fault(
        "integrations/stripe/figures.py",
        "except (UnknownCurrency, *UNREADABLE) as error:",
        "except UNREADABLE as error:",
        (
            "tests/integrations/stripe/test_odd_objects.py::test_an_object_without_figures_ends_the_check_with_a_word_of_it",
        ),
    ),
    Fault(
        "integrations/stripe/figures.py",
        "currency.upper(), {})",
        "currency, {})",
        ("tests/integrations/stripe/test_reconciling.py::test_a_closed_day_matches_and_a_lost_object_is_named",),
    ),
]
