CHAINS = [name for name, experiment in EXPERIMENTS.items() if "depth" in experiment]
CHAIN_WEIGHTS = max(
    (EXPERIMENTS[name]["depth"] * EXPERIMENTS[name]["width"] ** 2 for name in CHAINS),
    default=0,
)


rule measure_initialisation:
    input:
        # Chains see noise alone.
        dataset=branch(
            lambda wildcards: wildcards.experiment in CHAINS,
            then=[],
            otherwise=rules.prepare_dataset.output.dataset,
        ),
    output:
        statistics=f"{RESULTS}/seed{{seed}}/initialisation/{{experiment}}.h5",
    log:
        f"{LOGS}/measure_initialisation/seed{{seed}}_{{experiment}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_initialisation/seed{{seed}}_{{experiment}}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: THREADS
    resources:
        gpu=GPU,
        mem_mb=memory(
            batch=2 * config["initialisation"]["images"],
            gigabytes=8e-9 * CHAIN_WEIGHTS,
        ),
        runtime=minutes(),
    params:
        *code("measure_initialisation.py"),
        layers=branch(
            lambda wildcards: wildcards.experiment in CHAINS,
            then=[],
            otherwise=lambda wildcards: layers_of(
                EXPERIMENTS[wildcards.experiment], "relu"
            ),
        ),
        experiment=lookup(dpath="{experiment}", within=EXPERIMENTS),
        images=config["initialisation"]["images"],
        widths=branch(
            lambda wildcards: wildcards.experiment in CHAINS,
            then=[],
            otherwise=config["network"]["widths"],
        ),
    script:
        "../../scripts/measure_initialisation.py"


rule measure_chains:
    output:
        statistics=f"{RESULTS}/chains/{{experiment}}.h5",
    log:
        f"{LOGS}/measure_chains/{{experiment}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_chains/{{experiment}}.tsv"
    wildcard_constraints:
        experiment="|".join(CHAINS) or "(?!)",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory(gigabytes=8e-9 * CHAIN_WEIGHTS),
        runtime=chain_minutes,
    params:
        *code("measure_chains.py"),
        experiment=lookup(dpath="{experiment}", within=EXPERIMENTS),
        images=CHAIN_IMAGES,
        chains=config["initialisation"]["chains"],
    script:
        "../../scripts/measure_chains.py"
