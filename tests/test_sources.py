"""Where images come from, and the folders that are refused."""

import hashlib
import os
import pickle
import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from threading import Thread

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

import prepare_dataset
from normscope.images import textures
from normscope.images.sources.cifar10 import read as read_cifar10
from normscope.images.sources.image_folder import read as read_folder
from normscope.images.sources.synthetic import read as read_synthetic
from normscope.job import UserError

SETTINGS = {"root": None, "train_size": None, "test_size": None, "seed": 0}


def test_drawn_images_are_balanced_and_the_same_for_a_seed():
    settings = SETTINGS | {"train_size": 40, "test_size": 20}
    (train, test, classes), (again, *_) = (read_synthetic(settings) for _ in "ab")
    images = train.read(np.arange(40))
    assert images.shape == (40, 3, 32, 32)
    assert np.bincount(train.labels).tolist() == [4] * len(classes)
    np.testing.assert_array_equal(images, again.read(np.arange(40)))
    assert not np.array_equal(images[:20], test.read(np.arange(20)))


def test_gratings_differ_after_mirroring_too():
    """Augmentation mirrors, so no class may be another's mirror image."""
    y, x = np.mgrid[:32, :32][:, None].astype(float)
    drawn = {name: draw(x, y) for name, draw in textures.PATTERNS.items()}
    for name, image in drawn.items():
        for other, mirrored in drawn.items():
            if other != name:
                assert np.abs(image - mirrored[..., ::-1]).max() > 0.5


def test_synthetic_needs_sizes():
    with pytest.raises(UserError, match=r"dataset\.train_size and test_size"):
        read_synthetic(SETTINGS)


def test_folder_pictures_are_read_in_rgb_at_32_pixels(image_folder):
    root = image_folder()
    Image.new("L", (7, 90), 200).save(root / "train/cat/grey.png")
    Image.new("RGBA", (32, 32), (1, 2, 3, 4)).save(root / "train/dog/alpha.png")
    Image.new("L", (32, 32), 200).save(root / "train/dog/b.gif")
    (root / "train/dog/notes.txt").write_text("no picture")
    train, test, classes = read_folder(SETTINGS | {"root": str(root)})
    assert classes == ["cat", "dog"]
    assert train.labels.tolist() == [0] * 7 + [1] * 8
    assert train.read(np.arange(15)).shape == (15, 3, 32, 32)
    assert (train.read(np.array([6])) == 200).all()
    assert train.read(np.array([13]))[0, :, 0, 0].tolist() == [1, 2, 3]
    assert len(test.labels) == 8


def read_all(root):
    pair = read_folder(SETTINGS | {"root": str(root)})[:2]
    return [pictures.read(np.arange(len(pictures.labels))) for pictures in pair]


def test_a_picture_of_the_right_size_is_read_unchanged(image_folder):
    root = image_folder()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / "train/dog/z.png")
    np.testing.assert_array_equal(read_all(root)[0][-1], pixels.transpose(2, 0, 1))


HIDDEN = (
    ".ipynb_checkpoints/0.jpg", "__MACOSX/0.jpg", "cat/.ipynb_checkpoints/0.jpg",
    "cat/@eaDir/0.jpg/thumb.jpg", "cat/._0.jpg", "cat/.hidden.jpg", ".nothing/",
    "cat/.DS_Store", "cat/Thumbs.db",
)  # fmt: skip


def test_what_is_hidden_is_no_picture_and_no_class(image_folder, capsys):
    root = image_folder()
    for name, split in product(HIDDEN, ("train", "test")):
        path = root / split / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        elif "._" in name:
            path.write_bytes(b"\0\5\26\7 what macOS writes")
        else:
            path.write_bytes((root / "train/cat/0.jpg").read_bytes())
    train, test, classes = read_folder(SETTINGS | {"root": str(root)})
    assert classes == ["cat", "dog"]
    assert (len(train.labels), len(test.labels)) == (12, 8)
    assert capsys.readouterr().out == ""


def test_a_folder_of_pictures_may_be_hidden_itself(image_folder):
    root = image_folder()
    hidden = root.rename(root.parent / ".images")
    assert [len(images) for images in read_all(hidden)] == [12, 8]


def test_folders_that_are_all_hidden_are_none(image_folder):
    root = image_folder()
    for name in ("cat", "dog"):
        (root / "test" / name).rename(root / f"test/.{name}")
    with pytest.raises(UserError, match=r"test: .*Couldn't find any class folder"):
        read_all(root)


def test_kinds_that_cannot_be_read_are_counted(image_folder, capsys):
    root = image_folder()
    for name in ("a.HEIC", "b.heic", "c.txt", "d", "e.h5"):
        (root / "train/cat" / name).write_bytes(b"")
    read_all(root)
    assert capsys.readouterr().out == (
        f"{root}/train: left out, of kinds that cannot be read: 2 .heic, 1 .txt, "
        "1 without an ending, 1 .h5\n"
    )
    for path in (root / "test/dog").iterdir():
        path.rename(path.with_suffix(".heic"))
    with pytest.raises(UserError, match=r"classes dog\. Of kinds .* read: 4 \.heic"):
        read_all(root)


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_composed_and_decomposed_letters_are_the_same(image_folder):
    root = image_folder((COMPOSED, "dog"))
    (root / "test" / COMPOSED).rename(root / "test" / DECOMPOSED)
    train, test, classes = read_folder(SETTINGS | {"root": str(root)})
    assert classes == [COMPOSED, "dog"]
    assert test.labels.tolist() == 4 * [0] + 4 * [1]
    (root / "train" / DECOMPOSED).mkdir()
    (root / f"train/{COMPOSED}/0.jpg").rename(root / f"train/{DECOMPOSED}/0.jpg")
    train, _, classes = read_folder(SETTINGS | {"root": str(root)})
    assert classes == [COMPOSED, "dog"]
    assert sorted(train.labels) == 6 * [0] + 6 * [1]


