"""The workflow as users run it: whole runs at small sizes, in folders of their own."""

import json
import re
import shutil

import h5py
import pytest
import yaml
from running import (
    CONFIGS,
    ROOT,
    changed,
    copy_of_the_project,
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
    47_random_steps_batch_norm_low_rate 48_mean_steps_batch_norm_low_rate
    49_layer_shifts_batch_norm_low_rate 50_eigenvector_steps_batch_norm_low_rate
    51_images 52_held_rates 53_summary 54_gauss_newton 60_layer_blocks 61_densities
""".split()  # noqa: SIM905


def test_a_run_makes_every_result_of_the_contract(finished):
    results = finished / "results/smoke"
    expected = {"dataset.h5", "claims.csv", "claims.html", "index.html"}
    for network in NETWORKS:
        names = ["network.pt", "moment_gradients.h5", "hessian.h5"]
        names += ["hessian_projected.h5", "hessian_off_means.h5", "overlaps.csv"]
        names += ["channels.h5", "perturbations.h5"]
        names += ["gauss_newton.h5", "layers.csv", "spectrum.h5"]
        if not network.startswith("frozen"):
            names += ["training.csv"]
        if network in ("batch_norm", "no_batch_norm", "post_batch_norm"):
            expected |= {
                f"seed0/{test}/{network}.csv" for test in ("lr_stress", "lr_held")
            }
        if network in ("batch_norm", "frozen_batch_norm"):
            names += ["walks.h5"]
        expected |= {f"seed0/{network}/{name}" for name in names}
    expected |= {f"seed0/initialisation/{name}.h5" for name in EXPERIMENTS}
    expected |= {f"chains/{name}.h5" for name in EXPERIMENTS if "chain" in name}
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
  batch_norm_low_rate: null
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
    42_trained_network_batch_norm
    47_random_steps_batch_norm 47_random_steps_plain_again 48_mean_steps_batch_norm
    50_eigenvector_steps_batch_norm
""".split()  # noqa: SIM905


@pytest.mark.long
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
                "hessian": {"images": 33, "batch_size": 11},
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


@pytest.mark.long
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
            "hessian: {batch_size: 61, images: 61}",
            "seed0/no_batch_norm/moment_gradients.h5",
            r"config key hessian\.batch_size: 61, hessian\.images: 61 is more",
        ),
        (
            "perturbation: {images: 61}",
            "seed0/no_batch_norm/channels.h5",
            r"config key perturbation\.images: 61 is more than the train images",
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
