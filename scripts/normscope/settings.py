"""What a config may say, beyond what one line of its schema can check."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from math import isfinite

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from normscope.network_lines import network_error, training_error

# By JSON Schema 10.0 is an integer, and nan within all bounds.
Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and isfinite(value),
        }
    ),
)


def config_error(config: dict, schema: dict) -> str | None:
    """The first thing wrong with the config, in one line that names the key."""
    if said := _odd_key(config):
        return said
    error = best_match(Validator(schema).iter_errors(config))
    if error is not None:
        place = ".".join(map(str, error.absolute_path)) or "(top level)"
        return f"config key {place}: {_said(error)}"
    return (
        training_error(config["training"], "training")
        or network_error(config)
        or _experiment_error(config["initialisation"]["experiments"])
        or _images_error(config)
    )


def _images_error(config: dict) -> str | None:
    dataset = config["dataset"]
    if dataset["name"] == "image_folder" and not dataset.get("root"):
        return "config key dataset.root: name the folder that holds train/ and test/"
    size = dataset.get("train_size")
    if size is None:
        return None
    keys = (
        ("training", "batch_size"), ("hessian", "batch_size"), ("hessian", "images"),
        ("perturbation", "images"), ("initialisation", "images"),
    )  # fmt: skip
    wanted = {f"{at}.{key}": config.get(at, {}).get(key) or 0 for at, key in keys}
    over = [f"{key}: {images}" for key, images in wanted.items() if images > size]
    if over:
        return (
            f"config key {', '.join(over)} is more than the train images, "
            f"dataset.train_size {size}; lower it"
        )
    return None


def _experiment_error(experiments: dict) -> str | None:
    for name, experiment in experiments.items():
        place = f"config key initialisation.experiments.{name}"
        experiment = experiment or {}
        if experiment.get("frozen") and experiment["norm"] != "batch":
            return f"{place}.frozen: only batch norm can be frozen; say norm: batch"
        if experiment.get("norm") == "none" and "norm_position" in experiment:
            return f"{place}.norm_position: there is no norm layer to place"
        if min(experiment.get("layers", [1])) > experiment.get("depth", 1):
            return f"{place}.layers: one must be within depth, {experiment['depth']}"
    return None


def _said(error: ValidationError) -> str:
    """What is wrong, and what to do where that is known."""
    said = error.message
    if error.validator == "additionalProperties":
        return _unknown(error)
    if error.validator == "pattern":
        return f"{said}; write {error.schema['description']}"
    if error.validator == "type" and error.validator_value == "string":
        return f"{said}; put it in quotes"
    return f"{said}{_hint(error)}"


def _unknown(error: ValidationError) -> str:
    """Which keys a section does not have, and what it has in place of them."""
    known = list(error.schema.get("properties", {}))
    if not known:  # names of the user's own
        said = error.message.partition(" do")[0]
        return f"{said} is no name; begin with a letter, go on with those, digits, _, -"
    odd = [key for key in error.instance if key not in known]
    near = get_close_matches(odd[0], known, 1)
    meant = f"did you mean {near[0]}?" if near else f"it may have {', '.join(known)}"
    return f"{error.message}; {meant}"


def _hint(error: ValidationError) -> str:
    """How to write a number that YAML, or --config, takes for text."""
    text, kinds = error.instance, str(error.validator_value)
    if not isinstance(text, str) or not re.search("integer|number", kinds):
        return ""
    try:
        number = float(text)
    except ValueError:
        return ""
    mantissa, _, exponent = text.lower().partition("e")
    if exponent and "number" not in kinds:  # 2.0e+1 would be a number, but no integer
        return f"; write {number:.0f}" if number.is_integer() else ""
    if exponent:
        return f"; write {float(mantissa)}e{int(exponent):+}"
    return (
        f"; it is text: write {text} without quotes, in a file for --configfile, as "
        "--config makes text of all that is in brackets"
    )


def repeated_key(text: str) -> str | None:
    """What to say of the first key that a config file has twice in one section.

    YAML's readers take the last of them, and drop the others without a word.
    """
    try:
        root = yaml.compose(text)
    except yaml.YAMLError:  # JSON, or text for yte
        return None
    return next(_repeated(root, ""), None)


def _repeated(node: yaml.Node | None, place: str) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _repeated(item, f"{place}{number}.")
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines and key.tag != "tag:yaml.org,2002:merge":
                yield (
                    f"config key {place}{name} is there twice, in lines {lines[name]} "
                    f"and {line}; make one of the two"
                )
            lines[name] = line
            yield from _repeated(value, f"{place}{name}.")


def _odd_key(section: dict, place: str = "(top level)") -> str | None:
    """YAML takes some names for numbers or, as no and on, for true and false."""
    for key, value in section.items():
        if not isinstance(key, str):
            return f"config key {place}: {key!r} is no name; put it in quotes"
        if isinstance(value, dict):
            inner = key if place == "(top level)" else f"{place}.{key}"
            if said := _odd_key(value, inner):
                return said
    return None
