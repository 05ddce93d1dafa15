"""What every address of the admin is, declared. An address that is not declared here fails `test_isolation.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, URLResolver


class Policy(Enum):
    """What another tenant's staff may get out of an address."""

    SITE = "shows nothing of any tenant, or only what the account itself did"
    LIST = "own rows only, whatever the query string"
    FORM = "makes or chooses among own rows only"
    OBJECT = "another tenant's object is answered like one that does not exist"


SITE = {
    "index", "login", "logout", "password_change", "password_change_done", "jsi18n", "app_list", "view_on_site", "",
    "auth_user_password_change",
}  # fmt: skip
PER_MODEL = {"changelist": Policy.LIST, "add": Policy.FORM, "history": Policy.OBJECT, "delete": Policy.OBJECT,
             "change": Policy.OBJECT}  # fmt: skip
DECLARED = {
    "autocomplete": Policy.LIST,
    "ingestion_artifact_download": Policy.OBJECT,
    "ingestion_connection_backfill": Policy.OBJECT,
    "ingestion_connection_end_hold_off": Policy.OBJECT,
    "ingestion_connection_pause": Policy.OBJECT,
    "ingestion_connection_preview": Policy.OBJECT,
    "ingestion_connection_resume": Policy.OBJECT,
    "ingestion_connection_rewind": Policy.OBJECT,
    "ingestion_connection_run": Policy.OBJECT,
    "ingestion_connection_schedule": Policy.OBJECT,
    "ingestion_connection_test": Policy.OBJECT,
    "ingestion_connection_upload": Policy.FORM,
    "ingestion_credential_expire": Policy.OBJECT,
    "ingestion_credential_keys": Policy.FORM,
    "ingestion_credential_remove": Policy.OBJECT,
    "ingestion_credential_replace": Policy.OBJECT,
    "ingestion_deadletter_abandon": Policy.OBJECT,
    "ingestion_deadletter_settle": Policy.OBJECT,
    "ingestion_deadletter_reopen": Policy.OBJECT,
    "ingestion_deadletter_causes": Policy.LIST,
    "ingestion_deadletter_payload": Policy.OBJECT,
    "ingestion_deadletter_replay": Policy.OBJECT,
    "ingestion_deadletter_replay_matching": Policy.FORM,
    "ingestion_deadletter_triage": Policy.OBJECT,
    "ingestion_delivery_abandon": Policy.OBJECT,
    "ingestion_delivery_body": Policy.OBJECT,
    "ingestion_knownshape_accept": Policy.OBJECT,
    "ingestion_knownshape_dismiss": Policy.OBJECT,
    "ingestion_quotaoverride_end": Policy.OBJECT,
    "ingestion_reconciledperiod_check": Policy.OBJECT,
    "ingestion_reconciledperiod_resync": Policy.OBJECT,
    "ingestion_run_cancel": Policy.OBJECT,
    "ingestion_run_retry": Policy.OBJECT,
    "ingestion_usage_override": Policy.OBJECT,
    "rest_restrecord_declare": Policy.FORM,
    "stripe_stripeevent_deliver": Policy.OBJECT,
}


@dataclass(frozen=True)
class Address:
    """One URL pattern: `route` below the admin's root, and the model it belongs to."""

    route: str
    name: str
    model: Any
    policy: Policy | None

    def of(self, pk: object) -> str:
        return self.route.replace("<path:object_id>", str(pk))


def addresses(site: AdminSite) -> list[Address]:
    """Every URL pattern of `site`; `policy` is None where nobody declared one."""
    owners = {f"{model._meta.app_label}/{model._meta.model_name}/": model for model in site._registry}
    return [_address(route, pattern, owners) for route, pattern in _flat(site.get_urls(), "")]


def _address(route: str, pattern: URLPattern, owners: dict[str, Any]) -> Address:
    model = next((model for prefix, model in owners.items() if route.startswith(prefix)), None)
    name = pattern.name or ""
    policy = DECLARED.get(name) or (Policy.SITE if name in SITE else None)
    if model is not None and policy in (None, Policy.SITE):
        standard = {f"{model._meta.app_label}_{model._meta.model_name}_{verb}": how for verb, how in PER_MODEL.items()}
        # Django's own redirect from the bare object to its change page has no name.
        policy = standard.get(name) or (Policy.OBJECT if route.endswith("<path:object_id>/") else policy)
    return Address(route, name, model, policy)


def _flat(patterns: list[Any], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _flat(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern
