"""Measures and criteria in words: each sentence can be read alone."""

import inspect
from string import Formatter

import pytest
from test_claims import CLAIMS, resource

from normscope.claims import wording
from normscope.results import measures

QUANTITIES = resource("quantities.yaml")
MADE_UP = {
    "height": {"words": "height at {layer}", "unit": "metres"},
    "share": {"words": "share of {column}", "form": ".1%", "unit": "of all"},
    "gain": {
        "words": "gain after {part:.0%}",
        "form": ".1%",
        "unit": "percentage points",
    },
}
MEASURES = [measure for claim in CLAIMS for measure in claim["measures"]]
USED = {
    name
    for measure in MEASURES
    for kind in measure.keys() & set(measures.KINDS)
    for name in ([measure[kind]] if isinstance(measure[kind], str) else measure[kind])
}


# A measure, and its sentence.
WORDED = [
    (
        {"measure": "height", "experiment": "relu", "layer": 50, "at_least": 0.25},
        "height at layer 50, the ReLU chain: needed at least 0.25 metres",
    ),
    (
        {"measure": "height", "network": "none", "layer": "last", "take": "largest"}
        | {"at_least": 1, "at_most": 2},
        """the largest height at the last layer, no batch norm: needed between 1 and 2
        metres""",
    ),
    (
        {"measure": "share", "network": "frozen_post", "column": "a_b", "at_most": 0.4},
        """share of a b, frozen post-activation batch norm: needed at most 40 % of
        all""",
    ),
    (
        {"measure": "gain", "network": "post", "part": 0.5, "at_most": 0.111},
        """gain after 50 %, post-activation batch norm: needed at most 11.1 percentage
        points""",
    ),
    (
        {"ratio": "height", "layer": 2, "of": "frozen", "to": "batch_norm"}
        | {"at_least": 10, "at_most": 100},
        """height at layer 2, frozen batch norm over batch norm: needed between 10 and
        100 times""",
    ),
    (
        {"ratio": "height", "layer": 2, "of": "none", "to": "batch_norm_low_rate"}
        | {"take": "smallest", "at_most": 0.5},
        """the smallest ratio of the height at layer 2, no batch norm over batch norm
        at the rate of no batch norm: needed at most 0.5""",
    ),
    (
        {"ratio": ["height", "share"], "layer": 2, "column": "mean", "network": "none"}
        | {"at_least": 1, "at_most": 1},
        """height at layer 2, over the share of the gradients of the mean logits, no
        batch norm: needed exactly 1""",
    ),
    (
        {"ratio": ["height", "width"], "layer": 2, "of": "frozen", "to": "none"}
        | {"at_least": 3},
        """height at layer 2, frozen batch norm, over the width, layer 2, no batch
        norm: needed at least 3 times""",
    ),
    (
        {"difference": "share", "column": "mean", "of": "none", "over": "frozen"}
        | {"at_least": 0.3},
        """share of the gradients of the mean logits, no batch norm minus frozen batch
        norm: needed at least 30 percentage points""",
    ),
    (
        {"difference": "share", "network": "frozen", "of": "a", "over": "b"}
        | {"at_least": 0},
        """share of a, minus the share of b, frozen batch norm: needed at least 0
        percentage points""",
    ),
    (
        {"log_distance_ratio": "height", "layer": 2, "of": "frozen", "near": "none"}
        | {"far": "batch_norm", "at_most": 0.5},
        """distance of frozen batch norm from no batch norm over that from batch norm,
        in the logarithm of the height at layer 2: needed at most 0.5""",
    ),
]


def one_line(text):
    return " ".join(text.split())


@pytest.mark.parametrize(("measure", "sentence"), WORDED)
def test_each_kind_of_measure_is_a_sentence(measure, sentence):
    assert wording.describe(measure, MADE_UP) == one_line(sentence)


def test_a_quantity_without_an_entry_goes_by_its_name():
    measure = {
        "ratio": "mean_confidence",
        "of": "batch_norm",
        "to": "none",
        "at_least": 1,
    }
    sentence = "mean confidence, batch norm over no batch norm: needed at least 1"
    assert wording.describe(measure, {}) == sentence
    measure = {"measure": "my_share", "network": "my_net", "layer": 3, "at_most": 0.04}
    form = {"my_share": {"form": ".1%"}}
    sentence = "my share, layer 3, my net: needed at most 4 %"
    assert wording.describe(measure, form) == sentence


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.84, ".1%", "84 %"), (1, ".1%", "100 %"), (-0.1114, ".1%", "-11.1 %"),
        (-0.0001, ".1%", "0 %"), (0.00123, ".2%", "0.12 %"), (0.1, ".0%", "10 %"),
        (0.8437, ".3g", "0.844"), (1.357, ".4g", "1.357"),
    ],
)  # fmt: skip
def test_a_number_has_its_form(value, form, text):
    measure = {"measure": "q", "article": 3.0}
    assert wording.number(value, measure, {"q": {"form": form}}) == text


