from decimal import Decimal
from pathlib import Path

from ingestion import Context, CountsAgree, Every, Json, JsonPages, Skip, Upsert, pipeline
from pydantic import BaseModel

from bookshop.models import Payment

DATA = Path(__file__).parent.parent / "data"


class Charge(BaseModel):
    id: str
    amount: int
    currency: str
    status: str


def fetch(ctx: Context, cursor: Json) -> tuple[bytes, Json]:
    """One page, and where the next one is. Here from files; with an HTTP client it looks the same."""
    number = cursor or 1
    more = (DATA / f"charges-{number + 1}.json").exists()
    return (DATA / f"charges-{number}.json").read_bytes(), number + 1 if more else None


@pipeline(
    "bookshop.charges",
    source=JsonPages(fetch, records="data", declares={"count": "total"}),
    schema=Charge,
    destination=Upsert(Payment, key=["external_id"]),
    reconciliations=[CountsAgree()],
    schedule=Every(minutes=15),
)
def charges(charge: Charge, ctx: Context) -> Payment:
    """Settled charges as payments in the books."""
    if charge.status == "pending":
        raise Skip("not settled yet")
    return Payment(external_id=charge.id, amount=Decimal(charge.amount) / 100, currency=charge.currency)
