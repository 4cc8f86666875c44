"""Trains the shadow network, on one thread of a processor.

    python -m tools.shadow_network.training --data DIR --trunk lite0.pth --out RUN --minutes 60

Composites (`composites.py`) and photos of people without a cast shadow; with --pairs the pairs of a view with
and without its objects as well, but for the kinds named by --without. Every few minutes RUN/shadow.pt holds
the mean of the last weights, and what it does on composites and photos that are kept apart is printed.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tools.finder.lite_trunk import LiteTrunk
from tools.shadow_judge import photos
from tools.shadow_network import real, sources
from tools.shadow_network.composites import Composer
from tools.shadow_network.framing import UNKNOWN, Sample
from tools.shadow_network.network import ShadowNetwork

BATCH = 24
RATE, TRUNK_RATE = 2e-3, 6e-4
WARM_UP_STEPS = 150
PAIR_SHARE = 0.15
POOL, POOL_AT_FIRST, NEW_EACH_STEP = 6000, 400, 6
MEAN_DECAY = 0.995
REPORT_S = 300.0
POSITIVE_WEIGHT = 2.0
CHECKED = 120


def tensors(samples: Sequence[Sample]) -> tuple[Tensor, Tensor, Tensor]:
    """images float32 (N, 3, H, W) in [-1, 1], planes float32 (N, 2, H, W), shadow uint8 (N, 1, H/2, W/2)."""
    images = torch.from_numpy(np.stack([one.image for one in samples])).permute(0, 3, 1, 2).float()
    planes = torch.from_numpy(np.stack([one.planes for one in samples])).permute(0, 3, 1, 2).float()
    shadow = torch.from_numpy(np.stack([one.shadow for one in samples]))[:, None]
    return images.div_(127.5).sub_(1.0), planes.div_(255), shadow


def loss_of(logits: Tensor, shadow: Tensor) -> Tensor:
    """Cross entropy where it is known, and one minus Dice's coefficient of the pictures with a shadow."""
    known = (shadow != UNKNOWN).float()
    truth = (shadow == 1).float()
    weight = known * (1 + (POSITIVE_WEIGHT - 1) * truth)
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, weight, reduction="sum")
    likely = logits.sigmoid() * known
    both, sizes = (likely * truth).sum((1, 2, 3)), (likely + truth).sum((1, 2, 3))
    dice = 1 - (2 * both + 4) / (sizes + 4)
    has = truth.sum((1, 2, 3)) > 10
    return entropy / known.sum() + 0.15 * (dice * has).sum() / has.sum().clamp(min=1)


def mirrored(one: Sample) -> Sample:
    return Sample(*(np.ascontiguousarray(plane[:, ::-1]) for plane in (one.image, one.planes, one.shadow)))


class Photos:
    """What is learned from, and what is kept apart."""

    def __init__(self, data: Path, pairs: bool, without: Sequence[str], quiet_share: float) -> None:
        self.quiet_share = quiet_share
        self.composer, apart = (
            Composer(
                sources.people_cuts(data, apart=kept),
                sources.thing_cuts(data, apart=kept),
                sources.views(data, apart=kept),
            )
            for kept in (False, True)
        )
        quiet = real.objects_of(photos.quiet(data))
        self.quiet = [one for one in quiet if not sources.is_apart(one.name)]
        rng = np.random.default_rng(0)
        self.apart = {
            "composites": [apart.sample(rng) for _ in range(CHECKED)],
            "quiet": [real.sample(one) for one in quiet if sources.is_apart(one.name)],
        }
        seen = real.objects_of(photos.pairs(data))
        for kind in sorted({one.kind for one in seen}):
            self.apart[kind] = [real.sample(one) for one in seen if one.kind == kind]
        learned = [one for one in seen if pairs and one.kind not in without]
        self.pairs = learned + (real.objects_of(photos.shadow_masks(data)) if pairs else [])
        self.pool = [self.composer.sample(rng) for _ in range(POOL_AT_FIRST)]

    def batch(self, rng: np.random.Generator) -> list[Sample]:
        quiet = rng.binomial(BATCH, self.quiet_share)
        pairs = rng.binomial(BATCH, PAIR_SHARE) if self.pairs else 0
        chosen = [real.sample(self.quiet[rng.integers(len(self.quiet))], rng) for _ in range(quiet)]
        kinds = sorted({one.kind for one in self.pairs})
        for _ in range(pairs):
            kind = kinds[rng.integers(len(kinds))]
            mine = [one for one in self.pairs if one.kind == kind]
            chosen.append(real.sample(mine[rng.integers(len(mine))], rng))
        for _ in range(NEW_EACH_STEP):
            made = self.composer.sample(rng)
            if len(self.pool) < POOL:
                self.pool.append(made)
            else:
                self.pool[rng.integers(POOL)] = made
        recent = rng.integers(len(self.pool), size=max(0, BATCH - len(chosen)))
        chosen += [self.pool[index] for index in recent]
        return [mirrored(one) if rng.random() < 0.5 else one for one in chosen[:BATCH]]


