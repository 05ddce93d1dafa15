"""Pushes signed webhooks over HTTP and repeats each until it was accepted, as a sender does."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from ingestion.webhooks import sign
from tests.app.oracle import amount_of

PATIENCE, AGAIN = 8.0, 3.0


@dataclass
class Sender:
    """A thread of its own. `accepted` holds the keys of records that the other side said it has, good and bad ones."""

    seed: int
    url: str = ""
    secret: str = ""
    accepted: list[str] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    deliveries: int = 0
    tries: int = 0
    is_closing: bool = False

    def start(self) -> None:
        self._draw = random.Random(self.seed)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Bring what is under way to its end, and no more."""
        self.is_closing = True
        self._thread.join(120)
        assert not self._thread.is_alive(), "a delivery was not accepted two minutes after the last disaster"

    def _work(self) -> None:
        while not self.is_closing:
            self._deliver()
            time.sleep(self._draw.uniform(2, 8))

    def _deliver(self) -> None:
        self.deliveries += 1
        keys = [f"push-{self.deliveries}-{number}" for number in range(self._draw.randint(1, 4))]
        self.bad.update(key for key in keys if self._draw.random() < 0.03)
        values = [{"id": key, "amount": "much" if key in self.bad else str(amount_of(key))} for key in keys]
        body = json.dumps(values).encode()
        for _ in range(2 if self._draw.random() < 0.1 else 1):  # now and then it loses an answer and sends again
            while not self._is_taken(f"msg_{self.deliveries}", body):
                time.sleep(AGAIN)
        self.accepted += keys

    def _is_taken(self, name: str, body: bytes) -> bool:
        self.tries += 1
        now = int(time.time())
        signed = {"webhook-id": name, "webhook-timestamp": str(now)}
        signed["webhook-signature"] = sign(self.secret, name, now, body)
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json", **signed})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return bool(answer.status < 300)
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return False
