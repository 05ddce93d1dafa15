"""`Rows`, the source: the rows of one tenant in another database, page by page."""

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
from integrations.databases.borders import CycleDetector, read_verified
from integrations.databases.errors import translate_errors
from integrations.databases.queries import model_rows
from integrations.databases.reading import Cursor, CursorRow, RowReader, RowSpan, order_columns
from integrations.databases.records import page_of
from integrations.databases.sessions import DatabaseSession, open_session
from integrations.databases.statements import relation_sql, table_rows

Of = Callable[[Context], Mapping[str, Any]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The start of a connection's first window. Such a window has no lower bound: it includes rows dated earlier."""
_FIRST_PAGE = 100
"""Rows of the first page, whose size is unknown; later pages follow the average size."""
_PAGE_BYTES = 8 * 1024 * 1024
_SKEW_SECONDS = 60
_FAR_AHEAD = timedelta(days=2)
"""A watermark further in the future is not explained by clocks or time zones."""
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOST_COUNTED = 10
"""Rows with a watermark in the future that are counted for the note."""


def everything(ctx: Context) -> Mapping[str, Any]:
    """For `of`: read all rows, because the database is the tenant's alone. The pipeline must then name its `tenants`.

    Raises ConfigurationError where the pipeline does not: its declaration is not checked for a source that wraps Rows.
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

    One of three arguments says which rows, always in code and never in a connection's config: `table` ("schema.table"
    too), `sql` (one SELECT), or `queryset` (a function from the context). `of` says which of the rows are the tenant's:
    a function from the context to {column: value}.
    """

    using: str
    of: Of
    key: Sequence[str] = ("id",)
    """The columns that together are unique and never NULL; their values are the record's key."""
    table: str = ""
    sql: str = ""
    queryset: Callable[[Context], QuerySet[Any]] | None = None
    columns: Sequence[str] = ()
    """The columns to read; all when empty. With a queryset also fields of related rows, as in `values()`."""
    watermark: str = ""
    """The column with the time of a row's last change; '' reads all rows in every run."""
    nulls: str = "refuse"
    """Rows whose watermark is NULL: "refuse" them (the run fails), or "read" them in every run."""
    zone: tzinfo | None = None
    """The time zone of datetimes that are stored without one; UTC when None."""
    bound: Callable[[datetime], Any] | None = None
    """Converts a moment to the watermark column's form where that is no datetime, for example seconds since 1970."""
    page_size: int = 2000
    timeout: float = 60.0
    """Seconds that one statement may take."""
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
            name, after = cursors.from_checkpoint(checkpoint) if checkpoint else (spans[0].name, None)
            notes = [*_skew(opened), *self._far_ahead(rows, ctx, opened)] if self.watermark else []
            self._require_watermarks(rows)
            notes += [] if checkpoint else self._similar_rows(rows, spans, ctx)
            any_page = False
            for span in spans[[span.name for span in spans].index(name) :]:
                self._require_keys(rows, span)
                for page in self._pages(rows, span, after, ctx):
                    yield dataclasses.replace(page, notes=notes)
                    notes, any_page = [], True
                after = None
            if not any_page and checkpoint is None:
                notes += self._all_before_2000(rows, ctx, opened)
            if notes:  # no page carried them
                yield Page([], checkpoint, notes=notes)

    def needs_tenants(self) -> bool:
        return self.of is everything

    def preview(self, ctx: Context) -> Page:
        with self._opened(ctx) as (rows, _):
            return next(self._pages(rows, RowSpan("all"), None, ctx), Page([], None))

    def test(self, ctx: Context) -> str:
        with self._opened(ctx) as (rows, _):
            any_row = bool(rows.page(RowSpan("all"), None, 1))
            has_similar_rows = not any_row and rows.has_similar_rows(RowSpan("all"))
        answer = f"The database {self.using!r} answered; there are {'rows' if any_row else 'no rows'}."
        return f"{answer} {_similar_rows_note(ctx)}" if has_similar_rows else answer

    @contextmanager
    def _opened(self, ctx: Context) -> Iterator[tuple[RowReader, DatabaseSession]]:
        """A reader of the tenant's rows and its session; errors of the database are raised as the engine's errors."""
        of = self.of(ctx)
        if not of and not self.needs_tenants():
            raise ConfigurationError(
                f"of= of {ctx.pipeline} names no column, so {ctx.tenant.key} would get everybody's rows. Name the "
                "tenant's column, or declare of=everything and, with the pipeline, the tenants that all rows belong to."
            )
        with (
            translate_errors(self.using),
            open_session(self.using, max(0.1, min(self.timeout, ctx.left())), self.zone) as opened,
        ):
            if self.queryset is not None:
                yield model_rows(opened, self.queryset(ctx), self.columns, of, self.key, self.watermark), opened
            else:
                source = relation_sql(opened, self.table, self.sql)
                yield table_rows(opened, source, self.columns, of, self.key, self.watermark), opened

    def _spans(self, ctx: Context, opened: DatabaseSession) -> list[RowSpan]:
        """The spans that the run reads, in this order."""
        if not self.watermark or ctx.window is None:
            return [RowSpan("all")]
        low = None if ctx.window.start <= _EPOCH else self._bound(ctx.window.start, opened)
        window = RowSpan("window", low, self._bound(ctx.window.end, opened))
        return [RowSpan("nulls"), window] if self.nulls == "read" else [window]

    def _far_ahead(self, rows: RowReader, ctx: Context, opened: DatabaseSession) -> list[str]:
        """A note on rows whose watermark lies so far in the future that they will not be read for days."""
        if ctx.window is None or ctx.backfill:
            return []
        low = self._bound(max(ctx.window.end, ctx.now) + _FAR_AHEAD, opened)
        try:
            with translate_errors(self.using):
                ahead = rows.page(RowSpan("window", low), None, _MOST_COUNTED + 1)
        except Transient as error:  # without an index the statement may time out; a note must not end the run
            return [f"Whether rows are dated far ahead was not found out: {error}"]
        if not ahead:
            return []
        count = f"More than {_MOST_COUNTED} rows" if len(ahead) > _MOST_COUNTED else counted(len(ahead), "row")
        key, moment = ", ".join(map(str, ahead[0].cursor[-len(self.key) :])), ahead[0].cursor[0]
        possessive, suffix, pronoun = ("its", "", "it") if len(ahead) == 1 else ("their", ", for one", "them")
        example = f"{key} has {moment}{suffix}"
        note = f"{count} will not be read before the time of {possessive} {self.watermark!r}: {example}. "
        return [f"{note}Mend {pronoun} there; or is the column in another unit than bound= writes?"]

    def _all_before_2000(self, rows: RowReader, ctx: Context, opened: DatabaseSession) -> list[str]:
        """A note if all rows have a watermark from before 2000, so that no window will ever contain them."""
        if not self.watermark or ctx.window is None or ctx.backfill or ctx.window.start <= _EPOCH:
            return []
        low = self._bound(_LONG_AGO, opened)
        try:
            with translate_errors(self.using):
                if rows.page(RowSpan("window", low), None, 1):
                    return []
                oldest = rows.page(RowSpan("window", None, low), None, 1)
        except Transient as error:
            return [f"Whether rows are dated far back was not found out: {error}"]
        if not oldest:
            return []
        key, moment = ", ".join(map(str, oldest[0].cursor[-len(self.key) :])), oldest[0].cursor[0]
        note = f"No row has a {self.watermark!r} of 2000 or later, so no change will be read: {key} has {moment}. "
        return [f"{note}Is the column in another unit than bound= writes, or does it count?"]

    def _similar_rows(self, rows: RowReader, spans: Sequence[RowSpan], ctx: Context) -> list[str]:
        """A note if rows are not read because their text is only similar to that of `of`.

        The note does not count them: they may be another tenant's.
        """
        try:
            with translate_errors(self.using):
                return [_similar_rows_note(ctx)] if any(map(rows.has_similar_rows, spans)) else []
        except Transient as error:
            return [f"Whether rows have nearly the text that of= asks for was not found out: {error}"]

    def _bound(self, moment: datetime, opened: DatabaseSession) -> Any:
        """The moment as a value to compare the watermark with."""
        if self.bound is not None:
            return self.bound(moment)
        return moment if self.queryset is not None else opened.bound(moment)

    def _pages(self, rows: RowReader, span: RowSpan, after: Cursor | None, ctx: Context) -> Iterator[Page]:
        size = min(_FIRST_PAGE, self.page_size)
        by = order_columns(span, self.watermark, self.key)
        cycles = CycleDetector(after, key=self.key)
        while page_rows := read_verified(rows, span, after, size, self.key, by):
            self._require_moments(span, page_rows)
            page_rows = page_rows[:size]
            cycles.advance(page_rows)
            after = page_rows[-1].cursor
            page = page_of(page_rows, self.key, self.zone, cursors.to_checkpoint(span.name, after))
            yield page
            ctx.beat()
            average_bytes = sum(len(record.body) for record in page.records) // len(page_rows) + 1
            size = max(1, min(self.page_size, _PAGE_BYTES // average_bytes))

    def _require_moments(self, span: RowSpan, page_rows: Sequence[CursorRow]) -> None:
        """Refuse to compare a watermark of whole days with moments: rows added later that day would never be read."""
        if span.name != "window" or self.bound is not None or self.watermark in self.key:
            return
        first = page_rows[0].cursor[0]
        is_day_text = isinstance(first, str) and _DAY.fullmatch(first)  # SQLite has no type for days
        if is_day_text or (isinstance(first, date) and not isinstance(first, datetime)):
            raise ConfigurationError(
                f"The watermark {self.watermark!r} holds days, no times. Declare bound=lambda moment: moment.date(); "
                "a day is then read when it is over, so let the lag be as long as rows may be late."
            )

    def _require_watermarks(self, rows: RowReader) -> None:
        if self.watermark and self.nulls == "refuse" and rows.any_null(RowSpan("all"), [self.watermark]):
            raise SourceChanged(
                f"Some rows have no {self.watermark!r} and would never be read. Mend them, or declare "
                'nulls="read" to read such rows in every run.'
            )

    def _require_keys(self, rows: RowReader, span: RowSpan) -> None:
        if rows.any_null(span, self.key):
            raise SourceChanged(f"Some rows have NULL in {', '.join(self.key)}, which cannot be a key.")


def _similar_rows_note(ctx: Context) -> str:
    return (
        "There are rows whose text is only nearly the one that of= asks for (capitals, accents, blanks at the end); "
        f"they were not taken. If they are {ctx.tenant.key}'s too, mend them there or let of= list each spelling."
    )


def _skew(opened: DatabaseSession) -> list[str]:
    """A note if the source's clock is wrong: windows end by our clock, and rows are dated by the source's."""
    ahead = opened.ahead()
    if abs(ahead) < _SKEW_SECONDS:
        return []
    skew = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    return [f"The source's clock is {skew}; the pipeline's lag must be longer than that."]
