"""Faults where rows of one tenant come near another's: forms, filters, lists, commands, files, secrets, hold-offs."""

from tests.faults.planting import Fault

_PAGES = ("tests/ingestion/joints", "tests/ingestion/admin/test_scoped.py", "tests/ingestion/admin/test_isolation.py")
_SCOPED, _FILTERS, _OWNERSHIP = (
    "ingestion/admin/scoped.py",
    "ingestion/admin/filters.py",
    "ingestion/admin/ownership.py",
)

FAULTS = [
    Fault(_SCOPED, "        field.queryset = only_own(field.queryset, request.user)\n", "        pass\n", _PAGES),
    Fault(_SCOPED, 'if seen else ("", "")', 'if seen or True else ("", "")', _PAGES),
    Fault(
        _SCOPED, "if any(tenant_path(type(row)) and not is_own(request, row) for row in found):", "if False:", _PAGES
    ),
    Fault(_SCOPED, "    return len(parts) == 1 and parts[0] in _LOOKUPS", "    return True", _PAGES),
    Fault(_SCOPED, 'else [*fixed, "tenant"]', "else fixed", _PAGES),
    Fault(
        _FILTERS,
        "own = only_own(related._default_manager.all(), request.user)",
        "own = related._default_manager.all()",
        _PAGES,
    ),
    Fault(
        _FILTERS,
        "own = only_own(Connection.unscoped.all(), request.user)",
        "own = Connection.unscoped.all()",
        _PAGES,
    ),
    Fault(
        _OWNERSHIP,
        "return only_own(queryset, user) if len(keys) > MOST_KEYS else",
        "return queryset if len(keys) > MOST_KEYS else",
        (*_PAGES, "tests/ingestion/admin/test_queries.py", "tests/ingestion/admin/test_plans.py"),
    ),
    Fault(
        _OWNERSHIP,
        'TenantGrant.objects.filter(tenant__in=granted.values("pk")).values',
        "TenantGrant.objects.values",
        _PAGES,
    ),
    Fault("ingestion/admin/forms.py", "if mine is not None and owner != mine:", "if False:", _PAGES),
    Fault(
        "ingestion/admin/uploads.py",
        "mine = only_own(Connection.unscoped.filter(_able()), user)",
        "mine = Connection.unscoped.filter(_able())",
        ("tests/ingestion/joints", "tests/ingestion/admin/test_uploads.py", "tests/ingestion/admin/test_isolation.py"),
    ),
    Fault(
        "ingestion/admin/credential_forms.py",
        'only_own(Tenant.objects.order_by("key"), user)',
        'Tenant.objects.order_by("key")',
        (
            "tests/ingestion/joints",
            "tests/ingestion/admin/test_credentials.py",
            "tests/ingestion/admin/test_isolation.py",
        ),
    ),
    Fault(
        "ingestion/admin/replays.py",
        "letters = page.get_queryset(request).filter(pk__in=ids)",
        "letters = DeadLetter.unscoped.filter(pk__in=ids)",
        (
            "tests/ingestion/joints",
            "tests/ingestion/admin/test_dead_letters.py",
            "tests/ingestion/admin/test_isolation.py",
        ),
    ),
    Fault(
        "ingestion/admin/searching.py",
        'own = only_own(Connection.unscoped.filter(pipeline=pipeline), user).order_by("pk")',
        'own = Connection.unscoped.filter(pipeline=pipeline).order_by("pk")',
        (
            "tests/ingestion/joints",
            "tests/integrations/bank/test_admin.py",
            "tests/integrations/stripe/test_admin.py",
        ),
        equivalent="the list that is searched holds own rows alone; the names only let an index be used",
    ),
    Fault(
        "ingestion/actions/actor.py",
        "or not Tenant.objects.granted_to(user).filter(pk=tenant.pk).exists()",
        "or not Tenant.objects.granted_to(user).exists()",
        _PAGES,
    ),
    Fault(
        "ingestion/limits/holding.py",
        "Run.objects.for_tenant(tenant.id).select_related",
        "Run.unscoped.select_related",
        ("tests/ingestion/joints", "tests/ingestion/limits/test_hold_offs.py"),
    ),
    Fault(
        "ingestion/management/verbs/finding.py",
        'return query.filter(tenant=tenant(options)) if options.get("tenant") else query',
        "return query",
        ("tests/ingestion/joints", "tests/ingestion/commands"),
    ),
    Fault(
        "ingestion/management/verbs/upkeep.py",
        'tenants = [finding.tenant(options)] if options["tenant"] else list(',
        "tenants = list(",
        ("tests/ingestion/joints", "tests/ingestion/commands/test_upkeep.py", "tests/ingestion/test_retention.py"),
    ),
    Fault(
        "ingestion/models/scoping.py",
        "        clone._scoped = self._scoped\n",
        "        clone._scoped = True\n",
        ("tests/ingestion/joints", "tests/ingestion/test_scoped_queries.py"),
    ),
    Fault(
        "ingestion/models/scoping.py",
        "        _require(self)\n        _require(other)\n",
        "        _require(self)\n",
        ("tests/ingestion/joints", "tests/ingestion/test_scoped_queries.py"),
    ),
    Fault(
        "ingestion/limits/holding.py",
        "key = (connection.tenant_id, limited_of(connection))",
        "key = (0, limited_of(connection))",
        ("tests/ingestion/joints", "tests/ingestion/limits/test_hold_offs.py"),
    ),
    Fault(
        "ingestion/artifacts.py",
        'in _files(store, f"{ROOT}/{tenant.key}"):',
        "in _files(store, ROOT):",
        ("tests/ingestion/joints", "tests/ingestion/commands/test_upkeep.py", "tests/ingestion/test_retention.py"),
    ),
    Fault(
        "ingestion/retention.py",
        '    old = one.model.objects.for_tenant(tenant).filter(one.of, **{f"{one.moment}__lt": before})\n',
        '    old = one.model.unscoped.filter(one.of, **{f"{one.moment}__lt": before})\n'
        "    return int(old.delete()[0])\n",
        ("tests/ingestion/joints", "tests/ingestion/test_retention.py"),
    ),
    Fault(
        "ingestion/vault/database.py",
        'return Place(row.tenant_id, row.integration, f"credential {row.pk}"',
        'return Place(0, row.integration, f"credential {row.pk}"',
        (
            "tests/ingestion/joints",
            "tests/ingestion/vault/test_database_store.py",
            "tests/ingestion/vault/test_sealing.py",
            "tests/ingestion/vault/test_restore.py",
        ),
        equivalent="the row's number and the tenant's own data key, which is bound to the tenant, say whose it is already",
    ),
    Fault(
        "ingestion/redaction/known.py",
        "        if tenant is None:\n            return (self._everybodys,)\n",
        "        if True:\n            return (self._everybodys,)\n",
        ("tests/ingestion/joints", "tests/ingestion/vault/test_redaction.py"),
    ),
    Fault(
        "integrations/stripe/redelivery.py",
        'kept = StripeEvent.objects.for_tenant(tenant).exclude(body="")',
        'kept = StripeEvent.unscoped.exclude(body="")',
        ("tests/integrations/stripe/test_kept_events.py",),
        equivalent="only what the tenant's own connections brought is gone through, and that is the tenant's own",
    ),
]
