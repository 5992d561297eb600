# What decides the stress test: not the schedule that networks are trained with.
OPTIMISER = {
    key: config["training"][key] for key in ("batch_size", "momentum", "weight_decay")
}
NORMS = {
    name: {key: VARIANTS[name][key] for key in ("norm", "norm_position")}
    for name in TRAINED
}


rule train_network:
    input:
        dataset=rules.prepare_dataset.output.dataset,
    output:
        network=f"{PER_NETWORK}/network.pt",
        training=f"{PER_NETWORK}/training.csv",
    log:
        f"{LOGS}/train_network/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/train_network/{JOB}.tsv"
    wildcard_constraints:
        network="|".join(TRAINED),
    priority: ON_THE_WAY
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(batch=config["training"]["batch_size"]),
        runtime=minutes(3 * IMAGES * config["training"]["epochs"]),
    params:
        *code("train_network.py"),
        network=config["network"],
        training=config["training"],
        variant=lookup(dpath="networks/{network}", within=config),
        layers=trained_layers,
    script:
        "../../scripts/train_network.py"


rule stress_learning_rate:
    input:
        dataset=rules.prepare_dataset.output.dataset,
    output:
        stress=f"{RESULTS}/seed{{seed}}/lr_stress/{{network}}.csv",
    log:
        f"{LOGS}/stress_learning_rate/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/stress_learning_rate/{JOB}.tsv"
    wildcard_constraints:
        network="|".join(TRAINED),
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(batch=config["training"]["batch_size"]),
        runtime=minutes(3 * IMAGES * config["learning_rate_stress"]["epochs"]),
    params:
        *code("stress_learning_rate.py"),
        widths=config["network"]["widths"],
        training=OPTIMISER,
        stress=config["learning_rate_stress"],
        variant=lookup(dpath="{network}", within=NORMS),
        layers=lambda wildcards: layers_of(VARIANTS[wildcards.network], "relu"),
    script:
        "../../scripts/stress_learning_rate.py"


rule freeze_network:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        network=lambda wildcards: network_file(
            wildcards.seed, VARIANTS[wildcards.network]["freeze"]
        ),
    output:
        network=f"{PER_NETWORK}/network.pt",
    log:
        f"{LOGS}/freeze_network/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/freeze_network/{JOB}.tsv"
    wildcard_constraints:
        network="|".join(FROZEN) or "(?!)",
    priority: ON_THE_WAY
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(batch=config["training"]["batch_size"]),
        runtime=minutes(IMAGES),
    params:
        *code("freeze_network.py"),
        layers=trained_layers,
        batch_size=config["training"]["batch_size"],
    script:
        "../../scripts/freeze_network.py"
