"""XML as values: trees are built from nodes and never from text, and what others wrote is read with entities off.

Domains, networks and filters are all put together with ``node``; a name that a user chose can therefore not become
a tag. The standard library expands entities that a document declares itself, so documents that declare any are refused.
"""

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from corenova.exceptions import DriverError

_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Child = Element | str | None


def node(tag: str, *children: Child | Iterable[Child], **attributes: object) -> Element:
    """Return an element. Children that are None are left out, text is its text, lists are taken apart.

    Attributes that are None are left out too; a trailing underscore keeps a name from being a Python keyword.
    """
    made = Element(tag, {name.rstrip("_"): _plain(value) for name, value in attributes.items() if value is not None})
    for child in children:
        for one in [child] if child is None or isinstance(child, str | Element) else child:
            if isinstance(one, str):
                made.text = (made.text or "") + _plain(one)
            elif one is not None:
                made.append(one)
    return made


def text(tree: Element) -> str:
    """Return the document."""
    ElementTree.indent(tree)
    return ElementTree.tostring(tree, encoding="unicode")


def parse(document: str) -> Element:
    """Return the tree of a document that libvirt gave; raises DriverError for one that is not sound."""
    if "<!DOCTYPE" in document or "<!ENTITY" in document:
        raise DriverError("libvirt gave XML with declarations, which it never does; it was not read.")
    try:
        return ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise DriverError(f"libvirt gave XML that cannot be read: {error}.") from None


def attribute(tree: Element | None, path: str, name: str) -> str | None:
    """Return the attribute of the first element at ``path``, or None."""
    found = tree.find(path) if tree is not None else None
    return found.get(name) if found is not None else None


def _plain(value: object) -> str:
    """Return what may stand in XML: control characters and their like may not, not even escaped."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _FORBIDDEN.sub("", str(value))
