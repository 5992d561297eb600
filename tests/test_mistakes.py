"""Mistakes with data and results: one sentence that names the file, nothing left."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from running import CONFIGS, ROOT, changed, snakemake
from test_curvature_scripts import HESSIAN

import decompose_hessian
import differentiate_moments
import freeze_network
import measure_overlaps
import perturb_network
from normscope import store
from normscope.curvature import decomposition
from normscope.figures import drawing
from normscope.images import pictures
from normscope.images.sources.image_folder import read as read_folder
from normscope.job import UserError, atomic_write
from normscope.networks import conv_net, files
from normscope.outputs import moments
from normscope.resume import State

FOLDER = {"root": None, "train_size": None, "test_size": None, "seed": 0}


def bomb(path):
    """A PNG whose header claims 20,000 x 20,000 pixels, and that has none."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def link_to_itself(path):
    path.symlink_to(path.name)


def link_out(path):
    elsewhere = path.parents[3] / "elsewhere.png"
    Image.new("RGB", (32, 32)).save(elsewhere)
    path.symlink_to(elsewhere)


def folder_called_as_a_picture(path):
    path.mkdir()
    (path / "inner.png").write_bytes(b"")


def read_all(root):
    train, _, _ = read_folder(FOLDER | {"root": str(root)})
    return train.read(np.arange(len(train.labels)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            bomb,
            r"dog/x\.png is not a whole picture: .*decompression bomb.*or remove it",
        ),
        (link_to_itself, r"dog/x\.png cannot be read: .*symbolic links; mend that"),
        (link_out, r"dog/x\.png is a link out of .*; put a copy there"),
        (folder_called_as_a_picture, r"x\.png/inner\.png is not a whole picture"),
    ],
)
def test_pictures_that_are_refused(image_folder, make, message):
    root = image_folder()
    make(root / "train/dog/x.png")
    with pytest.raises(UserError, match=message) as refusal:
        read_all(root)
    assert "\n" not in str(refusal.value)


def animated(path):
    frames = [Image.new("RGB", (40, 40), (level, 0, 0)) for level in (255, 0)]
    frames[0].save(path, save_all=True, append_images=frames[1:], format="GIF")


@pytest.mark.parametrize(
    ("make", "colour"),
    [
        (animated, (255, 0, 0)),
        (lambda path: Image.new("RGB", (1, 1), (9, 8, 7)).save(path), (9, 8, 7)),
        (lambda path: Image.new("L", (5, 70), 77).save(path), (77, 77, 77)),
        (lambda path: Image.new("1", (32, 32), 1).save(path), (255, 255, 255)),
        (lambda path: Image.new("RGB", (999, 3), (9, 8, 7)).save(path), (9, 8, 7)),
    ],
)
def test_pictures_of_odd_kinds_are_read(tmp_path, make, colour):
    make(tmp_path / "odd.png")
    read = pictures.read(str(tmp_path / "odd.png"), dict)
    assert read.shape == (3, 32, 32)
    assert read[:, 0, 0].tolist() == list(colour)


@pytest.fixture
def results(finished, tmp_path):
    """A copy of a finished network's files, to be damaged."""
    shutil.copytree(finished / "results/smoke/seed0/batch_norm", tmp_path / "results")
    shutil.copy(finished / "results/smoke/dataset.h5", tmp_path / "results")
    return tmp_path / "results"


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("my notes")


def code_in_a_pickle(path):
    torch.save({"network": Evil(), "state_dict": {}}, path)


def with_nan(path):
    content = torch.load(path, weights_only=True)
    content["state_dict"]["prep_conv.weight"][0] = torch.nan
    torch.save(content, path)


def of_another_architecture(path):
    content = torch.load(path, weights_only=True)
    content["network"]["widths"] = (5, 6)
    torch.save(content, path)


def of_other_classes(path):
    architecture = conv_net.Architecture((2, 3), 4, norm="batch")
    network = conv_net.build(architecture, torch.Generator())
    files.save(str(path), network, architecture, {})


