"""Mistakes with data and results: one sentence that names the file, nothing left."""

import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from running import CONFIGS, ROOT, changed, snakemake

from normscope.images import pictures
from normscope.images.sources.image_folder import read as read_folder
from normscope.job import UserError

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


@pytest.mark.long
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
