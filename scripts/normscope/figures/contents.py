"""What a figure is made of, for pages that show its parts one by one."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

PAD = 0.03  # inches around a panel


def contents(figure: Figure) -> dict:
    """What the figure is made of, for pages that show its parts one by one.

    `title` and `notes` are its text beside all panels. `panels` are its axes and
    legends: each the `id` of its group in the SVG, its `label`, which tells it from the
    others, and its `box` (left, top, width, height) in the points of the SVG. `tables`
    are rows of cells, the first of them the header.
    """
    shown = [axis for axis in figure.axes if axis.get_visible()]
    tables = [axis for axis in shown if (axis.get_gid() or "").startswith("table of ")]
    panels = [axis for axis in shown if axis not in tables]
    for number, panel in enumerate([*panels, *figure.legends]):
        panel.set_gid(f"panel{number}")
    title = figure.get_suptitle()
    return {
        "title": title,
        "notes": [text.get_text() for text in figure.texts if text.get_text() != title],
        "panels": [
            {"id": panel.get_gid(), "label": panel.get_label(), "box": _box(panel)}
            for panel in [*panels, *figure.legends]
        ],
        "tables": [_cells(axis) for axis in tables],
    }


def _box(panel: Axes | Legend) -> list[float]:
    figure = panel.get_figure()
    inches = panel.get_tightbbox().transformed(figure.dpi_scale_trans.inverted())
    left, top = inches.x0 - PAD, figure.get_figheight() - inches.y1 - PAD
    sides = left, top, inches.width + 2 * PAD, inches.height + 2 * PAD
    return [round(72 * side, 2) for side in sides]


def _cells(axis: Axes) -> list[list[str]]:
    cells = [text.get_text() for text in axis.texts]
    columns = int(axis.get_gid().removeprefix("table of "))
    return [cells[start : start + columns] for start in range(0, len(cells), columns)]
