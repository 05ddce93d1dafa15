"""The trail of sign-ins. They are of no tenant: superusers alone see them."""

from django.db import models


class SignIn(models.Model):
    """A sign-in, a sign-out or a failed attempt. Append-only; a sign-in deletes what is older than KEPT_DAYS."""

    class Kind(models.TextChoices):
        SIGNED_IN = "signed_in", "signed in"
        SIGNED_OUT = "signed_out", "signed out"
        SESSION_ENDED = "session_ended", "session ended, idle"
        FAILED = "sign_in_failed", "failed"
        LOCKED = "sign_in_locked", "locked out"

    KEPT_DAYS = 180

    at = models.DateTimeField("at", auto_now_add=True, db_index=True)
    kind = models.CharField("what", max_length=20, choices=Kind)
    account = models.CharField("account", max_length=150, blank=True)
    """Empty where no account is called what was typed: people type passwords there."""
    address = models.CharField("address", max_length=45, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "sign-in"
        verbose_name_plural = "sign-ins"

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.account}".strip()
