"""The page's slider over epochs: where it is, and what it shows."""

import json
import re
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
import small_page
from path_files import EPOCHS

from normscope import store
from normscope.page import sliders

SECTION = re.compile(r'<section class="walk kind" id="epochs".*?</section>', re.DOTALL)
NETWORKS = list(small_page.NETWORKS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a run with a path, what the slider shows, and the page."""
    results = tmp_path_factory.mktemp("small")
    logits = small_page.run_with_path(results)
    return results, logits, small_page.render(results, logits)


def test_a_run_has_the_slider_where_it_has_a_path_and_else_the_same_page(
    made, tmp_path
):
    _, _, text = made
    small_page.run_with_path(tmp_path / "small")
    without = small_page.render(tmp_path / "small", [])
    found = SECTION.findall(text)
    assert len(found) == 1
    assert 'id="epochs' not in without
    assert SECTION.sub("", text) == without
    section = text.split('<h2 id="breaks">')[1].split("<h2")[0]
    assert found[0] in section


def test_the_sliders_data_are_those_of_the_tables(made):
    results, logits, text = made
    (section,) = SECTION.findall(text)
    data = json.loads(re.search(r"<script[^>]*>(.*?)</script>", section)[1])
    assert data == json.loads(sliders.epochs(logits)["data"])
    assert data["epochs"] == EPOCHS
    assert data["limit"] == 1.357
    assert [each["name"] for each in data["networks"]] == NETWORKS
    for network in data["networks"]:
        folder = results / "seed0" / network["name"]
        table = pd.read_csv(folder / "training_path.csv")
        largest = table[["lambda_1", "lambda_2", "lambda_3"]].max(axis=1)
        for name, curvature in (
            ("product", largest), ("sharpness", table.batch_sharpness),
        ):  # fmt: skip
            values = table.learning_rate * curvature
            shown = [np.nan if v is None else v for v in network[name]]
            np.testing.assert_allclose(shown, values.where(values > 0), rtol=0.005)
        overlaps = pd.read_csv(folder / "path_overlaps.csv")
        shares = [v["shares"] for rows in network["overlaps"] for v in rows]
        columns = overlaps[["mean", "variance", "third_moment"]]
        np.testing.assert_allclose(shares, columns, atol=1e-4)
        arrays, _ = store.read(str(folder / "path_logits.h5"))
        of = network["directions"]["epochs"]
        levels = np.frombuffer(b64decode(of["density"]), np.uint8)
        peaks = np.array(of["peaks"])[:, :, None]
        density = levels.reshape(arrays["density"].shape) / 255 * peaks
        np.testing.assert_allclose(density, arrays["density"], atol=0.003 * peaks.max())
        for key, name in {"loss": "loss", "share": "predicted_share"}.items():
            np.testing.assert_allclose(of[key], arrays[name], atol=1e-4)
