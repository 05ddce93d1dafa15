"""The source: which rows of which database, in which order."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from django.db import connections
from django.db.models import QuerySet

from ingestion import (
    ConfigurationError,
    Context,
    Json,
    Keys,
    Page,
    SourceChanged,
    Transient,
    check_keys,
    counted,
    did_you_mean,
    require_keys,
)
from integrations.databases import cursors, declared, missing
from integrations.databases.borders import Passed, bordered
from integrations.databases.errors import translated
from integrations.databases.queries import model_rows
from integrations.databases.reading import Cursor, Reading, Row, Span, order
from integrations.databases.records import page_of
from integrations.databases.sessions import Session, session
from integrations.databases.statements import relation, table_rows

Of = Callable[[Context], Mapping[str, Any]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a connection's first window starts: it means everything, also what a source dates before it."""
_FIRST_PAGE = 100
"""Rows of the first page, whose size nobody knows yet; later ones follow the average."""
_PAGE_BYTES = 8 * 1024 * 1024
_SKEW_SECONDS = 60
_FAR = timedelta(days=2)
"""A watermark further ahead than that is no matter of clocks or zones."""
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SHOWN = 10


def everything(ctx: Context) -> Mapping[str, Any]:
    """For `of`: all rows, because the database holds nobody else's. The pipeline must then name its `tenants`.

    Raises ConfigurationError where it does not: for a source around Rows, nobody asks at the declaration.
    """
    if not ctx.reserved:
        raise ConfigurationError(
            f"{ctx.pipeline} reads everybody's rows and names no tenants, so each tenant with a connection would get "
            'them all. Name those they belong to: tenants=["acme"].'
        )
    return {}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of the database `using`, oldest change first, each as a JSON object of its columns.

    One of three says which rows, always in code and never in a connection's config: `table` ("schema.table" too),
    `sql` (one SELECT), or `queryset` (a function from the context). `of` says which of them are this tenant's: a
    function from the context to {column: value}.
    """

    using: str
    of: Of
    key: Sequence[str] = ("id",)
    """The columns that together are unique and never NULL; they are the record's key."""
    table: str = ""
    sql: str = ""
    queryset: Callable[[Context], QuerySet[Any]] | None = None
    columns: Sequence[str] = ()
    """Those to read; all of them when empty. With a queryset also fields of related rows, as in `values()`."""
    watermark: str = ""
    """The column that every change of a row raises, in time; '' reads all rows in every run."""
    nulls: str = "refuse"
    """Rows whose watermark is NULL: "refuse" them (the run fails), or "read" them in every run."""
    zone: tzinfo | None = None
    """The zone of datetimes that are stored without one; UTC when not given."""
    bound: Callable[[datetime], Any] | None = None
    """How a moment is written in the watermark column where that is no datetime, for example as seconds since 1970."""
    page_size: int = 2000
    timeout: float = 60.0
    """Seconds one statement may take."""
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        declared.check(self)
        require_keys("Rows", self.keys)

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Which rows of which database are read is said in code alone."""
        check_keys(config, ("integration",), self.keys, source=self)

    def problems(self, databases: Collection[str]) -> list[str]:
        """What of the declaration is not there: the alias; in a database that may be asked, the table and columns."""
        aliases = list(connections.settings)
        if self.using not in aliases:
            near = did_you_mean(self.using, aliases) or f"; it has {', '.join(aliases)}."
            return [f"DATABASES has no alias {self.using!r}{near}"]
        if self.using not in databases or self.queryset is not None:
            return []
        columns = [*self.key, *([self.watermark] if self.watermark else []), *self.columns]
        return missing.problems(self.using, self.table, self.sql, columns)

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        with self._opened(ctx) as (rows, opened):
            spans = self._spans(ctx, opened)
            name, after = cursors.decoded(checkpoint) if checkpoint else (spans[0].name, None)
            notes = [*_skew(opened), *self._far_ahead(rows, ctx, opened)] if self.watermark else []
            self._require_watermarks(rows)
            notes += [] if checkpoint else self._strangers(rows, spans, ctx)
            any_page = False
            for span in spans[[one.name for one in spans].index(name) :]:
                self._require_keys(rows, span)
                for page in self._pages(rows, span, after, ctx):
                    yield dataclasses.replace(page, notes=notes)
                    notes, any_page = [], True
                after = None
            if not any_page and checkpoint is None:
                notes += self._all_behind(rows, ctx, opened)
            if notes:  # no page came that could carry them
                yield Page([], checkpoint, notes=notes)

    def needs_tenants(self) -> bool:
        return self.of is everything

    def preview(self, ctx: Context) -> Page:
        with self._opened(ctx) as (rows, _):
            return next(self._pages(rows, Span("all"), None, ctx), Page([], None))

    def test(self, ctx: Context) -> str:
        with self._opened(ctx) as (rows, _):
            found = rows.page(Span("all"), None, 1)
            has_strangers = not found and rows.has_strangers(Span("all"))
        told = f"The database {self.using!r} answered; there are {'rows' if found else 'no rows'}."
        return f"{told} {_unlike(ctx)}" if has_strangers else told

    @contextmanager
    def _opened(self, ctx: Context) -> Iterator[tuple[Reading, Session]]:
        """The tenant's rows in a session of their own; what the database says becomes an error of ours."""
        of = self.of(ctx)
        if not of and not self.needs_tenants():
            raise ConfigurationError(
                f"of= of {ctx.pipeline} names no column, so {ctx.tenant.key} would get everybody's rows. Name the "
                "tenant's column, or declare of=everything and, with the pipeline, the tenants that all rows belong to."
            )
        with translated(self.using), session(self.using, max(0.1, min(self.timeout, ctx.left())), self.zone) as opened:
            if self.queryset is not None:
                yield model_rows(opened, self.queryset(ctx), self.columns, of, self.key, self.watermark), opened
            else:
                read = relation(opened, self.table, self.sql)
                yield table_rows(opened, read, self.columns, of, self.key, self.watermark), opened

    def _spans(self, ctx: Context, opened: Session) -> list[Span]:
        if not self.watermark or ctx.window is None:
            return [Span("all")]
        low = None if ctx.window.start <= _EPOCH else self._bound(ctx.window.start, opened)
        window = Span("window", low, self._bound(ctx.window.end, opened))
        return [Span("nulls"), window] if self.nulls == "read" else [window]

    def _far_ahead(self, rows: Reading, ctx: Context, opened: Session) -> list[str]:
        """What will not be read for long, if anything, because its watermark lies in the future."""
        if ctx.window is None or ctx.backfill:
            return []
        low = self._bound(max(ctx.window.end, ctx.now) + _FAR, opened)
        try:
            with translated(self.using):
                ahead = rows.page(Span("window", low), None, _SHOWN + 1)
        except Transient as error:  # without an index it may take longer than a page; a note must end no run
            return [f"Whether rows are dated far ahead was not found out: {error}"]
        if not ahead:
            return []
        many = f"More than {_SHOWN} rows" if len(ahead) > _SHOWN else counted(len(ahead), "row")
        key, moment = ", ".join(map(str, ahead[0].cursor[-len(self.key) :])), ahead[0].cursor[0]
        their, example, them = ("its", "", "it") if len(ahead) == 1 else ("their", ", for one", "them")
        told = f"{many} will not be read before the time of {their} {self.watermark!r}: {key} has {moment}{example}. "
        return [f"{told}Mend {them} there; or is the column in another unit than bound= writes?"]

    def _all_behind(self, rows: Reading, ctx: Context, opened: Session) -> list[str]:
        """What no window will ever hold, if that is so: there are rows, and all have a watermark from before 2000."""
        if not self.watermark or ctx.window is None or ctx.backfill or ctx.window.start <= _EPOCH:
            return []
        low = self._bound(_LONG_AGO, opened)
        try:
            with translated(self.using):
                if rows.page(Span("window", low), None, 1):
                    return []
                oldest = rows.page(Span("window", None, low), None, 1)
        except Transient as error:
            return [f"Whether rows are dated far back was not found out: {error}"]
        if not oldest:
            return []
        key, moment = ", ".join(map(str, oldest[0].cursor[-len(self.key) :])), oldest[0].cursor[0]
        told = f"No row has a {self.watermark!r} of 2000 or later, so no change will be read: {key} has {moment}. "
        return [f"{told}Is the column in another unit than bound= writes, or does it count?"]

    def _strangers(self, rows: Reading, spans: Sequence[Span], ctx: Context) -> list[str]:
        """A note where rows are not read because whose they are is only nearly what `of` asks for. They may be another
        tenant's, who are nobody's to count.
        """
        try:
            with translated(self.using):
                return [_unlike(ctx)] if any(map(rows.has_strangers, spans)) else []
        except Transient as error:
            return [f"Whether rows have nearly the text that of= asks for was not found out: {error}"]

    def _bound(self, moment: datetime, opened: Session) -> Any:
        if self.bound is not None:
            return self.bound(moment)
        return moment if self.queryset is not None else opened.bound(moment)

    def _pages(self, rows: Reading, span: Span, after: Cursor | None, ctx: Context) -> Iterator[Page]:
        size = min(_FIRST_PAGE, self.page_size)
        passed = Passed(after, key=self.key)
        while found := bordered(rows, span, after, size, self.key, order(span, self.watermark, self.key)):
            self._require_moments(span, found)
            found = found[:size]
            passed.go_on(found)
            after = found[-1].cursor
            page = page_of(found, self.key, self.zone, cursors.encoded(span.name, after))
            yield page
            ctx.beat()
            weight = sum(len(one.body) for one in page.records) // len(found) + 1
            size = max(1, min(self.page_size, _PAGE_BYTES // weight))

    def _require_moments(self, span: Span, found: Sequence[Row]) -> None:
        """A watermark of whole days is not compared with moments: what is added later that day would never be read."""
        if span.name != "window" or self.bound is not None or self.watermark in self.key:
            return
        first = found[0].cursor[0]
        written = isinstance(first, str) and _DAY.fullmatch(first)  # as SQLite has it, which has no types for them
        if written or (isinstance(first, date) and not isinstance(first, datetime)):
            raise ConfigurationError(
                f"The watermark {self.watermark!r} holds days, no times. Declare bound=lambda moment: moment.date(); "
                "a day is then read when it is over, so let the lag be as long as rows may be late."
            )

    def _require_watermarks(self, rows: Reading) -> None:
        if self.watermark and self.nulls == "refuse" and rows.any_null(Span("all"), [self.watermark]):
            raise SourceChanged(
                f"Some rows have no {self.watermark!r} and would never be read. Mend them, or declare "
                'nulls="read" to read such rows in every run.'
            )

    def _require_keys(self, rows: Reading, span: Span) -> None:
        if rows.any_null(span, self.key):
            raise SourceChanged(f"Some rows have NULL in {', '.join(self.key)}, which cannot be a key.")


def _unlike(ctx: Context) -> str:
    return (
        "There are rows whose text is only nearly the one that of= asks for (capitals, accents, blanks at the end); "
        f"they were not taken. If they are {ctx.tenant.key}'s too, mend them there or let of= list each spelling."
    )


def _skew(opened: Session) -> list[str]:
    """What is wrong with the source's clock, if anything: windows end by ours, and rows are dated by theirs."""
    ahead = opened.ahead()
    if abs(ahead) < _SKEW_SECONDS:
        return []
    told = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    return [f"The source's clock is {told}; the pipeline's lag must be longer than that."]
