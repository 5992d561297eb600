from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import validate

from scripts.normscope.provenance import TORCH, code, made_by_other_torch, templates
from scripts.normscope.roles import by_name, experiment_roles, network_roles
from scripts.normscope.settings import complaint

SCHEMA = Path(workflow.basedir) / "workflow/schemas/config.schema.yaml"
ARTICLE = yaml.safe_load(
    (Path(workflow.basedir) / "workflow/resources/article.yaml").read_text()
)

if problem := complaint(config, yaml.safe_load(SCHEMA.read_text())):
    raise WorkflowError(problem)

EXPERIMENTS = {
    name: experiment
    for name, experiment in config["initialisation"]["experiments"].items()
    if experiment
}
config["initialisation"]["experiments"] = EXPERIMENTS
VARIANTS = {name: variant for name, variant in config["networks"].items() if variant}
config["networks"] = VARIANTS
validate(config, str(SCHEMA))

NETWORKS = list(VARIANTS)
FROZEN = [name for name, variant in VARIANTS.items() if "freeze" in variant]
TRAINED = [name for name in NETWORKS if name not in FROZEN]
ROLES = network_roles(VARIANTS) | experiment_roles(EXPERIMENTS)

RUN = config["run"]
RESULTS = f"results/{RUN}"
PER_NETWORK = f"{RESULTS}/seed{{seed}}/{{network}}"
LOGS = f"logs/{RUN}"
BENCHMARKS = f"benchmarks/{RUN}"
JOB = "seed{seed}_{network}"

# What decides the eigenpairs; memory only decides how fast they are found.
HESSIAN = {key: value for key, value in config["hessian"].items() if key != "memory_gb"}

if workflow.is_main_process and (older := made_by_other_torch(Path(RESULTS))):
    logger.warning(
        f"{len(older)} results in {RESULTS} were made by another torch than this one, "
        f"{TORCH}: {', '.join(f'{path} by {made}' for path, made in older.items())}; "
        "delete them to make them anew"
    )


wildcard_constraints:
    network="|".join(NETWORKS),
    experiment="|".join(EXPERIMENTS) or "(?!)",
    seed=r"\d+",
