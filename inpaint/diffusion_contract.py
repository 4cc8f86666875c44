"""What a diffusion model is given: its size, how much noise, how many steps, and which words."""

from __future__ import annotations

from dataclasses import dataclass

from _removal_support.errors import RemovalError

PROMPT = "empty background, natural continuation of the surroundings, photograph, sharp, same light"
"""Asks for what lies behind: words for things would be drawn."""
NEGATIVE_PROMPT = (
    "person, people, man, woman, child, human, face, body, hand, silhouette, statue, animal, object, text, "
    "watermark, frame, blurry, distorted"
)


class DiffusionError(RemovalError, ValueError):
    """A folder or repository that is no such model, words that it cannot read, or a picture held back."""


@dataclass(frozen=True)
class DiffusionContract:
    """What a pipeline of the library diffusers is given besides PIL images and masks, white = fill.

    pipeline: the name of its class. native_px: the longer side of what it was trained on.
    strength: the share of noise that a fill starts from; some models give noise at 1.
    steps, guidance: as its authors use it. The words are the same for all.
    """

    pipeline: str
    native_px: int
    strength: float
    steps: int
    guidance: float
    prompt: str = PROMPT
    negative_prompt: str = NEGATIVE_PROMPT

    def __post_init__(self) -> None:
        if not 2 <= self.steps <= 1000:
            raise DiffusionError(f"expected steps from 2 to 1000, got {self.steps}", option="steps")
        if not 1 <= self.guidance <= 100:
            raise DiffusionError(f"expected a guidance from 1 to 100, got {self.guidance}", option="guidance")
