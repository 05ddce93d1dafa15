"""The console where SECOND_FACTOR=1: each user signs in with a token of a device of theirs. django-otp checks it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django_otp import device_classes
from django_otp.admin import OTPAdminAuthenticationForm, OTPAdminSite


class SignInForm(OTPAdminAuthenticationForm):  # type: ignore[misc]  # the library has no types
    """A wrong token counts as a failure and stands in the trail, like a wrong password."""

    def clean_otp_device(self) -> str:
        """The chosen device; none where a table is named that holds no devices, over which the library would fail."""
        chosen = str(self.cleaned_data["otp_device"])
        return chosen if chosen.rpartition("/")[0] in {device.model_label() for device in device_classes()} else ""

    def clean_otp(self, user: Any) -> None:
        try:
            super().clean_otp(user)
        except ValidationError as error:
            if error.code == "invalid_token":
                credentials = {"username": user.get_username()}
                user_login_failed.send(__name__, credentials=credentials, request=self.request)
            raise


class Console(OTPAdminSite):  # type: ignore[misc]
    """Under the usual names of addresses."""

    login_form = SignInForm

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
