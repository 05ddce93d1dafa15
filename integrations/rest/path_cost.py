"""Refuses JSONPaths that could cost more than one pass over the page: paths come from staff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonpath import filter as filters
from jsonpath import segments, selectors

_MAX_SEGMENTS = 12
_ALLOWED_IN_FILTERS = (
    filters.FilterExpression,
    filters.InfixExpression,
    filters.PrefixExpression,
    filters.BooleanLiteral,
    filters.Nil,
    filters.StringLiteral,
    filters.IntegerLiteral,
    filters.FloatLiteral,
    filters.RelativeFilterQuery,
)


def plain_steps(compiled: Any) -> Iterator[str | int | None]:
    """The names, indexes and wildcards (None) that a path begins with."""
    for segment in compiled.segments:
        (selector,) = segment.selectors
        if not isinstance(segment, segments.JSONPathChildSegment):
            return
        if isinstance(selector, selectors.NameSelector):
            yield selector.name
        elif isinstance(selector, selectors.IndexSelector) and selector.index >= 0:
            yield selector.index
        elif isinstance(selector, selectors.WildcardSelector):
            yield None
        else:
            return


def cost_problems(compiled: Any) -> Iterator[str]:
    """Parts of the path that could cost more than one pass over the page."""
    if len(compiled.segments) > _MAX_SEGMENTS:
        yield f"it has more than {_MAX_SEGMENTS} steps"
    if sum(isinstance(segment, segments.JSONPathRecursiveDescentSegment) for segment in compiled.segments) > 1:
        yield "it uses .. more than once"
    if any(len(segment.selectors) != 1 for segment in compiled.segments):
        yield "it selects several things in one step"
    supported = (
        selectors.NameSelector,
        selectors.IndexSelector,
        selectors.SliceSelector,
        selectors.WildcardSelector,
        selectors.Filter,
    )
    for selector in (selector for segment in compiled.segments for selector in segment.selectors):
        if not isinstance(selector, supported):
            yield f"it uses {type(selector).__name__}, which is not supported"
        elif isinstance(selector, selectors.Filter):
            yield from _filter_cost_problems(selector.expression)


def _filter_cost_problems(expression: Any) -> Iterator[str]:
    if not isinstance(expression, _ALLOWED_IN_FILTERS):
        yield "filters may only compare members with texts, numbers, true, false and null"
    elif isinstance(expression, filters.RelativeFilterQuery):
        steps = (
            list(plain_steps(expression.path))
            if all(len(segment.selectors) == 1 for segment in expression.path.segments)
            else []
        )
        if None in steps or len(steps) != len(expression.path.segments):
            yield "a filter looks at members by name, such as @.status"
    else:
        for child in expression.children():
            yield from _filter_cost_problems(child)
