"""The position of a reading between two pages, and the comparison with the source's total at its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion import Json, Proof, counted
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import NextPage, PageResponse, State


@dataclass(frozen=True, slots=True)
class Progress:
    """The position of a reading. All fields are stored in the run's checkpoint."""

    state: State
    of: str
    """Fingerprint of the declaration to which the state belongs."""
    done: bool = False
    pages: int = 0
    distinct: int = 0
    """Elements read so far, without those known to be repeated."""
    nulls: int = 0
    first_total: int | None = None
    total: int | None = None
    """The total that the source stated last."""
    moved: bool = False
    """The total was not the same on all pages."""
    shifted: bool = False
    """Rows were seen to move between pages."""
    partly: bool = False
    """The first pages were read under another declaration, so no total covers the whole reading."""
    declaring: bool = False
    """Pages under that other declaration declared their counts, so the other pages must too."""
    undeclared: int = 0
    """Records of pages that declared no count, because the source had stated no total yet."""
    total_problem: str = ""
    """Why the total could not be read; empty where it could."""
    last: str = ""
    """Digest of the last page."""
    equal_pages: int = 0
    """How many pages in a row were equal to the one before."""
    repeated: int = 0
    """Records that were on an earlier page of the run too, by their id; without those read again on purpose."""
    stale: int = 0
    """How many pages in a row had only records that were read before."""
    stated_elsewhere: list[Any] | None = None
    """A count of all records or pages that a page states and the declaration does not use; see `unused_totals`."""
    rows: list[str] | None = None
    """Identities of the records without an id so far; None when they are too many for a checkpoint."""

    @classmethod
    def from_checkpoint(cls, declaration: Declaration, checkpoint: Json) -> Progress:
        """The progress in a checkpoint; the start without one, or when the declaration has changed since."""
        start = cls(declaration.pagination.first_state(), declaration.fingerprint, rows=[])
        if checkpoint is None:
            return start
        if checkpoint.get("of") != start.of:
            declaring = bool(checkpoint.get("declaring")) or checkpoint.get("first_total") is not None
            return dataclasses.replace(start, partly=True, declaring=declaring)
        field_names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in checkpoint.items() if name in field_names})

    def after_page(self, next_page: NextPage, response: PageResponse, nulls: int, total_problem: str) -> Progress:
        """The progress after the page of this response."""
        first = response.total if self.first_total is None else self.first_total
        latest = self.total if response.total is None else response.total
        distinct = (
            self.distinct + response.elements - next_page.repeated_rows
            if next_page.rows_reached is None
            else next_page.rows_reached
        )
        return dataclasses.replace(
            self,
            state=next_page.state or {},
            done=next_page.state is None,
            pages=self.pages + 1,
            distinct=distinct,
            nulls=self.nulls + nulls,
            first_total=first,
            total=latest,
            moved=self.moved or (self.total is not None and latest != self.total),
            shifted=self.shifted or next_page.shifted,
            total_problem=total_problem or self.total_problem,
        )

    def declare_count(self, record_count: int) -> tuple[Mapping[str, Decimal], Progress]:
        """The count that a page of `given` records declares, and where the reading stands with it declared.

        Each page declares what it brought, the first one with a total also what came before it, the last one what is
        missing to the source's total, so that the sum over the run is that total, with what is known to be repeated or
        null counted out. Once declared, the count of the run's other pages is measured too: a reading that goes on
        under another declaration declares what it brings and no more.
        """
        if self.partly:
            return ({"count": Decimal(record_count)} if self.declaring else {}), self
        if self.first_total is None:
            return {}, dataclasses.replace(self, undeclared=self.undeclared + record_count)
        count = self.undeclared + record_count + (self.missing if self.done else 0)
        return {"count": Decimal(count)}, dataclasses.replace(self, undeclared=0)

    @property
    def missing(self) -> int:
        """Records between what came and the total; below 0 when more came. 0 where the two cannot be compared."""
        if self.total is None or self._incomparable_reason:
            return 0
        missing = self.total - self.distinct
        return 0 if -missing in (self.nulls, self.repeated, self.nulls + self.repeated) else missing

    def proof(self, subject: str) -> Proof:
        """The proof that the end of the reading gives: whether as many records came as the source counts."""
        if self.total is None:
            return Proof.unchecked(subject, self.total_problem or "the source states no total")
        if self.partly:
            return Proof.unchecked(subject, "the declaration was changed while the run went on")
        if self._incomparable_reason:
            return Proof.unchecked(subject, self._incomparable_reason)
        if self.missing:
            return Proof.differ(subject, f"the source counts {self.total}, {self.distinct - self.repeated} came")
        return Proof.totals(subject)

    def notes(self, proofs: Sequence[Proof]) -> Iterator[str]:
        """Notes for the run about the reading so far. `proofs` are those of its end."""
        if self.stale:
            yield f"Page {self.pages} holds only records that this run had read already."
        for proof in proofs:
            if self.first_total is not None and proof.verdict.startswith("not checked"):
                reason = proof.verdict.removeprefix("not checked: ")
                yield f"The count is not checked, because {reason}; the count says nothing."
        if proofs and self.repeated and self.total is None and not self.shifted:
            yield (
                f"{counted(self.repeated, 'record')} came on two pages, and the source states no total: where its "
                "pages shift, because rows moved or because it sorts by what several of them share, as many others may "
                "have been missed. Have it sort by the id, or declare a total or a style that does not shift."
            )

    @property
    def _incomparable_reason(self) -> str:
        """Why the total cannot be compared with what came: it moved, or rows that came were deleted since."""
        if self.moved:
            return f"the source's total moved while it was read, from {self.first_total} to {self.total}"
        if self.repeated and not self.shifted and self.total == self.distinct:
            return (
                f"{counted(self.repeated, 'record')} came on two pages, so {self.total - self.repeated} different ones"
                f" came and the source counts {self.total}: others may have been missed"
            )
        if self.shifted and self.total is not None and self.distinct > self.total:
            return "rows moved from page to page while they were read"
        return ""
