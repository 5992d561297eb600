"""The prose of a run's page: its sentences, each worded by the verdict on its claim.

The sentences are those of workflow/resources/story.yaml, which says how it is written.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

# The wording that says what came of a claim, by the outcomes that pages know.
OUTCOMES = {
    "holds": "holds",
    "differs": "differs",
    "undecided": "undecided",
    "seen at every seed": "holds",
    "seen at some seeds": "undecided",
    "seen at no seed": "differs",
    "not measured": "unmeasured",
    "reported": "unmeasured",
}
MISSING = "(not measured)"  # in what pages.Numbers gives where there is no number
MARKUP = re.compile(
    r"\[\[(?P<words>[^]|]+)(?:\|(?P<term>[^]]+))?\]\](?P<after>[.,;:)]*)"
    r"|\*(?P<stressed>[^*]+)\*"
    r"|\{(?P<name>\w+)\}"
)


@dataclass(frozen=True)
class Block:
    """A part of a section: sentences and their claims' ids, or the kind of a figure."""

    sentences: tuple[Markup, ...] = ()
    claims: tuple[str, ...] = ()
    figure: str = ""


def blocks(
    section: Sequence[Mapping],
    outcome_of: Mapping[str, str],
    number: Callable[..., Markup],
    terms: Mapping[str, str],
    step: str,
) -> list[Block]:
    """The paragraphs and figures of a section, in order; the rest as in `sentence`."""
    told = outcome_of, number, terms, step
    return [
        Block(figure=part["figure"])
        if "figure" in part
        else paragraph(part["text"], *told)
        for part in section
    ]


def paragraph(
    entries: Sequence[str | Mapping],
    outcome_of: Mapping[str, str],
    number: Callable[..., Markup],
    terms: Mapping[str, str],
    step: str,
) -> Block:
    """The sentences of the entries, and the ids of their claims."""
    told = outcome_of, number, terms, step
    return Block(
        sentences=tuple(sentence(entry, *told) for entry in entries),
        claims=tuple(
            entry["claim"]
            for entry in entries
            if isinstance(entry, Mapping) and "claim" in entry
        ),
    )


def sentence(
    entry: str | Mapping,
    outcome_of: Mapping[str, str],
    number: Callable[..., Markup],
    terms: Mapping[str, str],
    step: str,
) -> Markup:
    """A sentence of the story as HTML, with a link to its claim where it has one.

    `outcome_of` has what came of each claim, a key of OUTCOMES, by its id. `number`
    writes a measure, as pages.Numbers does. `terms` has the explanations of terms, and
    `step` is the length of steps in per cent. Where a number of the sentence is
    missing, the entry's `unmeasured` text takes its place, if there is one.
    """
    if isinstance(entry, str):
        entry = {"always": entry}
    values = {"step": step} | {
        name: number(**measure) for name, measure in entry.get("numbers", {}).items()
    }
    outcome = outcome_of[entry["claim"]] if "claim" in entry else None
    text = entry[OUTCOMES[outcome] if outcome else "always"]
    missing = [name for name, value in values.items() if MISSING in value]
    if any(f"{{{name}}}" in text for name in missing):
        text = entry.get("unmeasured", text)
    if outcome is None:
        return _html(text, values, terms)
    # What a few seeds show is no verdict.
    values["here"] = "In this run" if outcome.startswith("seen") else "Here"
    return Markup('{} <a class="claim" href="#{id}">{id}</a>').format(
        _html(text, values, terms), id=entry["claim"]
    )


def _html(text: str, values: Mapping[str, str], terms: Mapping[str, str]) -> Markup:
    """The text with its markup as elements and the values in their places."""

    def element(found: re.Match) -> str:
        if name := found["name"]:
            return escape(values[name])
        if stressed := found["stressed"]:
            return f"<i>{stressed}</i>"
        explanation = escape(terms[found["term"] or found["words"]])
        button = (
            f'<button type="button" class="term" data-tip="{explanation}">'
            f"{found['words']}</button>"
        )
        # A line may break behind a button, but not before a full stop.
        after = found["after"]
        return f'<span class="together">{button}{after}</span>' if after else button

    return Markup(MARKUP.sub(element, str(escape(text))))
