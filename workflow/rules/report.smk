CLAIMS = resource("workflow/resources/claims.yaml")
# By their place, as a workflow that has this one as a module may rename its rules.
FIGURES = [
    path
    for rule in workflow.rules
    for path in rule.output
    if Path(path).match(f"{RESULTS}/figures/*.svg")
]
MEASUREMENTS = [
    *untrained(config["seeds"], EXPERIMENTS),
    *expand(
        rules.stress_learning_rate.output.stress, seed=config["seeds"], network=TRAINED
    ),
    *every("training.csv", TRAINED),
    *every("channels.h5", NETWORKS),
    *every("moment_gradients.h5", NETWORKS),
    *every("hessian.h5", NETWORKS),
    *every("hessian_projected.h5", NETWORKS),
    *every("overlaps.csv", NETWORKS),
    *every("perturbations.h5", NETWORKS),
]


rule judge_claims:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        data=MEASUREMENTS,
    output:
        csv=f"{RESULTS}/claims.csv",
        html=report(
            f"{RESULTS}/claims.html",
            caption="../report/claims.rst",
            category="7 Verdicts",
            labels={"figure": "claims"},
        ),
    log:
        f"{LOGS}/judge_claims.log",
    benchmark:
        f"{BENCHMARKS}/judge_claims.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        *code("judge_claims.py"),
        *templates("claims.html", "verdicts.html", "style.css"),
        claims=CLAIMS,
        seeds=config["seeds"],
        networks=VARIANTS,
        experiments=EXPERIMENTS,
    script:
        "../../scripts/judge_claims.py"


rule render_page:
    input:
        dataset=rules.prepare_dataset.output.dataset,
        claims=rules.judge_claims.output.csv,
        data=[
            rules.prepare_dataset.output.dataset,
            *every("network.pt", NETWORKS),
            *MEASUREMENTS,
        ],
        figures=FIGURES,
    output:
        page=f"{RESULTS}/index.html",
    log:
        f"{LOGS}/render_page.log",
    benchmark:
        f"{BENCHMARKS}/render_page.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        *code("render_page.py"),
        *templates("page.html", "verdicts.html", "style.css", "page.js"),
        kinds=list(ARTICLE["figures"]),
        seeds=config["seeds"],
        networks=VARIANTS,
        experiments=EXPERIMENTS,
        step=config["perturbation"]["step"],
        benchmarks=BENCHMARKS,
    script:
        "../../scripts/render_page.py"
