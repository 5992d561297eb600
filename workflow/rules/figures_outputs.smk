# The article looks at norms after the activation in an aside of their own.
BEFORE_ACTIVATION = [
    name
    for name, variant in VARIANTS.items()
    if VARIANTS[variant.get("freeze", name)].get("norm_position") != "after_activation"
] or NETWORKS


rule plot_random_steps:
    input:
        perturbations=every("perturbations.h5", NETWORKS),
    output:
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/random_steps.rst",
                category="4 Bad configurations are near",
                labels={"figure": titled(figure)},
            )
            for figure in pictures("random_steps", NETWORKS)
        ],
        png=expand("{figure}.png", figure=pictures("random_steps", NETWORKS)),
    log:
        f"{LOGS}/plot_random_steps.log",
    benchmark:
        f"{BENCHMARKS}/plot_random_steps.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_random_steps.py"),
        networks=NETWORKS,
    script:
        "../../scripts/plot_random_steps.py"


rule plot_mean_steps:
    input:
        perturbations=every("perturbations.h5", NETWORKS),
    output:
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/mean_steps.rst",
                category="4 Bad configurations are near",
                labels={"figure": titled(figure)},
            )
            for figure in pictures("mean_steps", NETWORKS)
        ],
        png=expand("{figure}.png", figure=pictures("mean_steps", NETWORKS)),
    log:
        f"{LOGS}/plot_mean_steps.log",
    benchmark:
        f"{BENCHMARKS}/plot_mean_steps.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_mean_steps.py"),
        networks=NETWORKS,
    script:
        "../../scripts/plot_mean_steps.py"


rule plot_gradient_norms:
    input:
        gradients=every("moment_gradients.h5", NETWORKS),
    output:
        svg=report(
            f"{RESULTS}/figures/25_gradient_norms.svg",
            caption="../report/gradient_norms.rst",
            category="4 Bad configurations are near",
            labels={"figure": "25 gradient norms"},
        ),
        png=f"{RESULTS}/figures/25_gradient_norms.png",
        all_svg=report(
            f"{RESULTS}/figures/29_gradient_norms_all.svg",
            caption="../report/gradient_norms.rst",
            category="4 Bad configurations are near",
            labels={"figure": "29 gradient norms all"},
        ),
        all_png=f"{RESULTS}/figures/29_gradient_norms_all.png",
    log:
        f"{LOGS}/plot_gradient_norms.log",
    benchmark:
        f"{BENCHMARKS}/plot_gradient_norms.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_gradient_norms.py"),
        networks=NETWORKS,
        article=article("gradient_norm"),
        before_activation=BEFORE_ACTIVATION,
    script:
        "../../scripts/plot_gradient_norms.py"


rule plot_layer_shifts:
    input:
        channels=every("channels.h5", NETWORKS),
        perturbations=every("perturbations.h5", NETWORKS),
    output:
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/layer_shifts.rst",
                category="4 Bad configurations are near",
                labels={"figure": titled(figure)},
            )
            for figure in pictures("layer_shifts", NETWORKS)
        ],
        png=expand("{figure}.png", figure=pictures("layer_shifts", NETWORKS)),
    log:
        f"{LOGS}/plot_layer_shifts.log",
    benchmark:
        f"{BENCHMARKS}/plot_layer_shifts.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_layer_shifts.py"),
        networks=NETWORKS,
    script:
        "../../scripts/plot_layer_shifts.py"


rule plot_step_losses:
    input:
        perturbations=every("perturbations.h5", NETWORKS),
    output:
        svg=report(
            f"{RESULTS}/figures/40_step_losses.svg",
            caption="../report/step_losses.rst",
            category="4 Bad configurations are near",
            labels={"figure": "40 step losses"},
        ),
        png=f"{RESULTS}/figures/40_step_losses.png",
    log:
        f"{LOGS}/plot_step_losses.log",
    benchmark:
        f"{BENCHMARKS}/plot_step_losses.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_step_losses.py"),
        networks=NETWORKS,
    script:
        "../../scripts/plot_step_losses.py"
