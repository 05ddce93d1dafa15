"""What an OFX file holds beside entries: it is not loaded, and the run lists it by name and number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from integrations.bank.formats.ofx_outline import Block

_NAMES = {
    **dict.fromkeys(
        (
            *("BUYDEBT", "BUYMF", "BUYOPT", "BUYOTHER", "BUYSTOCK", "CLOSUREOPT", "INCOME", "INVEXPENSE"),
            *("JRNLFUND", "JRNLSEC", "MARGININTEREST", "REINVEST", "RETOFCAP", "SELLDEBT", "SELLMF", "SELLOPT"),
            *("SELLOTHER", "SELLSTOCK", "SPLIT", "TRANSFER"),
        ),
        "investment trades ({})",
    ),
    **dict.fromkeys(("POSDEBT", "POSMF", "POSOPT", "POSOTHER", "POSSTOCK"), "investment positions"),
    **dict.fromkeys(
        (
            *("OOBUYDEBT", "OOBUYMF", "OOBUYOPT", "OOBUYOTHER", "OOBUYSTOCK", "OOSELLDEBT", "OOSELLMF", "OOSELLOPT"),
            *("OOSELLOTHER", "OOSELLSTOCK", "SWITCHMF"),
        ),
        "open investment orders",
    ),
    **dict.fromkeys(("DEBTINFO", "MFINFO", "OPTINFO", "OTHERINFO", "STOCKINFO"), "descriptions of securities"),
    "BAL": "further balances (BALLIST)",
    "CLOSING": "closing statements (CLOSING)",
    "INVBAL": "investment balances (INVBAL)",
    "REWARDINFO": "card rewards",
    "STMTTRNP": "pending entries (STMTTRNP)",
    "LOANSTMTRS": "loan statements",
    "AMRTSTMTRS": "loan schedules (AMRTSTMTRS)",
    "BANKMAILTRNRS": "messages to the customer",
    "INVMAILTRNRS": "messages to the customer",
    "MAILTRNRS": "messages to the customer",
    "PMTMAILTRNRS": "messages to the customer",
    "PMTTRNRS": "bill payments",
    "RECPMTTRNRS": "recurring bill payments",
    "INTRATRNRS": "transfers (INTRATRNRS)",
    "INTERTRNRS": "transfers (INTERTRNRS)",
    "WIRETRNRS": "transfers (WIRETRNRS)",
    "STPCHKTRNRS": "stopped cheques",
}
_ACCOUNTED_FOR = frozenset(
    {
        *("STMTTRNRS", "CCSTMTTRNRS", "INVSTMTTRNRS"),  # the answers that the statements stand in
        *("SECLISTTRNRS", "LOANSTMTTRNRS", "AMRTSTMTTRNRS", "STMTENDTRNRS", "CCSTMTENDTRNRS"),  # counted by content
    }
)
_MESSAGE = "TRNRS"
"""How the standard ends the name of every answer to a request (OFX 2.1.1, section 2.4.6)."""


def count_left_out(root: Block, tag_counts: Counter[str]) -> dict[str, int]:
    """Plain name and number of everything but statements. `tag_counts`: how often each tag opens in the file."""
    counts = Counter[str]()
    for tag, count in tag_counts.items():
        if tag in _NAMES:
            counts[_NAMES[tag].format(tag)] += count
        elif tag.endswith(_MESSAGE) and tag not in _ACCOUNTED_FOR:
            counts[f"OFX messages ({tag})"] += count
    # Every trade holds one INVTRAN, also one that the standard did not have when this was written.
    trades = sum(count for name, count in counts.items() if name.startswith("investment trades"))
    counts["investment trades of an unknown kind"] = max(tag_counts["INVTRAN"] - trades, 0)
    counts.update(f"answers that are the bank's error (code {code})" for code in _errors(root))
    return {name: count for name, count in counts.items() if count}


def _errors(root: Block) -> Iterator[str]:
    for status in root.all("STATUS"):
        if status.values.get("SEVERITY", "").upper() == "ERROR":
            yield status.values.get("CODE", "")[:20] or "none"
