"""The workflow as users run it: whole runs at small sizes, in folders of their own."""

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import h5py
import pytest
import yaml
from running import (
    CONFIGS,
    ROOT,
    changed,
    copy_of_the_project,
    rules_of,
    run,
    snakemake,
)  # fmt: skip

NETWORKS = list(yaml.safe_load((ROOT / "config.yaml").read_text())["networks"])
EXPERIMENTS = (
    "relu_chain", "linear_chain", "scaled_relu_chain", "no_norm_gaussian",
    "no_norm_images", "batch_norm_images", "frozen_batch_norm_images",
)  # fmt: skip
FIGURES = """
    01_network 02_stress_network_batch_norm 03_stress_network_no_batch_norm
    04_learning_rate_stress 05_norm_effect_batch_norm_images 06_chain
    07_pooled_activations_relu_chain 08_initialisation_relu_chain
    09_initialisation_linear_chain 10_singular_values_linear_chain
    11_initialisation_scaled_relu_chain 12_initialisation_no_norm_gaussian
    13_initialisation_no_norm_images 14_initialisation_batch_norm_images
    15_activations 16_trained_network_batch_norm 17_trained_network_no_batch_norm
    18_parameter_norms 19_random_steps_batch_norm 20_random_steps_frozen_batch_norm
    21_random_steps_no_batch_norm 22_mean_steps_batch_norm
    23_mean_steps_frozen_batch_norm 24_mean_steps_no_batch_norm 25_gradient_norms
    26_layer_shifts_frozen_batch_norm 27_trained_network_post_batch_norm
    28_mean_steps_frozen_post_batch_norm 29_gradient_norms_all 30_gradient_descent
    31_eigenvalues 32_eigenvector_steps_batch_norm
    33_eigenvector_steps_frozen_batch_norm 34_eigenvector_steps_no_batch_norm
    35_mean_overlaps 36_overlaps 37_scaled_overlaps 38_projected_eigenvalues
    39_training 40_step_losses 41_stress_network_post_batch_norm
    43_norm_effect_frozen_batch_norm_images 44_pooled_activations_linear_chain
    44_pooled_activations_scaled_relu_chain
    45_initialisation_frozen_batch_norm_images 47_random_steps_post_batch_norm
    47_random_steps_frozen_post_batch_norm 48_mean_steps_post_batch_norm
    49_layer_shifts_batch_norm 49_layer_shifts_no_batch_norm
    49_layer_shifts_post_batch_norm 49_layer_shifts_frozen_post_batch_norm
    50_eigenvector_steps_post_batch_norm 50_eigenvector_steps_frozen_post_batch_norm
    51_images
""".split()  # noqa: SIM905


def test_a_run_makes_every_result_of_the_contract(finished):
    results = finished / "results/smoke"
    expected = {"dataset.h5", "claims.csv", "claims.html", "index.html"}
    for network in NETWORKS:
        names = ["network.pt", "moment_gradients.h5", "hessian.h5"]
        names += ["hessian_projected.h5", "overlaps.csv"]
        names += ["channels.h5", "perturbations.h5"]
        if not network.startswith("frozen"):
            names += ["training.csv"]
            expected.add(f"seed0/lr_stress/{network}.csv")
        expected |= {f"seed0/{network}/{name}" for name in names}
    expected |= {f"seed0/initialisation/{name}.h5" for name in EXPERIMENTS}
    for figure in FIGURES:
        expected |= {f"figures/{figure}.svg", f"figures/{figure}.png"}
    found = {str(p.relative_to(results)) for p in results.rglob("*") if p.is_file()}
    assert found == expected
    drawn = {int(path.name[:2]) for path in (results / "figures").iterdir()}
    assert drawn >= set(range(1, 39))


def test_a_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in run(finished, "--dry-run")


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
            found.setdefault(module.removeprefix("normscope."), set()).add(name)
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
    return {rule_of[job] for job in found} - {"all"}


