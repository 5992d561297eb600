"""The claims: each has its criterion, that can be missed, and the article's number."""

import inspect
import re

import numpy as np
import pandas as pd
import pytest
import yaml
from running import ROOT

import judge_claims
from normscope.claims import verdicts
from normscope.results import measures
from normscope.results.roles import experiment_roles, network_roles
from normscope.results.runs import Experiment, Network


def resource(name):
    return yaml.safe_load((ROOT / "workflow/resources" / name).read_text())


CLAIMS = resource("claims.yaml")
SECTIONS = resource("figures.yaml")["sections"]
ARTICLE = resource("article.yaml")
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
# Those that the article's notebook tested, but for C22, which C14 covers.
TESTED = """
    C3 C5 C6 C11 C12 C14 C15 C16 C17 C18 C20 C21 C23 C26 C28 C29 C30 C33 C34 C35
    C37 C38 C40 C41 C42 C43 C44 C45 C46 C47 C48 C49 C50 C52 C53 C57 C58 C60 C61 C62
    C63 C64 C65 C66 C67 C68 C69 C70 C71 C72 C73 C74 C75 C76 C77
""".split()  # noqa: SIM905
# Those that it did not test, in sections of their own, and C60 by products in float64.
OPEN = """
    C80 C60 C1 C2 C36 C39 C51 C54 C55 C56 C58 C59 C78 C79 C81
""".split()  # noqa: SIM905
OPTIONAL = ("made", "breaks")
VARIANTS = {
    name: {"norm_position": "before_activation"} | variant
    for name, variant in CONFIG["networks"].items()
}
EXPERIMENTS = {
    name: {"norm_position": "before_activation", "frozen": False} | experiment
    for name, experiment in CONFIG["initialisation"]["experiments"].items()
}
NETWORKS, CHAINS = network_roles(VARIANTS), experiment_roles(EXPERIMENTS)


def test_every_tested_claim_has_its_rows():
    names = [claim["id"] for claim in CLAIMS]
    assert len(names) == len(set(names))
    for is_open, expected in ((False, TESTED), (True, OPEN)):
        found = [
            # A letter is a sentence of a claim; C25b is one of its own.
            re.sub("[a-z]$", "", claim["id"])
            for claim in CLAIMS
            if (claim["section"] in OPTIONAL) == is_open and claim["id"] != "C25b"
        ]
        assert list(dict.fromkeys(found)) == expected


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["id"])
def test_a_claim_says_what_is_measured_and_when_it_holds(claim):
    assert claim["measures"]
    assert claim["section"] in SECTIONS
    assert claim.get("units", "seeds") in verdicts.UNITS
    assert claim.get("kind", "measured") in ("measured", "added", "check", "machine")
    for measure in claim["measures"]:
        assert {"at_least", "at_most"} & measure.keys()
        (kind,) = measure.keys() & set(measures.KINDS)
        names = measure[kind]
        for name in [names] if isinstance(names, str) else names:
            function = measures.QUANTITIES[name]
            assert function.__doc__
            parameters = inspect.signature(function).parameters
            given = measure.keys() - {
                kind, "take", "article", "at_least", "at_most", *measures.PLACES,
            }  # fmt: skip
            assert given <= parameters.keys(), name
            for parameter in parameters.values():
                role = measure.get(parameter.name)
                if parameter.annotation in (Network, Experiment) and role:
                    known = NETWORKS if parameter.annotation is Network else CHAINS
                    assert role in known


def of_the_article(quantity):
    return {role: np.array(values) for role, values in ARTICLE[quantity].items()}


