"""Who acts: a member of staff in the admin, the command line, or a program of the project."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied

from ingestion.models import AuditEntry, Tenant


@dataclass(frozen=True, slots=True)
class Actor:
    """`user` None is a program, which may do all: a person who can run it already controls the database.

    `program` is what the audit trail calls it, beside the account of the operating system that runs it.
    """

    user: AbstractBaseUser | None = None
    program: str = "code"

    @property
    def name(self) -> str:
        return str(self.user) if self.user is not None else f"{self.program} ({_account()})"

    @property
    def is_superuser(self) -> bool:
        return self.user is None or bool(getattr(self.user, "is_superuser", False))

    def require(self, permission: str, tenant: Tenant) -> None:
        """Raise PermissionDenied unless the actor holds `ingestion.<permission>` and may see `tenant`."""
        if self.user is None:
            return
        user: Any = self.user
        if (
            not user.has_perm(f"ingestion.{permission}")
            or not Tenant.objects.granted_to(user).filter(pk=tenant.pk).exists()
        ):
            raise PermissionDenied(f"{self.name} lacks ingestion.{permission} for {tenant}.")

    def require_superuser(self) -> None:
        """Raise PermissionDenied unless the actor may change tenants themselves."""
        if not self.is_superuser:
            raise PermissionDenied(f"{self.name} is no superuser.")

    def audit(self, tenant: Tenant, action: str, target: object, reason: str = "", **data: Any) -> None:
        """Add to the audit trail, inside the action's transaction."""
        AuditEntry.unscoped.create(
            tenant=tenant,
            actor_id=self.user.pk if self.user is not None else None,
            actor_name=self.name[:200],
            action=action,
            target=str(target)[:200],
            reason=reason,
            data=data,
        )


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a passwd entry
        return "unknown"
