CLAIMS = [
    claim
    for claim in resource("workflow/resources/claims.yaml")
    if claim["section"] in SECTIONS
]
TOLD = resource("workflow/resources/story.yaml")
TOLD["sections"] = {
    key: parts
    for key, parts in TOLD["sections"].items()
    if key in SECTIONS | TOLD["titles"]
}
ABOUT = resource("workflow/resources/about.yaml")
# Lines of a list, a change each.
CHANGES = [
    line.removeprefix("- ")
    for line in (CHECKOUT / "workflow/resources/criteria_changes.md")
    .read_text(encoding="utf-8")
    .splitlines()
    if line.startswith("- ")
]
# By their place, as a workflow that has this one as a module may rename its rules; as
# plain paths, or the report shows a figure as one of the page's rule.
FIGURES = [
    str(path)
    for rule in workflow.rules
    for path in rule.output
    if Path(path).match(f"{RESULTS}/figures/*.svg")
]


rule judge_claims:
    input:
        dataset=DATASET,
        data=MEASUREMENTS,
    output:
        csv=f"{RESULTS}/claims.csv",
        html=report(
            f"{RESULTS}/claims.html",
            caption="../report/claims.rst",
            category=f"{len(SECTIONS) + 1} Verdicts",
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
        *code("judge_claims.py", *modules("results")),
        *templates("claims.html", "verdicts.html", "filter.js", "style.css"),
        claims=CLAIMS,
        quantities=resource("workflow/resources/quantities.yaml"),
        changes=CHANGES,
        sections=SECTIONS,
        seeds=config["seeds"],
        chains=config["initialisation"]["chains"],
        networks=VARIANTS,
        experiments=EXPERIMENTS,
    script:
        "../../scripts/judge_claims.py"


rule render_page:
    input:
        dataset=DATASET,
        claims=str(rules.judge_claims.output.csv),
        data=[DATASET, *MEASUREMENTS],
        walks=measured("walks.h5"),
        # At the first seed, as walks are.
        logits=[
            path
            for path in measured("path_logits.h5")
            if f"/seed{config['seeds'][0]}/" in path
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
        *code("render_page.py", *modules("results")),
        *templates(
            "page.html",
            "figures.html",
            "descent.html",
            "slider.html",
            "walk.html",
            "epochs.html",
            "formulas.html",
            "steps.html",
            "differs.html",
            "summary.html",
            "verdicts.html",
            "style.css",
            "filter.js",
            "page.js",
            "sliders.js",
        ),
        story=TOLD | {key: ABOUT[key] for key in ("experience", "files", "pilot")},
        scope=scope(ABOUT["scope"]),
        sections=SECTIONS,
        figures=STORY["figures"],
        changes=CHANGES,
        seeds=config["seeds"],
        networks=VARIANTS,
        experiments=EXPERIMENTS,
        step=config["perturbation"]["step"],
        vectors=min(config["hessian"]["k"], config["perturbation"]["eigenvectors"]),
        benchmarks=BENCHMARKS,
    script:
        "../../scripts/render_page.py"
