rule decompose_hessian:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        network=f"{PER_NETWORK}/network.pt",
        gradients=rules.differentiate_moments.output.gradients,
    output:
        eigenpairs=f"{PER_NETWORK}/hessian.h5",
        projected=f"{PER_NETWORK}/hessian_projected.h5",
        off_means=f"{PER_NETWORK}/hessian_off_means.h5",
    log:
        f"{LOGS}/decompose_hessian/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/decompose_hessian/{JOB}.tsv"
    priority: ON_THE_WAY
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(
            HESSIAN_VECTORS + 5 * MOMENTS,
            config["hessian"]["batch_size"],
            config["hessian"]["memory_gb"],
        ),
        runtime=minutes(3 * HESSIAN_IMAGES),
    params:
        *code("decompose_hessian.py"),
        layers=trained_layers,
        hessian=HESSIAN,
        smoothing=of_training("smoothing"),
    script:
        "../../scripts/decompose_hessian.py"


rule measure_overlaps:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        network=f"{PER_NETWORK}/network.pt",
        eigenpairs=rules.decompose_hessian.output.eigenpairs,
        gradients=rules.differentiate_moments.output.gradients,
    output:
        overlaps=f"{PER_NETWORK}/overlaps.csv",
    log:
        f"{LOGS}/measure_overlaps/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/measure_overlaps/{JOB}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(
            5 * MOMENTS + 2 * config["hessian"]["k"], config["hessian"]["batch_size"]
        ),
        runtime=minutes(4 * MOMENTS * config["hessian"]["images"]),
    params:
        *code("measure_overlaps.py"),
        layers=trained_layers,
        batch_size=config["hessian"]["batch_size"],
        images=config["hessian"]["images"],
    script:
        "../../scripts/measure_overlaps.py"
