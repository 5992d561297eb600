"""The article's story with this run's figures, numbers and verdicts: index.html."""

import subprocess
from fnmatch import fnmatch
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from platform import python_version

from markupsafe import Markup

from normscope import store, tables
from normscope.claims import verdicts
from normscope.figures.drawing import PALETTE, label
from normscope.job import atomic_write, log_to
from normscope.page import pages, prose, rendering, sliders
from normscope.page.costs import costs
from normscope.page.pictures import pictures
from normscope.results.roles import network_roles
from normscope.results.runs import seeds_of

AT_THE_TOP = "summary"  # the figure beside the answer


def main(job):
    table = tables.read(job.input.claims, verdicts.COLUMNS)
    claims = rendering.claims_of(table)
    drawn = pictures(job.input.figures, job.params.figures)
    for claim in claims:
        claim["places"] = pages.places(claim, chain.from_iterable(drawn.values()))
    titles = job.params.sections | job.params.story["titles"]
    page = rendering.render(
        "page.html",
        **told(job, claims, titles),
        run=facts(job),
        claims=claims,
        tally=rendering.tally(table),
        added=rendering.tally(table, "added"),
        pilot=pilot(job.params.seeds, job.params.story["pilot"]),
        tally_by_section=[
            (title, rendering.tally(table[table.section == title]))
            for title in titles.values()
            if title in set(table.section)
        ],
        changes=job.params.changes,
        scope=job.params.scope,
        figures=job.params.figures,
        pictures=drawn,
        shown=shown(job.params.networks),
        labels={name: label(name) for name in job.params.networks},
        vectors=job.params.vectors,
        walk=sliders.walk(job.input.walks) if job.input.walks else None,
        epochs=sliders.epochs(job.input.logits) if job.input.logits else None,
        parabola=sliders.parabola(),
        cost=cost(job, len(claims)),
        palette=list(enumerate(PALETTE)),
        files=files(job),
        script=Markup("".join(map(script, ("page.js", "sliders.js")))),
    )
    with atomic_write(job.output.page) as path:
        path.write_text(page, encoding="utf-8")


def script(name: str) -> str:
    """The template of that name, in which nothing is filled in."""
    return (rendering.TEMPLATES / name).read_text(encoding="utf-8")


def told(job, claims, titles) -> dict:
    """What the story tells: the answer, its sections, and what stands beside them."""
    story = job.params.story
    words = (
        {claim["id"]: claim["outcome"] for claim in claims},
        pages.Numbers(seeds_of(job)),
        story["terms"],
        f"{100 * job.params.step:g} %",
    )
    figures = {
        kind: row for kind, row in job.params.figures.items() if kind != AT_THE_TOP
    }
    blocks = {
        key: prose.blocks(parts, *words) for key, parts in story["sections"].items()
    }
    steps = [
        {
            "sentences": prose.paragraph(step["text"], *words).sentences,
            "claims": step["claims"],
        }
        for step in story["steps"]
    ]
    return {
        "lead": prose.paragraph(story["lead"], *words).sentences,
        "steps": steps,
        "reasons": [
            reason
            for reason in prose.paragraph(story["reasons"], *words).sentences
            if prose.MISSING not in reason
        ],
        "story": pages.sections(blocks, titles, figures, claims),
        "article": story["references"][0],
    } | {key: story[key] for key in ("terms", "formulas", "references", "experience")}


def pilot(seeds, known) -> str:
    """What to say where a seed of the run was seen before criteria were set."""
    return known["text"] if known["seed"] in seeds else ""


def shown(networks) -> dict[str, bool]:
    """The networks by name, and whether a page shows them when it is opened.

    These are active batch norm and its frozen copy, or where the run lacks one of them
    its first two networks.
    """
    roles = network_roles(networks)
    first = [roles.get("batch_norm"), roles.get("frozen")]
    if None in first:
        first = list(networks)[:2]
    return {name: name in first for name in networks}


def facts(job) -> dict:
    """What the page says of the run: short texts, and terms with their text."""
    dataset = store.attributes(job.input.dataset)
    count = store.read(job.input.dataset, "train/labels")[0]["train/labels"].size
    made = store.attributes(next(p for p in job.input.data if p.endswith("hessian.h5")))
    seeds = job.params.seeds
    return {
        "name": job.config["run"],
        "images": f"{count:,} training images of {len(dataset['classes'])} classes, "
        f"{label(dataset['source'])}",
        "networks": f"{len(job.params.networks)} networks",
        "seeds": f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}",
        "hessian": f"mean over {made['images']:,} images in batches of "
        f"{made['batch_size']}",
        "facts": [
            ("networks", ", ".join(map(label, job.params.networks))),
            ("device", made["device"]),
            (
                "versions",
                f"torch {made['torch']}, snakemake {version('snakemake')}, "
                f"Python {python_version()}",
            ),
            ("commit", commit(rendering.TEMPLATES)),
        ],
    }


def cost(job, claims: int) -> dict:
    """What the run cost: of each rule in words, in all, and a claim."""
    table = costs(Path(job.params.benchmarks))
    minutes = table.minutes.sum()
    return {
        "all": f"{minutes:.0f} minutes, the sum of all jobs",
        "claim": f"{minutes / claims:.1f} minutes",
        "rules": [
            (label(name), int(row.jobs), f"{row.minutes:.1f}")
            for name, row in table.iterrows()
        ],
    }


def files(job) -> list[tuple[str, str]]:
    """The kinds of files that the run has, with what they hold."""
    folder = Path(job.output.page).parent
    made = [Path(path) for path in [job.input.claims, *job.input.data]]
    names = [str(path.relative_to(folder)) for path in made]
    return [
        (kind, what)
        for kind, what in job.params.story["files"].items()
        if any(fnmatch(name, kind.replace("<>", "*")) for name in names)
    ]


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


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
