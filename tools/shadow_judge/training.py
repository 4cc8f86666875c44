"""Fits the weights of `postprocess.shadows.judge`, and shows how well such weights do on scenes left out.

    python tools/shadow_judge/training.py --data DIR --cache FILE             # the table, each kind left out
    python tools/shadow_judge/training.py --data DIR --cache FILE --write postprocess/shadows/weights.py

DIR holds pairs/, coco/, photos/, train/ and people/. The candidates of all scenes (`shadow_scenes.py`) are
measured once and kept in FILE, a NumPy file. Each candidate's aim is the root of its overlap (intersection
over union) with what the object's mask, mended without a search for shadows, leaves of the shadow; the loss
is the logistic one with soft labels, each object counting once, with an L2 penalty. The COCO images of odd
number are never fitted on.

The table, for each kind of the pairs and weights fitted without it: leak (share of what the object changed
that is left) and spill (area added elsewhere over the area changed) before and after. For COCO: how many of
the objects of the images of odd number, none of which has a known shadow, would get one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from postprocess import MaskRecipe, refine_mask
from postprocess.shadows.evidence import Witness
from postprocess.shadows.finding import LEAST_CONFIDENCE
from postprocess.shadows.ground import SEARCH_SIDE_PX, Surroundings, shrink_keeping_half, surroundings
from postprocess.shadows.judge import CLIP, CUT_OFF, DARK_ELSEWHERE, LARGEST, SHORT_FACTOR
from postprocess.shadows.regions import dark_regions, with_soft_edge
from tools.shadow_judge.scenes import Example, coco, composites, pairs, rendered

SHARES = {"ams": 0.5, "closeup": 0.5, "shade": 2.0}
"""How much the objects of a kind count; 1 where nothing is said."""
PENALTY = 10.0
COMPOSITES = 260
RENDERED = 16
LEAST_OVERLAP_PX = 5
"""Added to unions, so that nothing to find is no reason to find something."""
OBJECT_ONLY = MaskRecipe(shadows=False, attached="none")


@dataclass(frozen=True, eq=False)
class Measured:
    """All candidates: evidence float (N, K); names of its columns; short, overlap, gain_px, spill_px (N,);
    object_index (N,), kind_of and photo_of by object, and the area changed, leak_px and spill_px by photo."""

    evidence: np.ndarray
    names: np.ndarray
    short: np.ndarray
    overlap: np.ndarray
    gain_px: np.ndarray
    spill_px: np.ndarray
    object_index: np.ndarray
    kind_of: np.ndarray
    photo_of: np.ndarray
    photos: np.ndarray
    photo_px: np.ndarray


def measure(examples: Iterator[Example]) -> Measured:
    """The candidates of all objects of the examples."""
    rows: list[tuple[list[float], bool, float, int, int, int]] = []
    kinds: list[str] = []
    photo_of: list[int] = []
    photos: list[str] = []
    photo_px: list[tuple[int, int, int]] = []
    names: list[str] = []
    for example in examples:
        photos.append(example.name)
        scale = min(1.0, SEARCH_SIDE_PX / max(example.objects.shape))
        small = [max(1, round(side * scale)) for side in example.objects.shape]
        base = shrink_keeping_half(refine_mask(example.image, example.objects, OBJECT_ONLY).mask, *small)
        truth = np.zeros_like(base) if example.truth is None else shrink_keeping_half(example.truth, *small)
        photo_px.append((int(truth.sum()), int((truth & ~base).sum()), int((base & ~truth).sum())))
        planes = [
            shrink_keeping_half(plane, *small) for plane in (example.image, example.objects, example.others)
        ]
        for around in surroundings(planes[0], planes[1], planes[2]):
            left = (truth & ~base)[around.box]
            for evidence, short, region in _candidates(around):
                new = region & ~base[around.box]
                gain, spill = int((new & left).sum()), int((new & ~left).sum())
                overlap = gain / (int(left.sum()) + spill + LEAST_OVERLAP_PX)
                names = list(evidence)
                rows.append((list(evidence.values()), short, overlap, gain, spill, len(kinds)))
            kinds.append(example.kind)
            photo_of.append(len(photos) - 1)
    columns = list(zip(*rows, strict=True))
    return Measured(
        np.array(columns[0]),
        np.array(names),
        *(np.array(column) for column in columns[1:]),
        np.array(kinds),
        np.array(photo_of),
        np.array(photos),
        np.array(photo_px),
    )


def _candidates(around: Surroundings) -> Iterator[tuple[dict[str, float], bool, np.ndarray]]:
    witness = Witness(around)
    shape = tuple(part.stop - part.start for part in around.box)
    for region in dark_regions(around):
        evidence = witness.measure(region)
        if evidence is not None:
            levels = with_soft_edge(around, region.mask).view(np.uint8) * np.uint8(255)
            yield evidence, region.short, cv2.resize(levels, shape[::-1]) > 127


Weights = dict[bool, tuple[np.ndarray, np.ndarray, np.ndarray]]


def fit(measured: Measured, chosen: np.ndarray) -> Weights:
    """Means, standard deviations and weights (bias first) for whole and for short regions.

    chosen: bool (N,), the candidates to fit on.
    """
    counts = np.bincount(measured.object_index, minlength=len(measured.kind_of))
    share = np.array([SHARES.get(kind, 1.0) for kind in measured.kind_of])
    weight = (share / np.maximum(counts, 1))[measured.object_index]
    weights: Weights = {}
    for short in (False, True):
        part = chosen & (measured.short == short)
        values, aim = measured.evidence[part], np.sqrt(measured.overlap[part])
        mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
        weights[short] = mean, deviation, _logistic(_terms(values, mean, deviation), aim, weight[part])
    return weights


def _terms(values: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    normal = np.clip((values - mean) / deviation, -CLIP, CLIP)
    return np.hstack([np.ones((len(values), 1)), normal, normal**2])


def _logistic(terms: np.ndarray, aim: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Newton's method for the penalised logistic loss; the bias is not penalised."""
    solution = np.zeros(terms.shape[1])
    penalty = np.full(len(solution), PENALTY)
    penalty[0] = 1e-6
    for _ in range(30):
        likely = 1 / (1 + np.exp(-terms @ solution))
        gradient = terms.T @ (weight * (likely - aim)) + penalty * solution
        curvature = (terms * (weight * likely * (1 - likely))[:, None]).T @ terms + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        solution -= step
        if np.abs(step).max() < 1e-8:
            break
    return solution


