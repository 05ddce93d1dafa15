"""The files of a run's inbox, statement by statement; pages.py makes each one's pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion import (
    ConfigurationError,
    Context,
    FileRefused,
    Json,
    Keys,
    Page,
    Record,
    RecordError,
    Refusal,
    UnreadableFile,
    require_keys,
)
from integrations.bank.account_names import mark_shared_names
from integrations.bank.account_numbers import canonical, formerly_canonical, is_number
from integrations.bank.file_config import read_settings, refuse_unknown
from integrations.bank.formats import ArchiveMember, read_members
from integrations.bank.identity import Ids, key_entries, read_ids_setting
from integrations.bank.layouts import LAYOUTS, CsvLayout
from integrations.bank.pages import StatementPages, reopen_statement
from integrations.bank.refused_members import join_pages, member_place, read_member, refused_page
from integrations.bank.statements import Statement
from integrations.bank.twins import TwinCounter


@dataclass(frozen=True, slots=True)
class BankFiles:
    """Reads every supported format. The config says what files do not: `account`, and the keys of
    `file_config.read_settings`.

    The checkpoint counts finished pages: a page is one statement, or `page_size` entries of a long one.
    """

    layouts: Sequence[CsvLayout] = LAYOUTS
    page_size: int = 2000
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        size: object = self.page_size
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ConfigurationError(f"page_size of BankFiles must be a whole number, 1 or more; it is {size!r}.")
        layouts: object = self.layouts
        if not isinstance(layouts, list | tuple) or not all(isinstance(layout, CsvLayout) for layout in layouts):
            raise ConfigurationError("layouts of BankFiles must be values of CsvLayout, such as (*LAYOUTS, MY_BANK).")
        require_keys("BankFiles", self.keys)

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        pages_done = int(checkpoint or 0)
        for number, page in enumerate(self._pages(ctx), start=1):
            if number > pages_done:
                yield dataclasses.replace(page, checkpoint=number)

    def takes_files(self) -> bool:
        return True

    def is_fed(self) -> bool:
        return True

    def check_config(self, config: Mapping[str, Any]) -> None:
        refuse_unknown(config, self.keys, self)
        read_settings(config, self.layouts)
        read_ids_setting(config)

    def reopen(self, ctx: Context, record: Record) -> Page:
        """A refused statement, or file of a ZIP, again from its dead letter: judged anew, it loads when it can."""
        member = read_member(record)
        if member is None:
            return reopen_statement(record)
        if not member[1]:
            return Page(
                [], None, [Refusal(record, RecordError("Nothing of it was kept: upload it by itself, mended."))]
            )
        try:
            return join_pages(list(self._file(ctx, *member, read_ids_setting(ctx.config), TwinCounter())))
        except FileRefused as refusal:
            return Page([], None, [Refusal(record, RecordError(str(refusal)))])

    def _pages(self, ctx: Context) -> Iterator[Page]:
        ids, twins = read_ids_setting(ctx.config), TwinCounter()
        for file in ctx.inbox:
            yield from self._file(ctx, file.name, ctx.read(file), ids, twins)

    def _file(self, ctx: Context, name: str, data: bytes, ids: Ids, twins: TwinCounter) -> Iterator[Page]:
        """The pages of one file. A refused file of a ZIP does not keep the others out; if none can be read, the archive
        fails.
        """
        refused: list[tuple[ArchiveMember, FileRefused]] = []
        loaded_count = 0
        for member in read_members(data, **read_settings(ctx.config, self.layouts)):
            try:
                for part in member.parts:
                    ctx.beat()  # reading a large file takes longer than a page
                    addressed = mark_shared_names([_addressed(ctx, statement) for statement in part])
                    for statement, entries in key_entries(addressed, ids, twins):
                        loaded_count += 1
                        yield from StatementPages(member_place(name, member), statement, entries, ids).pages(
                            self.page_size
                        )
            except FileRefused as refusal:
                if not member.name:
                    raise
                refused.append((member, refusal))
        if refused and not loaded_count:
            member, reason = refused[0]
            raise member.refused(reason)
        for member, reason in refused:
            yield refused_page(name, member, reason)


def _setting(ctx: Context, name: str) -> str:
    """What the config says; '' for null too."""
    return str(ctx.config.get(name) or "")


def _addressed(ctx: Context, statement: Statement) -> Statement:
    """The statement with what the config adds. Raises UnreadableFile if neither file nor config names account or
    currency.
    """
    account = statement.account
    written = account.identifier or _setting(ctx, "account")
    identifier, former = canonical(written), formerly_canonical(written)
    currency = account.currency or _balance_currency(statement) or _setting(ctx, "currency").upper()
    lacks_currency = not currency and any(not entry.currency for entry in statement.entries)
    if not identifier and lacks_currency:
        raise UnreadableFile(
            "The file says neither which account it belongs to nor which currency its amounts are in. Give both: "
            "--config account=NUMBER --config currency=EUR (an ISO 4217 code), or the account field and the settings "
            "of the upload page, or the connection's config."
        )
    if not identifier:
        raise UnreadableFile(
            "The file does not say which account it belongs to. Give it: --config account=NUMBER, or the account field "
            "of the upload page, or the connection's config."
        )
    if lacks_currency:
        raise UnreadableFile(
            "The file does not say which currency its amounts are in. Give it: --config currency=EUR (an ISO 4217 "
            "code), or among the settings of the upload page, or in the connection's config."
        )
    addressed = dataclasses.replace(
        account,
        identifier=identifier,
        currency=currency,
        former=former if former != identifier else "",
        is_name=not is_number(identifier),
    )
    return dataclasses.replace(statement, account=addressed)


def _balance_currency(statement: Statement) -> str:
    for balance in (statement.opening, statement.closing, statement.available):
        if balance is not None and balance.currency:
            return balance.currency
    currencies = {entry.currency for entry in statement.entries if entry.currency}
    return currencies.pop() if len(currencies) == 1 else ""
