# Curvature beyond the Hessian's leading pairs, in runs that have that section.
CURVATURE = config.get("curvature", {})

if CURVATURE:

    rule decompose_gauss_newton:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            network=f"{PER_NETWORK}/network.pt",
            eigenpairs=rules.decompose_hessian.output.eigenpairs,
        output:
            eigenpairs=f"{PER_NETWORK}/gauss_newton.h5",
        log:
            f"{LOGS}/decompose_gauss_newton/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/decompose_gauss_newton/{JOB}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            # With products in float64, which take twice what others do.
            mem_mb=memory(
                HESSIAN_VECTORS + 4 * config["hessian"]["k"],
                3 * config["hessian"]["batch_size"],
                config["hessian"]["memory_gb"] and 2 * config["hessian"]["memory_gb"],
            ),
            runtime=minutes(2 * HESSIAN_IMAGES),
        params:
            *code("decompose_gauss_newton.py"),
            layers=trained_layers,
            hessian=HESSIAN,
            smoothing=of_training("smoothing"),
        script:
            "../../scripts/decompose_gauss_newton.py"

    rule decompose_layers:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            network=f"{PER_NETWORK}/network.pt",
        output:
            layers=f"{PER_NETWORK}/layers.csv",
        log:
            f"{LOGS}/decompose_layers/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/decompose_layers/{JOB}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(
                HESSIAN_VECTORS,
                config["hessian"]["batch_size"],
                config["hessian"]["memory_gb"],
            ),
            # Some twenty products for each of ten layers.
            runtime=minutes(200 * 9 * config["hessian"]["images"]),
        params:
            *code("decompose_layers.py"),
            layers=trained_layers,
            hessian=HESSIAN,
            smoothing=of_training("smoothing"),
        script:
            "../../scripts/decompose_layers.py"

    rule measure_spectrum:
        input:
            dataset=rules.prepare_dataset.output.dataset,
            network=f"{PER_NETWORK}/network.pt",
            hessian=rules.decompose_hessian.output.eigenpairs,
            gauss_newton=rules.decompose_gauss_newton.output.eigenpairs,
        output:
            spectrum=f"{PER_NETWORK}/spectrum.h5",
        log:
            f"{LOGS}/measure_spectrum/{JOB}.log",
        benchmark:
            f"{BENCHMARKS}/measure_spectrum/{JOB}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: THREADS
        resources:
            gpu=GPU,
            mem_mb=memory(
                CURVATURE["steps"] + 4 * config["hessian"]["k"] + 10,
                config["hessian"]["batch_size"],
                config["hessian"]["memory_gb"],
            ),
            # Of both matrices, each product as long as nine passes forward.
            runtime=minutes(
                2
                * 9
                * config["hessian"]["images"]
                * (
                    CURVATURE["starts"] * CURVATURE["steps"]
                    + CURVATURE["trace_products"]
                )
            ),
        params:
            *code("measure_spectrum.py"),
            layers=trained_layers,
            hessian=HESSIAN,
            spectrum=CURVATURE,
            smoothing=of_training("smoothing"),
        script:
            "../../scripts/measure_spectrum.py"
