"""Trains the network that turns boxes into masks.

    python -m tools.finder.box_training --data DIR --trunk PUBLISHED.pth --out box_network.pt

Reads top to bottom. Everything random comes from one generator. Every twelfth of the COCO photos that train
the finder is kept apart here, and says how good the masks are.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from pycocotools.coco import COCO

from tools.finder.augment import Sample, paste, recolour
from tools.finder.box_network import WINDOW_PX, BoxNetwork, box_probabilities, warped, window_matrix
from tools.finder.losses import segmentation_loss
from tools.finder.network import to_tensor
from tools.finder.photos import IGNORE, PERSON, Cutout, cut_out, load_set, read_rgb
from tools.finder.splits import coco_split

SETS = {"ccp": 0.2, "hsd290": 0.12, "ccp_extra": 0.06, "pelota": 0.04, "davis": 0.03, "p3m_demo": 0.02,
        "coco_more": 0.08}  # fmt: skip
COCO_PEOPLE, COCO_THINGS = 0.4, 0.12  # by what share of the samples; the rest by SETS
LEAST_SIDE_PX = 14
BOX_ERROR = 0.04  # of a side: how far a side of a box is off
KEPT_APART = 12


@dataclass(frozen=True)
class Example:
    """A thing with its box: image uint8 (H, W, 3), label uint8 (H, W), 255 the thing, 128 not known."""

    image: np.ndarray
    label: np.ndarray
    box: np.ndarray
    person: bool


def example(image: np.ndarray, label: np.ndarray, *, person: bool) -> Example | None:
    """The part of a photo around what is labelled, None where that is too small."""
    left, top, width, height = cv2.boundingRect((label == PERSON).view(np.uint8))
    if min(width, height) < LEAST_SIDE_PX:
        return None
    margin = max(width, height)
    rows = slice(max(0, top - margin), top + height + margin)
    cols = slice(max(0, left - margin), left + width + margin)
    box = np.array([left, top, left + width, top + height], np.float32)
    box -= np.tile((cols.start, rows.start), 2).astype(np.float32)
    part, label = image[rows, cols], label[rows, cols]
    scale = min(1.0, 2.2 * WINDOW_PX / margin)
    if scale < 1:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        label = cv2.resize(label, part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return Example(np.ascontiguousarray(part), label, box * np.float32(scale), person)


def coco_examples(folder: Path, *, kept_apart: bool) -> tuple[list[Example], list[Example]]:
    """People and other things of the COCO photos that train the finder."""
    coco = COCO(folder / "instances.json")
    person_id = next(c["id"] for c in coco.dataset["categories"] if c["name"] == "person")
    people: list[Example] = []
    things: list[Example] = []
    for info in coco.dataset["images"]:
        if coco_split(info["id"]) != "train" or (info["id"] % KEPT_APART == 1) != kept_apart:
            continue
        image = read_rgb(folder / "images" / info["file_name"])
        annotations = coco.imgToAnns[info["id"]]
        crowd = np.zeros(image.shape[:2], bool)
        for annotation in annotations:
            if annotation["iscrowd"]:
                crowd |= coco.annToMask(annotation) > 0
        for annotation in annotations:
            if not annotation["iscrowd"]:
                mask = coco.annToMask(annotation) > 0
                label = np.where(mask, PERSON, np.where(crowd, IGNORE, 0)).astype(np.uint8)
                person = annotation["category_id"] == person_id
                if (one := example(image, label, person=person)) is not None:
                    (people if person else things).append(one)
    return people, things


def set_examples(folder: Path) -> list[Example]:
    """People of one set. Where they are not told apart a region taller than wide counts as one person."""
    found = []
    for photo in load_set(folder, "train"):
        count, regions, stats, _ = cv2.connectedComponentsWithStats((photo.label == PERSON).view(np.uint8))
        if folder.name != "coco_more":
            one = example(photo.image, photo.label, person=True)
            found += [one] if one is not None else []
            continue
        for index in range(1, count):
            if stats[index, cv2.CC_STAT_HEIGHT] > 1.6 * stats[index, cv2.CC_STAT_WIDTH]:
                label = np.where(regions == index, PERSON, np.where(photo.label == IGNORE, IGNORE, 0))
                one = example(photo.image, label.astype(np.uint8), person=True)
                found += [one] if one is not None else []
    return found


class Examples:
    """Draws samples; `random` is the only source of chance."""

    def __init__(self, data: Path, random: np.random.Generator):
        people, things = coco_examples(data / "coco", kept_apart=False)
        groups = [(COCO_PEOPLE, people), (COCO_THINGS, things)]
        groups += [(share, set_examples(data / "people" / name)) for name, share in SETS.items()]
        groups = [(share, members) for share, members in groups if members]
        self.groups = [members for _, members in groups]
        shares = np.array([share for share, _ in groups])
        self.shares = shares / shares.sum()
        self.random = random
        cut = [cut_out(one.image, one.label == PERSON) for one in people + things]
        self.cutouts: list[Cutout] = [one for one in cut if one is not None]

    def sample(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """image uint8 (S, S, 3), label uint8 (S, S), box float32 (S, S) as `BoxNetwork` takes it."""
        random = self.random
        group = self.groups[random.choice(len(self.groups), p=self.shares)]
        one = group[random.integers(len(group))]
        matrix = window_matrix(one.box, context=random.uniform(1.15, 1.6))
        matrix[:, 2] += random.uniform(-0.06, 0.06, 2) * WINDOW_PX
        image = warped(one.image, matrix)
        label = cv2.warpAffine(
            one.label, matrix, (WINDOW_PX,) * 2, flags=cv2.INTER_NEAREST, borderValue=IGNORE
        )
        if random.random() < 0.35:
            image, label = self.half_hidden(image, label)
        if random.random() < 0.5:
            image, label = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(label[:, ::-1])
        if random.random() < 0.5:  # small people are enlarged
            few = round(WINDOW_PX * random.uniform(0.2, 0.9))
            image = cv2.resize(image, (few, few), interpolation=cv2.INTER_AREA)
            image = cv2.resize(image, (WINDOW_PX,) * 2, interpolation=cv2.INTER_LINEAR)
        inside = self.shaken_box(label)
        label = np.where(inside > 0, label, IGNORE).astype(np.uint8)
        sign = 1 if one.person else -1
        return recolour(random, image), label, inside.astype(np.float32) * sign

    def half_hidden(self, image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Something pasted over it, where a third of it stays visible."""
        cutout = self.cutouts[self.random.integers(len(self.cutouts))]
        before = Sample(image, label, np.zeros(label.shape, np.int16))
        after = paste(self.random, before, cutout, person=False)
        enough = (after.label == PERSON).sum() > 0.35 * (label == PERSON).sum()
        return (after.image, after.label) if enough else (image, label)

    def shaken_box(self, label: np.ndarray) -> np.ndarray:
        left, top, width, height = cv2.boundingRect((label == PERSON).view(np.uint8))
        off = self.random.normal(0, BOX_ERROR, 4) * (width, height, width, height)
        sides = np.rint(np.array([left, top, left + width, top + height]) + off).astype(int)
        sides = sides.clip(0, WINDOW_PX)
        inside = np.zeros(label.shape, np.uint8)
        inside[sides[1] : sides[3], sides[0] : sides[2]] = 1
        return inside


