# Whether curvature predicts where training breaks, in runs that have that section.
STABILITY = config.get("stability", {})
OF_HESSIAN = {key: HESSIAN[key] for key in ("images", "batch_size", "tolerance")}

# Descents with each part of the steps removed, and on the way to both rates.
DESCENTS = 10 * STABILITY.get("steps", 0)


if STABILITY:

    rule measure_stability:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            network=f"{PER_NETWORK}/network.pt",
            eigenpairs=rules.decompose_hessian.output.eigenpairs,
            projected=rules.decompose_hessian.output.projected,
            off_means=rules.decompose_hessian.output.off_means,
        output:
            stability=f"{PER_NETWORK}/stability.csv",
        log:
            f"{LOGS}/measure_stability/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/measure_stability/{JOB}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(
                HESSIAN_VECTORS + 3 * MOMENTS,
                config["hessian"]["batch_size"],
                config["hessian"]["memory_gb"],
            ),
            runtime=minutes(3 * DESCENTS * (7 + MOMENTS) * config["hessian"]["images"]),
        params:
            *code("measure_stability.py"),
            layers=trained_layers,
            hessian=HESSIAN,
            smoothing=of_training("smoothing"),
            momentum=of_training("momentum"),
            batch_size=of_training("batch_size"),
            stability={key: STABILITY[key] for key in ("steps", "renewal")},
            # What is removed is expensive, and argued of these.
            removed=lambda wildcards: wildcards.network
            in of_roles("frozen", "none").split("|"),
        script:
            "../../scripts/measure_stability.py"

    rule train_on:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            network=f"{PER_NETWORK}/network.pt",
            eigenpairs=rules.decompose_hessian.output.eigenpairs,
        output:
            path=f"{PER_NETWORK}/train_on.csv",
        log:
            f"{LOGS}/train_on/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/train_on/{JOB}.tsv"
        wildcard_constraints:
            network=of_roles("frozen", "frozen_post"),
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(
                30 + MOMENTS,
                config["hessian"]["batch_size"],
                config["hessian"]["memory_gb"],
            ),
            runtime=minutes(
                len(STABILITY["factors"])
                * (3 * IMAGES + 10 * 9 * 20 * config["hessian"]["images"])
            ),
        params:
            *code("train_on.py"),
            layers=trained_layers,
            hessian=OF_HESSIAN,
            smoothing=of_training("smoothing"),
            training=lambda wildcards: {
                key: training_of(wildcards.network)[key]
                for key in ("batch_size", "momentum", "weight_decay")
            },
            factors=STABILITY["factors"],
        script:
            "../../scripts/train_on.py"

    rule watch_stress:
        input:
            dataset=rules.prepare_dataset.output.dataset,
        output:
            watch=f"{PER_NETWORK}/stress_watch.csv",
        log:
            f"{LOGS}/watch_stress/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/watch_stress/{JOB}.tsv"
        wildcard_constraints:
            network=of_roles("none"),
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(
                30, config["hessian"]["batch_size"], config["hessian"]["memory_gb"]
            ),
            runtime=minutes(
                config["learning_rate_stress"]["epochs"]
                * (6 * IMAGES + 9 * 60 * config["hessian"]["images"])
            ),
        params:
            *code("watch_stress.py"),
            widths=config["network"]["widths"],
            training=lookup(dpath="{network}", within=OPTIMISERS),
            stress={
                key: config["learning_rate_stress"][key]
                for key in ("epochs", "start", "doubling_epochs")
            },
            variant=lookup(dpath="{network}", within=BUILT),
            layers=lambda wildcards: layers_of(VARIANTS[wildcards.network], "relu"),
            hessian=OF_HESSIAN,
        script:
            "../../scripts/watch_stress.py"

    rule centre_inputs:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            network=f"{PER_NETWORK}/network.pt",
        output:
            centring=f"{PER_NETWORK}/centring.csv",
        log:
            f"{LOGS}/centre_inputs/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/centre_inputs/{JOB}.tsv"
        wildcard_constraints:
            network=of_roles("frozen", "none"),
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(
                30 + MOMENTS,
                config["hessian"]["batch_size"],
                config["hessian"]["memory_gb"],
            ),
            runtime=minutes(9 * 50 * config["hessian"]["images"]),
        params:
            *code("centre_inputs.py"),
            layers=trained_layers,
            hessian=OF_HESSIAN,
            smoothing=of_training("smoothing"),
        script:
            "../../scripts/centre_inputs.py"

    rule scale_convolutions:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            network=f"{PER_NETWORK}/network.pt",
        output:
            scaling=f"{PER_NETWORK}/scaling.csv",
        log:
            f"{LOGS}/scale_convolutions/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/scale_convolutions/{JOB}.tsv"
        wildcard_constraints:
            network=of_roles("frozen_post"),
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(batch=config["perturbation"]["images"]),
            runtime=minutes(100 * config["perturbation"]["images"]),
        params:
            *code("scale_convolutions.py"),
            layers=trained_layers,
            images=config["perturbation"]["images"],
        script:
            "../../scripts/scale_convolutions.py"

    rule step_off_means:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            network=f"{PER_NETWORK}/network.pt",
            gradients=rules.differentiate_moments.output.gradients,
        output:
            steps=f"{PER_NETWORK}/moment_steps.csv",
        log:
            f"{LOGS}/step_off_means/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/step_off_means/{JOB}.tsv"
        wildcard_constraints:
            network=of_roles("batch_norm", "frozen", "none"),
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(2 * MOMENTS, config["hessian"]["batch_size"]),
            runtime=minutes(2 * MOMENTS * config["hessian"]["images"]),
        params:
            *code("step_off_means.py"),
            layers=trained_layers,
            hessian=OF_HESSIAN,
            smoothing=of_training("smoothing"),
            step=config["perturbation"]["step"],
        script:
            "../../scripts/step_off_means.py"


if STABILITY.get("second_order_rates"):

    rule hold_second_order:
        input:
            dataset=rules.prepare_dataset.output.dataset,
        output:
            held=f"{PER_NETWORK}/second_order.csv",
        log:
            f"{LOGS}/hold_second_order/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/hold_second_order/{JOB}.tsv"
        wildcard_constraints:
            network=of_roles("none"),
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(10, config["hessian"]["batch_size"]),
            runtime=minutes(
                len(STABILITY["second_order_rates"])
                * HELD["steps"]
                * 5
                * (config["training"]["batch_size"] + config["hessian"]["batch_size"])
            ),
        params:
            # The script imports that of hold_learning_rates, for all but the steps.
            *code("hold_second_order.py", "hold_learning_rates.py"),
            widths=config["network"]["widths"],
            training=lookup(dpath="{network}", within=OPTIMISERS),
            held={
                "rates": STABILITY["second_order_rates"],
                "steps": HELD["steps"],
            },
            batch_size=config["hessian"]["batch_size"],
            variant=lookup(dpath="{network}", within=BUILT),
            layers=lambda wildcards: layers_of(VARIANTS[wildcards.network], "relu"),
        script:
            "../../scripts/hold_second_order.py"
