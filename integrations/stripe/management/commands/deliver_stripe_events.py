"""`deliver_stripe_events`: deliver stored events again to the connections that follow their objects by now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion import IngestionError
from ingestion.actions import Actor
from ingestion.models import Tenant
from integrations.stripe.models import StripeEvent
from integrations.stripe.redelivery import deliver_again, too_large


class Command(BaseCommand):
    help = "Deliver a tenant's kept Stripe events again, to the connections that follow their objects by now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's key")
        parser.add_argument("--account", help="only events of this connected account; '' for the tenant's own")
        parser.add_argument("--reason", default="", help="kept in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(key=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']!r}.")
        try:
            verdicts = deliver_again(
                Actor(program="command line"), tenant, account=options["account"], reason=options["reason"]
            )
        except IngestionError as error:
            raise CommandError(str(error)) from error
        summary = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        self.stdout.write(summary or "No event is kept.")
        if count := verdicts[StripeEvent.Verdict.TOO_LARGE]:
            event_ids = too_large(tenant, options["account"])
            more = f" and {count - len(event_ids)} more" if count > len(event_ids) else ""
            self.stdout.write(
                f"Too large to be delivered: {', '.join(event_ids)}{more}. Raise "
                'INGESTION["MAX_DELIVERY_BYTES"], then deliver again.'
            )
