# What decides the tests of learning rates: not the schedule of training.
OPTIMISERS = {
    name: {
        key: training_of(name)[key]
        for key in ("batch_size", "momentum", "weight_decay")
    }
    for name in TRAINED
}
BUILT = {
    name: {key: variant[key] for key in sorted(variant.keys() - {"max_lr", "training"})}
    for name, variant in VARIANTS.items()
    if name in TRAINED
}
# Of networks that are alike in these, the tests are made with the one that has a role in
# the article's argument, or else with the first.
WITH_ROLE = [ROLES[role] for role in ("batch_norm", "none", "post") if role in ROLES]
ALIKE = {
    str((BUILT[name], OPTIMISERS[name])): name
    for name in [*reversed(TRAINED), *WITH_ROLE]
}
STRESSED = [name for name in TRAINED if name in ALIKE.values()]


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
        mem_mb=memory(batch=of_training("batch_size")),
        runtime=minutes(training_images),
    params:
        *code("train_network.py"),
        network=config["network"],
        training=lambda wildcards: training_of(wildcards.network),
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
        network="|".join(STRESSED),
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(batch=of_training("batch_size")),
        runtime=minutes(3 * IMAGES * config["learning_rate_stress"]["epochs"]),
    params:
        *code("stress_learning_rate.py"),
        widths=config["network"]["widths"],
        training=lookup(dpath="{network}", within=OPTIMISERS),
        stress={
            key: config["learning_rate_stress"][key]
            for key in ("epochs", "start", "doubling_epochs")
        },
        variant=lookup(dpath="{network}", within=BUILT),
        layers=lambda wildcards: layers_of(VARIANTS[wildcards.network], "relu"),
    script:
        "../../scripts/stress_learning_rate.py"


rule hold_learning_rates:
    input:
        dataset=rules.prepare_dataset.output.dataset,
    output:
        held=f"{RESULTS}/seed{{seed}}/lr_held/{{network}}.csv",
    log:
        f"{LOGS}/hold_learning_rates/{JOB}.log",
    benchmark:
        f"{BENCHMARKS}/hold_learning_rates/{JOB}.tsv"
    wildcard_constraints:
        network="|".join(STRESSED),
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(batch=of_training("batch_size")),
        runtime=minutes(held_images),
    params:
        *code("hold_learning_rates.py"),
        widths=config["network"]["widths"],
        training=lookup(dpath="{network}", within=OPTIMISERS),
        held=HELD,
        variant=lookup(dpath="{network}", within=BUILT),
        layers=lambda wildcards: layers_of(VARIANTS[wildcards.network], "relu"),
    script:
        "../../scripts/hold_learning_rates.py"


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
        mem_mb=memory(batch=of_training("batch_size")),
        runtime=minutes(IMAGES),
    params:
        *code("freeze_network.py"),
        layers=trained_layers,
        batch_size=of_training("batch_size"),
    script:
        "../../scripts/freeze_network.py"
