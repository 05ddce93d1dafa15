"""Credentials in a HashiCorp Vault server (KV version 2), through `hvac`, in the extra "vault".

One secret for each tenant and integration, under a path that names both; what is stored says again whose it is, and is
refused when that does not fit. Every write checks the version it replaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any

from ingestion.conf import config
from ingestion.core.context import Secret
from ingestion.core.errors import CredentialDamaged, KeysUnusable, SecretStoreUnavailable
from ingestion.vault.master_keys import resolved
from ingestion.vault.stores import Address, changed

KNOWN = {"url", "mount", "prefix", "namespace", "ca", "timeout", "token", "role_id", "secret_id"}
_STALE = "check-and-set parameter did not match"
_TRIES = 5


class HashicorpStore:
    """Settings in INGESTION["VAULT"]. Tokens are read again for each client, so an agent may renew them in a file."""

    remote = True

    def read(self, at: Address) -> Secret | None:
        with self._speaking() as kv:
            try:
                answer = kv.read_secret_version(
                    path=_path(at), mount_point=_mount(), raise_on_deleted_version=False
                )["data"]  # fmt: skip
            except _errors().InvalidPath:
                return None
        version, data = int(answer["metadata"]["version"]), answer["data"]
        if not data:  # deleted or destroyed
            return None
        if (data.get("tenant"), data.get("integration")) != (at.tenant.id, at.integration):
            raise CredentialDamaged(
                f"The secret under {_path(at)} is not the tenant's credential for {at.integration}."
            )
        return Secret({str(name): str(value) for name, value in data["values"].items()}, version)

    def write(self, at: Address, values: Mapping[str, str], expected: int | None) -> int:
        body = {"tenant": at.tenant.id, "integration": at.integration, "values": dict(values)}
        for tried in range(1, _TRIES + 1):
            with self._speaking() as kv:
                before = expected or self._before(kv, at, nothing=expected == 0)
                try:
                    answer = kv.create_or_update_secret(path=_path(at), secret=body, cas=before, mount_point=_mount())
                except _errors().InvalidRequest as error:
                    if _STALE not in str(error) or (expected is None and tried == _TRIES):
                        raise
                    if expected is not None:
                        raise changed(at) from None
                    continue
                return int(answer["data"]["version"])
        raise AssertionError("unreachable")

    def delete(self, at: Address) -> None:
        """Destroys every version. The path's version counter stays, so that numbers never repeat."""
        with self._speaking() as kv:
            try:
                known = kv.read_secret_metadata(path=_path(at), mount_point=_mount())["data"]["versions"]
            except _errors().InvalidPath:
                return
            numbers = [int(number) for number, about in known.items() if not about["destroyed"]]
            if numbers:
                kv.destroy_secret_versions(path=_path(at), versions=numbers, mount_point=_mount())

    def _before(self, kv: Any, at: Address, *, nothing: bool) -> int:
        """The newest version's number, which check-and-set must name; 0 when there never was one.

        Raises CredentialChanged when there is to be `nothing` and that version can still be read.
        """
        try:
            known = kv.read_secret_metadata(path=_path(at), mount_point=_mount())["data"]
        except _errors().InvalidPath:
            return 0
        newest = known["versions"].get(str(known["current_version"]))
        if nothing and newest and not (newest["destroyed"] or newest.get("deletion_time")):
            raise changed(at)
        return int(known["current_version"])

    @contextmanager
    def _speaking(self) -> Iterator[Any]:
        """The KV v2 part of a client; whatever the server does wrong comes out under a name of ours."""
        errors, requests = _errors(), import_module("requests")
        try:
            client = connect()
            with closing(client.adapter):
                log_in(client)
                yield client.secrets.kv.v2
        except (errors.Forbidden, errors.Unauthorized) as error:
            raise KeysUnusable(
                f"The Vault server refuses our token ({type(error).__name__}); renew it, or give it the policy that is "
                "shown in https://github.com/sluicegate/django-sluicegate/blob/main/docs/how-to/store-credentials.md"
            ) from None
        except (errors.VaultError, requests.RequestException) as error:
            # Its text may name the path, and the server's own messages, but never holds the request's body.
            raise SecretStoreUnavailable(f"The Vault server cannot be used: {type(error).__name__}.") from None


def connect() -> Any:
    """A client, not logged in yet. Raises KeysUnusable for settings that make no sense."""
    problem = next(problems(), None)
    if problem:
        raise KeysUnusable(problem)
    # Without these two arguments hvac would look around: ~/.vault-token, VAULT_SKIP_VERIFY.
    return import_module("hvac").Client(
        url=_given("url"), namespace=_given("namespace") or None, timeout=float(_given("timeout") or 10),
        verify=_given("ca") or True, token=_given("token") or "none", allow_redirects=False,
    )  # fmt: skip


def log_in(client: Any) -> None:
    """With a role's id and secret, where the settings have them instead of a token."""
    if role_id := _given("role_id"):
        client.auth.approle.login(role_id, _given("secret_id"))


def _given(name: str) -> str:
    value = config().VAULT.get(name, "")
    return resolved(f'INGESTION["VAULT"]["{name}"]', value) if value else ""


def problems() -> Iterator[str]:
    """What is wrong with INGESTION["VAULT"], and whether hvac is there."""
    try:
        import_module("hvac")
    except ImportError:
        yield "HashicorpStore needs hvac: pip install 'django-sluicegate[vault]'."
    given = config().VAULT
    for name in sorted(set(given) - KNOWN):
        yield f'INGESTION["VAULT"] has an unknown key {name!r}; known: {", ".join(sorted(KNOWN))}.'
    if not given.get("url"):
        yield 'INGESTION["VAULT"] names no url.'
    if not given.get("token") and not (given.get("role_id") and given.get("secret_id")):
        yield 'INGESTION["VAULT"] needs token, or role_id and secret_id.'


def _path(at: Address) -> str:
    """Under the prefix, the tenant and the integration. The id, because a key may be given to another tenant later."""
    return f"{config().VAULT.get('prefix', 'sluicegate')}/{at.tenant.key}-{at.tenant.id}/{at.integration}"


def _mount() -> str:
    return config().VAULT.get("mount", "secret")


def _errors() -> Any:
    return import_module("hvac.exceptions")
