"""What a run cost, from the times of its jobs."""

from pathlib import Path

import pandas as pd

DRAWING = "figures, verdicts and page"


def costs(benchmarks: Path) -> pd.DataFrame:
    """Jobs and minutes of each rule that measures, the longest first, then of the rest.

    Minutes are the sum over jobs, which run side by side; of what ran in earlier calls
    as well.
    """
    rows = [
        {
            "rule": path.relative_to(benchmarks).parts[0].removesuffix(".tsv"),
            "minutes": pd.read_csv(path, sep="\t").s.iloc[-1] / 60,
        }
        for path in benchmarks.rglob("*.tsv")
    ]
    table = pd.DataFrame(rows, columns=["rule", "minutes"])
    is_drawing = table.rule.str.match("plot_|judge_|render_")
    table.loc[is_drawing, "rule"] = DRAWING
    by_rule = table.groupby("rule").minutes.agg(["size", "sum"])
    by_rule.columns = ["jobs", "minutes"]
    by_rule = by_rule.sort_values("minutes", ascending=False)
    return by_rule.loc[sorted(by_rule.index, key=DRAWING.__eq__)]