def test_the_articles_numbers_are_those_of_its_notebook():
    """By numpy from article.yaml, beside what claims.yaml says."""
    norm, values = ARTICLE["parameter_norm"], of_the_article("eigenvalues")
    left = of_the_article("projected_eigenvalues")
    overlaps = {
        role: {moment: np.array(row) for moment, row in rows.items()}
        for role, rows in ARTICLE["overlaps"].items()
    }
    total = {role: sum(rows.values()) for role, rows in overlaps.items()}
    scaled = {role: norm[role] ** 2 * v for role, v in values.items()}
    steepest = {role: np.abs(v).max() for role, v in values.items()}
    rest = {role: np.abs(v).max() for role, v in left.items()}
    falls = {role: v[v > 0][:-1] / v[v > 0][1:] for role, v in values.items()}
    open_ = {role: (v * (1 - total[role])).max() for role, v in scaled.items()}
    frozen, none, batch = "frozen", "none", "batch_norm"

    def distance(of):
        near, far = (abs(np.log(of[frozen] / of[role])) for role in (none, batch))
        return near / far

    def mixed(role):
        mean, variance = (overlaps[role][name][:10] for name in ("mean", "variance"))
        return ((mean > 0.1) & (variance > 0.1)).mean()

    def compare(of, role, scale=1):
        return of[role] / of[batch] * (scale and (norm[role] / norm[batch]) ** 2)

    gradients = ARTICLE["gradient_norm"]
    share = {
        role: layers["classifier_conv"] / sum(layers.values())
        for role, layers in gradients.items()
    }
    mean = {role: rows["mean"] for role, rows in overlaps.items()}
    learnt = [(rows[-1] - 0.1) / 0.9 for rows in ARTICLE["train_accuracy"].values()]
    expected = {
        "C34": learnt,
        "C37": [distance({role: v.max() for role, v in scaled.items()}),
                distance({role: v[:10].mean() for role, v in mean.items()})],
        "C38": [norm[none] / norm[batch]],
        "C48": [share[batch]],
        "C48b": [share[frozen], share[none]],
        "C53": [share["frozen_post"]],
        "C61": [steepest[frozen] / steepest[batch]],
        "C61b": [compare(steepest, none)],
        "C62": [1 + (falls[frozen] > falls[frozen][8]).sum(), falls[frozen][8]],
        "C63": [falls[none].max() / falls[frozen].max()],
        "C64a": [falls[batch].max(), falls[frozen].max() / falls[batch].max()],
        "C66": [mean[frozen][:9].min()],
        "C66b": [overlaps[frozen]["variance"][9] - mean[frozen][9],
                 overlaps[frozen]["variance"][9]],
        "C67": [mixed(none) - mixed(frozen)],
        "C70": [mean[frozen][:9].min()],
        "C70b": [mean[frozen][:9].min(), mean[frozen][9] / mean[frozen][:9].min()],
        "C73": [total[frozen][:10].min()],
        "C74": [total[none][:10].min()],
        "C74b": [total[batch][:10].min()],
        "C75": [open_[frozen] / open_[batch], open_[none] / open_[batch]],
        "C76": [rest[role] / steepest[role] for role in (frozen, none)],
        "C76b": [rest[batch] / steepest[batch]],
        "C76c": [rest[frozen] / steepest[frozen]],
        "C77": [rest[frozen] / steepest[batch], rest[frozen] / rest[batch]],
        "C77b": [compare(rest, none) * rest[batch] / steepest[batch],
                 compare(rest, none)],
    }  # fmt: skip
    by_id = {claim["id"]: claim for claim in CLAIMS}
    for name, numbers in expected.items():
        stated = [m["article"] for m in by_id[name]["measures"] if "article" in m]
        assert stated == pytest.approx(numbers, rel=0.01), name


def test_where_the_article_differs_from_its_own_numbers():
    verdict = {c["id"]: verdicts.article_verdict(c["measures"]) for c in CLAIMS}
    differ = {name for name, found in verdict.items() if found == "differs"}
    assert differ == {"C53", "C70", "C73", "C74b"}


def test_every_claim_of_a_whole_run_is_measured_or_says_why(finished):
    table = pd.read_csv(finished / "results/smoke/claims.csv", keep_default_na=False)
    assert list(table) == list(verdicts.COLUMNS)
    judged = [claim["id"] for claim in CLAIMS if claim["section"] != "breaks"]
    assert list(table.id) == judged
    unmeasured = table[table.verdict == "not measured"]
    assert (unmeasured.reason != "").all()
    assert len(unmeasured) < len(table) / 3
    seen = table[(table.kind == "measured") & table.passed.str.endswith("seeds")]
    assert set(seen.verdict) <= {"seen in 1 of 1", "seen in 0 of 1"}
    chains = table[table.passed.str.endswith("of 20 chains")]
    assert len(chains) > 1
    assert set(chains.verdict) <= {"holds", "differs", "undecided"}


def test_a_run_without_the_articles_networks_is_judged(job, dataset_file, tmp_path):
    output = {
        "csv": str(tmp_path / "claims.csv"),
        "html": str(tmp_path / "claims.html"),
    }
    judge_claims.main(
        job(
            "judge_claims",
            {"dataset": dataset_file()},
            output,
            {
                "claims": CLAIMS,
                "quantities": resource("quantities.yaml"),
                "changes": [],
                "sections": SECTIONS,
                "seeds": [0],
                "chains": 20,
                "networks": {},
                "experiments": {},
            },
        )
    )
    table = pd.read_csv(output["csv"], keep_default_na=False)
    held = table[table.verdict == "holds"]
    assert set(held.id) == {"C33", "C57", "C58"}  # those of no network
    assert (table[table.verdict != "holds"].verdict == "not measured").all()
    assert "no network of this run is" in table.set_index("id").reason["C5"]
