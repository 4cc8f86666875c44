"""Ways to fill, as they are named: `[LABEL:]NAME[=WEIGHTS]`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from removal.errors import PlanError


@dataclass(frozen=True)
class Method:
    """One way to fill.

    label: what tables call it, unlike any other's. name: of the inpainter. weights: a file, or the name of
    published ones; None = those of the run.
    """

    label: str
    name: str
    weights: str | None = None

    @property
    def takes_weights(self) -> bool:
        from inpaint.registry import is_network

        return self.name != "auto" and is_network(self.name)


def methods_of(words: Sequence[str]) -> tuple[Method, ...]:
    """The methods that `[LABEL:]NAME[=WEIGHTS]` stand for.

    Without a label it is the name; where that name comes again, those with weights also carry the folder and
    stem of their file: `deepfillv2 run-a/weights`. Raises PlanError where two could not be told apart.
    """
    parsed = [_parsed(word) for word in words]
    counts = Counter(name for label, name, _ in parsed if not label)
    methods = []
    for label, name, weights in parsed:
        source = f" {_tail(weights)}" if weights and counts[name] > 1 else ""
        methods.append(Method(label or name + source, name, weights))
    slugs = Counter(slug_of(method.label) for method in methods)
    for method in methods:
        if not slug_of(method.label):
            raise PlanError(f"expected a label with letters or digits, got {method.label!r}")
        if slugs[slug_of(method.label)] > 1:
            raise PlanError(f"{method.label!r} comes twice: give labels that differ, LABEL:NAME=WEIGHTS")
    return tuple(methods)


def slug_of(label: str) -> str:
    """The label as a folder's name takes it."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-")


def check_methods(methods: Sequence[Method], option: str | None = None) -> None:
    """Raises PlanError for an inpainter that nobody knows, or weights for one that has none.

    option: the setting that named them; None = none in particular.
    """
    from inpaint import inpainter_names

    for method in methods:
        if method.name not in inpainter_names():
            names = ", ".join(inpainter_names())
            raise PlanError(f"expected one of {names}, got {method.name!r}", option=option)
        if method.weights is not None and not method.takes_weights:
            raise PlanError(f"{method.name} has no weights, got {method.weights!r}", option=option)


def _parsed(word: str) -> tuple[str, str, str | None]:
    """Label (empty where there is none), name and weights."""
    head, equals, weights = word.partition("=")
    label, _, name = head.rpartition(":")
    if not name.strip() or (equals and not weights):
        raise PlanError(f"expected [LABEL:]NAME[=WEIGHTS], got {word!r}")
    return label.strip(), name.strip(), weights if equals else None


def _tail(weights: str) -> str:
    path = Path(weights)
    return "/".join(part for part in (path.parent.name, path.stem) if part)
