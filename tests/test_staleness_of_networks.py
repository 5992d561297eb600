"""What a key of a network's line makes stale: that network, and its frozen copy."""

import re

import pytest
from running import ROOT, changed, run, snakemake

pytestmark = pytest.mark.long

NAMES = ("mine", "frozen", "batch_norm")
FILES = [f"results/smoke/seed0/{name}/network.pt" for name in NAMES]
MODULE = """from torch import nn


def build(classes):
    return nn.Sequential(
        nn.Conv2d(3, 2, 8, stride=8), nn.BatchNorm2d(2), nn.AdaptiveAvgPool2d(4),
        nn.Flatten(), nn.Linear(32, classes),
    )
"""
LINES = """networks:
  mine: {module: "mine.py:build", max_lr: 0.1}
  frozen: {freeze: mine}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with three networks: a user's own, its frozen copy, the default's."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(MODULE)
    config = changed(folder, LINES)
    run(folder, config, "--", *FILES)
    return folder


def stale(trained, text="{}"):
    """The networks that a dry run with the text as a config would make again."""
    more = trained / "more.yaml"
    more.write_text(text)
    output = run(trained, trained / "change.yaml", more, "--dry-run", "--", *FILES)
    return set(re.findall(r"output: results/smoke/seed0/(\w+)/network\.pt", output))


def test_what_is_as_in_the_article_makes_nothing_stale(trained):
    assert stale(trained) == set()
    said = "{affine: none, pool: max, shortcuts: false, init_scale: 1}"
    assert stale(trained, f"networks: {{batch_norm: {said}}}") == set()
    assert stale(trained, "dataset: {size: 32}") == set()


@pytest.mark.parametrize(
    "line",
    ["affine: both", "shortcuts: true", "training: {smoothing: 0.1}", "init_scale: 2"],
)
def test_a_key_makes_its_network_stale(trained, line):
    text = f"networks: {{batch_norm: {{{line}}}, other: {{norm: none, max_lr: 1}}}}"
    assert stale(trained, text) == {"batch_norm"}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            MODULE.replace("Linear(32", "Linear(31"),
            r"networks\.mine: the network cannot run: .*2x32 and 31x10",
        ),
        (
            MODULE.replace("Linear(32, classes", "Linear(32, 16"),
            r"networks\.mine: .*of 10 classes its outputs are \(2, 16\); let them be",
        ),
        (
            MODULE.replace("nn.BatchNorm2d(2)", "nn.GroupNorm(1, 2)"),
            r"networks\.frozen\.freeze: mine has no batch norm with running statistics",
        ),
        (
            MODULE.replace("Norm2d(2)", "Norm2d(2, track_running_stats=False)"),
            r"networks\.frozen\.freeze: mine has no batch norm with running statistics",
        ),
    ],
)
def test_a_network_that_cannot_run_is_said_before_anything_runs(trained, code, message):
    """Even where no job that is asked for has to do with it."""
    (trained / "narrow.py").write_text(code)
    more = changed(trained.parent, 'networks: {mine: {module: "narrow.py:build"}}')
    configs = ("--configfile", ROOT / "tests/smoke.yaml", trained / "change.yaml", more)
    target = "results/smoke/dataset.h5"
    done = snakemake(trained, "--forceall", *configs, "--", target)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(message, output), output
    assert "prepare_dataset" not in output
    assert "Traceback" not in output


def test_another_size_makes_all_stale(trained):
    assert stale(trained, "dataset: {size: 64}") == set(NAMES)


def test_an_edit_of_a_users_file_makes_its_networks_stale(trained):
    path = trained / "mine.py"
    path.write_text(f"# a comment\n{MODULE}")
    assert stale(trained) == set()
    path.write_text(MODULE.replace("8, stride=8", "8, stride=8, bias=False"))
    assert stale(trained) == {"mine", "frozen"}
    path.write_text(MODULE)
    assert stale(trained) == set()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("none.py:build", r"networks\.mine\.module: there is no file .*none\.py"),
        ("broken.py:build", r"networks\.mine\.module: broken\.py, line 1: "),
        ("mine.py:other", r"networks\.mine: .* mine\.py has no function other"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_before_anything_runs(
    trained, place, message
):
    (trained / "broken.py").write_text("def build(:\n")
    more = changed(trained.parent, f'networks: {{mine: {{module: "{place}"}}}}')
    configs = ("--configfile", ROOT / "tests/smoke.yaml", trained / "change.yaml", more)
    done = snakemake(trained, "--dry-run", *configs, "--", *FILES)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(message, output), output
    assert "sizes.py" not in output