def without_a_dataset(path):
    with h5py.File(path, "a") as file:
        del file[next(iter(file))]


def of_another_run(path):
    """Of other sizes throughout: whole, but of a wider network."""
    with h5py.File(path, "a") as file:
        for name in ("mean", "variance", "third_moment", "eigenvectors"):
            if name in file:
                values, attributes = file[name][()], dict(file[name].attrs)
                del file[name]
                file[name] = np.hstack([values, values])
                file[name].attrs.update(attributes)


PERTURBATION = {"images": 30, "step": 0.01, "eigenvectors": 2}
CURVATURE = {"hessian": HESSIAN, "smoothing": 0.5}
SCRIPTS = {
    freeze_network: {"batch_size": 10},
    differentiate_moments: {"batch_size": 10, "images": None},
    decompose_hessian: CURVATURE,
    perturb_network: {
        "perturbation": PERTURBATION,
        "smoothing": 0.5,
        "widths": [2, 3],
    },
    measure_overlaps: {"batch_size": 10, "images": 20},
}
INPUTS = {
    "dataset": "dataset.h5",
    "network": "network.pt",
    "gradients": "moment_gradients.h5",
    "eigenpairs": "hessian.h5",
}
NETWORK_DAMAGES = (
    cut, empty, text, code_in_a_pickle, with_nan, of_another_architecture,
    of_other_classes,
)  # fmt: skip
READ_GRADIENTS = (decompose_hessian, perturb_network, measure_overlaps)
READ_PAIRS = (perturb_network, measure_overlaps)
DAMAGES = [
    *product(SCRIPTS, ["network"], NETWORK_DAMAGES),
    *product(SCRIPTS, ["dataset"], (cut, without_a_dataset)),
    *product(READ_GRADIENTS, ["gradients"], (cut, without_a_dataset, of_another_run)),
    *product(
        READ_PAIRS, ["eigenpairs"], (cut, text, without_a_dataset, of_another_run)
    ),
]


@pytest.mark.parametrize(("script", "name", "damage"), DAMAGES)
def test_damaged_results_are_refused_by_name(
    job, results, monkeypatch, script, name, damage
):
    monkeypatch.chdir(results)
    damage(results / INPUTS[name])
    before = sorted(results.iterdir())
    names = (
        "network", "gradients", "eigenpairs", "projected", "channels", "perturbations",
        "overlaps", "off_means",
    )  # fmt: skip
    outputs = dict.fromkeys(names, str(results / "new/hessian.h5"))
    inputs = {key: str(results / file) for key, file in INPUTS.items()}
    this = job(
        script.__name__, inputs, outputs, SCRIPTS[script], seed="0", network="mine"
    )
    with pytest.raises(UserError, match=re.escape(INPUTS[name])) as refusal:
        script.main(this)
    assert re.search("delete", str(refusal.value))
    assert "\n" not in str(refusal.value)
    assert sorted(results.iterdir()) == before
    assert not Path("executed").exists()


def test_gradients_that_are_not_finite_are_refused(tiny, batches):
    network = tiny(norm="none")
    with torch.no_grad():
        network.classifier_conv.weight *= 1e300
    with pytest.raises(UserError, match=r"not finite.*lower the .* config key max_lr"):
        moments.moment_gradients(network, batches())


def test_batch_norm_of_constant_channels_has_a_finite_curvature(tiny, batches, loss):
    """A variance of 0 is not divided by."""
    from normscope.curvature.hessian import Hessian

    network = tiny(norm="batch")
    with torch.no_grad():
        network.prep_conv.weight[0] = 0
    hessian = Hessian(network, loss, batches(), 1.0)
    assert hessian(torch.ones(hessian.dimension).double()).isfinite().all()


