"""SECOND_FACTOR=1: nobody is let in by a password alone. In a process of its own, for INSTALLED_APPS are read once."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from config.paths import PROJECT

FIRST_DEVICE = """
import json
import django
django.setup()
from django.core.management import call_command
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.db import connection
for app in map(apps.get_app_config, ("otp_static", "otp_totp")):  # what `migrate` does, in a tenth of its time
    with connection.schema_editor() as tables:
        for model in app.get_models():
            tables.create_model(model)
    create_permissions(app, verbosity=0)
from django.test import Client
from config.models import SignIn
from django_otp.plugins.otp_totp.models import TOTPDevice
from ingestion.testing import make_tenant
from tests.ingestion.admin.staff import PASSWORD, staff, superuser

def device(user):
    call_command("addstatictoken", user.get_username(), token="once1234", stdout=open("/dev/null", "w"))
    return user.staticdevice_set.get().persistent_id

def sign_in(browser, name, **second):
    return browser.post("/admin/login/", {"username": name, "password": PASSWORD, **second})

def statuses(browser, *pages):
    return [browser.get(page).status_code for page in pages]

browser, said = Client(), {}
root, olga = superuser("root"), staff("olga", make_tenant("acme"))
said["password alone"] = [sign_in(browser, "root").status_code, *statuses(browser, "/admin/")]
chosen = device(root)
asked = sign_in(browser, "root")
said["asks"] = ["otp_token" in asked.content.decode(), chosen in asked.content.decode()]
no_device = sign_in(browser, "root", otp_device=f"auth.user/{root.pk}", otp_token="once1234")
said["no device"] = [no_device.status_code, "Please select a device." in no_device.content.decode()]
said["wrong"] = sign_in(browser, "root", otp_device=chosen, otp_token="wrong").status_code
root.staticdevice_set.update(throttling_failure_count=0, throttling_failure_timestamp=None)
said["right"] = sign_in(browser, "root", otp_device=chosen, otp_token="once1234").status_code
phone = TOTPDevice.objects.create(user=root, name="phone")
pages = ["/admin/", f"/admin/otp_totp/totpdevice/{phone.pk}/change/", f"/admin/otp_totp/totpdevice/{phone.pk}/qrcode/",
         "/admin/otp_static/staticdevice/", "/admin/standalone/signin/"]
gone = ["/admin/otp_totp/totpdevice/99/config/", "/admin/otp_totp/totpdevice/99/qrcode/"]
said["root sees"] = statuses(browser, *pages, *gone)
other = Client()
sign_in(other, "olga", otp_device=device(olga), otp_token="once1234")
said["staff see"] = statuses(other, *pages, *gone)
said["trail"] = [[row.kind, row.account] for row in SignIn.objects.order_by("pk")]
print(json.dumps(said))
"""


@pytest.mark.slow
@pytest.mark.django_db
def test_the_first_device_is_made_from_the_shell_and_only_superusers_see_devices(tmp_path: Path) -> None:
    copy = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as ours, closing(sqlite3.connect(copy)) as theirs:
        ours.backup(theirs)
    environ = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{quote(str(copy))}",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SECOND_FACTOR": "1",
    }

    command = [sys.executable, "-c", FIRST_DEVICE]
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "password alone": [200, 302],
        "asks": [True, True],
        "no device": [200, True],
        "wrong": 200,
        "right": 302,
        "root sees": [*[200] * 5, 404, 404],
        "staff see": [200, *[403] * 6],
        "trail": [["sign_in_failed", "root"], ["signed_in", "root"], ["signed_in", "olga"]],
    }