def learn(network: BoxNetwork, examples: Examples, steps: int, batch: int, rate: float) -> BoxNetwork:
    """Trains in place; returns the averaged network, whose statistics are those of the trained one."""
    trunk = list(network.trunk.parameters())
    known = {id(parameter) for parameter in trunk}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in known]
    groups = [{"params": trunk, "share": 0.35}, {"params": rest, "share": 1.0}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.02, fused=True)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    network.train()
    started, losses = time.monotonic(), []
    for step in range(steps):
        for group in optimiser.param_groups:
            falling = 0.5 + 0.5 * math.cos(math.pi * step / steps)
            group["lr"] = rate * group["share"] * min(1.0, (step + 1) / 60) * max(falling, 0.01)
        images, labels, boxes = (np.stack(part) for part in zip(*(examples.sample() for _ in range(batch)),
                                                               strict=True))  # fmt: skip
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(to_tensor(torch.from_numpy(images)), torch.from_numpy(boxes)[:, None])
        loss = segmentation_loss(logits.float(), torch.from_numpy(labels)[:, None])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update_parameters(network)
        losses.append(loss.item())
        if (step + 1) % 50 == 0:
            click.echo(f"{step + 1} {time.monotonic() - started:.0f} s loss {np.mean(losses[-50:]):.4f}")
    averaged = average.module.eval()
    assert isinstance(averaged, BoxNetwork)
    return averaged


def scores(network: BoxNetwork, data: Path) -> list[float]:
    """IoU inside of their box of the people that were kept apart."""
    network.eval()
    found = []
    for one in coco_examples(data / "coco", kept_apart=True)[0]:
        probability = box_probabilities(network, one.image, one.box[None])[0]
        person, known = one.label == PERSON, one.label != IGNORE
        mask = (probability > 0.5) & known
        found.append(float((mask & person).sum() / (mask | person).sum()))
    return found


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--trunk", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--steps", default=1500, show_default=True)
@click.option("--batch", default=20, show_default=True)
@click.option("--learning-rate", default=2e-3, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(data: Path, trunk: Path, out: Path, steps: int, batch: int, learning_rate: float, seed: int) -> None:
    """Train the network that turns boxes into masks, and say how well it does on people kept apart."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    cv2.setNumThreads(1)
    network = BoxNetwork()
    network.trunk.from_published(trunk)
    network = network.to(memory_format=torch.channels_last)
    examples = Examples(data, np.random.default_rng(seed))
    network = learn(network, examples, steps, batch, learning_rate)
    torch.save(network.state_dict(), out)
    values = scores(network, data)
    click.echo(
        f"{len(values)} people kept apart: IoU mean {np.mean(values):.3f}, median {np.median(values):.3f}"
    )


if __name__ == "__main__":
    main()
