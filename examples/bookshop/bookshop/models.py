from django.db import models
from ingestion.models import ExternalIdField, Ingested


class Payment(Ingested):
    """A settled charge. Tenant, run and load time come from `Ingested`."""

    external_id = ExternalIdField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)

    class Meta(Ingested.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="bookshop_payment_once")]

    def __str__(self) -> str:
        return f"{self.external_id}: {self.amount} {self.currency}"
