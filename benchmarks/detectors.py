"""Size, memory and work of the detectors that transformers runs, with random weights of the published shapes.

    python -m benchmarks.detectors rf-detr-seg-nano mask2former-swin-tiny

Neither depends on the values of the weights. Each model finds objects in one photo of 12 megapixels on the
processor, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

SIDES = (3000, 4000)
# name: side in px, windows of the attention, layers of the decoder, queries (transformers' conversion script)
RF_DETR = {
    "nano": (312, 1, 4, 100),
    "small": (384, 2, 4, 100),
    "medium": (432, 2, 5, 200),
    "large": (504, 2, 5, 300),
    "xlarge": (624, 2, 6, 300),
}
# name: channels, blocks of the third stage, heads of the first stage, window, queries (Mask2Former's configs)
SWIN = {
    "tiny": (96, 6, 3, 7, 100),
    "small": (96, 18, 3, 7, 100),
    "base": (128, 18, 4, 12, 100),
    "large": (192, 18, 6, 12, 200),
}


def save_rf_detr(size: str, folder: str) -> None:
    from transformers import RfDetrConfig, RfDetrForInstanceSegmentation, RfDetrImageProcessor

    side, windows, layers, queries = RF_DETR[size]
    stages = ["stage3", "stage6", "stage9", "stage12"]
    backbone = {"model_type": "rf_detr_dinov2", "hidden_size": 384, "num_hidden_layers": 12}
    backbone |= {"num_attention_heads": 6, "image_size": side, "patch_size": 12, "num_windows": windows}
    config = RfDetrConfig(
        backbone_config=backbone | {"out_features": stages},
        num_queries=queries,
        decoder_layers=layers,
        decoder_n_points=2,
        num_labels=91,
    )
    RfDetrForInstanceSegmentation(config).save_pretrained(folder)
    RfDetrImageProcessor(size={"height": side, "width": side}).save_pretrained(folder)


def save_mask2former(size: str, folder: str) -> None:
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
        SwinConfig,
    )

    channels, blocks, heads, window, queries = SWIN[size]
    backbone = SwinConfig(
        image_size=384,
        embed_dim=channels,
        depths=[2, 2, blocks, 2],
        num_heads=[heads * 2**stage for stage in range(4)],
        window_size=window,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(backbone_config=backbone, num_queries=queries, num_labels=80)
    Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    Mask2FormerImageProcessor(size={"height": 384, "width": 384}).save_pretrained(folder)


def save(name: str, folder: str) -> None:
    family, _, size = name.rpartition("-")
    {"rf-detr-seg": save_rf_detr, "mask2former-swin": save_mask2former}[family](size, folder)


def peak_mb() -> float:
    """The most memory that this process has had (Linux)."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) / 1024


def measure(name: str, folder: str) -> str:
    """One row, of this process: it must have loaded nothing before."""
    from transformers import (  # noqa: F401 (counted as the program, not as the model)
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
        RfDetrForInstanceSegmentation,
        RfDetrImageProcessor,
    )

    from segment import load_segmenter

    photo = np.random.default_rng(0).integers(0, 256, (*SIDES, 3), np.uint8)
    before = peak_mb()
    segmenter = load_segmenter(name, device="cpu", weights=folder)
    started, worked = time.perf_counter(), time.process_time()
    segmenter([photo])
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    memory_mb = peak_mb() - before
    weights_mb = Path(folder, "model.safetensors").stat().st_size / 1e6
    return f"| {name} | {weights_mb:.0f} | {memory_mb:.0f} | {seconds:.1f} | {work:.1f} |"


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--folder", help="Of saved weights; for one name, which is measured in this process.")
def main(names: tuple[str, ...], folder: str | None) -> None:
    if folder is not None:
        click.echo(measure(names[0], folder))
        return
    click.echo("| name | weights MB | memory MB | seconds | processor seconds |\n|---|---|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            save(name, folder)
            command = [sys.executable, "-m", "benchmarks.detectors", name, "--folder", folder]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