def rate(measured: Measured, weights: Weights) -> np.ndarray:
    """What `likelihood` gives each candidate: float (N,)."""
    ratings = np.zeros(len(measured.short))
    for short, (mean, deviation, solution) in weights.items():
        part = measured.short == short
        likely = 1 / (1 + np.exp(-_terms(measured.evidence[part], mean, deviation) @ solution))
        ratings[part] = likely * (SHORT_FACTOR if short else 1.0)
    cut, dark, area = (
        measured.evidence[:, list(measured.names).index(name)] for name in ("cut", "dark_elsewhere", "area")
    )
    out = (cut > CUT_OFF) | (dark > DARK_ELSEWHERE) | (area > np.log(LARGEST))
    return np.where(out, 0.0, ratings)


def table(measured: Measured) -> Iterator[str]:
    """One line for each kind of scene, rated by weights that were fitted without it."""
    kind = measured.kind_of[measured.object_index]
    held = _held_out(measured)
    for name in dict.fromkeys(measured.kind_of.tolist()):
        if name == "composite":
            continue
        tested = held if name == "coco" else kind == name
        ratings = np.where(tested, rate(measured, fit(measured, ~tested & ~held)), -1.0)
        best = np.full(len(measured.kind_of), -1)
        for index in np.argsort(ratings):  # the last written is the highest
            best[measured.object_index[index]] = index
        picked = [index for index in best if index >= 0 and ratings[index] >= LEAST_CONFIDENCE]
        if name == "coco":
            objects = len(set(measured.object_index[tested].tolist()))
            yield f"coco: {len(picked)} of {objects} objects without a shadow would get one"
            continue
        leaks, spills = [], []
        for photo in sorted(set(measured.photo_of[measured.kind_of == name].tolist())):
            area, leak, spill = measured.photo_px[photo]
            mine = [i for i in picked if measured.photo_of[measured.object_index[i]] == photo]
            after = (
                leak - sum(measured.gain_px[i] for i in mine),
                spill + sum(measured.spill_px[i] for i in mine),
            )
            leaks.append((leak / area, max(0, after[0]) / area))
            spills.append((spill / area, after[1] / area))
        before, after_all = np.mean(leaks, axis=0)
        spill_before, spill_after = np.mean(spills, axis=0)
        yield f"{name}: leak {before:.3f} -> {after_all:.3f}, spill {spill_before:.3f} -> {spill_after:.3f}"


def _held_out(measured: Measured) -> np.ndarray:
    odd = [name.startswith("coco_") and int(name.removeprefix("coco_")) % 2 == 1 for name in measured.photos]
    return np.array(odd)[measured.photo_of[measured.object_index]]


def as_module(measured: Measured, weights: Weights) -> str:
    """The text of postprocess/shadows/weights.py."""
    lines = [
        '"""Weights of `shadow_judge`: data, written by tools/shadow_judge/training.py."""',
        "",
        "# Kind of region, name of evidence: mean, standard deviation, weight, weight of the square.",
        "WEIGHTS = {",
    ]
    count = len(measured.names)
    for kind, short in (("cast", False), ("contact", True)):
        mean, deviation, solution = weights[short]
        numbers = zip(mean, deviation, solution[1 : count + 1], solution[count + 1 :], strict=True)
        lines.append(f'    "{kind}": {{')
        for name, (centre, scale, linear, square) in zip(measured.names, numbers, strict=True):
            lines.append(f'        "{name}": ({centre:.4g}, {scale:.4g}, {linear:.3f}, {square:.3f}),')
        lines.append("    },")
    lines += ["}", f'BIAS = {{"cast": {weights[False][2][0]:.3f}, "contact": {weights[True][2][0]:.3f}}}']
    return "\n".join([*lines, 'NAMES = tuple(WEIGHTS["cast"])', ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="where to write the weights, fitted on all but odd COCO")
    options = parser.parse_args()
    if options.cache.exists():
        with np.load(options.cache) as stored:
            measured = Measured(**stored)
    else:
        measured = measure(_all_examples(options.data))
        np.savez(options.cache, **vars(measured))
    for line in table(measured):
        print(line)
    if options.write is not None:
        options.write.write_text(as_module(measured, fit(measured, ~_held_out(measured))))


def _all_examples(data: Path) -> Iterator[Example]:
    yield from pairs(data)
    yield from rendered(range(RENDERED))
    yield from coco(data)
    yield from composites(data, range(COMPOSITES))


if __name__ == "__main__":
    main()