@torch.inference_mode()
def likely(network: ShadowNetwork, samples: Sequence[Sample]) -> np.ndarray:
    """float32 (N, H/2, W/2), 0 to 1."""
    network.eval()
    found = []
    for start in range(0, len(samples), BATCH):
        images, planes, _ = tensors(samples[start : start + BATCH])
        with torch.autocast("cpu", torch.bfloat16):
            found.append(network(images, planes).float().sigmoid()[:, 0].numpy())
    network.train()
    return np.concatenate(found)


def report(network: ShadowNetwork, photos_: Photos) -> str:
    """Overlap, pooled, of each set kept apart at 0.5; of those without a shadow the share of pictures with
    over 1 % found."""
    texts = []
    for name, samples in photos_.apart.items():
        found = likely(network, samples) > 0.5
        answers = np.stack([one.shadow for one in samples])
        known = answers != UNKNOWN
        found &= known
        truth = answers == 1
        has = truth.sum((1, 2)) > 10
        false = (found[~has].sum((1, 2)) > 0.01 * known[~has].sum((1, 2))).mean() if (~has).any() else 0.0
        hit, miss = (found & truth)[has].sum(), (truth & ~found)[has].sum()
        wrong = (found & ~truth)[has].sum()
        union = max(1, hit + miss + wrong)
        texts.append(f"{name} {hit / union:.2f} (miss {miss / max(1, hit + miss):.2f}) false {false:.2f}")
    return "; ".join(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trunk", type=Path, help="published weights of EfficientNet-Lite0")
    parser.add_argument("--start", type=Path, help="shadow.pt of an earlier run, to go on from")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--without", nargs="*", default=[], metavar="KIND")
    parser.add_argument(
        "--quiet-share", type=float, default=0.2, help="of photos without a shadow in a batch"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="factor of the learning rates")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    network = started(options.trunk, options.start)
    options.out.mkdir(parents=True, exist_ok=True)
    train(network, Photos(options.data, options.pairs, options.without, options.quiet_share), options, rng)


def started(trunk: Path | None, start: Path | None) -> ShadowNetwork:
    network = ShadowNetwork()
    if trunk is not None:
        published = LiteTrunk()
        published.from_published(trunk)
        network.stem.load_state_dict(published.stem.state_dict())
        for mine, theirs in zip(network.stages, published.stages, strict=False):
            mine.load_state_dict(theirs.state_dict())
    if start is not None:
        network.load_state_dict(torch.load(start, weights_only=True)["network"])
    for part in network.front():
        part.requires_grad_(False)
    return network.to(memory_format=torch.channels_last)


def train(
    network: ShadowNetwork, seen: Photos, options: argparse.Namespace, rng: np.random.Generator
) -> None:
    trunk = [*network.stages[2].parameters(), *network.stages[3].parameters()]
    ids = {id(parameter) for parameter in trunk}
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rest = [parameter for parameter in learned if id(parameter) not in ids]
    optimizer = torch.optim.AdamW(
        [{"params": trunk, "rate": TRUNK_RATE}, {"params": rest, "rate": RATE}], lr=RATE, weight_decay=0.01
    )
    mean = {name: value.clone().float() for name, value in network.state_dict().items()}
    begun = reported = time.monotonic()
    losses: list[float] = []
    network.train()
    step = 0
    while (done := (time.monotonic() - begun) / (60 * options.minutes)) < 1:
        step += 1
        factor = (
            options.rate * min(1, step / WARM_UP_STEPS) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        )
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * factor
        images, planes, shadow = tensors(seen.batch(rng))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(images.contiguous(memory_format=torch.channels_last), planes)
        loss = loss_of(logits.float(), shadow)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        decay = min(MEAN_DECAY, step / (step + 20))
        for name, value in network.state_dict().items():
            mean[name].lerp_(value.float(), 1 - decay)
        losses.append(float(loss.detach()))
        if time.monotonic() - reported > REPORT_S:
            reported = time.monotonic()
            keep(mean, network, seen, options.out, step, losses)
            losses = []
    if losses:
        keep(mean, network, seen, options.out, step, losses)


def keep(
    mean: dict[str, Tensor], network: ShadowNetwork, seen: Photos, out: Path, step: int, losses: list[float]
) -> None:
    """Write the mean of the last weights, and print how good they are."""
    state = {name: mean[name].to(value.dtype) for name, value in network.state_dict().items()}
    torch.save({"network": state, "step": step}, out / "shadow.pt")
    averaged = ShadowNetwork()
    averaged.load_state_dict(state)
    averaged.to(memory_format=torch.channels_last)
    line = (
        f"step {step}, loss {np.mean(losses):.4f}, cpu {time.process_time():.0f} s: {report(averaged, seen)}"
    )
    print(line, flush=True)


if __name__ == "__main__":
    main()
