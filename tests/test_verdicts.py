"""Verdicts follow from numbers: each can flip, and none is given without a number."""

from math import inf, isnan, nan

import pandas as pd
import pytest
from running import ROOT
from scipy.stats import binom

from normscope.claims import verdicts
from normscope.page import rendering
from normscope.results import measures
from normscope.results.runs import Missing, Seed

NOTHING = Seed(ROOT, {}, {}, {})  # of a run without networks
MEASURE = {"measure": "made_up", "article": 2.0}
SHARE = {"made_up": {"words": "part {name}", "form": ".1%", "unit": "of all"}}


@pytest.fixture
def judged(monkeypatch):
    """Judge a claim of two measures, each with these values, one per unit."""

    def make(
        first, second=None, kind="measured", over="seeds", words=None, **criterion
    ):
        rest = {"first": iter(first), "second": iter(second or first)}

        def made_up(name):
            value = next(rest[name])
            if isinstance(value, Exception):
                raise value
            return float(value)

        monkeypatch.setattr(measures, "QUANTITIES", {"made_up": made_up})
        claim = {
            "id": "C0", "section": "", "claim": "", "figures": [], "kind": kind,
            "units": over,
            "measures": [
                MEASURE | {"name": name} | criterion for name in ("first", "second")
            ],
        }  # fmt: skip
        return verdicts.judge(claim, {over: [NOTHING] * len(first)}, words or {})

    return make


@pytest.mark.parametrize("of", range(1, 31))
def test_a_verdict_is_that_of_an_exact_sign_test(of):
    for passed in range(of + 1):
        for failed in range(of - passed + 1):
            found = verdicts.verdict("measured", passed, failed, of)
            if not passed + failed:
                assert found == "not measured"
                continue
            if of < 5:
                assert found == f"seen in {passed} of {of}"
                continue
            # The chance of so many or more, if units passed and failed alike.
            holds = binom.sf(passed - 1, of, 0.5) < 0.05
            differs = binom.sf(failed - 1, of, 0.5) < 0.05
            assert not (holds and differs)
            expected = "holds" if holds else "differs" if differs else "undecided"
            assert found == expected


def test_five_of_five_hold_and_four_of_five_are_undecided():
    for passed, of in [(5, 5), (6, 6), (7, 7), (7, 8), (8, 9), (9, 10), (15, 20)]:
        assert verdicts.verdict("measured", passed, of - passed, of) == "holds"
        assert verdicts.verdict("measured", of - passed, passed, of) == "differs"
    for passed, of in [(4, 5), (6, 7), (8, 10), (14, 20)]:
        assert verdicts.verdict("measured", passed, of - passed, of) == "undecided"


@pytest.mark.parametrize(
    ("kind", "passed", "failed", "verdict"),
    [
        ("check", 1, 0, "holds"),
        ("check", 4, 1, "differs"),
        ("machine", 0, 5, "reported"),
        ("check", 0, 0, "not measured"),
        ("machine", 0, 0, "not measured"),
    ],
)
def test_each_kind_has_its_rule(kind, passed, failed, verdict):
    assert verdicts.verdict(kind, passed, failed, 5) == verdict


def test_units_of_which_nothing_is_known_count_for_no_side(judged):
    gone = Missing("no such network")
    row = judged([3, 3, 3, 3, 3, gone, gone, gone], at_least=2)
    assert (row["passed"], row["verdict"]) == ("5 of 8 seeds", "undecided")
    # One measure fails in five, so that these five fail; the others are not known.
    row = judged([1] * 5 + [3] * 3, [gone] * 8, at_least=2)
    assert (row["passed"], row["verdict"]) == ("0 of 8 seeds", "undecided")
    assert judged([3, gone], at_least=2)["verdict"] == "seen in 1 of 2"


def test_a_claim_passes_where_all_its_measures_do(judged):
    """Each measure passes at four seeds of five, the claim at three."""
    row = judged([1, 3, 3, 3, 3], [3, 3, 3, 3, 1], at_least=2)
    assert row["passed"] == "3 of 5 seeds"
    assert row["verdict"] == "undecided"
    assert "made up, name first: within its bounds in 4 of 5" in row["reason"]
    assert judged([3] * 5, at_least=3)["verdict"] == "holds"
    assert judged([3] * 5, at_least=3.1)["verdict"] == "differs"
    assert judged([3] * 5, at_least=1, at_most=2.9)["verdict"] == "differs"
    assert judged([3] * 5, at_most=3)["verdict"] == "holds"
    assert judged([0.7 - 0.4] * 5, at_least=0.3)["verdict"] == "holds"


