"""Sizes of networks for the scheduler: measured, and by the article's closed form."""

import re

import pytest
import torch
from running import ROOT

from normscope.networks import sizes, variants

SHARED = {"widths": [4, 6, 8], "activation": "softplus", "classes": 7}


def chain_sizes():
    """The function of resources.smk, which Snakemake's files cannot be imported for."""
    text = (ROOT / "workflow/rules/resources.smk").read_text()
    source = re.search(r"^def chain_sizes.*?(?=^\S)", text, re.DOTALL | re.MULTILINE)
    scope = {}
    exec(source[0], scope)
    return scope["chain_sizes"]


@pytest.mark.parametrize("norm", ["batch", "none", "group", "weight_standardised"])
@pytest.mark.parametrize("size", [16, 32, 64])
def test_the_closed_form_is_what_is_measured(norm, size):
    line = {"variant": {"norm": norm, "max_lr": 1}, "size": size}
    measured = sizes.sizes(SHARED | line)
    assert measured.pop("freezable") == (norm == "batch")
    assert measured == chain_sizes()([4, 6, 8], 7, size)


@pytest.mark.parametrize(
    "variant",
    [
        {"norm": "batch", "shortcuts": True, "affine": "both"},
        {"module": str(ROOT / "examples/my_networks.py:small_resnet")},
        {"module": str(ROOT / "examples/my_networks.py:small_transformer")},
    ],
)
def test_sizes_of_other_networks_are_theirs_without_their_weights(variant):
    settings = SHARED | {"variant": variant, "size": 32}
    network = variants.build(variants.architecture(**settings), torch.Generator())
    on_cpu = sizes._sizes(settings, "cpu")
    assert sizes._sizes(settings, "meta") == on_cpu
    count = sum(weight.numel() for weight in network.parameters())
    assert on_cpu["parameters"] == count
    assert on_cpu["flops"] > 2 * count
