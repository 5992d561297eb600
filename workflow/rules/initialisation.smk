CHAINS = [name for name, experiment in EXPERIMENTS.items() if "depth" in experiment]
CHAIN_WEIGHTS = max(
    (EXPERIMENTS[name]["depth"] * EXPERIMENTS[name]["width"] ** 2 for name in CHAINS),
    default=0,
)


def chain_minutes(experiment):
    """Run time of all chains of that experiment, on CPU cores at 50 GFLOPS."""
    depth, width = (EXPERIMENTS[experiment][key] for key in ("depth", "width"))
    settings = config["initialisation"]
    products = 2 * settings["chains"] * settings["images"] * depth * width**2
    return ceil(10 + products / (60 * 5e10))


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
        mem_mb=memory(),
        runtime=lambda wildcards, attempt: attempt * chain_minutes(wildcards.experiment),
    params:
        *code("measure_chains.py"),
        experiment=lookup(dpath="{experiment}", within=EXPERIMENTS),
        images=config["initialisation"]["images"],
        chains=config["initialisation"]["chains"],
    script:
        "../../scripts/measure_chains.py"
