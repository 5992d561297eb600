def network_file(seed, network):
    """The trained or frozen network of that name."""
    return f"{RESULTS}/seed{seed}/{network}/network.pt"


def every(name, networks):
    """The file of that name, of each of the networks at each seed."""
    return expand(f"{PER_NETWORK}/{name}", seed=config["seeds"], network=networks)


def untrained(seeds, experiments):
    """The statistics of those experiments at those seeds."""
    return expand(
        f"{RESULTS}/seed{{seed}}/initialisation/{{experiment}}.h5",
        seed=seeds,
        experiment=experiments,
    )


def titled(figure):
    """Number and name of a figure, from its path."""
    return Path(figure).stem.replace("_", " ")


def article(quantity):
    """The article's values by network, for figures of runs on its images."""
    is_its = config["dataset"]["name"] == "cifar10"
    return roles.by_name(ARTICLE[quantity], ROLES) if is_its else {}


def pictures(kind, names):
    """A figure of that kind for each name, by its number in the article or our own."""
    figures = ARTICLE["figures"][kind]
    numbers = roles.by_name(figures["article"], ROLES)
    return [
        f"{RESULTS}/figures/{numbers.get(name, figures['own']):02}_{kind}_{name}"
        for name in names
    ]
