"""Time of Mask R-CNN on one image: torchvision's full model in float32 against ours, in one run.

    python -m benchmarks.maskrcnn [--variant maskrcnn|maskrcnn-v1] [--runs N] [--size WxH] [--device D]

The weights are random, since the time does not depend on their values; the class scores are set so that 100
instances are found, one in ten of them people, which is the most there can be to paste.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torchvision.models.detection import MaskRCNN

from segment.classes import coco_categories
from segment.maskrcnn import MaskRcnnSegmenter, build_maskrcnn

PERSON, INSTANCES, PEOPLE = 1, 100, 10


class FixedScores(torch.nn.Module):
    """A box predictor that takes the first INSTANCES proposals, PEOPLE of them as people."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, regression = self.inner(x)
        logits, regression = torch.zeros_like(logits), torch.zeros_like(regression)
        logits[:, 0] = 20.0
        logits[:INSTANCES, 0] = 0.0
        first = torch.arange(INSTANCES, device=x.device)
        labels = torch.where(first < PEOPLE, PERSON, 2 + first % 9)  # nine other classes of COCO
        logits[first, labels] = 20.0
        return logits, regression


def median_seconds(call: Callable[[], int], runs: int) -> tuple[int, float, float]:
    """What ``call`` returns (after a first, untimed call), and the medians of its time and processor time."""
    found, seconds, processor_seconds = call(), [], []
    for _ in range(runs):
        begun, processor_begun = time.perf_counter(), time.process_time()
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
        processor_seconds.append(time.process_time() - processor_begun)
    return found, statistics.median(seconds), statistics.median(processor_seconds)


def build(variant: str) -> MaskRCNN:
    torch.manual_seed(0)
    model = build_maskrcnn(variant)
    model.roi_heads.box_predictor = FixedScores(model.roi_heads.box_predictor)
    model.roi_heads.nms_thresh = 1.0  # all of them stay, as far apart or near as they are
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--variant", default="maskrcnn", choices=("maskrcnn", "maskrcnn-v1"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", default="640x480", help="width x height in pixels")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)

    print(f"{options.variant}, {width} x {height}, {options.device}, {torch.get_num_threads()} threads")
    print(f"{'':36} instances  seconds  ratio  processor seconds  ratio   (medians of {options.runs})")
    full = build(options.variant)
    reference = copy.deepcopy(full).to(options.device)
    tensor = torch.from_numpy(image).permute(2, 0, 1).float().div(255).to(options.device)
    with torch.inference_mode():
        first = median_seconds(lambda: len(reference([tensor])[0]["labels"]), options.runs)
    report("torchvision, all classes, float32", first, first)
    for precision in ("float32", "auto"):
        ours = MaskRcnnSegmenter(
            copy.deepcopy(full), name=options.variant, source="", device=options.device, precision=precision
        )
        reduced = "bfloat16" if "bfloat16" in ours.description else "float32"
        for label, classes in (("all classes", None), ("person", (coco_categories()[PERSON],))):
            measured = median_seconds(partial(count_found, ours, image, classes), options.runs)
            report(f"ours, {label}, {reduced}", measured, first)


def count_found(segmenter: MaskRcnnSegmenter, image: np.ndarray, classes: tuple[str, ...] | None) -> int:
    return len(segmenter([image], classes=classes)[0])


def report(name: str, measured: tuple[int, float, float], first: tuple[int, float, float]) -> None:
    found, seconds, processor = measured
    ratios = first[1] / seconds, first[2] / processor
    print(
        f"{name:36} {found:9d} {seconds:8.2f} {ratios[0]:6.2f} {processor:18.2f} {ratios[1]:6.2f}", flush=True
    )


if __name__ == "__main__":
    main()
