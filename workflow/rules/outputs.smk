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
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=GPU,
        mem_mb=memory(3 * MOMENTS, config["hessian"]["batch_size"]),
        runtime=minutes(2 * MOMENTS * IMAGES),
    params:
        *code("differentiate_moments.py"),
        batch_size=config["hessian"]["batch_size"],
    script:
        "../../scripts/differentiate_moments.py"


rule measure_channels:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        network=f"{PER_NETWORK}/network.pt",
    output:
        channels=f"{PER_NETWORK}/channels.h5",
    log:
        f"{LOGS}/measure_channels/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/measure_channels/{JOB}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=GPU,
        mem_mb=memory(batch=config["perturbation"]["images"]),
        runtime=minutes(),
    params:
        *code("measure_channels.py"),
        images=config["perturbation"]["images"],
    script:
        "../../scripts/measure_channels.py"
