"""What the lines of config section networks may say, beyond their schema."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

RESERVED = ("initialisation", "lr_stress", "lr_held")
# Norms that are no layer behind a convolution.
WITHOUT_LAYER = ("none", "weight_standardised")
OF_LAYER = ("norm_position", "affine", "ghost_batch")
LOGITS = "logits"  # the classifier's convolution


def differing(line: Mapping, schema: Mapping) -> dict:
    """A network's line without what it has in common with the article's network.

    A job depends on these keys alone, so that a key makes only its own network stale.
    """
    keys = schema["$defs"]["conv_network"]["properties"]
    return {
        key: value
        for key, value in line.items()
        if key == "norm_position" or value != keys.get(key, {}).get("default", ...)
    }


def network_error(config: Mapping) -> str | None:
    """One line about the first mistake in section networks, with its key; or None."""
    networks = config["networks"]
    for name, line in networks.items():
        if name in RESERVED:
            return f"config key networks.{name}: a folder of results is called so"
        for said in _errors(line or {}, config):
            return f"config key networks.{name}.{said}"
    if not any(networks.values()):
        return "config key networks: no network is left; name at least one"
    return _size_error(config)


def module_error(name: str, line: Mapping) -> str | None:
    """One line about a file of a user's own module that cannot be read; or None."""
    if "module" not in line:
        return None
    place = f"config key networks.{name}.module"
    path = Path(line["module"].rpartition(":")[0]).expanduser()
    try:
        ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return f"{place}: there is no file {path.absolute()} that can be read"
    except SyntaxError as error:
        return f"{place}: {path}, line {error.lineno}: {error.msg}"
    return None


def training_error(training: Mapping, section: str) -> str | None:
    """One line about a schedule that ends before its peak; or None."""
    if training["peak_epoch"] >= training["end_epoch"]:
        return (
            f"config key {section}.end_epoch: {training['end_epoch']} must be after "
            f"peak_epoch, {training['peak_epoch']}"
        )
    return None


def _errors(line: Mapping, config: Mapping) -> Iterator[str]:
    if "freeze" in line:
        yield from _freeze_errors(line["freeze"], config["networks"])
    norm = line.get("norm")
    if norm in WITHOUT_LAYER:
        for key in OF_LAYER:
            if key in line:
                yield f"{key}: there is no norm layer to place or change; leave it out"
    if norm == "none" and "norm_layers" in line:
        yield "norm_layers: there is no norm; say which in norm"
    yield from _norm_layers_errors(line, config["network"]["widths"])
    if norm == "instance":
        yield from _one_pixel_errors(line, config)
    training = config["training"] | line.get("training", {})
    if said := training_error(training, "training"):
        yield said.removeprefix("config key ")
    if "ghost_batch" in line:
        yield from _ghost_errors(line, training, config)


def _freeze_errors(source: str, networks: Mapping) -> Iterator[str]:
    original = networks.get(source)
    if original is None:
        dropped = source in networks
        yield f"freeze: there is no network {source}" + (
            ", as null dropped it; drop this one as well" if dropped else ""
        )
    elif original.get("norm") != "batch" and "module" not in original:
        yield (
            f"freeze: {source} has no active batch norm; name a network with norm: "
            "batch"
        )


def _norm_layers_errors(line: Mapping, widths: Sequence[int]) -> Iterator[str]:
    pairs = [f"layer{number}" for number in range(1, len(widths))]
    known = ["prep", *(name for pair in pairs for name in (pair, f"{pair}_extra"))]
    for name in line.get("norm_layers", []):
        if name not in (*known, LOGITS):
            yield f"norm_layers: there is no {name}; name some of {known} or {LOGITS}"
        if name == LOGITS and line["norm"] == "instance":
            yield "norm_layers: logits have one pixel, which instance norm makes 0"


def _one_pixel_errors(line: Mapping, config: Mapping) -> Iterator[str]:
    halvings = len(config["network"]["widths"]) - 1
    size, last = config["dataset"].get("size", 32), f"layer{halvings}_extra"
    if size >> halvings == 1 and last in line.get("norm_layers", [last]):
        yield (
            f"norm: {last} has one pixel, as dataset.size {size} is halved {halvings} "
            "times, and instance norm makes it 0; name other layers in norm_layers"
        )


def _ghost_errors(line: Mapping, training: Mapping, config: Mapping) -> Iterator[str]:
    size = line["ghost_batch"]
    if line["norm"] != "batch":
        yield "ghost_batch: only batch norm has ghost batches; say norm: batch"
    batches = {
        "training.batch_size": training.get("batch_size", 0),
        "hessian.batch_size": config["hessian"].get("batch_size", 0),
        "perturbation.images": config.get("perturbation", {}).get("images", 0),
    }
    for key, images in batches.items():
        if images % size:
            yield f"ghost_batch: {size} must divide {key}, {images}"


def _size_error(config: Mapping) -> str | None:
    size = config["dataset"].get("size", 32)
    halvings = len(config["network"]["widths"]) - 1
    is_module = ["module" in line for line in config["networks"].values() if line]
    if size % 2**halvings and not all(is_module):
        return (
            f"config key dataset.size: {size} cannot be halved {halvings} times, once "
            f"for each layer of network.widths; use a multiple of {2**halvings}"
        )
    return None
