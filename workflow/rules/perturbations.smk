RANDOM_STEPS = 20
# Two ways along each direction, and up to 11 lengths for each class's majority.
STEPS = (
    2 * (RANDOM_STEPS + MOMENTS + config["perturbation"]["eigenvectors"]) + 11 * CLASSES
)
# The page shows steps of many lengths in these networks, side by side.
WALKED = [ROLES[role] for role in ("batch_norm", "frozen") if role in ROLES]
WALKED = WALKED or NETWORKS[:1]
# Along at most ten mean gradients; and two to find out which way the loss rises.
WALK_STEPS = (min(CLASSES, 10) + config["perturbation"]["eigenvectors"]) * (
    len(config["perturbation"]["walk_lengths"]) + 2
)


rule perturb_network:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        network=f"{PER_NETWORK}/network.pt",
        gradients=rules.differentiate_moments.output.gradients,
        eigenpairs=rules.decompose_hessian.output.eigenpairs,
    output:
        channels=f"{PER_NETWORK}/channels.h5",
        perturbations=f"{PER_NETWORK}/perturbations.h5",
    log:
        f"{LOGS}/perturb_network/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/perturb_network/{JOB}.tsv"
    priority: ON_THE_WAY
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(
            2 * (MOMENTS + RANDOM_STEPS) + config["hessian"]["k"],
            config["perturbation"]["images"],
        ),
        runtime=minutes(STEPS * config["perturbation"]["images"]),
    params:
        *code("perturb_network.py"),
        layers=trained_layers,
        perturbation={
            key: config["perturbation"][key]
            for key in ("images", "step", "eigenvectors")
        },
        random=RANDOM_STEPS,
        smoothing=of_training("smoothing"),
        widths=config["network"]["widths"],
    script:
        "../../scripts/perturb_network.py"


rule walk_directions:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        network=f"{PER_NETWORK}/network.pt",
        gradients=rules.differentiate_moments.output.gradients,
        eigenpairs=rules.decompose_hessian.output.eigenpairs,
    output:
        walks=f"{PER_NETWORK}/walks.h5",
    log:
        f"{LOGS}/walk_directions/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/walk_directions/{JOB}.tsv"
    wildcard_constraints:
        network="|".join(WALKED),
        seed=str(config["seeds"][0]),
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(
            2 * MOMENTS + config["hessian"]["k"], config["perturbation"]["images"]
        ),
        runtime=minutes(WALK_STEPS * config["perturbation"]["images"]),
    params:
        # The script imports that of perturb_network, for the same directions and steps.
        *code("walk_directions.py", "perturb_network.py"),
        layers=trained_layers,
        perturbation={
            key: config["perturbation"][key]
            for key in ("images", "eigenvectors", "walk_lengths")
        },
        random=0,
        smoothing=of_training("smoothing"),
    script:
        "../../scripts/walk_directions.py"
