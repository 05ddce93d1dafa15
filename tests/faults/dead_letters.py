"""Faults where runs meet dead_letters, replays, deliveries, reading ahead and shards."""

from tests.faults.planting import Fault

_LETTER = "ingestion/dead_letters/writing.py"
_CLOSING = "ingestion/dead_letters/recovery.py"
_REPLAY = "ingestion/dead_letters/replay.py"
_RECEIVING = "ingestion/running/delivery_source.py"

FAULTS = [
    Fault(
        _LETTER,
        'len(source_id).to_bytes(4, "big") + source_id.encode()',
        "source_id.encode()",
        (
            "tests/ingestion/joints/test_executing.py::test_letters_of_records_whose_id_and_bytes_run_into_each_other_are_two",
        ),
    ),
    Fault(
        _CLOSING,
        "[version.pk for version in others if version.run_id != run.pk]",
        "[version.pk for version in others]",
        (
            "tests/ingestion/test_superseded_letters.py::test_a_letter_of_this_run_is_not_superseded_by_another_version_in_it",
        ),
    ),
    Fault(
        _CLOSING,
        "    if run.kind != Run.Kind.REPLAY:\n        # Of two",
        "    if True:\n        # Of two",
        (
            "tests/ingestion/joints/test_owning.py::test_replaying_one_bad_version_leaves_the_letter_of_another_version_open",
        ),
    ),
    Fault(
        _LETTER,
        "    seen.filter(replay_run=run).update(replay_run=None)",
        "    seen.update(replay_run=None)",
        (
            "tests/ingestion/test_superseded_letters.py::test_a_waiting_replay_keeps_its_letters_while_a_live_run_sees_them_again",
        ),
    ),
    Fault(
        _LETTER,
        'times_seen=F("times_seen") + times',
        'times_seen=F("times_seen") + 1',
        (
            "tests/ingestion/joints/test_owning.py::test_a_bad_record_that_stands_twice_on_a_page_is_counted_twice_each_time",
        ),
    ),
    Fault(
        _LETTER,
        ".filter(connection_id=run.connection_id)",
        "",
        (
            "tests/ingestion/joints/test_beside_each_other.py::test_the_same_bad_record_of_two_connections_has_two_letters",
        ),
    ),
    Fault(
        _REPLAY,
        "filter(self.which, status__in=DeadLetter.OPEN)",
        "filter(self.which)",
        ("tests/ingestion/test_replay.py::test_a_letter_closed_meanwhile_is_left_out",),
    ),
    Fault(
        _REPLAY,
        'order_by("last_seen", "pk")',
        'order_by("pk")',
        ("tests/ingestion/test_replay_order.py",),
    ),
    Fault(
        _LETTER,
        "        times = 0  # its",
        "        # its",
        ("tests/ingestion/test_replay.py::test_a_replay_that_fails_again_counts_the_attempt_and_no_delivery",),
    ),
    Fault(
        _LETTER,
        "    if run.kind == Run.Kind.REPLAY:\n        at = ",
        "    if False:\n        at = ",
        ("tests/ingestion/test_replay_order.py",),
    ),
    Fault(
        _REPLAY,
        "source=DeadLetters(pipeline.source, which), reconciliations=()",
        "source=DeadLetters(pipeline.source, which)",
        ("tests/ingestion/joints/test_beside_each_other.py::test_a_replay_judges_no_control_totals",),
    ),
    Fault(
        _RECEIVING,
        "ahead.filter(pk__lte=newest)",
        "ahead.all()",
        ("tests/ingestion/test_deliveries.py::test_what_arrives_while_a_run_works_is_taken_in_by_the_next_one",),
    ),
    Fault(
        _RECEIVING,
        "deliveries=[row.pk for row in rows],",
        "deliveries=[row.pk for row in rows[:1]],",
        ("tests/ingestion/test_deliveries.py::test_many_deliveries_make_one_run",),
    ),
    Fault(
        "ingestion/deliveries.py",
        "    if settled != len(ids):",
        "    if not settled:",
        (
            "tests/ingestion/joints/test_beside_each_other.py::test_a_delivery_that_another_run_took_in_rolls_the_whole_batch_back",
        ),
    ),
    Fault(
        "ingestion/deliveries.py",
        "state=Delivery.State.DONE, run=run, done_at=now",
        "state=Delivery.State.DONE, done_at=now",
        ("tests/ingestion/test_deliveries.py::test_a_delivery_is_stored_and_taken_in_by_one_webhook_run",),
    ),
    Fault(
        "ingestion/running/prefetch.py",
        "allowed = config().READ_AHEAD and execution.run.deaths == 0",
        "allowed = config().READ_AHEAD",
        ("tests/ingestion/test_reading_ahead_and_kills.py::test_after_a_death_nothing_is_read_ahead",),
    ),
    Fault(
        "ingestion/running/prefetch.py",
        "            spend=self._in_its_thread(execution.ctx.spend),\n",
        "",
        (
            "tests/ingestion/joints/test_beside_each_other.py::test_a_source_that_is_read_ahead_spends_without_a_database_of_its_own",
        ),
    ),
    Fault(
        "ingestion/running/slots.py",
        "    if run.active_key is not None:\n        return run.active_key  #",
        "    if False:\n        return run.active_key  #",
        (
            "tests/ingestion/limits/test_budgets.py::test_a_run_that_ran_before_budgets_existed_gets_a_slot_when_it_is_taken_over",
        ),
    ),
    Fault(
        "ingestion/running/shards.py",
        "free_slots = parallel(parent.params) - parent.shards.filter(state=Run.State.RUNNING).count()",
        "free_slots = parallel(parent.params)",
        ("tests/ingestion/joints/test_beside_each_other.py::test_no_more_shards_are_named_than_slots_are_free",),
    ),
]