def test_one_measure_that_fails_decides_where_another_is_missing(judged):
    gone = Missing("no such network")
    row = judged([1, gone], [gone, 3], at_least=2)
    assert row["passed"] == "0 of 2 seeds"
    assert row["verdict"] == "seen in 0 of 2"
    assert row["per_seed"] == "1, -; -, 3"
    assert "no such network" in row["reason"]


@pytest.mark.parametrize("value", [nan, inf, Missing("no such network")])
def test_what_is_missing_or_not_finite_never_holds(judged, value):
    row = judged([value] * 5, at_least=-inf)
    assert row["verdict"] == "not measured"
    assert row["measured"] == "-; -"
    assert row["reason"]


def test_a_row_says_what_was_measured(judged):
    row = judged([1, 3, 9], at_least=2)
    assert row["measured"] == "3 (1 to 9); 3 (1 to 9)"
    assert row["per_seed"] == "1, 3, 9; 1, 3, 9"
    assert row["article"] == "2; 2"
    assert row["margin"] == "0.2; 0.2"  # 1 / 4.16
    assert row["article_verdict"] == "holds"
    assert judged([1, 3, 9], at_least=2.5)["article_verdict"] == "differs"


def test_a_row_says_numbers_as_people_read_them(judged):
    row = judged([0.25, 0.4, 0.843], words=SHARE, at_least=0.3)
    criteria = [f"part {n}: needed at least 30 % of all" for n in ("first", "second")]
    assert row["criterion"] == "; ".join(criteria)
    assert row["measured"].split("; ")[0] == "40 % (25 % to 84.3 %)"
    assert row["per_seed"].split("; ")[0] == "25 %, 40 %, 84.3 %"
    assert row["article"] == "200 %; 200 %"
    assert "part second: within its bounds in 2 of 3" in row["reason"]
    plain = judged([0.25, 0.4, 0.843], at_least=0.3)
    for column in ("passed", "verdict", "article_verdict", "margin"):
        assert row[column] == plain[column]


def test_one_number_over_all_chains_needs_no_test(judged):
    assert judged([3], over="all_chains", at_least=2)["verdict"] == "holds"
    assert judged([3], over="all_chains", at_least=4)["verdict"] == "differs"
    assert judged([3] * 20, over="chains", at_least=4)["passed"] == "0 of 20 chains"


def test_the_margin_is_in_deviations_of_the_seeds():
    assert verdicts.margin([2.0, 4.0, 6.0], {"at_least": 3}) == pytest.approx(0.5)
    assert verdicts.margin([2.0, 4.0, 6.0], {"at_most": 3}) == pytest.approx(-0.5)
    both = {"at_least": 0, "at_most": 5}
    assert verdicts.margin([2.0, 4.0, 6.0], both) == pytest.approx(0.5)
    for values in ([2.0], [2.0, 2.0]):
        assert isnan(verdicts.margin(values, both))
    assert isnan(verdicts.margin([0.1] * 20, both))


def test_the_article_is_judged_by_its_own_numbers():
    known, unknown = {"article": 1, "at_least": 0}, {"at_least": 0}
    assert verdicts.article_verdict([known, known]) == "holds"
    assert verdicts.article_verdict([known, unknown]) == "holds in part"
    assert verdicts.article_verdict([unknown]) == "-"
    assert verdicts.article_verdict([known, {"article": 1, "at_most": 0}]) == "differs"


def test_claims_are_counted_by_what_came_of_them():
    found = [
        ("holds", "measured"), ("holds", "check"), ("differs", "measured"),
        ("seen in 1 of 1", "measured"), ("seen in 0 of 3", "measured"),
        ("seen in 2 of 3", "measured"), ("reported", "machine"),
    ]  # fmt: skip
    table = pd.DataFrame(found, columns=["verdict", "kind"])
    assert rendering.tally(table) == {
        "holds": 1,
        "differs": 1,
        "seen at every seed": 1,
        "seen at some seeds": 1,
        "seen at no seed": 1,
    }
    assert {rendering.outcome(verdict) for verdict, _ in found} <= set(rendering.MARKS)
