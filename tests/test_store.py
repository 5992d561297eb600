"""Files are whole, of their layout, or refused."""

import h5py
import numpy as np
import pytest

import perturb_network
from normscope import store
from normscope.curvature import decomposition
from normscope.job import UserError
from normscope.outputs import channels, moments

PAIRS = {
    "eigenvalues": np.array([2.0, 1.0]),
    "eigenvectors": np.eye(2, 5, dtype=np.float32),
    "residual_norms": np.zeros(2),
}


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "hessian.h5")


def test_a_file_reads_as_it_was_written(path):
    store.write(
        path, decomposition.LAYOUT, PAIRS, {"classes": ["a", "b"], "matvecs": 3}
    )
    arrays, attributes = store.read(path)
    for name, values in PAIRS.items():
        np.testing.assert_array_equal(arrays[name], values)
    assert list(attributes["classes"]) == ["a", "b"]
    with h5py.File(path) as file:
        for name in PAIRS:
            assert file[name].attrs["definition"]


def test_names_are_text(tmp_path):
    path = str(tmp_path / "moment_gradients.h5")
    gradients = {name: np.ones((2, 4)) for name in ("mean", "variance", "third_moment")}
    places = {
        "parameters/name": ["conv.weight"],
        "parameters/shape": [(4, 1, 1, 1)],
        "parameters/offset": [0],
    }
    store.write(path, moments.LAYOUT, gradients | places, {})
    assert list(store.read(path, "parameters/name")[0]["parameters/name"]) == [
        "conv.weight"
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"eigenvalues": np.zeros(3)},
        {"eigenvectors": np.zeros(2)},
        {"more": np.zeros(2)},
    ],
)
def test_what_is_not_of_the_layout_is_not_written(path, tmp_path, wrong):
    with pytest.raises(ValueError, match=r"hessian\.h5|argument"):
        store.write(path, decomposition.LAYOUT, PAIRS | wrong, {})
    assert list(tmp_path.iterdir()) == []


def cut(path):
    with open(path, "r+b") as file:
        file.truncate(1000)


def drop(path):
    with h5py.File(path, "a") as file:
        del file["eigenvalues"]


def resize(path):
    with h5py.File(path, "a") as file:
        del file["eigenvalues"]
        file["eigenvalues"] = np.zeros(7)


@pytest.mark.parametrize("damage", [cut, drop, resize])
def test_a_damaged_file_is_refused_by_name(path, damage):
    store.write(path, decomposition.LAYOUT, PAIRS, {})
    damage(path)
    with pytest.raises(UserError, match=r"hessian\.h5 is not a whole .*delete it"):
        store.read(path)


def statistics(count):
    fields = ("mean", "std", "min", "max")
    curves = {"density": np.ones((min(count, 10), 4)), "grid": np.arange(4.0)}
    return dict.fromkeys(fields, np.zeros(count)) | curves


def test_groups_have_sizes_and_attributes_of_their_own(tmp_path):
    path = str(tmp_path / "perturbations.h5")
    arrays = {f"none/wide/{name}": values for name, values in statistics(12).items()}
    arrays |= {f"none/out/{name}": values for name, values in statistics(3).items()}
    arrays["none/predicted_share"] = np.array([0.5, 0.5, 0.0])
    arrays["critical_length"] = np.ones(3)
    store.write(
        path, perturb_network.LAYOUT, arrays, {"images": 8}, {"none": {"loss": 2.5}}
    )
    found, attributes = store.read(path)
    assert attributes["images"] == 8
    assert store.group_attributes(path) == {"none": {"loss": 2.5}}
    assert store.group(found, "none/wide").keys() == statistics(12).keys()
    assert store.group(found, "none/wide")["density"].shape == (10, 4)
    (only,) = store.read(path, "none/out/mean")[0].values()
    assert only.shape == (3,)


@pytest.mark.parametrize("name", ["loss", "none/out/median"])
def test_what_no_pattern_names_is_not_written(tmp_path, name):
    with pytest.raises(ValueError, match=name):
        store.write(
            str(tmp_path / "channels.h5"), channels.LAYOUT, {name: np.zeros(2)}, {}
        )
    assert list(tmp_path.iterdir()) == []


def test_a_group_can_be_read_by_its_name(tmp_path):
    path = str(tmp_path / "channels.h5")
    arrays = {f"{layer}/{name}": values for layer in ("fc1", "fc10")
              for name, values in statistics(3).items()}  # fmt: skip
    store.write(path, channels.LAYOUT, arrays, {})
    found, _ = store.read(path, "fc1")
    assert found.keys() == {name for name in arrays if name.startswith("fc1/")}
    with pytest.raises(UserError, match=r"not a whole channels\.h5 of this version"):
        store.read(path, "fc1", "fc2")


def test_a_file_lacks_nothing_of_its_layout(path):
    del (lacking := dict(PAIRS))["residual_norms"]
    with pytest.raises(ValueError, match="residual_norms are missing"):
        store.write(path, decomposition.LAYOUT, lacking, {})
