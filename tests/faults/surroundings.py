"""Faults where the project around the engine meets it: planted jobs, test runs, the policy, extras, files, the demo."""

from tests.faults.planting import Fault

FAULTS = [
    Fault(
        "ingestion/queueing/worker_processes.py",
        "success_callback = failure_callback = stopped_callback = None",
        "success_callback = stopped_callback = None",
        (
            "tests/ingestion/test_planted_jobs.py::test_a_job_with_a_callback_is_refused_and_the_callback_is_never_called",
        ),
    ),
    Fault(
        "ingestion/queueing/worker_processes.py",
        "success_callback = failure_callback = stopped_callback = None",
        "success_callback = failure_callback = None",
        (
            "tests/ingestion/test_planted_jobs.py::test_a_job_with_a_callback_is_refused_and_the_callback_is_never_called",
        ),
    ),
    Fault(
        "ingestion/queueing/worker_processes.py",
        "or self._failure_callback_name or self._stopped_callback_name:",
        "or self._failure_callback_name:",
        (
            "tests/ingestion/test_planted_jobs.py::test_a_job_with_a_callback_is_refused_and_the_callback_is_never_called",
        ),
    ),
    Fault(
        "ingestion/queueing/worker_processes.py",
        "if self._success_callback_name or self._failure",
        "if self._failure",
        (
            "tests/ingestion/test_planted_jobs.py::test_a_job_with_a_callback_is_refused_and_the_callback_is_never_called",
        ),
    ),
    Fault(
        "ingestion/queueing/worker_processes.py",
        "if self._dependency_ids or self.dependent_ids:",
        "if self._dependency_ids:",
        ("tests/ingestion/test_planted_jobs.py::test_a_job_that_depends_on_another_one_is_refused_and_so_is_that_one",),
    ),
    Fault(
        "ingestion/queueing/worker_processes.py",
        "if self._dependency_ids or self.dependent_ids:",
        "if self.dependent_ids:",
        ("tests/ingestion/test_planted_jobs.py::test_a_job_that_depends_on_another_one_is_refused_and_so_is_that_one",),
    ),
    Fault(
        "ingestion/queueing/worker_processes.py",
        "if self.func_name not in ALLOWED:",
        "if False:",
        (
            "tests/ingestion/test_planted_jobs.py::test_a_job_planted_under_another_functions_name_is_refused_and_the_worker_goes_on",
        ),
    ),
    Fault(
        "ingestion/queueing/worker_processes.py",
        "serializer or JSONSerializer)",
        "serializer)",
        (
            "tests/ingestion/test_queue.py::test_rq_scheduler_has_the_tick_as_its_one_entry_and_gets_it_back_after_it_was_lost",
        ),
    ),
    Fault(
        "config/testrun.py",
        "            run.send_signal(signal.SIGINT)\n    lanes",
        "            run.kill()\n    lanes",
        ("tests/config/test_testrun.py::test_a_run_that_is_ended_stops_its_servers_before_we_end",),
    ),
    Fault(
        "config/testrun.py",
        "SIGINT)\n    lanes.shutdown()\n",
        "SIGINT)\n",
        ("tests/config/test_testrun.py::test_a_run_that_is_ended_stops_its_servers_before_we_end",),
    ),
    Fault(
        "config/testrun.py",
        "                started.clear()  # the terminal",
        "                pass  # the terminal",
        ("tests/config/test_testrun.py::test_a_run_that_the_terminal_told_to_end_is_not_told_again",),
    ),
    Fault(
        "config/testrun.py",
        "if (stdin or sys.stdin).isatty():",
        "if True:",
        ("tests/config/test_testrun.py::test_a_test_run_that_is_asked_to_end_ends_what_it_began",),
    ),
    Fault(
        "config/testrun.py",
        "    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))\n",
        "",
        ("tests/config/test_testrun.py::test_a_test_run_that_is_asked_to_end_ends_what_it_began",),
    ),
    Fault(
        "config/testrun.py",
        "                say_where_it_stopped(output)\n",
        "                pass\n",
        ("tests/config/test_testrun.py::test_a_run_that_nobody_waits_for_any_longer_is_ended_and_said",),
    ),
    Fault(
        "config/settings.py",
        '    "csp.middleware.CSPMiddleware",  # before those that answer by themselves: files and redirects carry it too\n    "django.middleware.security.SecurityMiddleware",\n',
        '    "django.middleware.security.SecurityMiddleware",\n    "csp.middleware.CSPMiddleware",\n',
        ("tests/config/test_settings.py::test_behind_a_tls_proxy_all_but_the_health_check_goes_over_https",),
    ),
    Fault(
        "config/settings.py",
        '    "csp.middleware.CSPMiddleware",  # before those that answer by themselves: files and redirects carry it too\n    "django.middleware.security.SecurityMiddleware",\n    "whitenoise.middleware.WhiteNoiseMiddleware",\n',
        '    "django.middleware.security.SecurityMiddleware",\n    "whitenoise.middleware.WhiteNoiseMiddleware",\n    "csp.middleware.CSPMiddleware",\n',
        ("tests/config/test_policy.py::test_every_answer_carries_the_policy",),
    ),
    Fault(
        "config/settings.py",
        '        "base-uri": ["\'self\'"],\n',
        "",
        ("tests/config/test_policy.py::test_every_answer_carries_the_policy",),
    ),
    Fault(
        "config/settings.py",
        '        "form-action": ["\'self\'"],\n',
        "",
        ("tests/config/test_policy.py::test_every_answer_carries_the_policy",),
    ),
    Fault(
        "config/settings.py",
        '        "frame-ancestors": ["\'none\'"],\n',
        "",
        ("tests/config/test_policy.py::test_every_answer_carries_the_policy",),
    ),
    Fault(
        "integrations/extras.py",
        "for module in MODULES[extra] if",
        "for module in MODULES[extra][:1] if",
        (
            "tests/integrations/test_extras.py::test_the_error_names_the_first_module_for_whoever_imports_what_may_be_missing",
        ),
    ),
    Fault(
        "integrations/extras.py",
        "            name=missing[0],\n",
        "",
        (
            "tests/integrations/test_extras.py::test_the_error_names_the_first_module_for_whoever_imports_what_may_be_missing",
        ),
    ),
    Fault(
        "config/apps.py",
        'for file in (name, f"{name}-wal", f"{name}-shm"):',
        "for file in (name,):",
        ("tests/config/test_settings.py::test_what_sqlite_left_beside_a_database_file_is_its_owners_alone_too",),
    ),
    Fault(
        "config/apps.py",
        "        connection_created.connect(keep_sqlite_private)\n",
        "        pass\n",
        ("tests/config/test_settings.py::test_a_database_file_anywhere_is_its_owners_alone",),
    ),
    Fault(
        "config/paths.py",
        "            file.chmod(mode & 0o700)",
        "            file.chmod(mode & 0o750)",
        ("tests/config/test_settings.py::test_a_database_file_anywhere_is_its_owners_alone",),
    ),
    Fault(
        "config/management/commands/demo.py",
        "        if user.groups.filter(name=demo_data.GROUP).exists():",
        "        if user.is_superuser:",
        (
            "tests/config/test_killed_demo.py::test_the_next_start_goes_on_with_the_superuser_of_a_demo_that_was_killed_while_it_made_one",
        ),
    ),
    Fault(
        "config/demo_data.py",
        "            user.set_unusable_password()\n",
        "            pass\n",
        ("tests/config/test_demo.py::test_staff_see_their_own_tenant_only",),
    ),
    Fault(
        "config/demo_data.py",
        "if received.duplicate and not received.run.is_active:",
        "if received.duplicate:",
        ("tests/config/test_demo.py::test_interrupted_start_is_carried_on",),
    ),
]
