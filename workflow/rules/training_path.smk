# Networks on the way of their training, in runs that keep checkpoints.
# Passes forward that take as long as all that is measured at the checkpoints.
PATH_IMAGES = len(CHECKPOINTS) * config["hessian"]["images"] * (470 + 4 * MOMENTS)

if CHECKPOINTS:

    rule keep_checkpoints:
        input:
            dataset=rules.prepare_dataset.output.dataset,
        output:
            checkpoints=[
                f"{PER_NETWORK}/checkpoints/epoch{epoch}.pt" for epoch in CHECKPOINTS
            ],
        log:
            f"{LOGS}/keep_checkpoints/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/keep_checkpoints/{JOB}.tsv"
        wildcard_constraints:
            network="|".join(TRAINED),
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(2 * len(CHECKPOINTS), of_training("batch_size")),
            runtime=minutes(3 * IMAGES * max(CHECKPOINTS)),
        params:
            # The script imports that of train_network, for the same network.
            *code("keep_checkpoints.py", "train_network.py"),
            network=config["network"],
            training=lambda wildcards: training_of(wildcards.network),
            variant=lookup(dpath="networks/{network}", within=config),
            layers=trained_layers,
            checkpoints=CHECKPOINTS,
        script:
            "../../scripts/keep_checkpoints.py"

    rule follow_training:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            checkpoints=lambda wildcards: [
                path.format(seed=wildcards.seed, network=trained_source(wildcards))
                for path in rules.keep_checkpoints.output.checkpoints
            ],
        output:
            path=f"{PER_NETWORK}/training_path.csv",
            overlaps=f"{PER_NETWORK}/path_overlaps.csv",
            logits=f"{PER_NETWORK}/path_logits.h5",
        log:
            f"{LOGS}/follow_training/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/follow_training/{JOB}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(
                30 + 3 * MOMENTS,
                config["hessian"]["batch_size"],
                config["hessian"]["memory_gb"],
            ),
            runtime=minutes(PATH_IMAGES),
        params:
            *code("follow_training.py"),
            layers=trained_layers,
            hessian={key: HESSIAN[key] for key in ("images", "batch_size", "tolerance")},
            smoothing=of_training("smoothing"),
            momentum=of_training("momentum"),
            batch_size=of_training("batch_size"),
            checkpoints=CHECKPOINTS,
            frozen=lambda wildcards: wildcards.network in FROZEN,
        script:
            "../../scripts/follow_training.py"
