CONV_NORMS = [
    name
    for name, experiment in EXPERIMENTS.items()
    if name not in CHAINS and experiment["norm"] != "none"
]
LINEAR = [name for name in CHAINS if EXPERIMENTS[name]["activation"] == "linear"]


rule plot_norm_effect:
    input:
        statistics=untrained(config["seeds"][:1], CONV_NORMS),
    output:
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/norm_effect.rst",
                category="1 What batch norm does",
                labels={"figure": titled(figure)},
            )
            for figure in pictures("norm_effect", CONV_NORMS)
        ],
        png=expand("{figure}.png", figure=pictures("norm_effect", CONV_NORMS)),
    log:
        f"{LOGS}/plot_norm_effect.log",
    benchmark:
        f"{BENCHMARKS}/plot_norm_effect.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_norm_effect.py"),
    script:
        "../../scripts/plot_norm_effect.py"


rule plot_pooled_activations:
    input:
        statistics=untrained(config["seeds"][:1], CHAINS),
    output:
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/pooled_activations.rst",
                category="2 Deep networks forget their input",
                labels={"figure": titled(figure)},
            )
            for figure in pictures("pooled_activations", CHAINS)
        ],
        png=expand("{figure}.png", figure=pictures("pooled_activations", CHAINS)),
    log:
        f"{LOGS}/plot_pooled_activations.log",
    benchmark:
        f"{BENCHMARKS}/plot_pooled_activations.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_pooled_activations.py"),
        experiments={name: EXPERIMENTS[name] for name in CHAINS},
    script:
        "../../scripts/plot_pooled_activations.py"


rule plot_initialisation:
    input:
        statistics=untrained(config["seeds"][:1], EXPERIMENTS),
    output:
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/initialisation.rst",
                category="2 Deep networks forget their input",
                labels={"figure": titled(figure)},
            )
            for figure in pictures("initialisation", EXPERIMENTS)
        ],
        png=expand("{figure}.png", figure=pictures("initialisation", EXPERIMENTS)),
    log:
        f"{LOGS}/plot_initialisation.log",
    benchmark:
        f"{BENCHMARKS}/plot_initialisation.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_initialisation.py"),
        experiments=EXPERIMENTS,
    script:
        "../../scripts/plot_initialisation.py"


rule plot_singular_values:
    input:
        statistics=untrained(config["seeds"][:1], LINEAR),
    output:
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/singular_values.rst",
                category="2 Deep networks forget their input",
                labels={"figure": titled(figure)},
            )
            for figure in pictures("singular_values", LINEAR)
        ],
        png=expand("{figure}.png", figure=pictures("singular_values", LINEAR)),
    log:
        f"{LOGS}/plot_singular_values.log",
    benchmark:
        f"{BENCHMARKS}/plot_singular_values.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_singular_values.py"),
        experiments={name: EXPERIMENTS[name] for name in LINEAR},
    script:
        "../../scripts/plot_singular_values.py"
