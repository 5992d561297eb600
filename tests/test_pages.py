"""What a page is made from: parts of figures, places of claims, costs, sliders."""

import json
from base64 import b64decode

import numpy as np
import pytest
from markupsafe import Markup
from matplotlib.figure import Figure

from normscope import store
from normscope.figures import drawing, tables
from normscope.outputs import walks
from normscope.page import pages, pictures, sliders
from normscope.page.costs import DRAWING, costs
from normscope.page.prose import Block

CLAIM = {"section": "A title", "figures": ""}


@pytest.fixture
def picture(tmp_path):
    """A figure of two panels, a legend and a table, as the page reads it."""
    figure = Figure((6, 3))
    left, right, table = figure.subplots(1, 3)
    left.set_label("frozen")
    left.scatter([1, 2], [3, 4], label="dots", gid=f"{drawing.TIP}frozen, v3: 0.5")
    left.set_title("A & <B>")
    right.plot([0, 1], [0, 1], marker="o", color=drawing.PALETTE[1])
    tables.draw_table(table, ["of", "loss"], [["x", "1.5"], ["y", "2.5"]])
    figure.legend(loc="outside right upper")
    figure.text(0, 0, "A note.")
    drawing.set_title(figure, "What was found")
    paths = [str(tmp_path / f"07_a_kind_net.{end}") for end in ("svg", "png")]
    drawing.save(figure, *paths)
    (found,) = pictures.pictures(paths[:1], ["a", "a_kind"])["a_kind"]
    return found


def test_a_figure_is_taken_apart(picture):
    assert (picture.number, picture.name, picture.anchor) == (7, "net", "figure-07-net")
    assert (picture.title, picture.notes) == ("What was found", ["A note."])
    assert picture.tables == [[["of", "loss"], ["x", "1.5"], ["y", "2.5"]]]
    assert len(picture.panels) == 3  # the legend is one
    left, right, _ = picture.panels
    assert left.label == "frozen"
    assert "A &amp; &lt;B&gt;</text>" in left.svg
    assert 'data-tip="frozen, v3: 0.5" data-vector="v3"' in left.svg
    assert "data-tip" not in right.svg
    assert "var(--p1)" in right.svg
    assert drawing.PALETTE[1].lower() not in right.svg


def test_what_a_panel_refers_to_is_in_it(picture):
    ids = set()
    for panel in picture.panels:
        mine = set(pictures.re.findall(r' id="([^"]+)"', panel.svg))
        used = set(pictures.re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', panel.svg))
        assert {a or b for a, b in used} <= mine
        assert not mine & ids
        ids |= mine
    assert ids


def figure_row(section, number):
    return {"section": section, "number": number}


def test_claims_stand_at_their_sentence_else_their_figure_else_at_the_end():
    claims = [
        CLAIM | {"id": "C1", "figures": "04"},
        CLAIM | {"id": "C2", "figures": "04 05"},
        CLAIM | {"id": "C3"},
        CLAIM | {"id": "C4", "section": "Another"},
    ]
    told = {
        "a": [
            Block(sentences=(Markup("One."),), claims=("C2",)),
            Block(figure="plot"),
            Block(sentences=(Markup("Two."),)),
        ],
        "b": [],
    }
    titles = {"a": "A title", "b": "Another"}
    figures = {
        "plot": figure_row("a", {"x": 4, "others": 9}),
        "more": figure_row("a", 5),
    }
    first, second = pages.sections(told, titles, figures, claims)
    assert [(part.kind, [c["id"] for c in part.claims]) for part in first.blocks] == [
        ("plot", ["C2", "C1"]),
        ("more", ["C3"]),
    ]
    assert first.blocks[0].paragraphs == [("One.",)]
    assert first.blocks[1].paragraphs == [("Two.",)]
    assert first.blocks[0].judged == ["C1", "C2"]
    assert [c["id"] for part in second.blocks for c in part.claims] == ["C4"]


def test_a_claim_names_the_figures_that_it_is_judged_by(picture):
    assert pages.places(CLAIM | {"figures": "04 07"}, [picture]) == [
        ("figure-07-net", 7)
    ]
    assert pages.places(CLAIM, [picture]) == []


def test_costs_are_by_rule_the_longest_first(tmp_path):
    for name, seconds in {
        "train/a": 60,
        "train/b": 30,
        "plot_x": 600,
        "render_page": 60,
        "split": 120,
    }.items():
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"s\th:m:s\n{seconds}\t0\n")
    table = costs(tmp_path)
    assert list(table.index) == ["split", "train", DRAWING]
    assert table.minutes.tolist() == [2, 1.5, 11]
    assert table.jobs.tolist() == [1, 2, 2]


def test_the_sliders_data_are_those_of_the_file(tmp_path):
    lengths = np.array([-0.02, 0, 0.011])
    made = np.random.default_rng(0)
    groups = {
        name: {
            "density": made.random((3, 2, 8)).astype(np.float32),
            "mean": made.random((3, 2)),
            "loss": made.random(3),
            "accuracy": made.random(3),
            "predicted_share": made.random((3, 2)),
        }
        for name in ("mean_0", "mean_1", "eigenvector_1")
    }
    arrays = {"lengths": lengths, "grid": np.linspace(-3, 5, 8)}
    for name, group in groups.items():
        arrays |= store.nested(group, name)
    path = tmp_path / "seed0/frozen/walks.h5"
    path.parent.mkdir(parents=True)
    about = {"classes": ["</script>", "dog"], "images": 32}
    store.write(str(path), walks.LAYOUT, arrays, about)
    shown = sliders.walk([str(path)])
    assert shown["vectors"] == 1
    assert shown["start"] == 2
    assert "</" not in shown["data"]
    data = json.loads(shown["data"])
    assert data["classes"] == about["classes"]
    assert data["networks"][0]["range"] == [-3, 5]
    walked = data["networks"][0]["directions"]["mean_1"]
    levels = np.frombuffer(b64decode(walked["density"]), np.uint8).reshape(3, 2, 8)
    density = levels / 255 * np.array(walked["peaks"])[:, :, None]
    np.testing.assert_allclose(density, groups["mean_1"]["density"], atol=0.003)
    for key, name in {
        "loss": "loss",
        "share": "predicted_share",
        "mean": "mean",
    }.items():
        np.testing.assert_allclose(walked[key], groups["mean_1"][name], atol=1e-4)
