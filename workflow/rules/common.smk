import yaml
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import update_config, validate

digests, provenance, settings = own("digests"), own("provenance"), own("settings")
network_lines, roles = own("network_lines"), own("results/roles")
code, modules, templates = digests.code, digests.modules, digests.templates


def resource(path):
    """What a YAML file of the checkout holds."""
    # The loader in C, where there is one, takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((CHECKOUT / path).read_text(encoding="utf-8"), loader)


ARTICLE = resource("workflow/resources/article.yaml")
SCHEMA_FILE = "workflow/schemas/config.schema.yaml"
SCHEMA = resource(SCHEMA_FILE)

# Of a workflow that has this one as a module, config says only what is not as here.
given, config = config, resource("config.yaml")
update_config(config, given)

for path in map(Path, workflow.configfiles):
    if said := settings.repeated_key(path.read_text(encoding="utf-8")):
        raise WorkflowError(f"{path}: {said}")
if problem := settings.config_error(config, SCHEMA):
    raise WorkflowError(problem)

EXPERIMENTS = {
    name: experiment
    for name, experiment in config["initialisation"]["experiments"].items()
    if experiment
}
config["initialisation"]["experiments"] = EXPERIMENTS
VARIANTS = {name: variant for name, variant in config["networks"].items() if variant}
config["networks"] = VARIANTS
validate(config, str(CHECKOUT / SCHEMA_FILE))
for name, variant in VARIANTS.items():
    VARIANTS[name] = network_lines.differing(variant, SCHEMA)
    if problem := network_lines.module_error(name, variant):
        raise WorkflowError(problem)
# So that a run that keeps none has the training that it always had.
CHECKPOINTS = sorted(config["training"].pop("checkpoints"))
if config["dataset"]["size"] == 32:
    del config["dataset"]["size"]

NETWORKS = list(VARIANTS)
FROZEN = [name for name, variant in VARIANTS.items() if "freeze" in variant]
TRAINED = [name for name in NETWORKS if name not in FROZEN]
ROLES = roles.network_roles(VARIANTS) | roles.experiment_roles(EXPERIMENTS)


def layers_of(variant, activation):
    """The code that networks import by name, for the network's jobs; with it, where that
    is of the user's own, the file and its digest.
    """
    if "module" in variant:
        own_code = digests.digest_of_user(variant["module"])
        return [own_code, *code("normscope/networks/user_module.py")]
    files = [f"networks/activations/{activation}.py"]
    if variant["norm"] != "none":
        files.append(f"networks/norms/{variant['norm']}.py")
    if "ghost_batch" in variant:
        files.append("networks/ghost_batch_norm.py")
    if "shortcuts" in variant:
        files.append("networks/residual.py")
    return code(*(f"normscope/{file}" for file in files))


def original(name):
    """The line of a network, or of the one that it copies."""
    return VARIANTS[VARIANTS[name].get("freeze", name)]


def training_of(name):
    """How the network, or the one that it copies, is trained."""
    return config["training"] | original(name).get("training", {})


def of_training(key):
    """That setting of a network's own training, as a param of its jobs."""
    return lambda wildcards: training_of(wildcards.network)[key]


def trained_layers(wildcards):
    """The layers of a network, or of the one that it copies."""
    return layers_of(original(wildcards.network), config["network"]["activation"])


RUN = config["run"]
RESULTS = f"results/{RUN}"
PER_NETWORK = f"{RESULTS}/seed{{seed}}/{{network}}"
LOGS = f"logs/{RUN}"
BENCHMARKS = f"benchmarks/{RUN}"
JOB = "seed{seed}_{network}"

# What decides the eigenpairs; memory only decides how fast they are found.
HESSIAN = {key: value for key, value in config["hessian"].items() if key != "memory_gb"}

if workflow.is_main_process and (
    older := provenance.made_by_other_torch(Path(RESULTS))
):
    logger.warning(
        f"{len(older)} results in {RESULTS} were made by another torch than this one, "
        f"{provenance.TORCH}: {', '.join(f'{path} by {made}' for path, made in older.items())}; "
        "delete them to make them anew"
    )


wildcard_constraints:
    network="|".join(NETWORKS),
    experiment="|".join(EXPERIMENTS) or "(?!)",
    seed=r"\d+",
