# What plot_networks draws, by the path of the picture.
PLAIN = {
    name: {**NORMS[name], "activation": "relu", "title": name.replace("_", " ")}
    for name in TRAINED
}
DIAGRAMS = {
    f"{RESULTS}/figures/01_network": PLAIN[TRAINED[0]],
    **{f"{RESULTS}/figures/06_chain": EXPERIMENTS[name] for name in CHAINS[:1]},
}
for path, name in zip(pictures("stress_network", TRAINED), TRAINED):
    DIAGRAMS[path] = {**PLAIN[name], "smoothing": 0}
for path, name in zip(pictures("trained_network", TRAINED), TRAINED):
    DIAGRAMS[path] = {
        **PLAIN[name],
        "activation": config["network"]["activation"],
        "smoothing": config["training"]["smoothing"],
    }


rule plot_networks:
    input:
        dataset=rules.prepare_dataset.output.dataset,
    output:
        svg=expand("{figure}.svg", figure=DIAGRAMS),
        png=expand("{figure}.png", figure=DIAGRAMS),
    log:
        f"{LOGS}/plot_networks.log",
    benchmark:
        f"{BENCHMARKS}/plot_networks.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_networks.py"),
        widths=config["network"]["widths"],
        diagrams=list(DIAGRAMS.values()),
    script:
        "../../scripts/plot_networks.py"


rule plot_activations:
    output:
        multiext(f"{RESULTS}/figures/15_activations", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_activations.log",
    benchmark:
        f"{BENCHMARKS}/plot_activations.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_activations.py"),
    script:
        "../../scripts/plot_activations.py"


rule plot_learning_rate_stress:
    input:
        stress=expand(
            rules.stress_learning_rate.output.stress,
            seed=config["seeds"],
            network=TRAINED,
        ),
    output:
        multiext(f"{RESULTS}/figures/04_learning_rate_stress", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_learning_rate_stress.log",
    benchmark:
        f"{BENCHMARKS}/plot_learning_rate_stress.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_learning_rate_stress.py"),
        networks=NETWORKS,
        article=article("stress_accuracy"),
    script:
        "../../scripts/plot_learning_rate_stress.py"


rule plot_training:
    input:
        training=every("training.csv", TRAINED),
    output:
        multiext(f"{RESULTS}/figures/39_training", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_training.log",
    benchmark:
        f"{BENCHMARKS}/plot_training.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_training.py"),
        networks=NETWORKS,
        article=article("train_accuracy"),
    script:
        "../../scripts/plot_training.py"


rule plot_parameter_norms:
    input:
        gradients=every("moment_gradients.h5", NETWORKS),
    output:
        multiext(f"{RESULTS}/figures/18_parameter_norms", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_parameter_norms.log",
    benchmark:
        f"{BENCHMARKS}/plot_parameter_norms.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_parameter_norms.py"),
        networks=NETWORKS,
        article=article("parameter_norm"),
    script:
        "../../scripts/plot_parameter_norms.py"
