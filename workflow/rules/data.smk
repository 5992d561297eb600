rule prepare_dataset:
    output:
        dataset=f"{RESULTS}/dataset.h5",
    log:
        f"{LOGS}/prepare_dataset.log",
    benchmark:
        f"{BENCHMARKS}/prepare_dataset.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        *code(
            "prepare_dataset.py",
            f"normscope/images/sources/{config['dataset']['name']}.py",
        ),
        dataset=config["dataset"],
    script:
        "../../scripts/prepare_dataset.py"
