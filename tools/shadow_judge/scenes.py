"""Photos made with known shadows, to fit and to check the weights of the shadow judge.

Composites: people and things cut out of photos, put on other photos, with a shadow drawn below them in one
of several ways or with none. Rendered: `benchmarks.scene`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from pycocotools.coco import COCO

from benchmarks.scene import render_scene
from tools.shadow_judge.photos import Example

KINDS = {"none": 0.35, "thrown": 0.30, "contact": 0.12, "strip": 0.08, "thrown+contact": 0.15}
"""How often which shadow is drawn."""
CAST_BY = (1, 3, 6, 8, 17, 18, 19)
"""COCO's categories whose objects are put on photos: people, cars, buses, trucks, cats, dogs, horses."""
DARKENED = 0.12
"""Ground that loses more than this share of its light is shadow."""
SECOND_LIGHT = 0.15
"""How often a second light throws a second shadow."""

Cut = tuple[np.ndarray, np.ndarray]


def rendered(seeds: Sequence[int]) -> Iterator[Example]:
    """Rendered scenes; the masks lack a rim of one pixel."""
    for seed in seeds:
        scene = render_scene(height=360, width=540, seed=seed)
        objects = cv2.erode(scene.mask.view(np.uint8), np.ones((3, 3))).view(bool)
        truth = scene.mask | scene.shadow
        yield Example(f"render_{seed}", "render", scene.photo, objects, np.zeros_like(objects), truth)


def composites(data: Path, seeds: Sequence[int]) -> Iterator[Example]:
    """Cut-outs on photos, with the shadows of `KINDS`."""
    annotations = COCO(str(data / "coco" / "instances.json"))
    found = annotations.loadAnns(annotations.getAnnIds(catIds=list(CAST_BY), iscrowd=False))
    things = [annotation for annotation in found if annotation["area"] > 5000]
    views = sorted((data / "photos").iterdir()), sorted((data / "train").iterdir())
    views += (sorted((data / "nopeople").glob("*/*.jpg")),)
    people = sorted((data / "people" / "ccp" / "images").iterdir())
    for seed in seeds:
        rng = np.random.default_rng(seed)
        view = _view(views, rng)
        cuts: list[Cut] = []
        while len(cuts) < 1 + seed % 3:
            cut = _person(people, rng) if rng.random() < 0.65 else _thing(annotations, things, data, rng)
            if cut is not None and cut[1].sum() > 1500:
                cuts.append(cut)
        yield _composite(f"composite_{seed}", view, cuts, rng)


def _view(views: Sequence[Sequence[Path]], rng: np.random.Generator) -> np.ndarray:
    group = views[rng.integers(len(views))]
    view = _photo(group[rng.integers(len(group))])
    scale = rng.uniform(380, 560) / max(view.shape[:2])
    view = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.15:  # a floor of one colour, with a grain
        grain = cv2.GaussianBlur(rng.standard_normal(view.shape[:2]), (0, 0), rng.uniform(0.5, 4))
        colour = rng.uniform(60, 220, 3) * 0.3 + rng.uniform(60, 200)
        view = (colour + (grain / grain.std() * rng.uniform(2, 14))[..., None]).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(view[:, ::-1]) if rng.random() < 0.5 else view


def _person(people: Sequence[Path], rng: np.random.Generator) -> Cut | None:
    photo = people[rng.integers(len(people))]
    mask = photo.parents[1] / "masks" / f"{photo.stem}.png"
    return _trimmed(_photo(photo), _mask(mask, above=200)) if mask.exists() else None


def _thing(annotations: COCO, things: Sequence[dict], data: Path, rng: np.random.Generator) -> Cut | None:
    thing = things[rng.integers(len(things))]
    mask = annotations.annToMask(thing) > 0
    if mask[-3:].any() or mask[:, :2].any() or mask[:, -2:].any():
        return None  # cut off by the frame
    name = annotations.loadImgs(thing["image_id"])[0]["file_name"]
    return _trimmed(_photo(data / "coco" / "images" / name), mask)


def _trimmed(photo: np.ndarray, mask: np.ndarray) -> Cut:
    rows, columns = (np.nonzero(mask.any(axis=axis))[0] for axis in (1, 0))
    if len(rows) == 0:
        return photo[:0], mask[:0]
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return photo[box], mask[box]


@dataclass(frozen=True, eq=False)
class Light:
    """One drawn light for all objects of a composite: thrown by (x, y) per unit of height; soft: pixels."""

    kind: str
    throw: tuple[float, float]
    sky: float
    near_px: float
    far_px: float


