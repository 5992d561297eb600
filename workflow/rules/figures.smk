from fnmatch import fnmatch

# As a plain path: for an input that is another rule's output, Snakemake hashes all lists
# of inputs beside it once for each of their files, which takes a minute for 10,000.
DATASET = str(rules.prepare_dataset.output.dataset)
# What has a seed is a measurement, so that a new one needs no line here; and chains.
MEASUREMENTS = [
    file
    for rule in workflow.rules
    for path in rule.output
    if f"{RESULTS}/seed{{seed" in path or f"{RESULTS}/chains/" in path
    for file in files(path)
]
# Folder and name of each.
PLACES = {path: Path(path).parts[-2:] for path in MEASUREMENTS}


def measured(name):
    """The file of that name of every network that has one, at each seed; or the data set.

    Another folder may stand before the name: "lr_stress/*.csv".
    """
    if name == "dataset.h5":
        return DATASET
    given, _, pattern = name.rpartition("/")
    folders = {given} if given else set(NETWORKS)
    return [
        path
        for path, (folder, file) in PLACES.items()
        if folder in folders and fnmatch(file, pattern)
    ]


CONV_NORMS = [
    name
    for name, experiment in EXPERIMENTS.items()
    if name not in CHAINS and experiment["norm"] != "none"
]
LINEAR = [name for name in CHAINS if EXPERIMENTS[name]["activation"] == "linear"]
# The article looks at norms after the activation in an aside of their own.
BEFORE_ACTIVATION = [
    name
    for name, variant in VARIANTS.items()
    if VARIANTS[variant.get("freeze", name)].get("norm_position") != "after_activation"
] or NETWORKS
AFTER_ACTIVATION = [
    name for name in NETWORKS if name not in BEFORE_ACTIVATION
] or NETWORKS
TITLE_ROLES = roles.title_roles(VARIANTS)
# At their peak in training; a frozen copy has that of the network that it copies.
RATES = {
    name: VARIANTS[variant.get("freeze", name)]["max_lr"]
    for name, variant in VARIANTS.items()
}
PLAIN = {
    name: {**BUILT[name], "activation": "relu", "title": name.replace("_", " ")}
    for name in TRAINED
}


def trained(name):
    """How the network is trained: its activation, and what smooths its loss."""
    smoothing = training_of(name)["smoothing"]
    return {"activation": config["network"]["activation"], "smoothing": smoothing}


# What each picture of plot_networks is to show.
DIAGRAMS = dict(
    zip(
        [
            *pictures("network"),
            *(pictures("chain") if CHAINS else []),
            *pictures("stress_network", STRESSED),
            *pictures("trained_network", STRESSED),
        ],
        [
            PLAIN[ROLES.get("batch_norm", TRAINED[0])],
            *(EXPERIMENTS[ROLES.get("relu", name)] for name in CHAINS[:1]),
            *({**PLAIN[name], "smoothing": 0} for name in STRESSED),
            *(PLAIN[name] | trained(name) for name in STRESSED),
        ],
    )
)

