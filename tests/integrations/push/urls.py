"""The push endpoint with a secret for each tenant, in the place of stored credentials."""

from collections.abc import Sequence

from django.urls import path

from ingestion import CredentialError, Pipeline
from ingestion.models import Connection
from ingestion.webhooks import new_secret, receiver, standard_webhooks
from integrations.push.telling import expected_rejections
from integrations.push.urls import is_pushed

SECRETS = {"acme": new_secret(), "globex": new_secret()}


def secrets_of(pipeline: Pipeline, connection: Connection) -> Sequence[str]:
    try:
        return [SECRETS[connection.tenant.key]]
    except KeyError:
        raise CredentialError("None is stored.") from None


urlpatterns = [
    path("push/<slug:tenant>/<uuid:connection>/", receiver(standard_webhooks, accepts=is_pushed, secrets=secrets_of)),
    path(
        "told/<slug:tenant>/<uuid:connection>/",
        receiver(standard_webhooks, accepts=is_pushed, secrets=secrets_of, tells=expected_rejections),
    ),
]