def test_ratios_and_differences_have_forms_of_their_own():
    for kind in ("ratio", "log_distance_ratio"):
        assert wording.number(0.84375, {kind: "share"}, MADE_UP) == "0.844"
    assert wording.number(0.84375, {"difference": "share"}, MADE_UP) == "84.4"
    assert wording.number(0.84375, {"difference": "height"}, MADE_UP) == "0.844"


def test_every_quantity_of_the_claims_has_its_words():
    assert USED <= QUANTITIES.keys() <= measures.QUANTITIES.keys()
    for name, entry in QUANTITIES.items():
        assert {"words"} <= entry.keys() <= {"words", "unit", "form"}, name
        fields = {field for _, field, *_ in Formatter().parse(entry["words"]) if field}
        assert fields <= inspect.signature(measures.QUANTITIES[name]).parameters.keys()
        assert format(0.5, entry.get("form", ".3g"))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["id"])
def test_every_criterion_is_worded(claim):
    for measure in claim["measures"]:
        sentence = wording.describe(measure, QUANTITIES)
        for sign in ("_", "{", "nan", "None", "; ", "  ", "%%"):
            assert sign not in sentence
        assert sentence.count(": needed ") == sentence.count(":") == 1
        for key in measure.keys() & {"at_least", "at_most", "article"}:
            text = wording.number(measure[key], measure, QUANTITIES)
            is_share = text.endswith(" %") or sentence.endswith(wording.POINTS)
            shown = float(text.removesuffix(" %")) / (100 if is_share else 1)
            assert shown == pytest.approx(measure[key], rel=1e-9), "digits are lost"


def test_no_two_measures_of_a_claim_read_alike():
    for claim in CLAIMS:
        names = [wording.describe(measure, QUANTITIES) for measure in claim["measures"]]
        assert len(set(names)) == len(names), claim["id"]


SENTENCES = {
    ("C5", 0): """
        highest constant learning rate at which training succeeds, batch norm,
        over the lowest constant learning rate from which on training fails, no
        batch norm: needed at least 10 times""",
    ("C6", 0): """
        training accuracy after 50 % of the epochs, batch norm minus batch norm
        at the rate of no batch norm: needed at least 5 percentage points""",
    ("C15", 0): """
        standard deviation within channels (root mean square) at layer 50, the
        ReLU chain: needed at most 25 % of the standard deviation of all values""",
    ("C26b", 0): """
        share of the variance that lies between channels at the last layer,
        minus that in the ReLU chain at the same depth, the untrained conv net
        without batch norm on noise: needed at least 0 percentage points""",
    ("C35", 0): """
        training accuracy at the peak learning rate of batch norm, held
        constant, rescaled so that chance is 0 % and no mistake is 100 %, no
        batch norm: needed at most 11.1 %""",
    ("C37", 0): """
        distance of frozen batch norm from no batch norm over that from batch
        norm, in the logarithm of the largest eigenvalue (in magnitude) of the
        Hessian times the squared length of the weights: needed at most 0.5""",
    ("C38b", 0): """
        length of the vector of all weights, frozen batch norm over batch norm:
        needed exactly 1""",
    ("C40", 0): """
        Wasserstein distance of a logit's values from those of batch norm
        (largest over the logits), frozen batch norm: needed at most 2 times
        that between two batches of images""",
    ("C43b", 0): """
        share of the classes that win more than half of the predictions after a
        short step of the weights along the gradient of their mean logit, batch
        norm: needed at most 10 %""",
    ("C46", 1): """
        the smallest ratio of the shift of a mean logit by a short step of the
        weights along its gradient, no batch norm over batch norm: needed at
        least 1.5 times""",
    ("C58", 0): """
        product of learning rate and curvature at which gradient descent with
        Nesterov momentum 0.9 becomes unstable on a parabola: needed between
        1.35 and 1.365""",
    ("C61", 0): """
        largest eigenvalue (in magnitude) of the Hessian, frozen batch norm over
        batch norm: needed between 10 and 100 times""",
    ("C66b", 1): """
        squared overlap of the Hessian's eigenvector after the first (classes -
        1) with what gradients of variances add to those of the mean logits,
        frozen batch norm: needed at least 30 % of its squared length""",
    ("C76", 0): """
        largest eigenvalue (in magnitude) of the Hessian restricted to the
        orthogonal complement of the gradients of the logits' first three
        moments, over the largest eigenvalue (in magnitude) of the Hessian,
        frozen batch norm: needed at most 0.4""",
}


def test_claims_read_as_sentences():
    by_id = {claim["id"]: claim["measures"] for claim in CLAIMS}
    for (name, place), sentence in SENTENCES.items():
        assert wording.describe(by_id[name][place], QUANTITIES) == one_line(sentence)
