"""The console at /admin/, and the endpoint for signed pushes at /push/."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView


def alive(request: HttpRequest) -> HttpResponse:
    """For load balancers and the compose file: says that the web process answers, nothing about the data."""
    return HttpResponse("ok", content_type="text/plain")


def no_icon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for an icon with each page; there is none, and a 404 would stand in the log."""
    return HttpResponse(status=204)


def on_no_site(request: HttpRequest, row: str) -> HttpResponse:
    """In the place of the console's "view on site": no row has a page elsewhere, and not each table is there."""
    raise Http404


admin.site.site_header = admin.site.site_title = "Sluicegate"
admin.site.index_title = "Operations"

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/r/<path:row>", on_no_site),
    path("admin/", admin.site.urls),
    path("alive", alive),
    path("favicon.ico", no_icon),
    path("push/", include("integrations.push.urls")),
    path("stripe/", include("integrations.stripe.urls")),
]
