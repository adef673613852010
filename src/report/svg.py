"""Charts as SVG inside an HTML page: small, without a network, always the same bytes."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import altair as alt

from ..common.visible import visible_lines
from .look import CONFIG

_NAMESPACE = "http://www.w3.org/2000/svg"
_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_GEOMETRY = {"d", "transform", "x", "y", "x2", "y2", "width", "height", "viewBox"}
# A screen reader reads the name of the whole picture; Vega's names of its parts are dropped.
_DROPPED = {"class", "role", "pointer-events", "width", "height", "version", "font-family"}

ElementTree.register_namespace("", _NAMESPACE)


def draw(chart: alt.TopLevelMixin, name: str, description: str) -> str:
    """The chart as an ``<svg>`` element.

    Args:
        chart: its colours may be CSS variables and ``currentColor``.
        name: unique on the page; the ids inside begin with it.
        description: what a screen reader reads out.
    """
    # Its JavaScript engine takes a second to start, once for all charts.
    import vl_convert

    # Altair refuses long tables by default, as a browser would have to load them.
    with alt.data_transformers.disable_max_rows():
        spec = chart.configure(**CONFIG).to_dict()
    text = vl_convert.vegalite_to_svg(_visible(spec), show_warnings=False, allowed_base_urls=[])
    root = ElementTree.fromstring(text)
    for element in root.iter():
        _strip(element)
    _prune(root)
    root.attrib |= {"role": "img", "aria-label": visible_lines(description)}
    return _rename_ids(ElementTree.tostring(root, encoding="unicode"), name)


def _visible(spec: Any) -> Any:
    """The chart with all its texts visible: XML has no place for control characters."""
    if isinstance(spec, dict):
        return {key: _visible(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [_visible(value) for value in spec]
    return visible_lines(spec) if isinstance(spec, str) else spec


def _strip(element: ElementTree.Element) -> None:
    """Remove attributes that change nothing, and round coordinates to 0.01."""
    marks = "role-mark" in element.get("class", "")
    # A clip path's rectangle needs its width and height.
    is_rectangle = element.tag.endswith("rect")
    for key in list(element.attrib):
        if key.startswith("aria-") or (key in _DROPPED and not is_rectangle):
            del element.attrib[key]
    if element.get("opacity") == "1":
        del element.attrib["opacity"]
    for key in _GEOMETRY & element.attrib.keys():
        element.set(key, _NUMBER.sub(lambda m: f"{float(m[0]):.2f}", element.attrib[key]))
    if marks:
        element.set("class", "marks")


def _prune(parent: ElementTree.Element) -> None:
    """Remove elements that draw nothing: empty groups, uncoloured frames, hidden labels."""
    for child in list(parent):
        _prune(child)
        hidden = child.get("display") == "none" or child.get("opacity") == "0"
        plain = child.tag.endswith("path") and not {"fill", "stroke"} & child.attrib.keys()
        inherits = {"fill", "stroke"} & parent.attrib.keys()
        empty = child.tag.endswith("}g") and not len(child)
        if hidden or (plain and not inherits) or empty:
            parent.remove(child)


def _rename_ids(text: str, name: str) -> str:
    # Vega numbers clip paths over all charts of the process: the numbers depend on what it drew.
    ids = re.findall(r'\bid="([^"]*)"', text)
    for i, old in enumerate(ids):
        text = text.replace(f'id="{old}"', f'id="{name}-{i}"')
        text = text.replace(f"url(#{old})", f"url(#{name}-{i})")
    return text
