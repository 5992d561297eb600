"""Whether the claims of the article hold in this run: claims.csv and claims.html."""

import pandas as pd

from normscope.claims import verdicts
from normscope.job import atomic_write, log_to
from normscope.page import rendering
from normscope.results.runs import all_chains_of, chains_of, seeds_of


def main(job):
    units = {
        "seeds": seeds_of(job),
        "chains": chains_of(job),
        "all_chains": all_chains_of(job),
    }
    titles = job.params.sections
    rows = [
        verdicts.judge(
            claim | {"section": titles[claim["section"]]}, units, job.params.quantities
        )
        for claim in job.params.claims
    ]
    table = pd.DataFrame(rows, columns=list(verdicts.COLUMNS))
    print(table.verdict.value_counts().to_string())
    page = rendering.render(
        "claims.html",
        claims=rendering.claims_of(table),
        tally=rendering.tally(table),
        added=rendering.tally(table, "added"),
        changes=job.params.changes,
    )
    with atomic_write(job.output.csv) as path:
        table.to_csv(path, index=False)
    with atomic_write(job.output.html) as path:
        path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
