"""tests.settings for processes of their own, with the engine's INGESTION taken from the environment as JSON."""

import json
import os

from tests.settings import *  # noqa: F403

INGESTION = {"MASTER_KEYS": MASTER_KEYS, **json.loads(os.environ.get("SLUICEGATE_TEST_INGESTION", "{}"))}  # noqa: F405
