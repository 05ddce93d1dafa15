"""Untrusted XML to an element tree: no DTD, no entities, no bombs, and every failure a FileRefused."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from ingestion import FileTooLarge, HostileFile, UnreadableFile
from integrations.bank.statements import MAX_ENTRIES

MAX_DEPTH = 64
"""CAMT nests about 15 deep, OFX about 10."""
MAX_ATTRIBUTES = 32
MAX_ATTRIBUTE_LENGTH = 4_096
MAX_TAG_BYTES = 1024 * 1024
"""Of one tag with its attributes, which the parser keeps until the tag ends, or of one comment."""
_CHUNK = 256 * 1024
MAX_ELEMENTS = 2_000_000
"""Bounds the memory of a file full of '<a/>', where four bytes become a hundred."""


@dataclass(frozen=True, slots=True)
class Document:
    """A tree whose tags are local names, and the exact source text of some of its elements."""

    root: Element
    namespaces: dict[Element, str]
    """Namespace of each element whose name is `namespace_of`."""
    sources: dict[Element, str]
    """Source text of each element whose name is `source_of`; of nested ones only the outer."""


def parse(
    text: str,
    *,
    source_of: str = "",
    namespace_of: str = "",
    counted: Container[str] = (),
    limit: int = MAX_ENTRIES,
    on_element: Callable[[Element, str], None] | None = None,
) -> Document:
    """Parse decoded XML. Raises HostileFile (DTD, entity, depth, attributes), FileTooLarge or UnreadableFile.

    `on_element` is called with each element named `source_of` and its source as soon as the element ends. The element
    is then emptied and its source dropped, so that a tree of very many of them takes little memory.

    FileTooLarge comes while reading: at the first element too many, or the first above `limit` of those in `counted`.
    """
    data = text.encode("utf-8")
    tree = _Tree(data, source_of, namespace_of, counted, limit, on_element)
    parser = DefusedXMLParser(target=tree, encoding="utf-8", forbid_dtd=True, forbid_entities=True)
    # The stubs do not show the expat parser; its position is the only way to an element's exact text.
    tree.position = lambda: cast("Any", parser).parser.CurrentByteIndex
    try:
        for start in range(0, len(data), _CHUNK):
            parser.feed(data[start : start + _CHUNK])
            if start + _CHUNK - tree.position() > MAX_TAG_BYTES + _CHUNK:
                raise HostileFile(f"an XML tag or comment has more than {MAX_TAG_BYTES} bytes")
        root = parser.close()
    except DefusedXmlException as error:
        raise HostileFile(f"the XML declares a {type(error).__name__.removesuffix('Forbidden')}") from error
    except (ParseError, ValueError, LookupError) as error:
        raise UnreadableFile(f"not well-formed XML: {str(error)[:200]}") from error
    return Document(root, tree.namespaces, tree.sources)


class _Tree:
    """Parser target: the standard TreeBuilder behind limits, with local tag names."""

    def __init__(
        self,
        data: bytes,
        source_of: str,
        namespace_of: str,
        counted: Container[str],
        limit: int,
        on_element: Callable[[Element, str], None] | None,
    ) -> None:
        self.position: Callable[[], int] = lambda: 0
        self.namespaces: dict[Element, str] = {}
        self.sources: dict[Element, str] = {}
        self._builder = TreeBuilder()
        self._names: dict[str, str] = {}
        self._data, self._source_of, self._namespace_of = data, source_of, namespace_of
        self._starts: list[int] = []
        self._depth = self._elements = 0
        self._counted, self._limit, self._remaining = counted, limit, limit
        self._on_element = on_element

    def start(self, tag: str, attributes: dict[str, str]) -> Element:
        self._depth += 1
        self._elements += 1
        if attributes or self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            self._refuse_bombs(attributes)
        namespace, _, name = tag.rpartition("}")
        # One text for all elements of a name: a text each takes as much memory as half of the element.
        name = self._names.setdefault(name, name)
        self._remaining -= name in self._counted
        if self._remaining < 0:
            raise FileTooLarge(f"The XML has more than {self._limit:,} entries: split the file.")
        element = self._builder.start(name, attributes)
        if name == self._source_of:
            self._starts.append(self.position())
        if name == self._namespace_of:
            self.namespaces[element] = namespace.removeprefix("{")
        return element

    def end(self, tag: str) -> Element:
        self._depth -= 1
        name = tag.rpartition("}")[2]
        element = self._builder.end(name)
        if name == self._source_of:
            start = self._starts.pop()
            if not self._starts:
                end = self._data.find(b">", self.position()) + 1
                source = self._data[start:end].decode("utf-8", "replace")
                if self._on_element is None:
                    self.sources[element] = source
                else:
                    self._on_element(element, source)
                    element.clear()
        return element

    def data(self, text: str) -> None:
        self._builder.data(text)

    def close(self) -> Element:
        return self._builder.close()

    def _refuse_bombs(self, attributes: dict[str, str]) -> None:
        if self._depth > MAX_DEPTH:
            raise HostileFile(f"the XML nests more than {MAX_DEPTH} levels deep")
        if len(attributes) > MAX_ATTRIBUTES or any(len(value) > MAX_ATTRIBUTE_LENGTH for value in attributes.values()):
            raise HostileFile(
                f"an XML element has over {MAX_ATTRIBUTES} attributes or one above {MAX_ATTRIBUTE_LENGTH}"
            )
        if self._elements > MAX_ELEMENTS:
            raise FileTooLarge(f"the XML has more than {MAX_ELEMENTS} elements: split the file")
