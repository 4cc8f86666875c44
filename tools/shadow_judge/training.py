"""Fits the networks of `postprocess.shadows.judge`, and shows how well such networks do on scenes left out.

    python -m tools.shadow_judge.training --data DIR --cache FOLDER            # the table, each kind left out
    python -m tools.shadow_judge.training --data DIR --cache FOLDER --write postprocess/shadows/judge.npz

DIR holds pairs/, pairs2/, coco/, photos/, train/, nopeople/ and people/. The candidates of all scenes
(`photos.py`, `scenes.py`) are measured once and kept in FOLDER. Each candidate's aim is the root of its
overlap (intersection over union) with what the object's mask, mended without a search for shadows, leaves of
the shadow; the loss is the logistic one with soft labels, each object counting once. COCO's photos with
people and the marked ones of benchmarks/shadows_marked.csv are never fitted on.

The table, for each kind of the pairs and networks fitted without it: leak (share of what the object changed
that is left) and spill (area added elsewhere over the area changed) before and after. Then, for several
thresholds: of the marked photos those found, and of COCO's those to which more than 0.5 % is added wrongly.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from postprocess.shadows.finding import AREA_COST, LEAST_CONFIDENCE
from postprocess.shadows.judge import CLIP, is_ruled_out
from tools.shadow_judge import photos, scenes
from tools.shadow_judge.measuring import Measured, joined, kept

SHARES = {"ams": 0.5, "closeup": 0.5, "shade": 2.0, "Board": 0.5, "quiet": 0.5}
"""How much the objects of a kind count; 1 where nothing is said."""
COMPOSITES, RENDERED = 300, 16
HIDDEN = (32, 16)
NETWORKS, ROUNDS, BATCH = 3, 8, 512
RATE, DECAY, DROPPED = 2e-3, 3e-3, 0.1
INVENTED_SHARE = 0.005
THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5)

Judge = Callable[[Measured], np.ndarray]


class Networks:
    """What `postprocess.shadows.judge` reads: one small network for each seed, and how evidence is scaled."""

    def __init__(self, measured: Measured, chosen: np.ndarray) -> None:
        """chosen: bool (N,), the candidates to fit on."""
        values = measured.evidence[chosen]
        self.centre, self.scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
        inputs = self.inputs(measured)[torch.from_numpy(chosen)]
        aim = torch.from_numpy(np.sqrt(measured.overlap[chosen]).astype(np.float32))
        weight = torch.from_numpy(_weights(measured)[chosen].astype(np.float32))
        self.networks = [_fitted(inputs, aim, weight / weight.mean(), seed) for seed in range(NETWORKS)]

    def inputs(self, measured: Measured) -> torch.Tensor:
        normal = np.clip((measured.evidence - self.centre) / self.scale, -CLIP, CLIP)
        return torch.from_numpy(np.hstack([normal, measured.short[:, None]]).astype(np.float32))

    def rate(self, measured: Measured) -> np.ndarray:
        """What `likelihood` gives each candidate, less what its size costs: float (N,)."""
        with torch.no_grad():
            answers = [torch.sigmoid(network(self.inputs(measured))[:, 0]) for network in self.networks]
        names = measured.names.tolist()
        out = np.array([is_ruled_out(dict(zip(names, row, strict=True))) for row in measured.evidence])
        area_px = measured.photo_px[measured.photo_of[measured.object_index], 3]
        cost = AREA_COST * (measured.gain_px + measured.spill_px) / area_px
        return np.where(out, 0.0, torch.stack(answers).mean(0).numpy() - cost)

    def save(self, path: Path, names: np.ndarray, notes: dict[str, str]) -> None:
        stored = {
            "names": names,
            "centre": self.centre.astype(np.float32),
            "scale": self.scale.astype(np.float32),
            "networks": np.array(len(self.networks)),
            "notes": np.array(json.dumps(notes)),
        }
        for index, network in enumerate(self.networks):
            layers = [layer for layer in network if isinstance(layer, nn.Linear)]
            for number, layer in enumerate(layers):
                stored[f"weight_{index}_{number}"] = layer.weight.detach().numpy().astype(np.float16)
                stored[f"bias_{index}_{number}"] = layer.bias.detach().numpy().astype(np.float16)
        np.savez_compressed(path, **stored)


def _weights(measured: Measured) -> np.ndarray:
    counts = np.bincount(measured.object_index, minlength=len(measured.kind_of))
    share = np.array([SHARES.get(kind, 1.0) for kind in measured.kind_of])
    result: np.ndarray = (share / np.maximum(counts, 1))[measured.object_index]
    return result


def _fitted(inputs: torch.Tensor, aim: torch.Tensor, weight: torch.Tensor, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Linear(inputs.shape[1], HIDDEN[0]),
        nn.ReLU(),
        nn.Dropout(DROPPED),
        nn.Linear(*HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN[1], 1),
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, ROUNDS)
    loss_of = nn.BCEWithLogitsLoss(reduction="none")
    for _ in range(ROUNDS):
        for batch in torch.randperm(len(inputs)).split(BATCH):
            loss = (weight[batch] * loss_of(network(inputs[batch])[:, 0], aim[batch])).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return network.eval()


def chosen_candidates(measured: Measured, ratings: np.ndarray, threshold: float) -> list[int]:
    """The likeliest candidate of each object, where it reaches the threshold."""
    best = np.full(len(measured.kind_of), -1)
    for index in np.argsort(ratings):  # the last written is the highest
        best[measured.object_index[index]] = index
    return [int(index) for index in best if index >= 0 and ratings[index] >= threshold]


def table(measured: Measured) -> Iterator[str]:
    """One line for each kind of pairs, rated by networks that were fitted without it."""
    kinds = [kind for kind in dict.fromkeys(measured.kind_of.tolist()) if kind not in UNPAIRED]
    rows = []
    for name in kinds:
        tested = measured.kind == name
        ratings = np.where(tested, Networks(measured, ~tested).rate(measured), -1.0)
        picked = chosen_candidates(measured, ratings, LEAST_CONFIDENCE)
        shares = []
        for photo in sorted(set(measured.photo_of[measured.kind_of == name].tolist())):
            area, leak, spill, _ = measured.photo_px[photo]
            mine = [i for i in picked if measured.photo_of[measured.object_index[i]] == photo]
            left = max(0, leak - sum(measured.gain_px[i] for i in mine))
            more = spill + sum(measured.spill_px[i] for i in mine)
            shares.append((leak / area, left / area, spill / area, more / area))
        rows.append(np.mean(shares, axis=0))
        yield "{}: leak {:.3f} -> {:.3f}, spill {:.3f} -> {:.3f}".format(name, *rows[-1])
    yield "mean: leak {:.3f} -> {:.3f}, spill {:.3f} -> {:.3f}".format(*np.mean(rows, axis=0))


UNPAIRED = ("composite", "render", "quiet", "desoba", "closeup")


def found_and_invented(measured: Measured, ratings: np.ndarray, threshold: float) -> tuple[int, int]:
    """Of the photos of `photos.measured`: how many marked ones are found, how many of COCO's got too much."""
    picked = chosen_candidates(measured, ratings, threshold)
    photo_of = measured.photo_of[measured.object_index]
    found = invented = 0
    for photo, (area, leak, _, all_px) in enumerate(measured.photo_px):
        mine = [i for i in picked if photo_of[i] == photo]
        gain = sum(measured.gain_px[i] for i in mine)
        added = gain + sum(measured.spill_px[i] for i in mine)
        found += bool(area and leak and gain >= 0.5 * leak)
        is_coco = str(measured.photos[photo]).startswith("coco_")
        invented += bool(is_coco and added > INVENTED_SHARE * all_px and gain < 0.5 * added)
    return found, invented


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the measured candidates")
    parser.add_argument("--write", type=Path, help="where to write the networks, fitted on all kinds")
    parser.add_argument("--notes", default="", help="what to note in the file, such as the commit")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    sources = {
        "pairs": photos.pairs(options.data),
        "desoba": photos.shadow_masks(options.data),
        "rendered": scenes.rendered(range(RENDERED)),
        "composites": scenes.composites(options.data, range(COMPOSITES)),
        "quiet": photos.quiet(options.data),
    }
    measured = joined([kept(source, options.cache / f"{name}.npz") for name, source in sources.items()])
    networks = Networks(measured, np.ones(len(measured.short), bool))
    if options.write is not None:
        kinds = ", ".join(sorted(set(measured.kind_of.tolist())))
        notes = {"fitted on": kinds, "rounds": str(ROUNDS), "notes": options.notes}
        networks.save(options.write, measured.names, notes)
    unseen = kept(photos.measured(options.data), options.cache / "measured.npz")
    ratings = networks.rate(unseen)
    for threshold in THRESHOLDS:
        found, invented = found_and_invented(unseen, ratings, threshold)
        print(f"threshold {threshold}: {found} of the marked found, {invented} invented", flush=True)
    for line in table(measured):
        print(line, flush=True)


if __name__ == "__main__":
    main()
