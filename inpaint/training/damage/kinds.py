"""Damage by name: the kinds that training can ask for, and mixes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inpaint.training.damage.contract import Damage, HoleDamage, check_image, check_range, drawn_number
from inpaint.training.damage.covers import Covered
from inpaint.training.damage.dust import Dust
from inpaint.training.damage.folds import Folds
from inpaint.training.damage.holes import Boxes, FreeFormStrokes, JoinedHoles
from inpaint.training.damage.lettering import Text
from inpaint.training.damage.mask_files import MaskFileHoles
from inpaint.training.damage.mosaic import Mosaic
from inpaint.training.damage.noise import Noise
from inpaint.training.damage.rims import RimmedStains
from inpaint.training.damage.scratches import Scratches
from inpaint.training.damage.shapes import CocoShapes
from inpaint.training.damage.stains import Raindrops, SoftCover
from inpaint.training.damage.tears import Torn

__all__ = [
    "Damage",
    "DamageSources",
    "LayeredDamage",
    "MixedDamage",
    "NoDamage",
    "damage_kinds",
    "damage_of",
    "passed_over",
]


@dataclass(frozen=True)
class NoDamage(Damage):
    """The photo as it is, for networks that have to tell whether there is damage."""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return image.copy(), np.zeros(check_image(image), np.float32)


@dataclass(frozen=True)
class MixedDamage(Damage):
    """For each photo one kind, drawn by weight.

    parts: kinds with their weights, above 0, in any unit.
    """

    parts: tuple[tuple[Damage, float], ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("expected kinds of damage, got none")
        for part, weight in self.parts:
            if not 0 < weight < float("inf"):
                raise ValueError(f"expected a weight above 0, got {weight} for {part}")

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        ends = np.cumsum([weight for _, weight in self.parts])
        chosen = int(np.searchsorted(ends, rng.uniform(0, ends[-1]), side="right"))
        return self.parts[min(chosen, len(ends) - 1)][0](image, rng)


@dataclass(frozen=True)
class LayeredDamage(Damage):
    """Several kinds in one photo, one upon another; of each pixel what each left is multiplied.

    parts: kinds to choose from. count: how many of them, each at most once; 0 < n.
    """

    parts: tuple[Damage, ...]
    count: tuple[int, int] = (2, 3)

    def __post_init__(self) -> None:
        check_range("count", self.count, 1, len(self.parts))

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        damaged, left = image, np.ones(check_image(image), np.float32)
        for part in rng.permutation(len(self.parts))[: drawn_number(rng, self.count)]:
            damaged, mask = self.parts[part](damaged, rng)
            left *= 1 - mask
        return damaged, 1 - left


@dataclass(frozen=True)
class DamageSources:
    """What some kinds are taken from.

    shapes: COCO annotations, for `shapes`. files: a folder of mask pictures, for `files`.
    """

    shapes: Path | None = None
    files: Path | None = None


HOLES: Mapping[str, Callable[[DamageSources], HoleDamage]] = {
    "strokes": lambda sources: FreeFormStrokes(),
    "box": lambda sources: Boxes(),
    "centre": lambda sources: Boxes(side=(0.5, 0.5), centred=True),
    "free-form": lambda sources: JoinedHoles((FreeFormStrokes(), Boxes())),
    "shapes": lambda sources: CocoShapes(_given(sources.shapes, "shapes", "COCO annotations")),
    "files": lambda sources: MaskFileHoles(_given(sources.files, "files", "a folder of mask pictures")),
}
"""Holes by name."""

IN_HOLES: Mapping[str, Callable[[HoleDamage], Damage]] = {"mosaic": Mosaic, "covered": Covered}
"""What a hole may show but grey: asked for as `mosaic-box`; alone it is that of `free-form`."""

OTHERS: Mapping[str, Callable[[], Damage]] = {
    "none": NoDamage,
    "scratches": Scratches,
    "wide-scratches": lambda: Scratches(width=(0.008, 0.04), specks=(0.0, 0.5), opacity=(0.6, 1.0)),
    "text": Text,
    "watermark": lambda: Text(opacity=(0.25, 0.75)),
    "noise": Noise,
    "grey": SoftCover,
    "stains": lambda: SoftCover(
        area=(0.05, 0.25), opacity=(0.4, 0.95), edge=(0.1, 0.6), contents=("colour",)
    ),
    "veil": lambda: SoftCover(opacity=(0.2, 0.7), blotch=(0.5, 1.0), edge=(2.0, 4.0), contents=("colour",)),
    "layers": lambda: Covered(
        JoinedHoles((Boxes(side=(0.1, 0.45)), FreeFormStrokes())),
        contents=("colour",),
        edge=(0.0, 0.002),
        opacity=(0.2, 0.69),
    ),
    "rimmed-stains": RimmedStains,
    "folds": Folds,
    "dust": Dust,
    "raindrops": Raindrops,
    "torn": Torn,
    "several": lambda: LayeredDamage(
        (Scratches(), Text(), Noise(), SoftCover(), Raindrops(), Torn(), Covered(FreeFormStrokes()))
    ),
}
"""Damage that is no hole."""


def damage_kinds() -> tuple[str, ...]:
    """The names that `damage_of` knows."""
    return (*HOLES, *IN_HOLES, *(f"{shown}-{hole}" for shown in IN_HOLES for hole in HOLES), *OTHERS)


def damage_of(
    specs: Mapping[str, float], *, shapes: Path | None = None, files: Path | None = None
) -> MixedDamage:
    """A mix of kinds, each name with its weight, `{"free-form": 3, "mosaic-shapes": 1}`.

    shapes: COCO annotations. files: folder of mask pictures. Read when a hole is first drawn from them.

    Raises ValueError for an unknown name, no names, a weight that is not above 0, or a kind whose file or
    folder is not given.
    """
    unknown = [name for name in specs if name not in damage_kinds()]
    if unknown:
        raise ValueError(f"expected kinds of damage of {', '.join(damage_kinds())}, got {', '.join(unknown)}")
    sources = DamageSources(shapes, files)
    return MixedDamage(tuple((_build(name, sources), weight) for name, weight in specs.items()))


def passed_over(
    specs: Mapping[str, float], *, shapes: Path | None = None, files: Path | None = None
) -> list[str]:
    """What of the sources of these kinds cannot be used, a line each; every mask picture is read.

    Raises what drawing raises where nothing of a source can be used.
    """
    sources = DamageSources(shapes, files)
    named = {name: f"-{name}" for name in ("shapes", "files")}
    used = [name for name, end in named.items() if any(f"-{spec}".endswith(end) for spec in specs)]
    holes = [HOLES[name](sources) for name in used]
    lines = [hole.passed_over() for hole in holes if isinstance(hole, CocoShapes | MaskFileHoles)]
    return [line for line in lines if line is not None]


def _given(path: Path | None, kind: str, what: str) -> Path:
    if path is None:
        raise ValueError(f"expected {what} for damage by {kind}, got none")
    return path


def _build(name: str, sources: DamageSources) -> Damage:
    if name in OTHERS:
        return OTHERS[name]()
    if name in HOLES:
        return HOLES[name](sources)
    shown, _, hole = name.partition("-")
    return IN_HOLES[shown](HOLES[hole or "free-form"](sources))
