"""The page's prose: a whole table, worded by the verdicts that there are."""

import html
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from markupsafe import Markup
from test_claims import CHAINS, CLAIMS, NETWORKS, resource

from normscope.page import prose, rendering
from normscope.page.pages import Numbers
from normscope.results import measures
from normscope.results.runs import Experiment, Network, Seed

STORY = resource("story.yaml")
FIGURES = resource("figures.yaml")
IDS = [claim["id"] for claim in CLAIMS]
WORDINGS = ("holds", "differs", "undecided", "unmeasured")
PARTS = [part for section in STORY["sections"].values() for part in section]
LEAD = [*STORY["lead"], *(entry for step in STORY["steps"] for entry in step["text"])]
ENTRIES = [*LEAD, *(entry for p in PARTS for entry in p.get("text", []))]
TABLES = [entry for entry in ENTRIES if isinstance(entry, dict)]
CLAIMED = [entry for entry in TABLES if "claim" in entry]
# What a sentence that no verdict words must not say.
VERDICTS = r"as in the article|unlike\b|as the article says|disagree|indeed|as expected"
PLACES = {"measure": 0, "ratio": 2, "difference": 2, "log_distance_ratio": 3}


def a_number(**measure):
    return Markup("<b>7</b>")


def rendered(outcome_of, number=a_number):
    """The HTML of the lead with its steps, and of each section."""
    told = outcome_of, number, STORY["terms"], "1 %"
    blocks = [[prose.paragraph(LEAD, *told)]]
    blocks += [prose.blocks(part, *told) for part in STORY["sections"].values()]
    return ["\n".join(s for block in b for s in block.sentences) for b in blocks]


def text_of(source):
    return html.unescape(re.sub("<[^>]*>", "", source))


def shown(wording, outcome="holds"):
    """A wording as readers see it, with 7 for each number."""
    here = "In this run" if outcome.startswith("seen") else "Here"
    fixed = {"step": "1 %", "here": here}
    wording = re.sub(r"\{(\w+)\}", lambda found: fixed.get(found[1], "7"), wording)
    return re.sub(r"\[\[([^]|]+)[^]]*\]\]|\*([^*]+)\*", r"\1\2", wording)


def test_every_outcome_has_a_wording():
    assert prose.OUTCOMES.keys() == rendering.MARKS.keys()


@pytest.mark.parametrize(
    ("verdict", "wording"),
    [
        ("holds", "holds"),
        ("seen in 2 of 2", "holds"),
        ("differs", "differs"),
        ("seen in 0 of 2", "differs"),
        ("undecided", "undecided"),
        ("seen in 1 of 2", "undecided"),
        ("not measured", "unmeasured"),
        ("reported", "unmeasured"),
    ],
)
def test_a_verdict_has_its_wording(verdict, wording):
    assert prose.OUTCOMES[rendering.outcome(verdict)] == wording


def test_formulas_and_references_have_their_text():
    assert all(each.keys() == {"formula", "text"} for each in STORY["formulas"])
    for reference in STORY["references"]:
        assert reference.keys() - {"url"} == {"text"}
        assert reference.get("url", "https://").startswith("https://")
    assert "url" in STORY["references"][0]


def test_sections_and_figures_are_placed_once():
    first, *middle, last = STORY["sections"]
    *middle, shows = middle
    assert [first, *middle] == ["reading", *FIGURES["sections"]]
    assert [shows, last] == ["shows", "open"]
    assert {first, shows, last} == STORY["titles"].keys()
    for key, section in STORY["sections"].items():
        for part in section:
            assert part.keys() in ({"text"}, {"figure"})
            if "figure" in part:
                assert FIGURES["figures"][part["figure"]]["section"] == key
    placed = [part["figure"] for part in PARTS if "figure" in part]
    assert len(placed) == len(set(placed))


def test_a_claim_has_one_sentence_of_four_wordings():
    ids = [entry["claim"] for entry in CLAIMED]
    assert len(ids) == len(set(ids))
    assert set(ids) <= set(IDS)
    for entry in CLAIMED:
        assert entry.keys() - {"numbers"} == {"claim", *WORDINGS}
        assert len({entry[wording] for wording in WORDINGS}) == 4
        assert entry["undecided"].startswith(("Seeds disagree", "Chains disagree"))


def test_each_step_of_the_answer_rests_on_claims_that_there_are():
    rested = [claim for step in STORY["steps"] for claim in step["claims"]]
    assert len(rested) == len(set(rested))
    assert set(rested) <= {entry["claim"] for entry in CLAIMED}


@pytest.mark.parametrize("entry", TABLES, ids=lambda e: e.get("claim", "always"))
def test_numbers_are_used_and_can_be_measured(entry):
    texts = [entry[key] for key in ("always", *WORDINGS[:3]) if key in entry]
    named = set(re.findall(r"\{(\w+)\}", "".join(texts))) - {"step", "here"}
    assert named == entry.get("numbers", {}).keys()
    assert not set(re.findall(r"\{(\w+)\}", entry.get("unmeasured", ""))) - {"step"}
    for measure in entry.get("numbers", {}).values():
        (kind,) = measure.keys() & set(measures.KINDS)
        assert format(0.5, measure.get("form", ".3g"))
        asked = measure[kind] if isinstance(measure[kind], list) else [measure[kind]]
        for name in asked:
            check_arguments(measure, kind, measures.QUANTITIES[name])


