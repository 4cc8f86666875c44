"""Fits the networks of `postprocess.attached.judge`, and shows how well such networks do on photos left out.

    python -m tools.clinging_judge.training --data DIR --cache FILE.npz                 # the table
    python -m tools.clinging_judge.training --data DIR --cache FILE.npz --write postprocess/attached/judge.npz

DIR holds coco/ and people/. Regions at people are measured once and kept in FILE.npz: COCO's people with all
that they carry cut out of their masks; the same people as the builtin finder marks them, whose masks stop
short of limbs, bags and boards; every fourth street portrait (people/ccp), whose labels leave bags open;
every sixth photo of people/hsd290. A region is right where CLINGS of it lies on a person or a thing that goes
along, wrong where less than STAYS does; what is between is not fitted on.

The table: photos are left out in four parts; of those to which networks fitted without them add something,
how many are right and how many wrong. Labels miss bags: look at what is called wrong
(benchmarks/clinging.py).
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.clinging import Case, coco, people
from postprocess.attached.clinging import WORKING_SIDE_PX, judged_regions, surroundings
from postprocess.attached.evidence import evidence_of
from postprocess.attached.judge import CLIP, MOST_OTHERS, SLIM
from postprocess.attached.view import view_of
from postprocess.scaling import mask_levels, scaled
from segment import load_segmenter

CLINGS, STAYS = 0.8, 0.5
LEAST_SLIM = 0.3  # of what is fitted on; the judge itself looks at slimmer ones only
FOLDS = 4
HIDDEN = (32, 16)
NETWORKS, ROUNDS, BATCH = 4, 40, 200
RATE, DECAY = 2e-3, 5e-3
THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class Measured:
    """N regions: names of E pieces of evidence; float64 (N, E); share of each on what clings, float64 (N,);
    the photo and the set of each, str (N,)."""

    names: list[str]
    evidence: np.ndarray
    share: np.ndarray
    photos: np.ndarray
    sets: np.ndarray

    def of(self, name: str) -> np.ndarray:
        column: np.ndarray = self.evidence[:, self.names.index(name)]
        return column

    @property
    def judged(self) -> np.ndarray:
        """Which regions the judge looks at, bool (N,)."""
        result: np.ndarray = (
            (self.of("slim") >= SLIM) & (self.of("frame") == 0) & (self.of("others") <= MOST_OTHERS)
        )
        return result


def cases(data: Path) -> Iterator[tuple[str, Case]]:
    for case in coco(data / "coco"):
        yield "coco", case
    for every, name in ((4, "ccp"), (6, "hsd290")):
        for case in itertools.islice(people(data / "people" / name), 0, None, every):
            yield name, case
    finder = load_segmenter("builtin")
    for case in coco(data / "coco"):
        (seen,) = finder([case.image], classes=("person",), min_score=0.5)
        marked = seen.union()
        others = None if case.others is None else case.others & ~marked
        yield "found", replace(case, objects=marked, others=others)


def measure(data: Path) -> Measured:
    rows = []
    for name, case in cases(data):
        for evidence, share in regions_of(case):
            rows.append((evidence, share, case.name, name))
    names = list(rows[0][0])
    return Measured(
        names,
        np.array([[row[0][name] for name in names] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
    )


def regions_of(case: Case) -> Iterator[tuple[dict[str, float], float]]:
    """The evidence on each region at people of one photo, and how much of it is right."""
    height, width = case.objects.shape
    factor = min(1.0, WORKING_SIDE_PX / min(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    kept = np.zeros_like(case.objects) if case.others is None else case.others
    photo, right = scaled(case.image, size), scaled(mask_levels(case.truth), size)
    marked, stays = (scaled(mask_levels(mask), size) for mask in (case.objects, kept))
    for (top, left, bottom, right_edge), alone in surroundings(marked):
        cut = (slice(top, bottom), slice(left, right_edge))
        view = view_of(photo[cut], alone, marked[cut], stays[cut])
        if view is None:
            continue
        truth = scaled(right[cut], view.inside.shape[::-1]) > 100
        if (truth & view.inside).sum() < 0.5 * view.area:
            continue  # the finder took something else for a person
        for region in judged_regions(view):
            evidence = evidence_of(view, region)
            if evidence is not None:
                yield dict(evidence), float(truth[region].mean())


def fitted(measured: Measured, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """What `postprocess.attached.judge` reads. chosen: bool (N,), the regions to fit on."""
    values = measured.evidence[chosen]
    centre, scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    inputs = torch.from_numpy(np.clip((values - centre) / scale, -CLIP, CLIP).astype(np.float32))
    aim = torch.from_numpy((measured.share[chosen] > CLINGS).astype(np.float32))
    stored: dict[str, np.ndarray] = {
        "names": np.array(measured.names),
        "centre": centre,
        "scale": scale,
        "networks": np.array(NETWORKS),
    }
    for seed in range(NETWORKS):
        for layer, linear in enumerate(_network(inputs, aim, seed)):
            stored[f"weight_{seed}_{layer}"] = linear.weight.detach().numpy().astype(np.float16)
            stored[f"bias_{seed}_{layer}"] = linear.bias.detach().numpy().astype(np.float16)
    return stored


def _network(inputs: torch.Tensor, aim: torch.Tensor, seed: int) -> list[nn.Linear]:
    torch.manual_seed(seed)
    sizes = (inputs.shape[1], *HIDDEN, 1)
    linears = [nn.Linear(before, after) for before, after in itertools.pairwise(sizes)]
    network = nn.Sequential(linears[0], nn.ReLU(), linears[1], nn.ReLU(), linears[2])
    steps = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=DECAY)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(ROUNDS):
        for batch in torch.randperm(len(aim), generator=generator).split(BATCH):
            loss = nn.functional.binary_cross_entropy_with_logits(network(inputs[batch])[:, 0], aim[batch])
            steps.zero_grad()
            loss.backward()
            steps.step()
    return linears


def answers(stored: dict[str, np.ndarray], evidence: np.ndarray) -> np.ndarray:
    """Mean answer of the networks, float (N,)."""
    inputs = np.clip((evidence - stored["centre"]) / stored["scale"], -CLIP, CLIP)
    total = np.zeros(len(inputs))
    for seed in range(NETWORKS):
        values = inputs
        for layer in range(len(HIDDEN) + 1):
            values = (
                values @ stored[f"weight_{seed}_{layer}"].astype(float).T + stored[f"bias_{seed}_{layer}"]
            )
            values = np.maximum(values, 0) if layer < len(HIDDEN) else values
        total += 1 / (1 + np.exp(-values[:, 0]))
    return total / NETWORKS


def report(measured: Measured, usable: np.ndarray) -> None:
    parts = np.array([int(hashlib.md5(photo.encode()).hexdigest(), 16) % FOLDS for photo in measured.photos])
    answer = np.zeros(len(parts))
    for part in range(FOLDS):
        left_out = parts == part
        answer[left_out] = answers(fitted(measured, usable & ~left_out), measured.evidence[left_out])
    print("| set | " + " | ".join(f"from {least}" for least in THRESHOLDS) + " |")
    print("|---|" + "---|" * len(THRESHOLDS))
    for name in sorted(set(measured.sets)):
        cells = []
        for least in THRESHOLDS:
            added = (measured.sets == name) & measured.judged & (answer >= least)
            right = len(set(measured.photos[added & (measured.share > STAYS)]))
            wrong = len(set(measured.photos[added & (measured.share <= STAYS)]))
            cells.append(f"{right} right, {wrong} wrong")
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds coco/ and people/")
    parser.add_argument("--cache", type=Path, required=True, help="where the measured regions are kept")
    parser.add_argument("--write", type=Path, help="also fit on all and write the networks here")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if not arguments.cache.exists():
        measured = measure(arguments.data)
        arguments.cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(arguments.cache, **vars(measured))
    with np.load(arguments.cache) as cached:
        measured = Measured(
            list(map(str, cached["names"])),
            *(cached[name] for name in ("evidence", "share", "photos", "sets")),
        )
    decided = (measured.share > CLINGS) | (measured.share < STAYS)
    usable = decided & (measured.of("slim") >= LEAST_SLIM)
    print(f"{usable.sum()} regions, {(usable & (measured.share > CLINGS)).sum()} of them right")
    report(measured, usable)
    if arguments.write:
        stored: dict[str, Any] = dict(fitted(measured, usable))
        np.savez_compressed(arguments.write, **stored)


if __name__ == "__main__":
    main()