def fail(path, error):
    with atomic_write(str(path)) as partial:
        partial.write_text("half")
        raise error


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")
    with pytest.raises(OSError, match="unlucky"):
        fail(path, OSError("unlucky"))
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 128 kB, with some options; root may."""
    place = tmp_path / "results"
    place.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", f"size=128k,{options}", "tmpfs", place]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root may mount file systems")

    yield mount
    subprocess.run(["umount", place], capture_output=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "rw",
            r"error: results/smoke/dataset\.h5 cannot be written: the disk is ful",
        ),
        ("ro", r"Read-only file system: 'results/smoke'"),
    ],
)
def test_a_disk_that_is_full_or_read_only_is_said(
    tmp_path, small_disk, options, message
):
    small_disk(options)
    done = snakemake(tmp_path, *CONFIGS, "--", "results/smoke/dataset.h5")
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(message, output), output
    assert "Traceback" not in output
    assert not [path for path in (tmp_path / "results").rglob("*") if path.is_file()]


def write_network(path):
    architecture = conv_net.Architecture((16, 16, 16, 16), classes=10)
    network = conv_net.build(architecture, torch.Generator())
    files.save(path, network, architecture, {})


def write_eigenpairs(path):
    arrays = {
        "eigenvalues": np.ones(2),
        "eigenvectors": np.ones((2, 9000), np.float32),
        "residual_norms": np.ones(2),
    }
    store.write(path, decomposition.LAYOUT, arrays, {})


def write_state(path):
    State(Path(path), "x").save({"vectors": torch.ones(2, 9000)})


def write_table(path):
    with atomic_write(path) as partial:
        pd.DataFrame(np.random.rand(5000, 2)).to_csv(partial)


def write_figure(path):
    figure = Figure()
    figure.add_subplot().plot(np.random.rand(9000))
    drawing.save(figure, path, f"{path}.png")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("network.pt", write_network),
        ("hessian.h5", write_eigenpairs),
        ("hessian.h5.partial", write_state),
        ("overlaps.csv", write_table),
        ("36_overlaps.svg", write_figure),
    ],
)
def test_whatever_meets_a_full_disk_says_so(tmp_path, small_disk, name, write):
    write(str(tmp_path / name))  # where there is room
    small_disk("rw")
    other, path = tmp_path / "results/other", tmp_path / "results" / name
    other.write_bytes(bytes(100_000))
    with pytest.raises(UserError, match=f"{path} cannot be written: the disk is full"):
        write(str(path))
    assert list(path.parent.iterdir()) == [other]


def test_a_disk_that_is_read_only_says_what_to_do(tmp_path, small_disk):
    small_disk("ro")
    path = tmp_path / "results/overlaps.csv"
    with pytest.raises(UserError, match=f"{path} cannot be .* is read-only; allow"):
        write_table(str(path))


def test_one_networks_mistake_leaves_the_others_and_no_half_files(tmp_path):
    over = changed(tmp_path, "networks: {no_batch_norm: {max_lr: 9.0e+30}}")
    places = [
        f"results/smoke/seed0/{name}/network.pt"
        for name in ("no_batch_norm", "batch_norm", "frozen_batch_norm")
    ]
    done = snakemake(tmp_path, "--keep-going", *CONFIGS, over, "--", *places)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "lower config key networks.no_batch_norm.max_lr" in output
    assert "Traceback" not in output
    exist = [(tmp_path / place).exists() for place in places]
    assert exist == [False, True, True]
    assert not list(tmp_path.rglob("*.partial"))


def test_two_runs_at_once_in_one_folder_are_refused(tmp_path):
    target = "results/smoke/dataset.h5"
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text(f"{target}\n")
    done = snakemake(tmp_path, *CONFIGS, "--", target)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Directory cannot be locked" in output
    assert "Traceback" not in output
    assert not (tmp_path / target).exists()


ENDINGS = {
    "torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')": (
        "error: the GPU's memory is full; lower config key hessian.memory_gb"
    ),
    "UserError('say this')": "error: say this",
}


@pytest.mark.parametrize("error", ENDINGS)
def test_a_script_ends_with_one_line(tmp_path, error):
    program = (
        "import torch; from normscope.job import UserError, log_to; "
        f"log_to('log/a.log'); raise {error}"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
    )
    assert done.returncode == 1
    (line,) = (tmp_path / "log/a.log").read_text().splitlines()
    assert line.startswith(ENDINGS[error])