def test_a_class_whose_name_is_no_utf8_is_refused(image_folder):
    root = image_folder()
    os.rename(root / "train/dog", os.fsencode(root / "train") + b"/caf\xe9")
    with pytest.raises(UserError, match=r"train: rename 'caf\\udce9'"):
        read_all(root)


def test_all_damaged_pictures_are_named_at_once(image_folder, job, capsys):
    root = image_folder(train=40)
    damaged = [f"train/cat/{n}.jpg" for n in range(5)] + ["test/dog/1.jpg"]
    for name in damaged:
        (root / name).write_bytes(b"no picture")
    settings = SETTINGS | {"name": "image_folder", "root": str(root)}
    output = {"dataset": str(root / "dataset.h5")}
    this = job("prepare_dataset", output=output, params={"dataset": settings})
    with pytest.raises(UserError) as refusal:
        prepare_dataset.main(this)
    for name in damaged:
        assert f"{root / name} is not a whole picture" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    for path in (root / "train/cat").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(UserError, match="and 20 more files, which the log names"):
        prepare_dataset.main(this)
    assert len(re.findall(r"cat/\d+\.jpg is not", capsys.readouterr().out)) == 20


def break_root(root):
    return root / "nowhere"


def empty_root(root):
    (root / "empty").mkdir()
    return root / "empty"


def break_train(root):
    (root / "empty").mkdir()
    (root / "empty/train").write_text("not a folder")
    return root / "empty"


def break_split(root):
    for file in (root / "test/cat").iterdir():
        file.unlink()
    return root


def break_classes(root):
    (root / "test/dog").rename(root / "test/wolf")
    return root


def break_count(root):
    for split in ("train", "test"):
        (root / split / "dog").rename(root / f"{split}-dog")
    return root


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (break_root, r"dataset\.root: there is no folder .*nowhere"),
        (empty_root, "train: expected a folder of images per class.*No such file"),
        (break_train, "train: expected a folder of images per class.*Not a directory"),
        (break_split, "test: expected a folder of images per class.*cat"),
        (break_classes, "train and test differ in the classes dog, wolf"),
        (break_count, "has one class; give at least two"),
    ],
)
def test_folders_that_cannot_be_used_are_refused(image_folder, break_it, message):
    root = break_it(image_folder())
    with pytest.raises(UserError, match=message):
        read_folder(SETTINGS | {"root": str(root)})


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_a_damaged_picture_is_refused_by_name(image_folder, content):
    root = image_folder()
    path = root / "train/cat/0.jpg"
    path.write_bytes(path.read_bytes()[:300] if content is None else content)
    train, _, _ = read_folder(SETTINGS | {"root": str(root)})
    with pytest.raises(UserError, match=r"train/cat/0\.jpg is not a whole picture"):
        train.read(np.arange(12))


@pytest.fixture
def cifar10_copy(tmp_path, monkeypatch):
    """A copy in CIFAR-10's own format, ten images a file, with its own MD5 sums."""
    rng = np.random.default_rng(0)
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()

    def dump(name, content):
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    def batch(name):
        pixels = rng.integers(0, 256, (10, 3072), dtype=np.uint8)
        return dump(name, {"data": pixels, "labels": list(range(10))})

    train = [batch(name) for name, _ in CIFAR10.train_list]
    test = [batch(name) for name, _ in CIFAR10.test_list]
    names = [f"class {label}" for label in range(10)]
    meta = dump("batches.meta", {"label_names": names})
    monkeypatch.setattr(CIFAR10, "train_list", train)
    monkeypatch.setattr(CIFAR10, "test_list", test)
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": meta[1]})
    monkeypatch.setattr(CIFAR10, "url", (tmp_path / "nowhere").as_uri())
    return tmp_path


def test_cifar10_reads_a_copy_that_is_there(cifar10_copy):
    train, test, classes = read_cifar10(SETTINGS | {"root": str(cifar10_copy)})
    assert classes[3] == "class 3"
    assert train.labels.tolist() == 5 * list(range(10))
    raw = pickle.loads((cifar10_copy / CIFAR10.base_folder / "test_batch").read_bytes())
    np.testing.assert_array_equal(
        test.read(np.arange(10)), raw["data"].reshape(10, 3, 32, 32)
    )


def test_a_damaged_cifar10_that_cannot_be_downloaded_is_refused(cifar10_copy):
    path = cifar10_copy / CIFAR10.base_folder / "data_batch_1"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"dataset\.root.*put a whole cifar-10-python"):
        read_cifar10(SETTINGS | {"root": str(cifar10_copy)})


def test_another_archive_than_cifar10s_is_refused(cifar10_copy, monkeypatch):
    (cifar10_copy / "other").write_bytes(b"not it")
    handler = partial(SimpleHTTPRequestHandler, directory=cifar10_copy)
    (cifar10_copy / CIFAR10.base_folder / "data_batch_1").unlink()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/other"
        monkeypatch.setattr(CIFAR10, "url", url)
        with pytest.raises(UserError, match=r"corrupted.*put a whole cifar-10-python"):
            read_cifar10(SETTINGS | {"root": str(cifar10_copy)})
        server.shutdown()
