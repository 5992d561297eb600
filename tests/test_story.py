"""Figures, sections and captions: said once, and the same wherever they stand."""

import html
import json
import re
from pathlib import Path

import jinja2
import pandas as pd
import pytest
import yaml
from running import ROOT, copy_of_the_project, rules_of, run

import render_page
from normscope.page.pictures import pictures

RESOURCES = Path("workflow/resources")


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


DRAWN, CLAIMS, CONFIG = (
    read(path)
    for path in (RESOURCES / "figures.yaml", RESOURCES / "claims.yaml", "config.yaml")
)
STORY, ABOUT = read(RESOURCES / "story.yaml"), read(RESOURCES / "about.yaml")
OPTIONAL = ("breaks",)  # sections of what only some runs measure
SECTIONS, STORY["sections"] = (
    {key: told for key, told in sections.items() if key not in OPTIONAL}
    for sections in (DRAWN["sections"], STORY["sections"])
)
FIGURES = {k: row for k, row in DRAWN["figures"].items() if row["section"] in SECTIONS}
CLAIMS = [claim for claim in CLAIMS if claim["section"] in SECTIONS]


@pytest.fixture
def clone(tmp_path):
    return copy_of_the_project(tmp_path / "clone")


@pytest.fixture
def drawn(finished):
    """The pictures of a whole run by their kind."""
    paths = sorted((finished / "results/smoke/figures").glob("*.svg"))
    return pictures(map(str, paths), FIGURES)


def test_every_figure_has_its_row(drawn):
    assert drawn.keys() == FIGURES.keys()
    for kind, row in FIGURES.items():
        assert row["section"] in SECTIONS
        assert re.fullmatch(r"[A-Z].*\.", row["caption"])
        number = row["number"]
        numbers = {number} if isinstance(number, int) else set(number.values())
        assert {picture.number for picture in drawn[kind]} <= numbers


def test_no_two_kinds_of_figure_share_a_number_or_a_caption():
    rows = DRAWN["figures"].values()
    numbers = [
        number
        for row in rows
        for number in (
            row["number"].values()
            if isinstance(row["number"], dict)
            else [row["number"]]
        )
    ]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) == set(range(1, len(numbers) + 1))
    assert len({row["caption"] for row in rows}) == len(rows)


def test_every_script_is_the_rule_of_its_name(tmp_path):
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    output = run(tmp_path, "--dry-run", ROOT / "tests/beyond.yaml")
    assert rules_of(output) == scripts


def by_section(page):
    """What stands between the headings, by the key of each."""
    _, *parts = re.split(r'<h2 id="(\w+)">', page)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_each_figure_stands_in_its_section_with_its_caption(finished, drawn):
    page = (finished / "results/smoke/index.html").read_text()
    sections = by_section(page)
    assert list(sections) == [*STORY["sections"], "differs", "one_page", "data"]
    for kind, row in FIGURES.items():
        caption = f". {row['caption']}"
        places = [k for k, text in sections.items() if caption in html.unescape(text)]
        assert places == [row["section"]] * (kind != "summary")
        assert html.unescape(page).count(caption) == 1
        for picture in drawn[kind]:
            assert page.count(f'id="{picture.anchor}"') == 1


def test_each_verdict_stands_in_its_claims_section(finished):
    sections = by_section((finished / "results/smoke/index.html").read_text())
    table = pd.read_csv(finished / "results/smoke/claims.csv").set_index("id")
    for claim in CLAIMS:
        assert table.section[claim["id"]] == SECTIONS[claim["section"]]
        places = [k for k, text in sections.items() if f'id="{claim["id"]}"' in text]
        assert places == [claim["section"]]


@pytest.fixture
def rendered(finished, job, tmp_path):
    """Make the page of the whole run from other rows of claims.csv."""
    results = tmp_path / "smoke"
    claims = results / "claims.csv"
    results.mkdir()
    for name in ("dataset.h5", "figures", "seed0"):
        (results / name).symlink_to(finished / "results/smoke" / name)
    this = job(
        "render_page",
        {
            "dataset": str(results / "dataset.h5"),
            "claims": str(claims),
            "data": [str(path) for path in (results / "seed0").glob("*/hessian.h5")],
            "walks": [str(path) for path in (results / "seed0").glob("*/walks.h5")],
            "logits": [],
            "figures": [str(path) for path in (results / "figures").glob("*.svg")],
        },
        {"page": str(results / "index.html")},
        {
            "sections": SECTIONS,
            "figures": FIGURES,
            "changes": [],
            "seeds": [0],
            "networks": {
                name: {"norm_position": "before_activation"} | variant
                for name, variant in CONFIG["networks"].items()
            },
            "experiments": {},
            "story": STORY
            | {key: ABOUT[key] for key in ("experience", "files", "pilot")},
            "scope": [("images", "synthetic", "cifar10")],
            "step": 0.01,
            "vectors": 2,
            "benchmarks": str(tmp_path),
        },
    )

    def make(rows):
        rows.to_csv(claims, index=False)
        render_page.main(this)
        return (results / "index.html").read_text()

    return make


@pytest.fixture
def claims(finished):
    path = finished / "results/smoke/claims.csv"
    return pd.read_csv(path, keep_default_na=False, dtype=str)


