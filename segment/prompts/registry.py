"""Prompters by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from segment.prompts.contract import Embedded, Prompter

if TYPE_CHECKING:
    from segment.detections import Detections

__all__ = ["Embedded", "Prompter", "load_prompter", "prompter_names"]


def _classical(detections: Detections | None) -> Prompter:
    from segment.prompts.classical import ClassicalPrompter

    return ClassicalPrompter(detections)


_BUILDERS: dict[str, Callable[[Detections | None], Prompter]] = {"classical": _classical}
AUTO_ORDER = ("classical",)


def prompter_names() -> tuple[str, ...]:
    """All names that `load_prompter` takes."""
    return ("auto", *_BUILDERS)


def load_prompter(name: str = "auto", *, detections: Detections | None = None) -> Prompter:
    """The prompter called `name`, ready to look at photos.

    Args:
        name: "classical" (no weights), or "auto": the best that can run here.
        detections: what a detector found in the photo, of the photo's size; a click on one of these means
            that one. None = nothing was looked for.

    Raises:
        ValueError: no prompter has that name.
    """
    if name == "auto":
        name = AUTO_ORDER[0]
    if name not in _BUILDERS:
        raise ValueError(f"expected one of {', '.join(prompter_names())}, got {name!r}")
    return _BUILDERS[name](detections)
