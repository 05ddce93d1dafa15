"""The view behind a webhook's address: read, verify, store, answer. Nothing of a body is looked at before it is proved.

| answer | when |
|---|---|
| 202 | stored; a worker takes it in |
| 200 | stored before |
| 207 | stored, now or before, but some of its items will be rejected: the answer names them (with `tells`) |
| 401 | no such endpoint, or a wrong signature: one answer, so that nobody finds out which endpoints exist |
| 400, 411, 413, 415 | the body is cut short, has no length, is too large, or is compressed |
| 429 | too much waits for this connection already, or INGESTION["DELIVERY_LIMIT"] says that this sender must wait |
| 503 | the database or the store of secrets is away, or our own keys are amiss; the sender tries again |
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ingestion import actions, deliveries
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.context import Secret
from ingestion.core.declarations import plain, require
from ingestion.core.errors import ConfigurationError, CredentialError, KeysUnusable, Transient
from ingestion.core.ingestion_modes import takes_deliveries
from ingestion.core.pipeline import Pipeline
from ingestion.database import errors
from ingestion.models import Connection
from ingestion.repeats import Repeats
from ingestion.running.execution import outside_a_run
from ingestion.vault import credentials
from ingestion.webhooks.feedback import Tells
from ingestion.webhooks.signatures import Malformed, Unverified, Verify, new_secret, secrets_in

logger = logging.getLogger("ingestion")
_repeats = Repeats(every=60)
"""Of deliveries that could not be stored: their senders come again within seconds."""

Accepts = Callable[[Pipeline], bool]
SecretsOf = Callable[[Pipeline, Connection], Sequence[str]]
Keeps = Callable[[Pipeline, Connection, bytes], bytes]
View = Callable[[HttpRequest, str, UUID], HttpResponse]

_DECOY = new_secret()
"""Verified against where there is no endpoint, so that both ways to a 401 do the same work."""
_RETRY_SECONDS = 30
_FULL_SECONDS = 300.0


class _Refused(Exception):
    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.status, self.headers = status, headers


def credential_of(pipeline: Pipeline, connection: Connection) -> Secret:
    """The credential that a run of this connection would use. Raises CredentialError when there is none."""
    return outside_a_run(pipeline, connection).credential()


def signing_secrets(pipeline: Pipeline, connection: Connection) -> Sequence[str]:
    """The values "signing_secret" and, while it is being replaced, "previous_signing_secret" of the credential."""
    return secrets_in(credential_of(pipeline, connection))


def everything(pipeline: Pipeline, connection: Connection, body: bytes) -> bytes:
    """The body as it came."""
    return body


def nothing(pipeline: Pipeline, body: bytes) -> Mapping[str, Any]:
    """Nothing is said of the body's records."""
    return {}


def receiver(
    verify: Verify,
    *,
    accepts: Accepts = takes_deliveries,
    secrets: SecretsOf = signing_secrets,
    keeps: Keeps = everything,
    tells: Tells = nothing,
    now: Callable[[], float] = time.time,
) -> View:
    """A view for `path("<slug:tenant>/<uuid:connection>/", …)`, the tenant's key and the connection's public id.

    `accepts` says which pipelines this endpoint is for, and `keeps` what is stored of a proved body: the same for the
    same body. `tells` says what its sender is told of it once it is stored, such as `rejections`. It is exempt from
    CSRF protection, which its signature replaces.

    Raises ConfigurationError for a part that is no function of what it is called with.
    """
    plain(verify, "verify of receiver()", "(headers, body, secrets, now)")
    plain(accepts, "accepts of receiver()", "(pipeline)")
    plain(secrets, "secrets of receiver()", "(pipeline, connection)")
    plain(keeps, "keeps of receiver()", "(pipeline, connection, body)")
    require(callable(tells), "tells of receiver()", tells, "a function, such as rejections")
    require(callable(now), "now of receiver()", now, "a function that returns seconds since 1970")

    @csrf_exempt
    @require_POST
    @transaction.non_atomic_requests
    def receive(request: HttpRequest, tenant: str, connection: UUID) -> HttpResponse:
        try:
            body = _read(request)
            return _answer(
                request, body, _Endpoint(verify, accepts, secrets, keeps, tells), (tenant, connection), now()
            )
        except _Refused as refused:
            return JsonResponse({"error": str(refused)}, status=refused.status, headers=refused.headers)
        except (DatabaseError, Transient, KeysUnusable) as error:
            if isinstance(error, DatabaseError) and not errors.is_away(error):
                raise
            why = f": {error}" if isinstance(error, KeysUnusable) else ""
            if (more := _repeats.due((request.path, type(error), why))) is not None:
                text = "A delivery to %s could not be stored, its sender is told to come again: %s%s%s"
                logger.error(text, request.path, type(error).__name__, why, more, extra={"event": "not_stored"})
            answer = _later(503, "Not available now; deliver it again.", _RETRY_SECONDS)
            answer._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark, or it tells it again
            return answer

    receive.accepts = accepts  # type: ignore[attr-defined]  # how `ingestion.endpoints` finds a connection's address
    return receive


