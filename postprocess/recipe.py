"""The whole way from a detector's mask to the area to remove, and its settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from postprocess.attached.objects import ATTACHED_CHOICES, clinging_region
from postprocess.morphology import (
    check_photo,
    close,
    drop_specks,
    enclosed_area_px,
    fill_holes,
    outlines,
    smooth,
    thicken,
)
from postprocess.rim import REACH_RADII, grow_to_edge, shrink_keeping_any
from postprocess.shadows.finding import FoundShadow, find_shadow

# Larger photos are looked at in one whose short side has one to two times as many pixels.
WORKING_SIDE_PX = 1000


@dataclass(frozen=True)
class MaskRecipe:
    """How `refine_mask` mends a mask; shares, so that it suits any photo size. 0 = off.

    Detectors draw masks on a coarse grid over the object's box (28 x 28 cells in Mask R-CNN): their error
    grows with the object, not with the photo. What the lens and the sensor blur grows with the photo.
    """

    edges: bool = True
    """Whether the photo is asked for the objects' edge. False = thicken by the same radius all round."""
    thicken_share: float = 0.04
    """Radius added where the photo shows no edge, as a share of the square root of the object's area."""
    thicken_min_px: float = 5.0
    """Least such radius in any photo, in pixels: the rim that interpolation and JPEG blocks leave."""
    thicken_min_share: float = 0.006
    """Least such radius, as a share of the photo's short side."""
    thicken_max_share: float = 0.02
    """Greatest such radius, as a share of the photo's short side (the two least radii come first)."""
    margin_px: float = 2.0
    """Added beyond an edge that the photo shows, in pixels: what the lens and the sensor blur."""
    margin_share: float = 0.002
    """Least margin beyond an edge, as a share of the photo's short side."""
    smooth_share: float = 0.003
    """Bumps and notches up to this radius are rounded off (share of the photo's short side)."""
    close_share: float = 0.003
    """Gaps up to twice this radius are bridged (share of the photo's short side)."""
    hole_share: float = 0.01
    """Holes up to this share of their object's area are filled."""
    speck_share: float = 0.002
    """Objects smaller than this share of the largest one are dropped: dust alone in a mask is kept."""

    shadows: bool = True
    """Whether cast shadows, contact shadows and reflections are looked for."""
    attached: str = "all"
    """Which attached objects go along: "none", "carried", "ridden" or "all" (`postprocess.attached`)."""

    def __post_init__(self) -> None:
        for name in ("edges", "shadows"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be a bool, got {type(getattr(self, name)).__name__}")
        if self.attached not in ATTACHED_CHOICES:
            raise ValueError(f"attached must be one of {', '.join(ATTACHED_CHOICES)}, got {self.attached!r}")
        for name in _AMOUNTS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{name} must be a number, got {type(value).__name__}")
            most, unit = (100, "pixels") if name.endswith("_px") else (1, "a share")
            if not 0 <= value <= most:
                raise ValueError(f"{name} must be {unit} from 0 to {most}, got {value}")

    @classmethod
    def none(cls) -> "MaskRecipe":
        """The recipe that leaves a mask as it is."""
        return cls(**dict.fromkeys(_AMOUNTS, 0.0), edges=False, shadows=False, attached="none")


_AMOUNTS = tuple(field.name for field in fields(MaskRecipe) if isinstance(field.default, float))


@dataclass(frozen=True)
class RefinedMask:
    """What to remove, and why: bool (H, W) arrays of the photo's size, True = remove.

    `mask` is the union of `parts`, which holds "object", "shadow" and "attached".
    """

    mask: np.ndarray
    parts: Mapping[str, np.ndarray]
    shadow_confidence: float = 0.0
    """How sure the surest shadow is, 0 to 1; where none was added, the likeliest region."""


def refine_mask(
    image: np.ndarray,
    mask: np.ndarray,
    recipe: MaskRecipe | None = None,
    others: np.ndarray | None = None,
    *,
    attached: np.ndarray | None = None,
) -> RefinedMask:
    """Mend the mask of the objects to remove, so that no rim of them stays.

    image: uint8 (H, W, 3), RGB. mask: bool (H, W), True = remove. recipe: the settings; None = the defaults.
    others: bool (H, W), objects that stay; nothing is added there, and what `mask` itself marks there is
    kept. None = no such objects. attached: bool (H, W), objects known to go along with those of `mask`
    (`postprocess.attached.attached_objects`); None = none known. A mask that would come to cover the whole
    photo without having done so is left as it was: nothing would be left to fill it from. Raises TypeError
    or ValueError for arrays of other types and shapes.
    """
    check_photo(image, {"mask": mask, "others": others, "attached": attached})
    recipe = MaskRecipe() if recipe is None else recipe
    nothing = np.zeros_like(mask)
    along = nothing if attached is None else attached.copy()
    if recipe.attached in ("carried", "all"):  # what it finds is never ridden
        along |= clinging_region(image, mask, others=others)
    known = mask | along
    found = find_shadow(image, known, others=others) if recipe.shadows else FoundShadow(nothing, 0.0)
    parts = {
        "object": object_part(image, mask, recipe, others=others, aside=along),
        "shadow": found.mask,
        "attached": object_part(image, along, recipe, others=others, aside=mask),
    }
    whole = parts["object"] | parts["shadow"] | parts["attached"]
    if whole.all() and not mask.all():
        return RefinedMask(mask.copy(), {"object": mask.copy(), "shadow": nothing, "attached": nothing})
    return RefinedMask(whole, parts, found.confidence)


def object_part(
    image: np.ndarray,
    mask: np.ndarray,
    recipe: MaskRecipe,
    *,
    others: np.ndarray | None = None,
    aside: np.ndarray | None = None,
) -> np.ndarray:
    """The objects: specks dropped, gaps bridged, each object smoothed, grown to its edge, its holes filled.

    image, mask, others: as in `refine_mask`. aside: bool (H, W), other objects that are removed too, whose
    colours say nothing about where these end; None = none. Returns bool (H, W). A photo whose short side is
    over 2000 px is looked at in a smaller one; the margin covers what that rounds off.
    """
    if not mask.any():
        return mask.copy()
    factor = min(mask.shape) // WORKING_SIDE_PX
    if not recipe.edges or factor < 2:
        return _grown(image, mask, recipe, others, aside)
    height, width = mask.shape
    size = (round(width / factor), round(height / factor))
    fewer_px = replace(
        recipe, thicken_min_px=recipe.thicken_min_px / factor, margin_px=recipe.margin_px / factor
    )
    small = _grown(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA),
        shrink_keeping_any(mask, size),
        fewer_px,
        None if others is None else shrink_keeping_any(others, size),
        None if aside is None else shrink_keeping_any(aside, size),
    )
    levels = np.where(small, np.uint8(255), np.uint8(0))
    grown = cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR) > 127
    kept = cv2.resize(levels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT) > 127
    if others is not None:
        grown &= ~others
    return grown | (mask & kept)


