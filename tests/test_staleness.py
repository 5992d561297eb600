"""What an edit makes stale: what depends on it, and nothing else."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from running import ROOT, TARGETS, changed, copy_of_the_project, rules_of, run

# Modules that jobs import by the names in a config, and what only these import.
BY_NAME = tuple(
    f"normscope/{place}"
    for place in (
        "networks/norms/", "networks/activations/", "images/sources/",
        "images/folders.py", "images/pictures.py", "images/textures.py",
        "networks/user_module.py", "networks/module_checks.py",
    )
)  # fmt: skip


@pytest.fixture
def clone(tmp_path):
    return copy_of_the_project(tmp_path / "clone")


def stale_rules(finished, clone):
    """What a dry run of the copy on the finished results would run."""
    return rules_of(run(finished, "--dry-run", "--nolock", root=clone))


def test_a_fresh_clone_makes_nothing_stale(finished, clone):
    assert stale_rules(finished, clone) == set()


IMPORTED = """
import importlib, json, os, sys
import h5py, matplotlib.figure, pandas, scipy.stats, snakemake, torch, torchvision
for name in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module(name)
        modules = [m for m in sys.modules if m.startswith("normscope.")]
        print(json.dumps([name, modules]), flush=True)
        os._exit(0)
    os.wait()
"""


def users():
    """The scripts that import each module, as Python itself imports them."""
    names = [path.stem for path in (ROOT / "scripts").glob("*.py")]
    output = subprocess.run(
        [sys.executable, "-c", IMPORTED, *names],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {}
    for name, modules in map(json.loads, output.splitlines()):
        for module in modules:
            path = module.replace(".", "/") + ".py"
            if (ROOT / "scripts" / path).exists():  # not a package
                found.setdefault(path, set()).add(name)
    return found


def followers(graph, rules):
    """The rules of their jobs and of all that follow, by Snakemake's graph of jobs."""
    rule_of = dict(re.findall(r'(\d+)\[ *label *= *"(\w+)', graph))
    edges = re.findall(r"(\d+) -> (\d+)", graph)
    assert len(edges) > 100
    found, before = {job for job, rule in rule_of.items() if rule in rules}, None
    while found != before:
        before = set(found)
        found |= {end for start, end in edges if start in before}
    return {rule_of[job] for job in found} - TARGETS


@pytest.mark.long
def test_an_edited_module_makes_stale_its_users_and_what_follows(finished, tmp_path):
    """Each module in turn, by what `-n` wants to run and what the module is used by."""
    graph = run(finished, "--dag", "dot")
    used_by = users()
    scripts = ROOT / "scripts"
    modules = {
        path.relative_to(scripts).as_posix()
        for path in (scripts / "normscope").rglob("*.py")
        if path.name != "__init__.py"
    }
    # The snakefiles import or run the first five, `make export` the last.
    of_no_rule = {
        "normscope/settings.py",
        "normscope/network_lines.py",
        "normscope/surroundings.py",
        "normscope/digests.py",
        "normscope/networks/sizes.py",
        "normscope/page/export.py",
    }
    by_name = {module for module in modules if module.startswith(BY_NAME)}
    assert modules - by_name - used_by.keys() == of_no_rule
    imported = used_by.keys() - by_name

    def check(module):
        clone = copy_of_the_project(tmp_path / module.replace("/", "_"))
        path = clone / "scripts" / module
        path.write_text("# a comment\n" + path.read_text() + "\nEDITED = True\n")
        output = run(finished, "--dry-run", "--nolock", root=clone)
        expected = followers(graph, used_by[module])
        # Some modules are of rules that only a run with section stability has.
        assert (f"{module} " in output) == bool(expected), module
        return rules_of(output) ^ expected

    with ThreadPoolExecutor(2) as pool:
        wrong = dict(zip(imported, pool.map(check, imported), strict=True))
    assert {module: rules for module, rules in wrong.items() if rules} == {}


@pytest.mark.long
@pytest.mark.parametrize("script", ["train_network", "freeze_network", "plot_training"])
def test_an_edited_script_makes_stale_its_rule_and_what_follows(
    finished, clone, script
):
    path = clone / f"scripts/{script}.py"
    path.write_text(path.read_text() + "\n# a comment\n")
    assert stale_rules(finished, clone) == set()
    path.write_text(path.read_text() + "\nEDITED = True\n")
    graph = run(finished, "--dag", "dot")
    assert stale_rules(finished, clone) == followers(graph, {script})


