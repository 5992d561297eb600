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
            2 * (MOMENTS + 20) + config["hessian"]["k"],  # 20 directions are random
            2 * config["perturbation"]["images"],
        ),
        runtime=minutes(),
    params:
        *code("perturb_network.py"),
        layers=trained_layers,
        perturbation=config["perturbation"],
        smoothing=config["training"]["smoothing"],
        widths=config["network"]["widths"],
    script:
        "../../scripts/perturb_network.py"
