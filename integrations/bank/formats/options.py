"""What a connection or an upload tells the readers about its bank, because no file says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ingestion import ConfigurationError
from integrations.bank.formats import iso646

KEEPS_SIGN = "keeps sign"
LEAVE_OUT, POST = "leave out", "post"
MARKS = {"point": ".", "comma": ","}


@dataclass(frozen=True, slots=True)
class Options:
    """Config keys of the same names, `post_notices` apart."""

    charset: str = ""
    """The charset of MT940 files if the bytes do not show it: a variant of ISO 646 (`iso646-se`), or `cp850`."""
    reversal: str = ""
    """`keeps sign`: a CAMT reversal has the direction of the entry it undoes, which ISO 20022 does not mean."""
    posts_notices: bool = True
    """Whether CAMT.052 and .054 are posted; a total of theirs that is wrong costs money only then."""
    balance_rows: str = ""
    """Of OFX, QIF and CSV rows that may state a balance: `leave out` or `post`; '' leaves it to what the file shows."""
    decimal: str = ""
    """What marks decimals in OFX and QIF files whose amounts do not show it: `point` or `comma`."""

    def __post_init__(self) -> None:
        iso646.refuse_unknown(self.charset)
        if self.reversal not in ("", KEEPS_SIGN):
            raise ConfigurationError(f'reversal is {self.reversal[:40]!r}; it can be "{KEEPS_SIGN}", or left out.')
        if self.balance_rows not in ("", LEAVE_OUT, POST):
            value = self.balance_rows[:40]
            raise ConfigurationError(f'balance_rows is {value!r}; it can be "{LEAVE_OUT}", "{POST}", or taken away.')
        if self.decimal and self.decimal not in MARKS:
            raise ConfigurationError(f"decimal is {self.decimal[:40]!r}; it can be point, comma, or taken away.")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Raises ConfigurationError for a value that is none of the allowed ones."""
        keys = ("charset", "reversal", "balance_rows", "decimal")
        charset, reversal, balance_rows, decimal = (str(config.get(key) or "").strip().lower() for key in keys)
        posts = config.get("post_notices")
        if not (isinstance(posts, bool) or posts in (None, "")):
            raise ConfigurationError("post_notices is true or false.")
        return cls(charset, reversal, bool(posts), balance_rows, decimal)

    @property
    def mark(self) -> str:
        """The decimal mark itself, '' if it is not configured."""
        return MARKS.get(self.decimal, "")


DEFAULTS = Options()