def check_arguments(measure, kind, quantity):
    """A measure gives all arguments of its quantity, roles that there are, and what to
    take of many values.
    """
    parameters = inspect.signature(quantity).parameters
    given = measure.keys() - {kind, "take", "form"}
    places = [p for p in measures.PLACES if p in given and p not in parameters]
    missing = parameters.keys() - given
    assert given - set(places) <= parameters.keys()
    assert len(places) == (PLACES[kind] if missing else 0)
    assert len(missing) <= 1
    for name in given:
        like = (missing or {name}) if name in places else {name}
        kinds = {parameters[each].annotation for each in like}
        assert Network not in kinds or measure[name] in NETWORKS
        assert Experiment not in kinds or measure[name] in CHAINS
    is_many = inspect.signature(quantity).return_annotation is np.ndarray
    assert is_many == ("take" in measure)


@pytest.mark.parametrize(
    ("outcome", "expected"), [("holds", "Unknown."), ("differs", "It is <b>7</b>.")]
)
def test_only_a_number_that_the_sentence_has_can_be_missing(outcome, expected):
    def number(measure):
        return Markup(prose.MISSING if measure == "other" else "<b>7</b>")

    entry = {
        "claim": "C1", "holds": "It is {one} and {two}.", "differs": "It is {one}.",
        "unmeasured": "Unknown.",
        "numbers": {"one": {"measure": "this"}, "two": {"measure": "other"}},
    }  # fmt: skip
    found = prose.sentence(entry, {"C1": outcome}, number, {}, "1 %")
    assert found.startswith(f"{expected} <a ")


def test_what_no_verdict_words_is_neutral():
    for entry in ENTRIES:
        if isinstance(entry, str):
            assert not re.search(r"\d|\{(?!step\})", entry), entry
        text = entry if isinstance(entry, str) else entry.get("always", "")
        assert not re.search(VERDICTS, text, re.IGNORECASE), text


def test_terms_are_explained_where_they_first_occur():
    found = set()
    for outcome in ("holds", "differs", "undecided", "not measured"):
        for source in rendered(dict.fromkeys(IDS, outcome)):
            marked = re.findall('data-tip="([^"]*)"', source)
            assert len(marked) == len(set(marked)), marked
            found |= {html.unescape(explanation) for explanation in marked}
    assert found == set(STORY["terms"].values())
    assert len(found) >= 12


@pytest.mark.parametrize("shift", range(len(rendering.MARKS)))
def test_each_sentence_is_worded_by_its_own_verdict(shift):
    """Each claim has each outcome once, beside claims that have other outcomes."""
    outcomes = list(rendering.MARKS)
    outcome_of = {
        each: outcomes[(place + shift) % len(outcomes)]
        for place, each in enumerate(IDS)
    }
    said = "\n".join(rendered(outcome_of))
    text = text_of(said)
    for entry in CLAIMED:
        outcome = outcome_of[entry["claim"]]
        due = prose.OUTCOMES[outcome]
        mine = f"{shown(entry[due], outcome)} {entry['claim']}\n"
        assert mine in f"{text}\n"
        others = [w for w in WORDINGS if w != due and shown(entry[w]) in text]
        assert others == [], entry["claim"]
        link = f'<a class="claim" href="#{entry["claim"]}">{entry["claim"]}</a>'
        assert said.count(link) == 1


CLAIM = {
    "claim": "C1",
    "holds": "It is {a}.",
    "differs": "It is not {a}.",
    "undecided": "Seeds disagree on {a}.",
    "unmeasured": "It is not known.",
    "numbers": {"a": {"measure": "x", "network": "frozen", "form": ".0%"}},
}


def test_a_sentence_has_its_numbers():
    asked = []

    def number(**measure):
        asked.append(measure)
        return Markup("<b>3%</b>")

    said = prose.sentence(CLAIM, {"C1": "seen at no seed"}, number, {}, "1 %")
    assert text_of(said) == "It is not 3%. C1"
    assert "<b>3%</b>" in said
    assert asked == [CLAIM["numbers"]["a"]]


@pytest.mark.parametrize("outcome", rendering.MARKS)
def test_a_claim_without_its_number_is_not_measured(outcome):
    number = Numbers([Seed(Path(), {}, {}, {})])
    entry = CLAIM | {"numbers": {"a": {"measure": "mode_gap", "network": "none"}}}
    said = prose.sentence(entry, {"C1": outcome}, number, {}, "1 %")
    assert text_of(said) == "It is not known. C1"
    always = {"always": "It is {a}.", "numbers": entry["numbers"]}
    said = prose.sentence(always, {}, number, {}, "1 %")
    assert text_of(said) == "It is (not measured)."
    always["unmeasured"] = "It may be."
    assert text_of(prose.sentence(always, {}, number, {}, "1 %")) == "It may be."


def test_markup_becomes_elements_and_all_else_is_escaped():
    terms = {"logit": 'less < "more"'}
    entry = "a < b, *c* of {step}: [[logit]], [[two logits|logit]]"
    said = prose.sentence(entry, {}, a_number, terms, "<2 %")
    tip = 'data-tip="less &lt; &#34;more&#34;"'
    button = f'<button type="button" class="term" {tip}>'
    assert said == (
        "a &lt; b, <i>c</i> of &lt;2 %: "
        f'<span class="together">{button}logit</button>,</span> '
        f"{button}two logits</button>"
    )
    with pytest.raises(KeyError):
        prose.sentence("[[hessian]]", {}, a_number, terms, "1 %")


def test_blocks_are_paragraphs_and_figures_in_order():
    section = [{"text": ["The claim.", CLAIM]}, {"figure": "network"}]
    first, second = prose.blocks(section, {"C1": "holds"}, a_number, {}, "1 %")
    assert [text_of(s) for s in first.sentences] == ["The claim.", "It is 7. C1"]
    assert (first.claims, first.figure) == (("C1",), "")
    assert second == prose.Block(figure="network")