class _Endpoint:
    """The functions that distinguish one kind's endpoint from another's."""

    def __init__(self, verify: Verify, accepts: Accepts, secrets: SecretsOf, keeps: Keeps, tells: Tells) -> None:
        self.verify, self.accepts, self.secrets, self.keeps, self.tells = verify, accepts, secrets, keeps, tells

    def find(self, tenant: str, public_id: UUID) -> Connection | None:
        connection = Connection.unscoped.select_related("tenant").filter(public_id=public_id).first()
        # Compared here: MariaDB takes one key for another in capitals, or with a space behind it.
        return connection if connection is not None and connection.tenant.key == tenant else None

    def opened(self, connection: Connection | None) -> tuple[Connection | None, Sequence[str]]:
        """The connection and its secrets; None and a decoy when this endpoint does not serve it.

        Raises SecretStoreUnavailable and KeysUnusable, with or without a connection.
        """
        secrets: Sequence[str] = []
        try:
            if connection is not None and self._is_for(connection, pipeline := registry.get(connection.pipeline)):
                secrets = self.secrets(pipeline, connection)
            else:
                credentials.require_reachable_store()  # or an outage would tell which endpoints exist
        except KeysUnusable:
            raise
        except (ConfigurationError, CredentialError) as error:
            if connection is not None:
                _log(connection, f"{type(error).__name__}: {error}")
        return (connection, secrets) if secrets else (None, [_DECOY])

    def _is_for(self, connection: Connection, pipeline: Pipeline) -> bool:
        return takes_deliveries(pipeline) and pipeline.serves(connection.tenant.key) and self.accepts(pipeline)


def _answer(
    request: HttpRequest, body: bytes, endpoint: _Endpoint, address: tuple[str, UUID], now: float
) -> HttpResponse:
    connection = endpoint.find(*address)
    try:
        _require_form(endpoint.verify, request, body, now)
        connection, secrets = endpoint.opened(connection)
        delivery_id = endpoint.verify(request.headers, body, secrets, now)
    except (Unverified, CredentialError) as why:
        if connection is not None:
            _log(connection, f"{type(why).__name__}: {why}")
        credentials.require_keys()  # one tenant's key may open while another's does not: the same answer to all
        raise _Refused(401, "There is no such endpoint, or the signature is wrong.") from why
    if connection is None:  # whoever signed with the decoy would have to know it
        raise _Refused(401, "There is no such endpoint, or the signature is wrong.")
    if (wait := _wait(connection)) > 0 or (wait := _FULL_SECONDS if deliveries.is_full(connection) else 0.0) > 0:
        return _later(429, "Too many deliveries.", wait)
    kept_body = _body_to_keep(endpoint.keeps, connection, body)
    stored = actions.deliver(connection, delivery_id, kept_body, content_type=request.headers.get("Content-Type", ""))
    feedback = _feedback_for(endpoint.tells, connection, kept_body)
    return JsonResponse({"stored": stored, **feedback}, status=207 if feedback else 202 if stored else 200)


def _body_to_keep(keeps: Keeps, connection: Connection, body: bytes) -> bytes:
    """The body to store. Raises Transient when a setting it needs went away after the proof: the sender comes again."""
    try:
        return keeps(registry.get(connection.pipeline), connection, body)
    except (ConfigurationError, CredentialError) as error:
        _log(connection, f"{type(error).__name__}: {error}")
        raise Transient("What is to be kept of a delivery cannot be told now.") from error


def _feedback_for(tells: Tells, connection: Connection, body: bytes) -> Mapping[str, Any]:
    """The sender's feedback on a body that is already stored: an error here does not change that."""
    try:
        return tells(registry.get(connection.pipeline), body)
    except Exception as error:  # noqa: BLE001  a validator's; the run that takes the delivery in answers it
        _log(connection, f"its records could not be judged at once ({type(error).__name__})", "delivery_not_judged")
        return {}


def _require_form(verify: Verify, request: HttpRequest, body: bytes, now: float) -> None:
    """Raise Malformed for a request that no secret could make right."""
    try:
        verify(request.headers, body, [_DECOY], now)
    except Malformed:
        raise
    except Unverified:
        return


def _read(request: HttpRequest) -> bytes:
    """The raw body, never more than the limit of it."""
    limit = config().MAX_DELIVERY_BYTES
    length = request.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit() and len(length) < 12):
        raise _Refused(411, "Say how long the body is (Content-Length).")
    if int(length) > limit:
        raise _Refused(413, f"The body may have {limit} bytes.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _Refused(415, "Send the body as it is, uncompressed.", {"Accept-Encoding": "identity"})
    body = bytearray()
    try:
        while len(body) <= limit and (part := request.read(limit + 1 - len(body))):
            body += part
    except (UnreadablePostError, OSError) as error:
        raise _Refused(400, "The body ended early.") from error
    if len(body) != int(length):
        raise _Refused(400, "The body is not as long as Content-Length says.")
    return bytes(body)


def _wait(connection: Connection) -> float:
    """Seconds until this connection's sender may deliver more, as the project's own function says."""
    path = config().DELIVERY_LIMIT
    return float(import_string(path)(connection)) if path else 0.0


def _later(status: int, why: str, seconds: float) -> HttpResponse:
    answer = JsonResponse({"error": why}, status=status)
    answer["Retry-After"] = str(max(1, round(seconds)))
    return answer


def _log(connection: Connection, why: str, event: str = "delivery_refused") -> None:
    logger.warning(
        "A delivery was %s: %s",
        "stored, but" if event == "delivery_not_judged" else "refused",
        why,
        extra={
            "tenant_id": connection.tenant_id,
            "pipeline": connection.pipeline,
            "connection_id": connection.pk,
            "event": event,
        },
    )
