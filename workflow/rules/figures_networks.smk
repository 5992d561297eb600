# What plot_networks draws, by the path of the picture.
PLAIN = {
    name: {**NORMS[name], "activation": "relu", "title": name.replace("_", " ")}
    for name in TRAINED
}
DIAGRAMS = {
    f"{RESULTS}/figures/01_network": PLAIN[ROLES.get("batch_norm", TRAINED[0])],
    **{
        f"{RESULTS}/figures/06_chain": EXPERIMENTS[ROLES.get("relu", name)]
        for name in CHAINS[:1]
    },
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
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/networks.rst",
                category="1 What batch norm does",
                labels={"figure": titled(figure)},
            )
            for figure in DIAGRAMS
        ],
        png=expand("{figure}.png", figure=DIAGRAMS),
    log:
        f"{LOGS}/plot_networks.log",
    benchmark:
        f"{BENCHMARKS}/plot_networks.tsv"
    localrule: True
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


rule plot_images:
    input:
        dataset=rules.prepare_dataset.output.dataset,
    output:
        svg=report(
            f"{RESULTS}/figures/51_images.svg",
            caption="../report/images.rst",
            category="3 The networks",
            labels={"figure": "51 images"},
        ),
        png=f"{RESULTS}/figures/51_images.png",
    log:
        f"{LOGS}/plot_images.log",
    benchmark:
        f"{BENCHMARKS}/plot_images.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_images.py"),
    script:
        "../../scripts/plot_images.py"


rule plot_activations:
    output:
        svg=report(
            f"{RESULTS}/figures/15_activations.svg",
            caption="../report/activations.rst",
            category="3 The networks",
            labels={"figure": "15 activations"},
        ),
        png=f"{RESULTS}/figures/15_activations.png",
    log:
        f"{LOGS}/plot_activations.log",
    benchmark:
        f"{BENCHMARKS}/plot_activations.tsv"
    localrule: True
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
        svg=report(
            f"{RESULTS}/figures/04_learning_rate_stress.svg",
            caption="../report/learning_rate_stress.rst",
            category="1 What batch norm does",
            labels={"figure": "04 learning rate stress"},
        ),
        png=f"{RESULTS}/figures/04_learning_rate_stress.png",
    log:
        f"{LOGS}/plot_learning_rate_stress.log",
    benchmark:
        f"{BENCHMARKS}/plot_learning_rate_stress.tsv"
    localrule: True
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
        svg=report(
            f"{RESULTS}/figures/39_training.svg",
            caption="../report/training.rst",
            category="3 The networks",
            labels={"figure": "39 training"},
        ),
        png=f"{RESULTS}/figures/39_training.png",
    log:
        f"{LOGS}/plot_training.log",
    benchmark:
        f"{BENCHMARKS}/plot_training.tsv"
    localrule: True
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
        svg=report(
            f"{RESULTS}/figures/18_parameter_norms.svg",
            caption="../report/parameter_norms.rst",
            category="3 The networks",
            labels={"figure": "18 parameter norms"},
        ),
        png=f"{RESULTS}/figures/18_parameter_norms.png",
    log:
        f"{LOGS}/plot_parameter_norms.log",
    benchmark:
        f"{BENCHMARKS}/plot_parameter_norms.tsv"
    localrule: True
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