@pytest.mark.long
def test_an_edited_module_makes_stale_its_users_and_what_follows(finished, tmp_path):
    """Each module in turn, by what `-n` wants to run and what the module is used by."""
    graph = run(finished, "--dag", "dot")
    used_by = users()
    modules = {path.stem for path in (ROOT / "scripts/normscope").glob("*.py")}
    the_snakefiles = {"__init__", "settings", "surroundings"}
    assert modules - set(used_by) == the_snakefiles

    def check(module):
        clone = copy_of_the_project(tmp_path / module)
        path = clone / f"scripts/normscope/{module}.py"
        path.write_text("# a comment\n" + path.read_text() + "\nEDITED = True\n")
        output = run(finished, "--dry-run", "--nolock", root=clone)
        assert f"normscope/{module}.py " in output
        return rules_of(output) ^ followers(graph, used_by[module])

    with ThreadPoolExecutor(2) as pool:
        wrong = dict(zip(used_by, pool.map(check, used_by), strict=True))
    assert {module: rules for module, rules in wrong.items() if rules} == {}


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
    path = clone / "scripts/normscope/templates/page.html"
    path.write_text(path.read_text() + "<!-- more -->")
    assert stale_rules(finished, clone) == {"render_page"}


def test_results_of_another_torch_are_named_in_one_line(finished, tmp_path):
    place = "results/smoke/seed0/batch_norm/hessian.h5"
    (tmp_path / place).parent.mkdir(parents=True)
    shutil.copy(finished / place, tmp_path / place)
    with h5py.File(tmp_path / place, "a") as file:
        file.attrs["torch"] = "1.0"
    lines = run(tmp_path, "--dry-run").splitlines()
    (said,) = [line for line in lines if "made by another torch" in line]
    assert f"{place} by 1.0" in said
    assert "made by another torch" not in run(finished, "--dry-run")


