# The article looks at norms after the activation in an aside of their own.
BEFORE_ACTIVATION = [
    name
    for name, variant in VARIANTS.items()
    if VARIANTS[variant.get("freeze", name)].get("norm_position") != "after_activation"
] or NETWORKS


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


rule plot_gradient_norms:
    input:
        gradients=every("moment_gradients.h5", NETWORKS),
    output:
        svg=f"{RESULTS}/figures/25_gradient_norms.svg",
        png=f"{RESULTS}/figures/25_gradient_norms.png",
        all_svg=f"{RESULTS}/figures/29_gradient_norms_all.svg",
        all_png=f"{RESULTS}/figures/29_gradient_norms_all.png",
    log:
        f"{LOGS}/plot_gradient_norms.log",
    benchmark:
        f"{BENCHMARKS}/plot_gradient_norms.tsv"
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


rule plot_eigenvalues:
    input:
        eigenpairs=every("hessian.h5", NETWORKS),
    output:
        multiext(f"{RESULTS}/figures/31_eigenvalues", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_eigenvalues.log",
    benchmark:
        f"{BENCHMARKS}/plot_eigenvalues.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_eigenvalues.py"),
        networks=NETWORKS,
        article=article("eigenvalues"),
    script:
        "../../scripts/plot_eigenvalues.py"


rule plot_mean_overlaps:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        overlaps=every("overlaps.csv", NETWORKS),
    output:
        multiext(f"{RESULTS}/figures/35_mean_overlaps", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_mean_overlaps.log",
    benchmark:
        f"{BENCHMARKS}/plot_mean_overlaps.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_mean_overlaps.py"),
        networks=NETWORKS,
        article=article("overlaps"),
    script:
        "../../scripts/plot_mean_overlaps.py"


rule plot_overlaps:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        overlaps=every("overlaps.csv", NETWORKS),
    output:
        multiext(f"{RESULTS}/figures/36_overlaps", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_overlaps.log",
    benchmark:
        f"{BENCHMARKS}/plot_overlaps.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_overlaps.py"),
        networks=NETWORKS,
        article=article("overlaps"),
    script:
        "../../scripts/plot_overlaps.py"


rule plot_scaled_overlaps:
    input:
        overlaps=every("overlaps.csv", NETWORKS),
    output:
        multiext(f"{RESULTS}/figures/37_scaled_overlaps", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_scaled_overlaps.log",
    benchmark:
        f"{BENCHMARKS}/plot_scaled_overlaps.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_scaled_overlaps.py"),
        networks=NETWORKS,
        article=article("eigenvalues"),
    script:
        "../../scripts/plot_scaled_overlaps.py"


rule plot_projected_eigenvalues:
    input:
        eigenpairs=every("hessian.h5", NETWORKS),
        projected=every("hessian_projected.h5", NETWORKS),
    output:
        multiext(f"{RESULTS}/figures/38_projected_eigenvalues", svg=".svg", png=".png"),
    log:
        f"{LOGS}/plot_projected_eigenvalues.log",
    benchmark:
        f"{BENCHMARKS}/plot_projected_eigenvalues.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_projected_eigenvalues.py"),
        networks=NETWORKS,
        article=article("eigenvalues"),
        projected_article=article("projected_eigenvalues"),
    script:
        "../../scripts/plot_projected_eigenvalues.py"


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


FIGURES = expand(
    f"{RESULTS}/figures/{{figure}}.{{kind}}",
    figure=[
        "18_parameter_norms",
        "25_gradient_norms",
        "29_gradient_norms_all",
        "31_eigenvalues",
        "35_mean_overlaps",
        "36_overlaps",
        "37_scaled_overlaps",
        "38_projected_eigenvalues",
        "39_training",
    ],
    kind=["svg", "png"],
)