# What figures.yaml does not say: the rules plot_<name> that draw pictures of several
# kinds, or from what is not of every network. Their pictures, inputs and params.
DRAWINGS = {
    "networks": (
        DIAGRAMS,
        {"dataset": DATASET},
        {
            "widths": config["network"]["widths"],
            "diagrams": list(DIAGRAMS.values()),
            "layers": [
                layers_of(VARIANTS[name], activation)
                for name in STRESSED
                for activation in ("relu", config["network"]["activation"])
            ],
        },
    ),
    "norm_effect": (
        pictures("norm_effect", CONV_NORMS),
        {"statistics": untrained(config["seeds"][:1], CONV_NORMS)},
        {"experiments": {name: EXPERIMENTS[name] for name in CONV_NORMS}},
    ),
    "pooled_activations": (
        pictures("pooled_activations", CHAINS),
        {"statistics": untrained(config["seeds"][:1], CHAINS)},
        {"experiments": {name: EXPERIMENTS[name] for name in CHAINS}},
    ),
    "initialisation": (
        pictures("initialisation", EXPERIMENTS),
        {"statistics": untrained(config["seeds"][:1], EXPERIMENTS)},
        {"experiments": EXPERIMENTS},
    ),
    "singular_values": (
        pictures("singular_values", LINEAR),
        {"statistics": untrained(config["seeds"][:1], LINEAR)},
        {"experiments": {name: EXPERIMENTS[name] for name in LINEAR}},
    ),
    "gradient_norms": (
        pictures("gradient_norms") + pictures("gradient_norms_all"),
        {
            "gradients": measured("moment_gradients.h5"),
            "perturbations": measured("perturbations.h5"),
        },
        {
            "networks": NETWORKS,
            "roles": TITLE_ROLES,
            "groups": [BEFORE_ACTIVATION, AFTER_ACTIVATION],
            "article": article("gradient_norm"),
        },
    ),
    "eigenvalues": (
        pictures("eigenvalues"),
        {"eigenpairs": measured("hessian.h5")},
        {
            "networks": NETWORKS,
            "roles": TITLE_ROLES,
            "momentum": config["training"]["momentum"],
            "rates": RATES,
            "article": article("eigenvalues"),
        },
    ),
    "summary": (
        pictures("summary"),
        {
            "stress": measured("lr_stress/*.csv"),
            "eigenpairs": measured("hessian.h5"),
            "perturbations": measured("perturbations.h5"),
        },
        {
            "networks": NETWORKS,
            "roles": TITLE_ROLES,
            "momentum": config["training"]["momentum"],
            "rates": RATES,
            "step": config["perturbation"]["step"],
        },
    ),
    "projected_eigenvalues": (
        pictures("projected_eigenvalues"),
        {
            "eigenpairs": measured("hessian.h5"),
            "projected": measured("hessian_projected.h5"),
            "off_means": measured("hessian_off_means.h5"),
            "gradients": measured("moment_gradients.h5"),
        },
        {
            "networks": NETWORKS,
            "roles": TITLE_ROLES,
            "article": article("eigenvalues"),
            "projected_article": article("projected_eigenvalues"),
        },
    ),
}


def drawing_of(kind, row):
    """Pictures, inputs and params of a figure that figures.yaml describes whole."""
    names = NETWORKS if isinstance(row["number"], dict) else None
    inputs = {name: measured(file) for name, file in row["drawn_from"].items()}
    params = {"networks": NETWORKS} if inputs.keys() - {"dataset"} else {}
    if params and names is None:
        params["roles"] = TITLE_ROLES
    if "article" in row:
        params["article"] = article(row["article"])
    return pictures(kind, names), inputs, params


DRAWINGS |= {
    kind: drawing_of(kind, row)
    for kind, row in STORY["figures"].items()
    # What some runs do not measure they do not draw.
    if "drawn_from" in row and all(map(measured, row["drawn_from"].values()))
}


def add_rule(drawing, drawn, inputs, params):
    """The row's rule.

    In a loop each would run the last row's script, as it is looked up when a job runs.
    """

    rule:
        name:
            f"plot_{drawing}"
        input:
            **inputs,
        output:
            svg=[in_report(kind, path) for kind, path in drawn],
            png=[f"{path}.png" for _, path in drawn],
        log:
            f"{LOGS}/plot_{drawing}.log",
        benchmark:
            f"{BENCHMARKS}/plot_{drawing}.tsv"
        localrule: True
        conda:
            "../../envs/environment.yaml"
        resources:
            mem_mb=2000,
            runtime=10,
        params:
            *code(f"plot_{drawing}.py"),
            **params,
            captions=captions(drawn),
        script:
            f"../../scripts/plot_{drawing}.py"


for drawing, row in DRAWINGS.items():
    add_rule(drawing, *row)
