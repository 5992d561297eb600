from snakemake.io import strip_wildcard_constraints

STORY = resource("workflow/resources/figures.yaml")
# Sections of what only some runs measure, and the section of the config that says so.
OPTIONAL = {"made": "curvature", "breaks": "stability"}
SECTIONS = {
    key: title
    for key, title in STORY["sections"].items()
    if OPTIONAL.get(key, "run") in config
}
CATEGORIES = {
    key: f"{number} {title}" for number, (key, title) in enumerate(SECTIONS.items(), 1)
}


def network_file(seed, network):
    """The trained or frozen network of that name."""
    return f"{RESULTS}/seed{seed}/{network}/network.pt"


def trained_source(wildcards):
    """The job's network, or the one that it is a frozen copy of."""
    return VARIANTS[wildcards.network].get("freeze", wildcards.network)


def of_roles(*names):
    """The networks that have these roles in this run, as a wildcard's constraint."""
    return "|".join(ROLES[name] for name in names if name in ROLES) or "(?!)"


def untrained(seeds, experiments):
    """The statistics of those experiments at those seeds."""
    return expand(
        f"{RESULTS}/seed{{seed}}/initialisation/{{experiment}}.h5",
        seed=seeds,
        experiment=experiments,
    )


def files(output):
    """The files of this run that a rule's output stands for."""
    found = expand(
        strip_wildcard_constraints(output),
        seed=config["seeds"],
        network=NETWORKS,
        experiment=EXPERIMENTS,
    )
    return filter(output.match, found)


def article(quantity):
    """The article's values by network, for figures of runs on its images."""
    is_its = config["dataset"]["name"] == "cifar10"
    return roles.by_name(ARTICLE[quantity], ROLES) if is_its else {}


def pictures(kind, names=None):
    """The kind, and path without its end, of its figure or of that for each name."""
    number = STORY["figures"][kind]["number"]
    if names is None:
        return [(kind, f"{RESULTS}/figures/{number:02}_{kind}")]
    numbers = roles.by_name(number, ROLES)
    return [
        (
            kind,
            f"{RESULTS}/figures/{numbers.get(name, number['others']):02}_{kind}_{name}",
        )
        for name in names
    ]


def captions(drawn):
    """What stands under those figures, by their kind."""
    return {kind: STORY["figures"][kind]["caption"] for kind, _ in drawn}


def in_report(kind, path):
    """The figure as the report shows it, in its section."""
    return report(
        f"{path}.svg",
        caption="../report/figure.rst",
        category=CATEGORIES[STORY["figures"][kind]["section"]],
        labels={"figure": Path(path).stem.replace("_", " ")},
    )


def setting(key):
    """The config's value at a key such as network.widths, in words."""
    value = config
    *groups, last = key.split(".")
    for group in groups:
        value = (value or {}).get(group)
    if value is None:
        return "not in this run"
    value = value.get(last)
    return (
        ", ".join(map(str, value)) if isinstance(value, list) else str(value or "all")
    )


def scope(rows):
    """In words, this run's value and the article's, of the settings that differ."""
    found = [
        (words, setting(key), str(article)) for words, (key, article) in rows.items()
    ]
    return [row for row in found if row[1] != row[2]]