def test_a_changed_setting_makes_stale_what_depends_on_it(finished, tmp_path):
    for change, stale, fresh in (
        ("hessian: {k: 6}", "decompose_hessian", "train_network"),
        ("training: {epochs: 3}", "train_network", "stress_learning_rate"),
        ("learning_rate_stress: {epochs: 4}", "stress_learning_rate", "train_network"),
        ("perturbation: {step: 0.02}", "perturb_network", "decompose_hessian"),
        (
            "initialisation: {experiments: {relu_chain: {width: 20}}}",
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


def test_a_new_network_is_one_line(finished, tmp_path):
    change = "networks: {odd-name_2: {norm: group, max_lr: 0.1}}"
    output = run(finished, "--dry-run", changed(tmp_path, change))
    assert output.count("odd-name_2") > 5
    assert "network=batch_norm" not in output


OTHER_NAMES = """
dataset: {name: cifar10}
networks:
  batch_norm: {norm: group}
  frozen_batch_norm: null
  no_batch_norm: null
  plain: {norm: none, max_lr: 0.1}
  plain_again: {norm: none, max_lr: 0.1}
initialisation:
  experiments:
    relu_chain: {activation: linear}
    linear_chain: {activation: relu}
"""
MARKS = """
import json
marked = [rule for rule in workflow.rules if hasattr(rule.params, "article")]
print("MARKS", json.dumps({rule.name: rule.params.article for rule in marked}))
"""
NUMBERED = """
    03_stress_network_plain 07_pooled_activations_linear_chain
    08_initialisation_linear_chain 09_initialisation_relu_chain
    10_singular_values_relu_chain 17_trained_network_plain 21_random_steps_plain
    24_mean_steps_plain 34_eigenvector_steps_plain 41_stress_network_batch_norm
    41_stress_network_plain_again 42_trained_network_batch_norm
    47_random_steps_batch_norm 47_random_steps_plain_again 48_mean_steps_batch_norm
    50_eigenvector_steps_batch_norm
""".split()  # noqa: SIM905


def test_marks_and_numbers_follow_what_a_network_is(clone, tmp_path):
    with open(clone / "Snakefile", "a") as snakefile:
        snakefile.write(MARKS)
    output = run(tmp_path, "--dry-run", changed(tmp_path, OTHER_NAMES), root=clone)
    assert set(NUMBERED) <= set(re.findall(r"figures/(\w+)\.svg", output))
    assert not re.findall(r"figures/(?:02|16|19|22|32)_\w+\.svg", output)
    marks = json.loads(re.search("^MARKS (.*)$", output, re.MULTILINE)[1])
    assert marks["plot_eigenvalues"]["plain"][0] == 13.62
    for name, marked in marks.items():
        assert "plain" in marked, name
        assert not {"batch_norm", "plain_again"} & marked.keys(), name


def test_every_seed_has_every_result(finished, tmp_path):
    output = run(finished, "--dry-run", changed(tmp_path, "seeds: [0, 7]"))
    for name in (
        "initialisation/relu_chain.h5", "lr_stress/batch_norm.csv",
        "batch_norm/perturbations.h5", "batch_norm/channels.h5",
    ):  # fmt: skip
        assert f"results/smoke/seed7/{name}" in output
        assert f"output: results/smoke/seed0/{name}" not in output


OWN_FIGURES = (
    "41_stress_network", "42_trained_network", "47_random_steps", "48_mean_steps",
    "49_layer_shifts", "50_eigenvector_steps",
)  # fmt: skip


@pytest.mark.long
def test_users_own_images_run_with_any_classes_and_networks(image_folder, tmp_path):
    root = image_folder(classes=("cat", "dog"), train=20, test=10)
    over = tmp_path / "own.yaml"
    over.write_text(
        yaml.safe_dump(
            {
                "run": "own",
                "dataset": {
                    "name": "image_folder", "root": str(root),
                    "train_size": None, "test_size": None,
                },
                "training": {"epochs": 1, "batch_size": 7},
                "hessian": {"images": 33, "batch_size": 11, "moment_images": None},
                "networks": {
                    **dict.fromkeys(NETWORKS),
                    "mine": {"norm": "layer", "max_lr": 0.1},
                },
                "initialisation": {"experiments": dict.fromkeys(EXPERIMENTS)},
            }
        )
    )  # fmt: skip
    done = snakemake(tmp_path, *CONFIGS, over)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = {path.stem for path in (tmp_path / "results/own/figures").iterdir()}
    own = [f"{name}_mine" for name in OWN_FIGURES]
    assert {"36_overlaps", "40_step_losses", *own} <= figures
    assert (tmp_path / "results/own/seed0/mine/overlaps.csv").exists()


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        (
            "devcie: cpu",
            "dataset.h5",
            r"config key \(top level\): .*'devcie' was unexpected",
        ),
        (
            "hessian: {k: 3}\nhessian: {images: 40}",
            "dataset.h5",
            r"change\.yaml: config key hessian is there twice, in lines 1 and 2",
        ),
        (
            "hessian: {k: 9999}",
            "seed0/no_batch_norm/hessian.h5",
            r"config key hessian\.k: 9999 eigenpairs of \d+ param",
        ),
        (
            "training: {batch_size: 61}",
            "seed0/no_batch_norm/network.pt",
            r"config key training\.batch_size: 61",
        ),
        (
            "hessian: {batch_size: 61, moment_images: 61}",
            "seed0/no_batch_norm/moment_gradients.h5",
            "has 60 train images; change these",
        ),
        (
            "perturbation: {images: 61}",
            "seed0/no_batch_norm/channels.h5",
            "section perturbation: 61 images",
        ),
        (
            "initialisation: {images: 31}",
            "seed0/initialisation/frozen_batch_norm_images.h5",
            "section initialisation: 62 images in batches of 31",
        ),
        (
            "networks: {no_batch_norm: {max_lr: 9.0e+30}}",
            "seed0/no_batch_norm/network.pt",
            "no_batch_norm diverged",
        ),
        (
            "dataset: {name: image_folder}",
            "dataset.h5",
            r"config key dataset\.root: name the folder",
        ),
    ],
)
def test_mistakes_are_one_line_without_traceback(tmp_path, change, target, message):
    done = snakemake(
        tmp_path, *CONFIGS, changed(tmp_path, change), "--", f"results/smoke/{target}"
    )
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in output
    lines = [line for line in output.splitlines() if re.search(message, line)]
    assert lines, output
    assert not list(tmp_path.rglob("*.unfinished"))
    assert not list(tmp_path.rglob("*.partial"))


def test_environments_have_the_same_pins():
    pip = (ROOT / "envs/requirements.txt").read_text().splitlines()
    conda = yaml.safe_load((ROOT / "envs/environment.yaml").read_text())
    (pinned,) = (
        entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)
    )
    assert pinned == [line for line in pip if line]
    assert all("==" in line for line in pip if line)
