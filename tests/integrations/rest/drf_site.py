"""A small Django REST framework site as a process of its own: the pagination and authentication are the framework's.

`python drf_site.py` prints its port. `/page/`, `/offset/`, `/cursor/`, `/link/` list the same shipments, with
`?updated_after=` and, under `/private/…`, for a token only. POST `/control/` with {"reset": rows}, {"at": n, "delete":
[ids], "insert": count}: before request n from now, rows are deleted and others put in front.
"""

# ruff: noqa: E402, DJ008
from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

START = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = "0123456789abcdef0123456789abcdef01234567"

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "file:shipments?mode=memory&cache=shared",
            "OPTIONS": {"uri": True},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "rest_framework.authtoken",
    ],
    MIDDLEWARE=[],
    REST_FRAMEWORK={"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]},
    ROOT_URLCONF=__name__,
    SECRET_KEY="only-for-tests",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework import generics, pagination, serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response


class Shipment(models.Model):
    rank = models.IntegerField(db_index=True)
    """What the list is ordered by: new ones stand in front."""
    name = models.CharField(max_length=100)
    weight = models.DecimalField(max_digits=12, decimal_places=3)
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "contenttypes"


class Shown(serializers.ModelSerializer):
    class Meta:
        model = Shipment
        fields = ["id", "name", "weight", "updated_at"]


class ByPage(pagination.PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100


class ByOffset(pagination.LimitOffsetPagination):
    default_limit = 50
    max_limit = 100


class ByCursor(pagination.CursorPagination):
    page_size = 50
    ordering = ("rank", "id")


class ByLink(ByPage):
    def get_paginated_response(self, data: Any) -> Response:
        named = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        link = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in named.items() if url)
        return Response(
            data, headers={"X-Total-Count": str(self.page.paginator.count), **({"Link": link} if link else {})}
        )


class Shipments(generics.ListAPIView):
    serializer_class = Shown
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    def get_queryset(self) -> Any:
        rows = Shipment.objects.order_by("rank", "id")
        after = self.request.query_params.get("updated_after")
        return rows.filter(updated_at__gte=after) if after else rows

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        planned.before()
        return super().list(request, *args, **kwargs)


class Planned:
    """What is to change, and before which request."""

    changes: list[dict[str, Any]] = []
    asked = 0

    def before(self) -> None:
        self.asked += 1
        for change in [one for one in self.changes if one["at"] <= self.asked]:
            self.changes.remove(change)
            Shipment.objects.filter(pk__in=change.get("delete", [])).delete()
            put(change.get("insert", 0), front=True)


planned = Planned()


def put(count: int, *, front: bool = False) -> None:
    least = (Shipment.objects.aggregate(least=models.Min("rank"))["least"] or 0) if front else 0
    numbers = range(1, count + 1)
    Shipment.objects.bulk_create(
        Shipment(
            rank=least - one if front else one,
            name=["plain", "Zoë Ångström", "株式会社", "=cmd|x", ""][one % 5],
            weight=f"{one}.{one % 1000:03}",
            updated_at=START + timedelta(minutes=one),
        )
        for one in numbers
    )


def control(request: HttpRequest) -> JsonResponse:
    asked = json.loads(request.body)
    if "reset" in asked:
        Shipment.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [Shipment._meta.db_table])
        put(asked["reset"])
        planned.changes, planned.asked = [], 0
    if "at" in asked:
        planned.changes.append({**asked, "at": planned.asked + asked["at"]})
    return JsonResponse({"ids": list(Shipment.objects.values_list("pk", flat=True)), "asked": planned.asked})


def views() -> list[Any]:
    found = [path("control/", control)]
    for name, pages in {"page": ByPage, "offset": ByOffset, "cursor": ByCursor, "link": ByLink}.items():
        view = type("View", (Shipments,), {"pagination_class": pages})
        guarded = {"permission_classes": [IsAuthenticated], "authentication_classes": [TokenAuthentication]}
        found += [
            path(f"{name}/", view.as_view()),
            path(f"private/{name}/", type("Guarded", (view,), guarded).as_view()),
        ]
    return found


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        return None


def serve() -> None:
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Shipment)
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    Token.objects.create(user=User.objects.create(username="sluicegate"), key=TOKEN)
    put(1037)
    with make_server("127.0.0.1", 0, get_wsgi_application(), server_class=Server, handler_class=Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


urlpatterns = views()
if __name__ == "__main__":
    sys.modules["drf_site"] = sys.modules["__main__"]
    serve()
