"""The article's story with this run's figures, numbers and verdicts: index.html."""

import subprocess
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import numpy as np
import pandas as pd
from markupsafe import Markup

from normscope import pages, store, tables
from normscope.drawing import label
from normscope.job import log_to, whole
from normscope.seeds import seeds_of

# Figures whose marks say their value under the pointer.
ANSWERING = (
    "eigenvalues", "mean_overlaps", "overlaps", "scaled_overlaps",
    "projected_eigenvalues",
)  # fmt: skip


def main(job):
    folder = Path(job.output.page).parent
    verdicts = pages.claims_of(tables.read(job.input.claims))
    page = pages.render(
        "page.html",
        run={"name": job.config["run"], "facts": facts(job)},
        claims=verdicts,
        verdict_on={row["id"]: row["verdict"] for row in verdicts},
        step=f"{100 * job.params.step:g} %",
        count=lambda verdict: sum(row["verdict"] == verdict for row in verdicts),
        sections=list(dict.fromkeys(row["section"] for row in verdicts)),
        figures=pages.pictures(job.input.figures, job.params.kinds, ANSWERING),
        n=pages.Numbers(seeds_of(job)),
        parabola=parabola(),
        script=Markup((pages.TEMPLATES / "page.js").read_text(encoding="utf-8")),
        files=[str(Path(path).relative_to(folder)) for path in job.input.data],
    )
    with whole(job.output.page) as path:
        path.write_text(page, encoding="utf-8")


def facts(job) -> list[tuple[str, str]]:
    """What ran: terms and their text."""
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
        ("commit", commit(pages.TEMPLATES)),
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
    """The curve of page.js's picture."""
    points = (
        f"{150 + 12 * x:.1f},{190 - 3 * x * x:.1f}" for x in np.linspace(-8, 8, 81)
    )
    return "M" + " L".join(points)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
