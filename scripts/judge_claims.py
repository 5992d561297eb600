"""Whether each claim of the article holds in this run: claims.csv and claims.html."""

import pandas as pd

from normscope import claims, pages
from normscope.job import log_to, whole
from normscope.seeds import seeds_of


def main(job):
    seeds = seeds_of(job)
    rows = [claims.judge(claim, seeds) for claim in job.params.claims]
    table = pd.DataFrame(rows, columns=claims.COLUMNS)
    print(table.verdict.value_counts().to_string())
    page = pages.render("claims.html", claims=pages.claims_of(table))
    with whole(job.output.csv) as path:
        table.to_csv(path, index=False)
    with whole(job.output.html) as path:
        path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