def test_a_claim_that_moves_changes_the_page_in_order_alone(claims, rendered):
    before, after = map(by_section, (rendered(claims), rendered(claims[::-1])))
    assert before != after
    claim = re.compile(r'<details id="C.*?</details>', re.DOTALL)
    link = re.compile(r' <a class="claim" href="#C\w+">C\w+</a>')
    for key in STORY["sections"]:
        assert sorted(claim.findall(before[key])) == sorted(claim.findall(after[key]))
        left = [link.sub("", claim.sub("", page[key])) for page in (before, after)]
        assert left[0].split() == left[1].split()


@pytest.mark.parametrize(
    ("verdict", "wording"),
    [
        ("seen in 1 of 1", "holds"),
        ("differs", "differs"),
        ("undecided", "undecided"),
        ("not measured", "unmeasured"),
    ],
)
def test_no_sentence_contradicts_its_claim(claims, rendered, verdict, wording):
    page = html.unescape(rendered(claims.assign(verdict=verdict)))
    told = [
        entry
        for section in STORY["sections"].values()
        for part in section
        for entry in part.get("text", [])
        if isinstance(entry, dict) and "claim" in entry
    ]
    assert len(told) > 40
    for entry in told:
        said = {word for word in WORDINGS if stands_in(entry[word], page)}
        # Where a number is missing the sentence says so, whatever the verdict is.
        assert said in ({wording}, {"unmeasured"}), entry["claim"]
    differing = page.split('id="differs"')[1].split('id="verdict"')[0]
    listed = set(re.findall(r'href="#(C\w+)"', differing))
    measured = {
        claim["id"] for claim in CLAIMS if claim.get("kind", "added") == "added"
    }
    assert listed == (measured if wording == "differs" else set())


WORDINGS = ("holds", "differs", "undecided", "unmeasured")


def stands_in(text, page):
    """Whether a wording is in the page, with anything in place of numbers and terms."""
    parts = re.split(r"{\w+}|\[\[[^]]+\]\]|\*[^*]+\*", text)
    # What begins with a number would be tried at each place of the page.
    while len(parts[0]) < 5:
        parts = parts[1:]
    return re.search("[^\n]{1,900}?".join(map(re.escape, parts)), page) is not None


def test_the_report_shows_the_caption_of_the_figure():
    template = (ROOT / "workflow/report/figure.rst").read_text()
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)

    def caption(captions):
        job = {"params": {"captions": captions}}
        return environment.from_string(template).render(snakemake=job).strip()

    assert caption({"a": "Of a."}) == "Of a."
    assert caption({"a_b": "Of a.", "c": "Of c."}) == "*a b*: Of a.\n\n*c*: Of c."


@pytest.mark.long
def test_the_report_has_the_captions_in_the_sections(finished, tmp_path):
    run(finished, "--report", str(tmp_path / "report.html"), "--nolock")
    report = html.unescape((tmp_path / "report.html").read_text())
    for row in FIGURES.values():
        caption = json.dumps(row["caption"])[1:-1]
        assert f"{caption}</p>" in report
    for number, title in enumerate([*SECTIONS.values(), "Verdicts"], 1):
        assert f'"{number} {title}"' in report
    scripts = {path.stem for path in (ROOT / "scripts").glob("plot_*.py")}
    scripts -= {f"plot_{kind}" for kind in DRAWN["figures"].keys() - FIGURES.keys()}
    made_by = re.findall(r'"job_properties": {"rule": "(\w+)"', report)
    assert set(made_by) == {*scripts, "judge_claims"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("figures.yaml", "All values of", "Values of", {"plot_pooled_activations"}),
        ("figures.yaml", "near: Bad", "near: Very bad", {"judge_claims"}),
        ("claims.yaml", "at_most: 0.001", "at_most: 0.002", {"judge_claims"}),
        ("claims.yaml", "section: norm", "section: near", {"judge_claims"}),
        ("quantities.yaml", "magnitude of a", "size of a", {"judge_claims"}),
        ("story.yaml", "Bold numbers", "Numbers in bold", set()),
        ("about.yaml", "What was easy", "What went well", set()),
    ],
)
def test_an_edit_of_the_story_makes_stale_what_tells_it(
    finished, clone, file, old, new, stale
):
    path = clone / RESOURCES / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    output = run(finished, "--dry-run", "--nolock", root=clone)
    assert rules_of(output) == {*stale, "render_page"}


COUNT = """

rule count_steps:
    input:
        network=f"{PER_NETWORK}/network.pt",
    output:
        table=f"{PER_NETWORK}/count.csv",
    wildcard_constraints:
        network="|".join(TRAINED),
    shell:
        "wc -c {input} >{output}"
"""


@pytest.mark.long
def test_a_new_measurement_is_a_rule_and_no_more(finished, clone):
    with open(clone / "workflow/rules/outputs.smk", "a") as rules:
        rules.write(COUNT)
    output = run(finished, "--dry-run", "--nolock", root=clone)
    assert rules_of(output) == {"count_steps", "judge_claims", "render_page"}
    counted = re.findall(r"output: results/smoke/seed0/(\w+)/count\.csv", output)
    trained = {name for name, v in CONFIG["networks"].items() if "freeze" not in v}
    assert set(counted) == trained
