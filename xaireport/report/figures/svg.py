"""What matplotlib writes, made fit to stand inside a page: no style attributes, own ids, colours that follow.

It rewrites one SVG; it draws nothing.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
INK = "#010203"
"""Colour to draw with where the page's own ink is meant."""
ELEMENTS = ("svg", "g", "path", "text", "tspan", "use", "defs", "clipPath", "rect", "image", "title", "desc")
"""All that a drawing may hold."""
MEASURES = ("d", "x", "y", "width", "height", "transform", "points")
"""Attributes whose numbers are rounded to hundredths of a point."""
LONG = re.compile(r"-?\d+\.\d{3,}")
FAMILY = "Xai Sans, Source Sans 3, sans-serif"


def fit(svg: str, name: str, title: str, description: str) -> str:
    """Return the drawing, ready to stand inside a page and on its own.

    Parameters
    ----------
    svg : str
        As matplotlib saves it with ``svg.fonttype: none``.
    name : str
        Goes before every id, so that two drawings on one page do not mix.
    title, description : str
        What the drawing is and says, for readers who do not see it.

    Returns
    -------
    str
        Style attributes become presentation attributes (a page's content security policy forbids the former),
        and the ink becomes ``currentColor``.
    """
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(svg)
    prefix = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    pointed_at = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    for element in root.iter():
        if element.get("id") not in pointed_at:
            element.attrib.pop("id", None)
        _plain(element, prefix)
    labels = []
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        label = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{prefix}-{tag}"})
        label.text = text
        root.insert(place, label)
        labels.append(f"{prefix}-{tag}")
    root.attrib.update(
        {
            "role": "img",
            "aria-labelledby": " ".join(labels),
            "font-family": FAMILY,
            "stroke-linejoin": "round",
            "stroke-linecap": "butt",
        }
    )
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def is_plain(svg: str) -> bool:
    """Return whether a drawing holds shapes and text only: no script, style, event or outside address."""
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError:
        return False
    return root.tag == f"{{{SVG}}}svg" and all(_is_plain(element) for element in root.iter())


def under(svg: str, at: str) -> str:
    """Return a fitted drawing with ``at`` before every id, so that one drawing can stand on a page twice."""
    there = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{at}", svg)
    return re.sub(
        r'aria-labelledby="([^"]*)"',
        lambda found: f'aria-labelledby="{" ".join(at + each for each in found[1].split())}"',
        there,
    )


def _is_plain(element: ElementTree.Element) -> bool:
    if element.tag not in {f"{{{SVG}}}{name}" for name in ELEMENTS}:
        return False
    for name, value in element.attrib.items():
        local = name.rpartition("}")[2].lower()
        if local == "style" or local.startswith("on"):
            return False
        if local == "href" and not value.startswith(("#", "data:image/png;base64,")):
            return False
    return True


def _plain(element: ElementTree.Element, prefix: str) -> None:
    """Rewrite one element's attributes in place."""
    style = element.attrib.pop("style", "")
    for rule in filter(None, (part.strip() for part in style.split(";"))):
        name, _, value = rule.partition(":")
        if name.strip() != "font-family":
            element.set(name.strip(), value.strip())
    for name, value in list(element.attrib.items()):
        if name == "id":
            value = f"{prefix}-{value}"
        elif name in ("href", f"{{{XLINK}}}href") and value.startswith("#"):
            value = f"#{prefix}-{value[1:]}"
        elif value.startswith("url(#"):
            value = f"url(#{prefix}-{value[5:]}"
        elif value == INK:
            value = "currentColor"
        if name in MEASURES:
            value = LONG.sub(lambda number: f"{float(number[0]):.2f}", " ".join(value.split()))
        element.set(name, value)
