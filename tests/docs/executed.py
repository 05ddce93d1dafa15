"""Python of a page, run as it stands: a block whose first line is `# bookshop/models.py` is a part of that module."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.db import transaction

from ingestion.core import registry
from tests.docs.test_docs import blocks


def parts(page: Path) -> Iterator[tuple[str, str]]:
    """Name of the module and code of each block that says where it belongs."""
    for code in blocks(page, "python"):
        if heading := re.match(r"# ([\w/]+)\.py\b", code):
            yield heading[1].replace("/", "."), code


class Project:
    """The modules of a page, importable by each other until the test ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._others = {pipeline.name for pipeline in registry.registered()}

    def put(self, name: str, module: ModuleType) -> None:
        """Let `module` be imported as `name`."""
        self._monkeypatch.setitem(sys.modules, name, module)

    def add(self, name: str, code: str) -> dict[str, Any]:
        """Run `code` as a further part of the module `name`; what the module holds then."""
        if name not in sys.modules:
            self.put(name, ModuleType(name))
        names = vars(sys.modules[name])
        exec(compile(code, name, "exec", dont_inherit=True), names)
        return names

    def close(self) -> None:
        """Its pipelines are no longer registered."""
        for pipeline in registry.registered():
            if pipeline.name not in self._others:
                registry.unregister(pipeline.name)


def run_tests_of(names: dict[str, Any]) -> int:
    """Call the tests of a module, each rolled back; how many there were."""
    tests = [value for name, value in names.items() if name.startswith("test_")]
    for test in tests:
        with transaction.atomic():
            test()
            transaction.set_rollback(True)
    return len(tests)
