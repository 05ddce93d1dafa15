"""Faults where commands, the console and operators' actions meet what they act on; and the tick and the supervisor."""

from tests.faults.planting import Fault

_LETTER_PAGES = ("tests/ingestion/joints", "tests/ingestion/admin/test_dead_letters.py")
_LETTER_COMMANDS = ("tests/ingestion/joints", "tests/ingestion/commands/test_letters.py")
_SHARDS = (
    "tests/ingestion/joints",
    "tests/ingestion/backfills/test_refusals.py",
    "tests/ingestion/backfills/test_shards.py",
    "tests/ingestion/backfills/test_ends.py",
)
_TICKS = ("tests/ingestion/joints", "tests/ingestion/test_ticks.py")
_SUPERVISED = ("tests/config/test_supervisor.py",)

_BACKFILLS, _SUPERVISE = "ingestion/actions/backfills.py", "config/supervisor/supervise.py"

FAULTS = [
    Fault(
        "ingestion/admin/dead_letters.py",
        "actions.replay(actor, Selection(letter.tenant, ids=[letter.pk])",
        "actions.replay(actor, Selection(letter.tenant)",
        _LETTER_PAGES,
    ),
    Fault(
        "ingestion/admin/dead_letters.py",
        '        Actor(user).audit(letter.tenant, "download", f"payload of dead letter {letter.pk}")\n',
        "",
        _LETTER_PAGES,
    ),
    Fault("ingestion/admin/replays.py", "matching.filter(pk__lte=upto)", "matching.all()", _LETTER_PAGES),
    Fault("ingestion/admin/replays.py", "letters.filter(_FREE, status__in", "letters.filter(status__in", _LETTER_PAGES),
    Fault(
        "ingestion/admin/verbs.py",
        'request.POST.get("seen") != _digest(form)',
        'not request.POST.get("seen")',
        ("tests/ingestion/joints", "tests/ingestion/admin/test_schedules.py", "tests/ingestion/admin/test_shapes.py"),
    ),
    Fault(
        "ingestion/admin/runs.py",
        'again = actions.retry(actor, run, values["reason"])',
        "again = actions.retry(actor, run)",
        ("tests/ingestion/joints", "tests/ingestion/admin/test_runs.py"),
    ),
    Fault(
        "ingestion/admin/console.py",
        "        prefetch_related_objects(list(found.result_list), *self.list_prefetch)\n",
        "",
        ("tests/ingestion/admin/test_queries.py",),
    ),
    Fault(
        "ingestion/admin/console.py",
        '            found[-1] = "pk"\n',
        "            pass\n",
        ("tests/ingestion/admin/test_plans.py", "tests/ingestion/admin/test_queries.py", "tests/ingestion/joints"),
    ),
    Fault("ingestion/management/verbs/letters.py", '        since=options["since"],\n', "", _LETTER_COMMANDS),
    Fault(
        "ingestion/management/verbs/letters.py",
        "        selection,\n        limit=limit,\n",
        "        selection,\n",
        _LETTER_COMMANDS,
    ),
    Fault(
        "ingestion/management/verbs/letters.py", "    with transaction.atomic():\n", "    if True:\n", _LETTER_COMMANDS
    ),
    Fault(
        "ingestion/management/verbs/backfilling.py",
        'parallel=options["parallel"], config',
        "config",
        ("tests/ingestion/joints", "tests/ingestion/commands", "tests/ingestion/backfills"),
    ),
    Fault(
        "ingestion/management/verbs/listing.py",
        '    if not options["parent"]:\n        rows = rows.filter(parent__isnull=True)\n',
        "",
        ("tests/ingestion/joints", "tests/ingestion/commands/test_listing.py", "tests/ingestion/backfills"),
    ),
    Fault(
        "ingestion/management/verbs/ticking.py",
        "            except Exception:\n",
        "            except ValueError:\n",
        ("tests/ingestion/joints", "tests/ingestion/test_ticks.py", "tests/ingestion/commands/test_upkeep.py"),
    ),
    Fault(
        "ingestion/actions/credentials.py",
        "if before and secret(kept) and not actor.is_superuser:",
        "if False:",
        (
            "tests/ingestion/joints",
            "tests/ingestion/admin/test_credentials.py",
            "tests/ingestion/commands/test_credentials.py",
        ),
    ),
    Fault(
        "ingestion/actions/shapes.py",
        "if version is not None and row.version != version:",
        "if False:",
        ("tests/ingestion/joints", "tests/ingestion/admin/test_shapes.py", "tests/ingestion/drift"),
    ),
    Fault(
        "ingestion/actions/connections.py",
        "state__in=Run.ACTIVE, kind__in=(Run.Kind.SCHEDULED, Run.Kind.MANUAL)",
        "state=Run.State.RUNNING, kind__in=(Run.Kind.SCHEDULED, Run.Kind.MANUAL)",
        ("tests/ingestion/joints", "tests/ingestion/test_windows.py"),
    ),
    Fault(
        "ingestion/actions/schedules.py",
        "held.next_due = scheduling.next_due(held, scheduling.schedule_of(held))",
        "held.next_due = scheduling.next_due(held, scheduling.schedule_of(connection))",
        ("tests/ingestion/joints", "tests/ingestion/test_schedules.py", "tests/ingestion/commands/test_schedules.py"),
    ),
    Fault(
        "ingestion/limits/holding.py",
        "if integrations[run.connection_id] == integration:",
        "if True:",
        ("tests/ingestion/joints", "tests/ingestion/limits/test_hold_offs.py"),
    ),
    Fault(
        "ingestion/limits/holding.py",
        "    release_here(tenant, integration)\n",
        "",
        ("tests/ingestion/joints", "tests/ingestion/limits/test_hold_offs.py"),
    ),
    Fault(_BACKFILLS, "        _require_none_open(actor, connection)\n", "", _SHARDS),
    Fault(
        _BACKFILLS,
        "Run(**shared, parent=parent, params=overlaid, window_start",
        "Run(**shared, parent=parent, window_start",
        (*_SHARDS, "tests/ingestion/commands"),
    ),
    Fault("ingestion/scheduling/__init__.py", "    expiry.warn()\n", "", _TICKS),
    Fault(
        "ingestion/scheduling/__init__.py",
        "*forgotten.make_runs()]",
        "]",
        (*_TICKS, "tests/ingestion/test_webhook_runs.py"),
    ),
    Fault(
        "ingestion/scheduling/__init__.py",
        "        queueing.hint_periods(connection.pk, connection.tenant.tier)\n",
        "        pass\n",
        (*_TICKS, "tests/ingestion/reconciling/test_turns.py"),
    ),
    Fault(
        "ingestion/vault/expiry.py",
        ".filter(quiet, pk=credential.pk)",
        ".filter(pk=credential.pk)",
        (
            "tests/ingestion/joints",
            "tests/ingestion/vault",
            "tests/ingestion/commands/test_credentials.py",
        ),
    ),
    Fault(_SUPERVISE, "            self._leash.check()\n", "", _SUPERVISED),
    Fault(_SUPERVISE, "if self._clock() - child.started >= STEADY_AFTER:", "if False:", _SUPERVISED),
    Fault(_SUPERVISE, "and self._stops < 2:", ":", _SUPERVISED),
    Fault("config/supervisor/child.py", "        leash.hold(self.pid)\n", "", _SUPERVISED),
]
