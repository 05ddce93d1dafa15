from django.db import models

from ingestion.models import ExternalIdField, Ingested


class Payment(Ingested):
    external_id = ExternalIdField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20)
    updated_at = models.DateTimeField(null=True)

    class Meta(Ingested.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="app_payment_once")]

    def __str__(self) -> str:
        return self.external_id


from tests.app.oracle import Assorted, Effect, Entry, Posting, Wide  # noqa: E402, F401  the reliability tests' tables
