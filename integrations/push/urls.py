"""The webhook endpoint: `path("push/", include("integrations.push.urls"))` in your URLconf.

Each connection has an address of its own.
"""

from __future__ import annotations

from django.urls import path

from ingestion import Pipeline
from ingestion.webhooks import receiver, standard_webhooks
from integrations.push.source import Pushed
from integrations.push.telling import expected_rejections

app_name = "push"


def is_pushed(pipeline: Pipeline) -> bool:
    return isinstance(pipeline.source, Pushed)


urlpatterns = [
    path(
        "<slug:tenant>/<uuid:connection>/",
        receiver(standard_webhooks, accepts=is_pushed, tells=expected_rejections),
        name="receive",
    ),
]