def _grown(
    image: np.ndarray,
    mask: np.ndarray,
    recipe: MaskRecipe,
    others: np.ndarray | None,
    aside: np.ndarray | None,
) -> np.ndarray:
    short_side = min(mask.shape)
    largest = max((enclosed_area_px(outline) for outline in outlines(mask)), default=0.0)
    kept = drop_specks(mask, recipe.speck_share * largest)
    joined = close(kept, recipe.close_share * short_side)
    removed = joined if aside is None else joined | aside
    grown = np.zeros_like(mask)
    for box, objects, area_px in _objects_by_size(joined, recipe):
        rounded = smooth(objects, recipe.smooth_share * short_side)
        radius_px = _thicken_radius_px(area_px, short_side, recipe)
        if recipe.edges:
            wide = grow_to_edge(
                image[box],
                rounded,
                radius_px,
                margin_px=max(recipe.margin_px, recipe.margin_share * short_side),
                outside=None if others is None else others[box] & ~rounded,
                aside=removed[box] & ~rounded,
            )
        else:
            wide = thicken(rounded, radius_px)
        grown[box] |= fill_holes(wide, recipe.hole_share * area_px)
    return grown if others is None else grown & (mask | ~others)


def _thicken_radius_px(area_px: float, short_side: int, recipe: MaskRecipe) -> int:
    least = max(recipe.thicken_min_px, recipe.thicken_min_share * short_side)
    most = max(recipe.thicken_max_share * short_side, least)
    result: int = round(min(max(recipe.thicken_share * area_px**0.5, least), most))
    return result


def _objects_by_size(
    mask: np.ndarray, recipe: MaskRecipe
) -> Iterator[tuple[tuple[slice, slice], np.ndarray, float]]:
    """Objects that take one radius together, so that a mask of a thousand flecks costs one round and not a
    thousand.

    Yields their box with room to grow, the box's part of `mask` with these objects alone, and the largest
    one's area.
    """
    height, width = mask.shape
    short_side = min(height, width)
    groups: dict[int, list[np.ndarray]] = {}
    for outline in outlines(mask):
        radius_px = _thicken_radius_px(enclosed_area_px(outline), short_side, recipe)
        groups.setdefault(radius_px, []).append(outline)
    room = 4 * round(recipe.smooth_share * short_side) + 4
    reach = REACH_RADII if recipe.edges else 1
    for radius_px, group in groups.items():
        x, y, w, h = cv2.boundingRect(np.concatenate(group))
        margin = round(reach * radius_px) + room
        left, top = max(0, x - margin), max(0, y - margin)
        box = (slice(top, min(height, y + h + margin)), slice(left, min(width, x + w + margin)))
        alone = np.zeros(mask[box].shape, np.uint8)
        cv2.drawContours(alone, group, -1, 1, cv2.FILLED, offset=(-left, -top))
        yield box, alone.view(bool) & mask[box], max(map(enclosed_area_px, group))
