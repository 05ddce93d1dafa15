"""The table that every contestant but dlt (which makes its own) loads into."""

from django.db import models

from ingestion.models import ExternalIdField, Ingested


class Invoice(Ingested):
    external_id = ExternalIdField()
    number = models.CharField(max_length=40)
    customer = models.CharField(max_length=40)
    email = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    status = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    amount_due = models.DecimalField(max_digits=14, decimal_places=2)
    amount_paid = models.DecimalField(max_digits=14, decimal_places=2)
    tax = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    billed_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)

    class Meta(Ingested.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="benchmark_invoice_once")]

    def __str__(self) -> str:
        return self.external_id
