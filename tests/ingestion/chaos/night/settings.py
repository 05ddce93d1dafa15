"""tests.settings for the processes of a night, with its pipelines; the engine's INGESTION is laid over as JSON."""

import json
import os

from tests.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.ingestion.chaos.night"]  # noqa: F405
INGESTION = {**INGESTION, **json.loads(os.environ["SLUICEGATE_TEST_INGESTION"])}  # noqa: F405