def _composite(name: str, view: np.ndarray, cuts: Sequence[Cut], rng: np.random.Generator) -> Example:
    height, width = view.shape[:2]
    angle, length, flat = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1.2), rng.uniform(0.15, 0.6)
    light = Light(
        kind=str(rng.choice(list(KINDS), p=list(KINDS.values()))),
        throw=(float(np.cos(angle) * length), float(np.sin(angle) * length * flat)),
        sky=rng.uniform(0.15, 0.55),
        near_px=rng.uniform(0.6, 1.2),
        far_px=rng.uniform(1, 6),
    )
    lights = [light]
    if "thrown" in light.kind and rng.random() < SECOND_LIGHT:
        turned = angle + rng.uniform(0.5, 2.5)
        throw = float(np.cos(turned) * length), float(np.sin(turned) * length * flat)
        lights.append(replace(light, throw=throw))
    placed = sorted((_placed(cut, height, width, rng) for cut in cuts), key=lambda item: item[0])
    thrown, contact = np.zeros((2, height, width), np.float32)
    for foot, left, _, cover in placed:
        for one in lights:
            thrown = np.maximum(thrown, _thrown(one, cover, foot, left, (height, width)))
        contact = np.maximum(contact, _contact(light, cover, foot, left, (height, width), rng))
    sun = (1 - light.sky) * np.array([1.0, rng.uniform(0.93, 1), rng.uniform(0.85, 1)])
    left_over = (1 - thrown[..., None] * sun) * (1 - contact[..., None])
    shown = 255 * ((view / 255.0) ** 2.2 * left_over) ** (1 / 2.2)
    objects = np.zeros((height, width), bool)
    for foot, left, photo, cover in placed:
        _put(shown, objects, (foot, left), photo, cover)
    shown = shown + rng.standard_normal(shown.shape) * rng.uniform(0, 3)
    image = shown.clip(0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(60, 95))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    truth = objects | (1 - left_over.min(axis=2) > DARKENED)
    return Example(name, "composite", image, _imperfect(objects, rng), np.zeros_like(objects), truth)


def _placed(
    cut: Cut, height: int, width: int, rng: np.random.Generator
) -> tuple[int, int, np.ndarray, np.ndarray]:
    """Row of the feet, left column, photo float32 (h, w, 3), cover float32 (h, w)."""
    photo, mask = cut
    scale = min(rng.uniform(0.2, 0.65) * height / mask.shape[0], 0.7 * width / mask.shape[1])
    size = (max(6, int(mask.shape[1] * scale)), max(6, int(mask.shape[0] * scale)))
    cover = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    foot = int(rng.uniform(0.62, 0.97) * height) if rng.random() < 0.9 else height
    left = int(rng.uniform(-0.05, 0.95) * width - size[0] / 2)
    return foot, left, cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(np.float32), cover


def _thrown(light: Light, cover: np.ndarray, foot: int, left: int, size: tuple[int, int]) -> np.ndarray:
    """The silhouette thrown over the ground, softer the further it falls."""
    x, y = light.throw
    if "thrown" not in light.kind or abs(y) < 0.02:
        return np.zeros(size, np.float32)
    tall = len(cover)
    warp = np.array([[1, -x, left + x * tall], [0, -y, foot + y * tall - 0.02 * tall]], np.float32)
    hard = cv2.warpAffine(cover, warp, size[::-1], flags=cv2.INTER_LINEAR)
    far = np.clip(np.abs(np.arange(size[0]) - foot)[:, None] / (abs(y) * tall), 0, 1)
    near = cv2.GaussianBlur(hard, (0, 0), light.near_px)
    return (near * (1 - far) + cv2.GaussianBlur(hard, (0, 0), light.far_px) * far).astype(np.float32)


def _contact(
    light: Light, cover: np.ndarray, foot: int, left: int, size: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """The sky's light kept from the ground at the feet, or by a low body as a strip below it."""
    shade = np.zeros(size, np.float32)
    tall = len(cover)
    columns = np.nonzero(cover[int(0.85 * tall) :].max(axis=0) > 0.5)[0]
    if light.kind == "strip":
        drop, aside = int(rng.uniform(0.03, 0.15) * tall) + 1, int(rng.uniform(-0.1, 0.1) * cover.shape[1])
        warp = np.array([[1, 0, left + aside], [0, 1, foot - tall + drop]], np.float32)
        shade = cv2.warpAffine(cover, warp, size[::-1])
        shade[: max(0, int(foot - 0.2 * tall))] = 0
        return cv2.GaussianBlur(shade, (0, 0), rng.uniform(0.6, 2)) * np.float32(rng.uniform(0.5, 0.9))
    wanted = "contact" in light.kind or (light.kind != "none" and rng.random() < 0.3)
    if wanted and len(columns):
        centre = (int(left + columns.mean() + rng.uniform(-0.05, 0.05) * tall), int(foot - 0.02 * tall))
        reach = float(np.ptp(columns)) / 2 + rng.uniform(0.02, 0.2) * tall
        axes = (int(reach), max(2, int(reach * rng.uniform(0.2, 0.5))))
        cv2.ellipse(shade, centre, axes, 0, 0, 360, 1.0, -1)
        shade = cv2.GaussianBlur(shade, (0, 0), max(1.0, rng.uniform(0.01, 0.05) * tall))
        shade *= np.float32(rng.uniform(0.25, 0.7))
    return shade


def _put(
    shown: np.ndarray, objects: np.ndarray, at: tuple[int, int], photo: np.ndarray, cover: np.ndarray
) -> None:
    """Draw a cut-out into `shown` and mark it in `objects`, both the caller's working copies."""
    top, left = at[0] - len(cover), at[1]
    rows = slice(max(0, top), min(len(shown), at[0]))
    columns = slice(max(0, left), min(shown.shape[1], left + cover.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    share = cover[part][..., None]
    shown[rows, columns] = shown[rows, columns] * (1 - share) + photo[part] * share
    objects[rows, columns] |= cover[part] > 0.5


def _imperfect(objects: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a detector would mark it: without its rim, its outline rounded."""
    radius = int(rng.integers(0, 4))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    marked = cv2.erode(objects.view(np.uint8), kernel, borderValue=1)
    if rng.random() < 0.5:
        marked = (cv2.GaussianBlur(marked.astype(np.float32), (0, 0), rng.uniform(1, 4)) > 0.5).view(np.uint8)
    return marked.view(bool)


def _photo(path: Path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1])


def _mask(path: Path, *, above: int = 127) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > above
