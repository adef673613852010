"""Vega-Lite charts as SVG to stand inside an HTML page: small, no network, same bytes each time."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

_NAMESPACE = "http://www.w3.org/2000/svg"
_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_GEOMETRY = {"d", "transform", "x", "y", "x2", "y2", "width", "height", "viewBox"}
# The picture as a whole has an accessible name; Vega's for its parts would be read out after it.
_DROPPED = {"class", "role", "pointer-events", "width", "height", "version", "font-family"}

ElementTree.register_namespace("", _NAMESPACE)


def draw(spec: dict[str, Any], name: str, description: str) -> str:
    """The chart as an ``<svg>`` element.

    Args:
        spec: Vega-Lite; its colours may be CSS variables and ``currentColor``.
        name: unlike any other picture's of the page; begins the ids inside.
        description: the accessible name.
    """
    # Takes a second to start its engine.
    import vl_convert

    text = vl_convert.vegalite_to_svg(spec, show_warnings=False, allowed_base_urls=[])
    root = ElementTree.fromstring(text)
    for element in root.iter():
        _shorten(element)
    _prune(root)
    root.attrib |= {"role": "img", "aria-label": description}
    return _rename_ids(ElementTree.tostring(root, encoding="unicode"), name)


def _shorten(element: ElementTree.Element) -> None:
    marks = "role-mark" in element.get("class", "")
    inside_definition = element.tag.endswith("rect")
    for key in list(element.attrib):
        if key.startswith("aria-") or (key in _DROPPED and not inside_definition):
            del element.attrib[key]
    if element.get("opacity") == "1":
        del element.attrib["opacity"]
    for key in _GEOMETRY & element.attrib.keys():
        element.set(key, _NUMBER.sub(lambda m: f"{float(m[0]):.2f}", element.attrib[key]))
    if marks:
        element.set("class", "marks")


def _prune(parent: ElementTree.Element) -> None:
    """Remove what draws nothing: frames without a colour, labels hidden as they would overlap."""
    for child in list(parent):
        _prune(child)
        hidden = child.get("display") == "none" or child.get("opacity") == "0"
        plain = child.tag.endswith("path") and not {"fill", "stroke"} & child.attrib.keys()
        inherits = {"fill", "stroke"} & parent.attrib.keys()
        empty = child.tag.endswith("}g") and not len(child)
        if hidden or (plain and not inherits) or empty:
            parent.remove(child)


def _rename_ids(text: str, name: str) -> str:
    # Vega counts its clip paths through the life of the process.
    ids = re.findall(r'\bid="([^"]*)"', text)
    for i, old in enumerate(ids):
        text = text.replace(f'id="{old}"', f'id="{name}-{i}"')
        text = text.replace(f"url(#{old})", f"url(#{name}-{i})")
    return text
