"""Faults where rows of one tenant come near another's: forms, filters, lists, commands, files, secrets, hold-offs."""

from tests.faults.planting import Fault

_SCOPED, _FILTERS, _OWNERSHIP = (
    "ingestion/admin/kit/scoped.py",
    "ingestion/admin/kit/filters.py",
    "ingestion/admin/kit/ownership.py",
)

FAULTS = [
    Fault(
        _SCOPED,
        "        field.queryset = only_own(field.queryset, request.user)\n",
        "        pass\n",
        ("tests/ingestion/admin/test_isolation.py::test_the_mixin_closes_what_the_plain_admin_leaves_open",),
    ),
    Fault(
        _SCOPED,
        'if may_see else ("", "")',
        'if may_see or True else ("", "")',
        ("tests/ingestion/admin/test_isolation.py::test_the_mixin_closes_what_the_plain_admin_leaves_open",),
    ),
    Fault(
        _SCOPED,
        "if any(tenant_path(type(row)) and not is_own(request, row) for row in affected):",
        "if False:",
        ("tests/ingestion/admin/test_scoped.py::test_deleting_does_not_show_or_take_rows_of_another_tenant",),
    ),
    Fault(
        _SCOPED,
        "    return len(parts) == 1 and parts[0] in _LOOKUPS",
        "    return True",
        ("tests/ingestion/joints/test_tenants_apart.py::test_a_list_is_not_searched_through_what_its_rows_point_to",),
    ),
    Fault(
        _SCOPED,
        'else [*fixed, "tenant"]',
        "else fixed",
        ("tests/ingestion/admin/test_scoped.py::test_a_row_never_moves_to_another_tenant",),
    ),
    Fault(
        _FILTERS,
        "rows = only_own(related._default_manager.all(), request.user)",
        "rows = related._default_manager.all()",
        ("tests/ingestion/admin/test_scoped.py::test_a_foreign_key_filter_of_somebody_elses_is_scoped_too",),
    ),
    Fault(
        _FILTERS,
        "connections = only_own(Connection.unscoped.all(), request.user)",
        "connections = Connection.unscoped.all()",
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_pipelines_that_other_tenants_alone_use_are_no_choice_of_a_filter",
        ),
    ),
    Fault(
        _OWNERSHIP,
        "return only_own(queryset, user) if len(keys) > MOST_KEYS else",
        "return queryset if len(keys) > MOST_KEYS else",
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_staff_of_more_tenants_than_a_statement_names_see_and_open_no_other_tenants_rows",
        ),
    ),
    Fault(
        _OWNERSHIP,
        'TenantGrant.objects.filter(tenant__in=granted.values("pk")).values',
        "TenantGrant.objects.values",
        ("tests/ingestion/admin/test_scoped.py::test_staff_see_the_accounts_that_share_a_tenant_with_them",),
    ),
    Fault(
        "ingestion/admin/kit/forms.py",
        "if tenant_id is not None and owner != tenant_id:",
        "if False:",
        ("tests/ingestion/admin/test_scoped.py::test_staff_of_both_tenants_cannot_mix_their_rows",),
    ),
    Fault(
        "ingestion/admin/pages/uploads.py",
        "connections = only_own(Connection.unscoped.filter(_able()), user)",
        "connections = Connection.unscoped.filter(_able())",
        ("tests/ingestion/admin/test_uploads.py::test_only_own_connections_can_be_chosen",),
    ),
    Fault(
        "ingestion/admin/pages/credential_forms.py",
        'only_own(Tenant.objects.order_by("key"), user)',
        'Tenant.objects.order_by("key")',
        ("tests/ingestion/admin/test_credentials.py::test_no_credential_can_be_stored_for_another_tenant",),
    ),
    Fault(
        "ingestion/admin/pages/replays.py",
        "dead_letters = page.get_queryset(request).filter(pk__in=ids)",
        "dead_letters = DeadLetter.unscoped.filter(pk__in=ids)",
        (
            "tests/ingestion/admin/test_dead_letters.py::test_letters_of_another_tenant_are_not_counted_by_their_numbers",
        ),
    ),
    Fault(
        "ingestion/admin/kit/searching.py",
        'connections = only_own(Connection.unscoped.filter(pipeline=pipeline), user).order_by("pk")',
        'connections = Connection.unscoped.filter(pipeline=pipeline).order_by("pk")',
        (),
        equivalent="the list that is searched holds own rows alone; the names only let an index be used",
    ),
    Fault(
        "ingestion/actions/actor.py",
        "or not Tenant.objects.granted_to(user).filter(pk=tenant.pk).exists()",
        "or not Tenant.objects.granted_to(user).exists()",
        ("tests/ingestion/limits/test_hold_offs.py::test_nobody_ends_another_tenant_s_hold_off",),
    ),
    Fault(
        "ingestion/limits/hold_off.py",
        "Run.objects.for_tenant(tenant.id).select_related",
        "Run.unscoped.select_related",
        ("tests/ingestion/limits/test_hold_offs.py::test_ending_it_lets_that_tenant_call_and_its_waiting_runs_start",),
    ),
    Fault(
        "ingestion/management/verbs/lookups.py",
        'return query.filter(tenant=tenant(options)) if options.get("tenant") else query',
        "return query",
        ("tests/ingestion/commands/test_letters.py::test_a_letter_of_another_tenant_is_not_there",),
    ),
    Fault(
        "ingestion/management/verbs/maintenance.py",
        'tenants = [lookups.tenant(options)] if options["tenant"] else list(',
        "tenants = list(",
        ("tests/ingestion/joints/test_commands.py::test_sweeping_one_tenant_sweeps_no_other",),
    ),
    Fault(
        "ingestion/models/scoping.py",
        "        clone._scoped = self._scoped\n",
        "        clone._scoped = True\n",
        ("tests/ingestion/test_scoped_queries.py::test_what_is_made_of_a_query_without_a_tenant_has_none_either",),
    ),
    Fault(
        "ingestion/models/scoping.py",
        "        _require(self)\n        _require(other)\n",
        "        _require(self)\n",
        ("tests/ingestion/test_scoped_queries.py::test_combining_a_scoped_query_with_an_unscoped_one_is_refused",),
    ),
    Fault(
        "ingestion/limits/hold_off.py",
        "key = (connection.tenant_id, rate_name_of(connection))",
        "key = (0, rate_name_of(connection))",
        ("tests/ingestion/joints/test_tenants_apart.py::test_the_same_hold_off_of_two_tenants_is_listed_for_both",),
    ),
    Fault(
        "ingestion/artifacts.py",
        'in _files(store, f"{ROOT}/{tenant.key}"):',
        "in _files(store, ROOT):",
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_sweeping_one_tenant_takes_its_own_old_files_and_no_other",
        ),
    ),
    Fault(
        "ingestion/retention.py",
        '    old = retention.model.objects.for_tenant(tenant).filter(retention.of, **{f"{retention.moment}__lt": before})\n',
        '    old = retention.model.unscoped.filter(retention.of, **{f"{retention.moment}__lt": before})\n    return int(old.delete()[0])\n',
        ("tests/ingestion/joints/test_tenants_apart.py::test_forgetting_one_tenants_rows_forgets_nobody_elses",),
    ),
    Fault(
        "ingestion/vault/database.py",
        'return AssociatedData(row.tenant_id, row.integration, f"credential {row.pk}"',
        'return AssociatedData(0, row.integration, f"credential {row.pk}"',
        (),
        equivalent="the row's number and the tenant's own data key, which is bound to the tenant, say whose it is already",
    ),
    Fault(
        "ingestion/redaction/known_secrets.py",
        "        if tenant is None:\n            return (self._everybodys,)\n",
        "        if True:\n            return (self._everybodys,)\n",
        ("tests/ingestion/vault/test_redaction.py::test_what_a_tenant_reads_is_masked_with_its_own_secrets",),
    ),
    Fault(
        "integrations/stripe/redelivery.py",
        'undelivered = StripeEvent.objects.for_tenant(tenant).exclude(body="")',
        'undelivered = StripeEvent.unscoped.exclude(body="")',
        (),
        equivalent="only what the tenant's own connections brought is gone through, and that is the tenant's own",
    ),
    Fault(
        "ingestion/admin/kit/ownership.py",
        "if tenant_id not in granted:",
        "if True:",
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_staff_of_more_tenants_than_a_statement_names_see_and_open_no_other_tenants_rows",
        ),
    ),
    Fault(
        "ingestion/admin/kit/ownership.py",
        'row.pk if path == "pk" else getattr(row, "tenant_id", None)',
        'getattr(row, "tenant_id", None)',
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_staff_of_more_tenants_than_a_statement_names_see_and_open_no_other_tenants_rows",
        ),
    ),
    Fault(
        "ingestion/admin/kit/ownership.py",
        "    user: Any = request.user\n    if user.is_superuser and user.is_active:",
        "    user: Any = request.user\n    if user.is_superuser:",
        ("tests/ingestion/joints/test_tenants_apart.py::test_a_superuser_who_was_locked_out_owns_nothing",),
    ),
    Fault(
        "ingestion/admin/kit/ownership.py",
        ".filter(pk=tenant_id or 0).exists()",
        ".exists()",
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_staff_of_more_tenants_than_a_statement_names_see_and_open_no_other_tenants_rows",
        ),
    ),
    Fault(
        "ingestion/admin/kit/ownership.py",
        "or len(keys) <= MOST_KEYS:",
        ":",
        ("tests/ingestion/joints/test_tenants_apart.py::test_whose_a_row_is_is_asked_once_a_request",),
    ),
    Fault(
        "ingestion/admin/kit/ownership.py",
        "[: MOST_KEYS + 1]",
        "[:MOST_KEYS]",
        (
            "tests/ingestion/joints/test_tenants_apart.py::test_staff_of_more_tenants_than_a_statement_names_see_and_open_no_other_tenants_rows",
        ),
    ),
    Fault(
        "ingestion/admin/kit/ownership.py",
        "    if path is None:\n        return False",
        "    if path is None:\n        return True",
        ("tests/ingestion/joints/test_tenants_apart.py::test_what_no_tenant_owns_is_nobodys_own",),
    ),
]
