"""A client of a REST source, and where it asks for tokens."""

from __future__ import annotations

TOKENS = "https://login.example.com/oauth/token"
OK = {"data": [{"id": 1}]}
CLIENT = {"client_id": "me", "client_secret": "s3cret"}
