"""OFX bytes to text: header, character set, and the check that XML needs."""

from __future__ import annotations

import re
from html.entities import name2codepoint

from ingestion import HostileFile, UnreadableFile
from integrations.bank.formats import bounded_xml
from integrations.bank.formats.charset import decode

_HEAD = 2_048
_XML_ENCODING = re.compile(r"""<\?xml[^>]*?encoding\s*=\s*["']([\w.\-]{1,40})["']""")
# The SGML header may be one long line, so that a name runs into the next one: CHARSET:1252COMPRESSION:NONE.
_SGML_CHARSET = re.compile(r"CHARSET:\s*((?:windows-|cp)?\d{3,4}|(?:iso-?)?8859-\d{1,2})", re.IGNORECASE)
_DECLARATION = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ROOT = re.compile(r"<OFX\b", re.IGNORECASE)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,7}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_NAMED = {**{name: chr(code) for name, code in name2codepoint.items()}, "apos": "'", "nbsp": " "}
"""The entities of HTML 4: banks write names as their web pages do."""


def body(data: bytes) -> str:
    """The text from <OFX> on ('' if there is none).

    Raises HostileFile for a DTD or an XML bomb. XML that is merely not well-formed is still read: many banks write a
    bare '&', and the tag reader does not depend on it.
    """
    head = data[:_HEAD].decode("latin-1")
    declared = _XML_ENCODING.search(head) or _SGML_CHARSET.search(head)
    text = decode(data, declared[1] if declared else "", last_resorts=("cp1252", "latin-1"))
    root = _ROOT.search(text)
    header = text[: root.start()] if root else text
    if _DECLARATION.search(header):
        raise HostileFile("the OFX file has a document type declaration")
    if header.lstrip().startswith("<?"):
        _refuse_hostile(text.lstrip())
    # PostgreSQL has no NUL in text, and no OFX value needs one.
    return text[root.start() :].replace("\0", "\N{REPLACEMENT CHARACTER}") if root else ""


def unescape(text: str) -> str:
    """Resolve HTML's entities; anything else, and a bare '&', stays as it is written."""
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    name = match[1]
    if not name.startswith("#"):
        return _NAMED.get(name, match[0])
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    if 0x80 <= code < 0xA0:  # as in HTML, meant for a character of Windows-1252 and not for a control
        return bytes([code]).decode("cp1252", "replace")
    # Surrogates are not characters, and controls other than tab and line ends are not storable text.
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or (code < 0x20 and code not in (9, 10, 13)):
        return match[0]
    return chr(code)


def _refuse_hostile(xml: str) -> None:
    try:
        bounded_xml.parse(xml)
    except UnreadableFile:
        return
