"""The national variants of ISO 646: 7-bit text in which brackets and braces stand for letters.

Banks in the north of Europe still write them, and programs that pass their files on may turn the braces of SWIFT's
envelope into letters. A text does not show for certain which alphabet it is in, and a wrong guess garbles it, so the
config has to name it. Without that the reader only notes texts that look like it.
"""

from __future__ import annotations

import re

from ingestion import ConfigurationError
from integrations.bank.formats.charset import is_known

_NATIONAL = {
    "iso646-de": dict(zip("@[\\]{|}~", "§ÄÖÜäöüß", strict=True)),
    "iso646-dk": dict(zip("[\\]{|}", "ÆØÅæøå", strict=True)),
    "iso646-no": dict(zip("[\\]{|}", "ÆØÅæøå", strict=True)),
    "iso646-se": dict(zip("[\\]{|}", "ÄÖÅäöå", strict=True)),
    "iso646-fi": dict(zip("[\\]{|}", "ÄÖÅäöå", strict=True)),
}
_TABLES = {name: str.maketrans(letters) for name, letters in _NATIONAL.items()}
_OPENERS, _CLOSERS = "äæéà°", "åüèç"
"""What the braces are in the variants of Sweden, Finland, Germany, Denmark, Norway, France, Italy and Spain."""
_BRACES = str.maketrans(dict.fromkeys(_OPENERS, "{") | dict.fromkeys(_CLOSERS, "}"))
_BLOCK = re.compile(rf"[{_OPENERS}](?:4:[ ]*|[1-3]:[^\s]+[{_CLOSERS}](?:[{_OPENERS}].*)?)")
_LINE = re.compile(rf"^{_BLOCK.pattern}$", re.MULTILINE)
_END = re.compile(rf"-[{_CLOSERS}][ ]*")
_SUSPECT = re.compile(r"[\[\\\]{|}](?<=[A-Za-z].)(?=[A-Za-z])")
_WORD = re.compile(r"[\w\[\\\]{|}]{1,20}")


def refuse_unknown(charset: str) -> None:
    """Raises ConfigurationError for a charset that is none of ours."""
    if charset and not is_variant(charset) and not is_known(charset):
        names = ", ".join(_TABLES)
        raise ConfigurationError(
            f"The charset {charset[:40]!r} is not known: choose one of {names}, or cp850 and such."
        )


def is_variant(charset: str) -> bool:
    return charset in _TABLES


def letters(line: str, charset: str) -> str:
    """The line with its national letters; envelope lines keep their braces."""
    return line if line.startswith(("{", "-}")) else line.translate(_TABLES[charset])


def has_lettered_envelope(text: str) -> bool:
    """Whether the envelope's braces were turned into letters: `ä4:` for `{4:`."""
    return _LINE.search(text) is not None


def envelope(line: str) -> str:
    """An envelope line with its braces again; any other line as it is."""
    return line.translate(_BRACES) if _BLOCK.fullmatch(line) or _END.fullmatch(line) else line


def suspect(text: str) -> str:
    """The first word with a bracket, brace or bar among its letters, '' if there is none."""
    match = _SUSPECT.search(text)
    if match is None:
        return ""
    before = text[max(match.start() - 15, 0) : match.start()].split()[-1]
    word = _WORD.match(text, match.start())
    return before + (word[0] if word else "")
