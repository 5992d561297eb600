"""Whether each claim of the article holds in this run: claims.csv and claims.html."""

from pathlib import Path

import pandas as pd

from normscope import claims, pages, store
from normscope.job import log_to, whole
from normscope.quantities import Seed


def main(job):
    folder = Path(job.input.dataset).parent
    networks, experiments = job.params.networks, job.params.experiments
    seeds = [
        Seed(
            folder=folder / f"seed{seed}",
            networks=claims.network_parts(networks),
            experiments=claims.experiment_parts(experiments),
            variants=networks,
            classes=len(store.attributes(job.input.dataset)["classes"]),
        )
        for seed in job.params.seeds
    ]
    rows = [claims.judge(claim, seeds) for claim in job.params.claims]
    table = pd.DataFrame(rows, columns=claims.COLUMNS)
    print(table.verdict.value_counts().to_string())
    with whole(job.output.csv) as path:
        table.to_csv(path, index=False)
    with whole(job.output.html) as path:
        path.write_text(pages.claims_page(table), encoding="utf-8")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
