from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

from scripts.normscope.provenance import code
from scripts.normscope.settings import complaint

SCHEMA = Path(workflow.basedir) / "workflow/schemas/config.schema.yaml"
NUMBERS = Path(workflow.basedir) / "workflow/resources/article.yaml"

if problem := complaint(config, yaml.safe_load(SCHEMA.read_text())):
    raise WorkflowError(problem)

VARIANTS = {name: variant for name, variant in config["networks"].items() if variant}
config["networks"] = VARIANTS
validate(config, str(SCHEMA))

NETWORKS = list(VARIANTS)
FROZEN = [name for name, variant in VARIANTS.items() if "freeze" in variant]
TRAINED = [name for name in NETWORKS if name not in FROZEN]

RUN = config["run"]
RESULTS = f"results/{RUN}"
PER_NETWORK = f"{RESULTS}/seed{{seed}}/{{network}}"
LOGS = f"logs/{RUN}"
BENCHMARKS = f"benchmarks/{RUN}"
JOB = "seed{seed}_{network}"

# What decides the eigenpairs; memory only decides how fast they are found.
HESSIAN = {key: value for key, value in config["hessian"].items() if key != "memory_gb"}


wildcard_constraints:
    network="|".join(NETWORKS),
    seed=r"\d+",


def network_file(seed, network):
    """The trained or frozen network of that name."""
    return f"{RESULTS}/seed{seed}/{network}/network.pt"


def every(name, networks):
    """The file of that name, of each of the networks at each seed."""
    return expand(f"{PER_NETWORK}/{name}", seed=config["seeds"], network=networks)


def article(quantity):
    """The article's values by network, for figures of runs on its images."""
    if config["dataset"]["name"] != "cifar10":
        return {}
    values = yaml.safe_load(NUMBERS.read_text())[quantity]
    return {name: values[name] for name in NETWORKS if name in values}
