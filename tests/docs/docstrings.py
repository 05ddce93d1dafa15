"""The texts below the fields of a class, as the source has them: pydantic would parse the source at every start."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from itertools import pairwise


def of_fields(cls: type) -> dict[str, str]:
    """What is said of each field of `cls` and of the classes it is built on, by the field's name."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.split(".")[0] in ("ingestion", "integrations"):
            texts |= _of_body(_definition(base).body)
    return texts


def _definition(cls: type) -> ast.ClassDef:
    module = ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    return next(node for node in ast.walk(module) if isinstance(node, ast.ClassDef) and node.name == cls.__name__)


def _of_body(body: list[ast.stmt]) -> dict[str, str]:
    return {name: text for field, below in pairwise(body) for name, text in _text_below(field, below)}


def _text_below(field: ast.stmt, below: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
        text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
        if isinstance(text, str):
            yield field.target.id, inspect.cleandoc(text)