def test_an_edited_template_makes_its_page_stale(finished, clone):
    path = clone / "scripts/normscope/page/templates/page.html"
    path.write_text(path.read_text() + "<!-- more -->")
    assert stale_rules(finished, clone) == {"render_page"}


@pytest.mark.long
def test_a_changed_setting_makes_stale_what_depends_on_it(finished, tmp_path):
    for change, stale, fresh in (
        ("hessian: {k: 6}", "decompose_hessian", "train_network"),
        ("training: {epochs: 3}", "train_network", "stress_learning_rate"),
        ("learning_rate_stress: {epochs: 4}", "stress_learning_rate", "train_network"),
        (
            "learning_rate_stress: {held: {steps: 5}}",
            "hold_learning_rates",
            "stress_learning_rate",
        ),
        ("perturbation: {step: 0.02}", "perturb_network", "decompose_hessian"),
        (
            "perturbation: {walk_lengths: [-0.03, 0, 0.03]}",
            "walk_directions",
            "perturb_network",
        ),
        (
            "initialisation: {experiments: {relu_chain: {width: 22}}}",
            "plot_pooled_activations",
            "perturb_network",
        ),
    ):
        output = run(finished, "--dry-run", changed(tmp_path, change))
        assert f"rule {stale}:" in output
        assert f"rule {fresh}:" not in output


def test_a_networks_learning_rate_is_its_own(finished, tmp_path):
    change = changed(tmp_path, "networks: {batch_norm: {max_lr: 0.9}}")
    lines = run(finished, "--dry-run", change).splitlines()
    made = "\n".join(line for line in lines if line.startswith("    output: "))
    for file in ("network.pt", "hessian.h5", "perturbations.h5"):
        networks = re.findall(rf"results/smoke/seed0/(\w+)/{file}", made)
        assert set(networks) == {"batch_norm", "frozen_batch_norm"}
    assert "figures/36_overlaps.svg" in made
    assert "figures/04_learning_rate_stress.svg" not in made


@pytest.mark.parametrize("change", ["hessian: {memory_gb: 0.2}", "device: auto"])
def test_what_changes_no_number_makes_nothing_stale(finished, tmp_path, change):
    output = run(finished, "--dry-run", changed(tmp_path, change))
    assert "Nothing to be done" in output


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "old", "new", "stale"),
    [
        ("job", "the GPU's memory is full", "the GPU has no room", set()),
        ("images/datasets", "change these numbers", "change them", set()),
        ("networks/norms/group", "GROUPS = 8", "GROUPS = 4", set()),
        ("images/sources/cifar10", '"data"', '"pictures"', set()),
        ("images/folders", "NAMED = 20", "NAMED = 10", set()),
    ],
)
def test_an_edit_of_what_no_result_depends_on_makes_nothing_stale(
    finished, clone, module, old, new, stale
):
    path = clone / f"scripts/normscope/{module}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert stale_rules(finished, clone) == stale


@pytest.mark.long
def test_a_colour_makes_stale_the_figures_and_the_page(finished, clone):
    path = clone / "scripts/normscope/figures/drawing.py"
    path.write_text(path.read_text().replace("#0072B2", "#0072B3"))
    plots = {log.stem for log in (finished / "logs/smoke").glob("plot_*")}
    assert len(plots) > 20
    assert stale_rules(finished, clone) == {*plots, "render_page"}


@pytest.mark.long
def test_an_edited_norm_makes_stale_the_networks_that_have_it(finished, clone):
    path = clone / "scripts/normscope/networks/norms/batch.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    output = run(finished, "--dry-run", "--nolock", root=clone)
    trained = re.findall(r"output: results/smoke/seed0/(\w+)/network\.pt", output)
    others = {"batch_norm", "post_batch_norm"}
    copies = {f"frozen_{name}" for name in others}
    assert set(trained) == others | copies | {"batch_norm_low_rate"}
    assert "seed0/no_batch_norm/hessian.h5" not in re.sub(r"input: .*", "", output)


@pytest.mark.long
@pytest.mark.parametrize("module", ["sources/synthetic", "textures"])
def test_an_edited_source_makes_everything_of_its_images_stale(finished, clone, module):
    path = clone / f"scripts/normscope/images/{module}.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    stale = stale_rules(finished, clone)
    assert {"prepare_dataset", "train_network", "decompose_hessian"} <= stale
