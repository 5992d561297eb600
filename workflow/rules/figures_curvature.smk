rule plot_gradient_descent:
    output:
        svg=report(
            f"{RESULTS}/figures/30_gradient_descent.svg",
            caption="../report/gradient_descent.rst",
            category="5 Curvature limits the learning rate",
            labels={"figure": "30 gradient descent"},
        ),
        png=f"{RESULTS}/figures/30_gradient_descent.png",
    log:
        f"{LOGS}/plot_gradient_descent.log",
    benchmark:
        f"{BENCHMARKS}/plot_gradient_descent.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_gradient_descent.py"),
    script:
        "../../scripts/plot_gradient_descent.py"


rule plot_eigenvalues:
    input:
        eigenpairs=every("hessian.h5", NETWORKS),
    output:
        svg=report(
            f"{RESULTS}/figures/31_eigenvalues.svg",
            caption="../report/eigenvalues.rst",
            category="5 Curvature limits the learning rate",
            labels={"figure": "31 eigenvalues"},
        ),
        png=f"{RESULTS}/figures/31_eigenvalues.png",
    log:
        f"{LOGS}/plot_eigenvalues.log",
    benchmark:
        f"{BENCHMARKS}/plot_eigenvalues.tsv"
    localrule: True
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


rule plot_eigenvector_steps:
    input:
        perturbations=every("perturbations.h5", NETWORKS),
    output:
        svg=[
            report(
                f"{figure}.svg",
                caption="../report/eigenvector_steps.rst",
                category="6 Where the curvature is",
                labels={"figure": titled(figure)},
            )
            for figure in pictures("eigenvector_steps", NETWORKS)
        ],
        png=expand("{figure}.png", figure=pictures("eigenvector_steps", NETWORKS)),
    log:
        f"{LOGS}/plot_eigenvector_steps.log",
    benchmark:
        f"{BENCHMARKS}/plot_eigenvector_steps.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code("plot_eigenvector_steps.py"),
        networks=NETWORKS,
    script:
        "../../scripts/plot_eigenvector_steps.py"


rule plot_mean_overlaps:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        overlaps=every("overlaps.csv", NETWORKS),
    output:
        svg=report(
            f"{RESULTS}/figures/35_mean_overlaps.svg",
            caption="../report/mean_overlaps.rst",
            category="6 Where the curvature is",
            labels={"figure": "35 mean overlaps"},
        ),
        png=f"{RESULTS}/figures/35_mean_overlaps.png",
    log:
        f"{LOGS}/plot_mean_overlaps.log",
    benchmark:
        f"{BENCHMARKS}/plot_mean_overlaps.tsv"
    localrule: True
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
        svg=report(
            f"{RESULTS}/figures/36_overlaps.svg",
            caption="../report/overlaps.rst",
            category="6 Where the curvature is",
            labels={"figure": "36 overlaps"},
        ),
        png=f"{RESULTS}/figures/36_overlaps.png",
    log:
        f"{LOGS}/plot_overlaps.log",
    benchmark:
        f"{BENCHMARKS}/plot_overlaps.tsv"
    localrule: True
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
        svg=report(
            f"{RESULTS}/figures/37_scaled_overlaps.svg",
            caption="../report/scaled_overlaps.rst",
            category="6 Where the curvature is",
            labels={"figure": "37 scaled overlaps"},
        ),
        png=f"{RESULTS}/figures/37_scaled_overlaps.png",
    log:
        f"{LOGS}/plot_scaled_overlaps.log",
    benchmark:
        f"{BENCHMARKS}/plot_scaled_overlaps.tsv"
    localrule: True
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
        svg=report(
            f"{RESULTS}/figures/38_projected_eigenvalues.svg",
            caption="../report/projected_eigenvalues.rst",
            category="6 Where the curvature is",
            labels={"figure": "38 projected eigenvalues"},
        ),
        png=f"{RESULTS}/figures/38_projected_eigenvalues.png",
    log:
        f"{LOGS}/plot_projected_eigenvalues.log",
    benchmark:
        f"{BENCHMARKS}/plot_projected_eigenvalues.tsv"
    localrule: True
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
