rule differentiate_moments:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        network=f"{PER_NETWORK}/network.pt",
    output:
        gradients=f"{PER_NETWORK}/moment_gradients.h5",
    log:
        f"{LOGS}/differentiate_moments/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/differentiate_moments/{JOB}.tsv"
    priority: ON_THE_WAY
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(3 * MOMENTS, config["hessian"]["batch_size"]),
        runtime=minutes(2 * MOMENTS * (config["hessian"]["images"])),
    params:
        *code("differentiate_moments.py"),
        layers=trained_layers,
        batch_size=config["hessian"]["batch_size"],
        images=config["hessian"]["images"],
    script:
        "../../scripts/differentiate_moments.py"
