"""Trains `segment.prompts.judge` on simulated clicks on the objects of half of COCO's photos.

    python -m tools.click_judge.training shared/data/coco segment/prompts/click_judge.safetensors

In rounds: the judge of the last round clicks, its states are added to all earlier ones (Ross et al. 2011,
"DAgger"), and a new judge learns from all. The first round clicks by the walks alone. With --start one more
round goes on from a file's judge; the shipped one was made so, from one of three rounds over three quarters
of the photos (every fourth left out, to see how good it is where it did not learn).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from segment.prompts.judge import chances
from segment.prompts.regions import Regions
from tools.click_judge.samples import Scene, State, scenes, simulate

WIDTH, SECOND_WIDTH = 32, 24
EPOCHS = (5, 6, 12)  # of each round
ONE_MORE = (6,)  # with --start
BATCH, RATE, DECAY, DROPOUT = 16, 4e-3, 1e-3, 0.1


Clicking = Callable[[np.ndarray, Regions], np.ndarray]


class Judge(nn.Module):
    """The network of `segment.prompts.judge`, for many states at once."""

    def __init__(self, mean: np.ndarray, deviation: np.ndarray):
        super().__init__()
        self.mean = nn.Buffer(torch.from_numpy(mean))
        self.deviation = nn.Buffer(torch.from_numpy(deviation))
        self.first, self.second = nn.Linear(len(mean), WIDTH), nn.Linear(3 * WIDTH, SECOND_WIDTH)
        self.last, self.drop = nn.Linear(SECOND_WIDTH, 1), nn.Dropout(DROPOUT)

    def forward(self, known: Tensor, blend: Tensor) -> Tensor:
        """Logits (N,). blend: sparse (N, N)."""
        normal = ((known - self.mean) / self.deviation).clamp(-5, 5)
        first = self.drop(self.first(normal).relu())
        around = torch.sparse.mm(blend, first)
        seen = torch.cat([first, around, torch.sparse.mm(blend, around)], 1)
        return self.last(self.drop(self.second(seen).relu()))[:, 0]

    def take(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Sets everything to what `arrays` gave."""
        self.mean, self.deviation = (torch.from_numpy(arrays[name]) for name in ("mean", "deviation"))
        for name in ("first", "second", "last"):
            layer = getattr(self, name)
            layer.weight.data = torch.from_numpy(arrays[name].T.copy())
            layer.bias.data = torch.from_numpy(arrays[f"{name}_bias"])

    def arrays(self) -> dict[str, np.ndarray]:
        """As `segment.prompts.judge.chances` takes them."""
        result = {"mean": self.mean.numpy(), "deviation": self.deviation.numpy()}
        for name in ("first", "second", "last"):
            layer = getattr(self, name)
            result[name] = layer.weight.detach().numpy().T.copy()
            result[f"{name}_bias"] = layer.bias.detach().numpy().copy()
        return result


def batch_of(states: Sequence[State], blends: Sequence[tuple[np.ndarray, ...]]) -> tuple[Tensor, ...]:
    """The states as one graph: evidence, blend, true shares, weights (areas), and which state a row is of."""
    counts = [len(state.share) for state in states]
    starts = np.cumsum([0, *counts])
    known = torch.from_numpy(np.concatenate([state.evidence for state in states]).astype(np.float32))
    parts = [blends[state.scene] for state in states]
    index = np.concatenate(
        [np.stack(part[:2]) + start for part, start in zip(parts, starts, strict=False)], 1
    )
    values = np.concatenate([part[2] for part in parts])
    size = (int(starts[-1]),) * 2
    places, shares = torch.from_numpy(index), torch.from_numpy(values)
    blend = torch.sparse_coo_tensor(places, shares, size, check_invariants=False)
    share = torch.from_numpy(np.concatenate([state.share for state in states]))
    areas = torch.from_numpy(np.concatenate([state.areas for state in states]))
    return known, blend, share, areas, torch.from_numpy(np.repeat(np.arange(len(states)), counts))


def loss_of(logits: Tensor, share: Tensor, areas: Tensor, which: Tensor) -> Tensor:
    """1 - IoU of the chances, and cross entropy by area over the object's, a state like any other."""

    def summed(values: Tensor) -> Tensor:
        return torch.zeros(int(which.max()) + 1).index_add(0, which, values * areas)

    chance = logits.sigmoid()
    shared = summed(chance * share)
    overlap = shared / (summed(chance) + summed(share) - shared + 1e-6)
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, share, reduction="none")
    return (1 - overlap + 0.3 * summed(entropy) / (summed(share) + 0.05)).mean()


def train(
    states: list[State],
    blends: Sequence[tuple[np.ndarray, ...]],
    epochs: int,
    seed: int,
    start: Mapping[str, np.ndarray] | None = None,
) -> Judge:
    """A judge that learnt from the states, from chance on or from where `start` is."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    some = np.concatenate([s.evidence for s in states[:: max(1, len(states) // 200)]]).astype(np.float32)
    judge = Judge(some.mean(0), some.std(0) + 0.05)
    rate = RATE
    if start is not None:
        judge.take(start)
        rate = RATE / 2
    steps = epochs * (len(states) // BATCH)
    optimizer = torch.optim.AdamW(judge.parameters(), rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    for epoch in range(epochs):
        order, losses = generator.permutation(len(states)), []
        for start in range(0, len(order) - BATCH + 1, BATCH):
            known, blend, *rest = batch_of([states[i] for i in order[start : start + BATCH]], blends)
            loss = loss_of(judge(known, blend), *rest)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}", flush=True)
    return judge.eval()


def by_walks(known: np.ndarray, regions: Regions) -> np.ndarray:
    """The first round's judge: as far along the shortest way as to the other side, and alike in colour."""
    return 1 / (1 + np.exp(-(2.5 - 4 * known[:, 8] + 0.8 * known[:, 9] + known[:, 26])))


def sparse(regions: Regions) -> tuple[np.ndarray, ...]:
    """The blend as rows, columns and values."""
    rows, cols = np.nonzero(regions.blend)
    return rows, cols, regions.blend[rows, cols]


def rounds(
    found: list[Scene],
    seed: int,
    epochs: Sequence[int] = EPOCHS,
    start: Mapping[str, np.ndarray] | None = None,
) -> Judge:
    """The judge of the last round; the first round clicks by `start` and goes on from it."""
    blends = [sparse(scene.regions) for scene in found]
    generator = np.random.default_rng(seed)
    judge, states = by_walks if start is None else clicking_by(start), []
    for number, length in enumerate(epochs):
        fresh = [
            state
            for index, scene in enumerate(found)
            for place in range(len(scene.objects))
            for state in simulate(index, scene, place, judge, generator)
        ]
        states += fresh
        print(f"round {number}: {len(fresh)} states, {len(states)} in all", flush=True)
        network = train(states, blends, length, seed, start)
        judge = clicking_by(network.arrays())
    return network


def clicking_by(arrays: Mapping[str, np.ndarray]) -> Clicking:
    """The judge of these arrays."""
    return lambda known, regions: chances(known, regions.blend, arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with images/ and instances.json of COCO")
    parser.add_argument("out", type=Path, help="file of weights to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="go on from this file, for one round")
    chosen = parser.parse_args()
    start = None if chosen.start is None else load_file(chosen.start)
    network = rounds(scenes(chosen.data, "tune"), chosen.seed, ONE_MORE if start else EPOCHS, start)
    terms = {"licence": "MIT", "trained_on": "half of 216 photos of COCO 2017"}
    save_file(network.arrays(), chosen.out, metadata=terms)


if __name__ == "__main__":
    main()
