"""The article's story with this run's figures, numbers and verdicts: index.html."""

import subprocess
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import numpy as np
import pandas as pd
from markupsafe import Markup

from normscope import store, tables
from normscope.claims import verdicts
from normscope.figures.drawing import label
from normscope.job import atomic_write, log_to
from normscope.page import pages, rendering
from normscope.results.runs import seeds_of


def main(job):
    folder = Path(job.output.page).parent
    table = tables.read(job.input.claims, verdicts.COLUMNS)
    judged = rendering.claims_of(table)
    page = rendering.render(
        "page.html",
        run={"name": job.config["run"], "facts": facts(job)},
        claims=judged,
        mark_of={row["id"]: row["mark"] for row in judged},
        tally=rendering.tally(table),
        changes=job.params.changes,
        step=f"{100 * job.params.step:g} %",
        sections=job.params.sections,
        figures=job.params.figures,
        pictures=pages.pictures(job.input.figures, job.params.figures),
        n=pages.Numbers(seeds_of(job)),
        parabola=parabola(),
        script=Markup((rendering.TEMPLATES / "page.js").read_text(encoding="utf-8")),
        files=[str(Path(path).relative_to(folder)) for path in job.input.data],
    )
    with atomic_write(job.output.page) as path:
        path.write_text(page, encoding="utf-8")


def facts(job) -> list[tuple[str, str]]:
    """Facts about the run: terms and their text."""
    dataset = store.attributes(job.input.dataset)
    count = store.read(job.input.dataset, "train/labels")[0]["train/labels"].size
    made = store.attributes(next(p for p in job.input.data if p.endswith("hessian.h5")))
    seconds = [
        pd.read_csv(path, sep="\t").s.iloc[-1]
        for path in Path(job.params.benchmarks).rglob("*.tsv")
    ]
    return [
        (
            "images",
            f"{count:,} train images of {len(dataset['classes'])} classes, "
            f"{label(dataset['source'])}",
        ),
        ("networks", ", ".join(map(label, job.params.networks))),
        ("seeds", ", ".join(map(str, job.params.seeds))),
        ("Hessian", f"mean over {made['images']:,} images in batches of "
                    f"{made['batch_size']}"),
        ("device", made["device"]),
        ("versions", f"torch {made['torch']}, snakemake {version('snakemake')}, "
                     f"Python {python_version()}"),
        ("time", f"{np.sum(seconds) / 60:.0f} minutes, the sum of all jobs"),
        ("commit", commit(rendering.TEMPLATES)),
    ]  # fmt: skip


def commit(folder: Path) -> str:
    """The commit of the checkout that holds the folder, where there is one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
    return done.stdout.strip()


def parabola() -> str:
    """The SVG path of the parabola that page.js draws on."""
    points = (
        f"{150 + 12 * x:.1f},{190 - 3 * x * x:.1f}" for x in np.linspace(-8, 8, 81)
    )
    return "M" + " L".join(points)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
