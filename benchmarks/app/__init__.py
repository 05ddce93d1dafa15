"""A user's Django app: invoices of a payment provider, loaded by the engine and by everything it is compared with."""
