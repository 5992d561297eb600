RANDOM_STEPS = 20
# Two ways along each direction, and up to 11 lengths for each class's majority.
STEPS = (
    2 * (RANDOM_STEPS + MOMENTS + config["perturbation"]["eigenvectors"]) + 11 * CLASSES
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
        perturbation=config["perturbation"],
        random=RANDOM_STEPS,
        smoothing=config["training"]["smoothing"],
        widths=config["network"]["widths"],
    script:
        "../../scripts/perturb_network.py"
