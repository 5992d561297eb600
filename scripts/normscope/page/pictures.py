"""Figures as parts of a page: panels that flow, and titles and tables that are text."""

import json
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from markupsafe import Markup

from normscope.figures.drawing import PALETTE, TIP, label

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"
REFERENCE = re.compile(r"url\(#([^)]+)\)|^#(.+)$")
PIXELS = 96 / 72  # of a point
# Colours of figures as variables of style.css, which dark pages set anew.
VARIABLES = {
    "#000000": "ink",
    "#333333": "ink",
    "#595959": "soft",
    "#808080": "soft",
    "#cccccc": "line",
    "#ebebeb": "grid",
    "#ffffff": "card",
} | {colour.lower(): f"p{index}" for index, colour in enumerate(PALETTE)}


@dataclass(frozen=True)
class Panel:
    """A part of a figure, and its label in the figure's file."""

    label: str
    svg: Markup

    @property
    def vector(self) -> str:
        """The eigenvector that it is of, such as v3, if it is of one."""
        return self.label if re.fullmatch(r"v\d+", self.label) else ""


@dataclass(frozen=True)
class Picture:
    """A figure: its number, the network or experiment that it is of, and its parts."""

    number: int
    name: str
    file: str
    title: str
    notes: list[str]
    panels: list[Panel]
    tables: list[list[list[str]]]

    @property
    def label(self) -> str:
        return label(self.name)

    @property
    def anchor(self) -> str:
        """Its id in the page."""
        return "-".join(["figure", f"{self.number:02}", *filter(None, [self.name])])


def pictures(paths: Iterable[str], kinds: Iterable[str]) -> dict[str, list[Picture]]:
    """The pictures at the paths by their kind, in that order.

    A file is called NN_<kind> or NN_<kind>_<name>.
    """
    kinds = list(kinds)
    found: dict[str, list[Picture]] = {}
    for path in map(Path, paths):
        number, what = path.stem.split("_", 1)
        # The longest, as one kind may begin as another.
        fitting = (kind for kind in kinds if f"{what}_".startswith(f"{kind}_"))
        kind = max(fitting, key=len, default=what)
        name = what.removeprefix(kind).removeprefix("_")
        found.setdefault(kind, []).append(read(path, int(number), name))
    return found


def read(path: Path, number: int, name: str) -> Picture:
    """The figure at the path, which `drawing.save` has written."""
    root = ET.parse(path).getroot()
    contents = json.loads(root.find(f".//{DESCRIPTION}").text)
    by_id = {each.get("id"): each for each in root.iter() if each.get("id")}
    panels = [
        Panel(
            panel["label"],
            part(by_id, panel["id"], panel["box"], f"{path.stem}-{panel['id']}-"),
        )
        for panel in contents["panels"]
    ]
    return Picture(
        number,
        name,
        path.name,
        " ".join(contents["title"].split()),
        contents["notes"],
        panels,
        contents["tables"],
    )


def part(
    by_id: Mapping[str, ET.Element], name: str, box: list[float], prefix: str
) -> Markup:
    """The group of that id as an SVG element of its own, which shows the box.

    What the group refers to comes along; ids begin with the prefix, so that they are no
    other figure's.
    """
    group = by_id[name]
    inside = {each.get("id") for each in group.iter()}
    needed = {target for each in group.iter() for target in references(each)}
    outside = [by_id[target] for target in sorted(needed - inside)]
    width, height = (f"{PIXELS * side:.0f}" for side in box[2:])
    root = ET.Element(
        "svg", viewBox=" ".join(f"{side:g}" for side in box), width=width, height=height
    )
    if outside:
        ET.SubElement(root, "defs").extend(outside)
    root.append(group)
    return Markup(written(root, needed, prefix))


def references(element: ET.Element) -> Iterable[str]:
    """The ids of the elements to which this one refers."""
    for value in element.attrib.values():
        for found in REFERENCE.finditer(value):
            yield found[1] or found[2]


def written(element: ET.Element, needed: set[str], prefix: str) -> str:
    """The element as HTML, with ids where they are needed and colours as variables."""
    copy = deepcopy(element)
    for each in copy.iter():
        each.tag = each.tag.removeprefix(SVG)
        identity = each.attrib.pop("id", "")
        if identity.startswith(TIP):
            each.set("data-tip", identity.removeprefix(TIP))
            if vector := re.search(r", (v\d+):", identity):
                each.set("data-vector", vector[1])
        elif identity in needed:
            each.set("id", prefix + identity)
        if LINK in each.attrib:
            each.set("href", each.attrib.pop(LINK))
        for key, value in each.attrib.items():
            each.set(key, adapted(key, value, prefix))
        if not (each.text or "").strip():
            each.text = None
        each.tail = (each.tail or "").strip() or None
    return ET.tostring(copy, encoding="unicode", short_empty_elements=True)


def adapted(key: str, value: str, prefix: str) -> str:
    """The value of an attribute of a figure as a page has it."""
    if key == "d":
        return " ".join(re.sub(r"(?<=\.\d)\d+", "", value).split())
    if key == "href" and value.startswith("#"):
        return f"#{prefix}{value[1:]}"
    if key == "style":
        value = value.replace("'DejaVu Sans'", "var(--sans)").replace(": ", ":")
        return re.sub(
            "#[0-9a-f]{6}",
            lambda found: (
                f"var(--{VARIABLES[found[0]]})" if found[0] in VARIABLES else found[0]
            ),
            value.replace("; ", ";"),
        )
    return value.replace("url(#", f"url(#{prefix}")
