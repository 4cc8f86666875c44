"""DeepFillv2 in blocks against the plain implementation: seconds, peak memory, agreement, half precision.

    python benchmarks/attention.py [--sizes 512 1024 2048] [--threads 2] [--skip-plain-above 1024]

Each variant runs in a process of its own, so that its peak memory is its own too: `peak MB` with libraries
and weights, `run MB` what the run added to them. Random weights, one square hole of a sixteenth of the
image. Times are the best of `--repeats` runs after a first one (the plain one above 512 px runs once); CPU
seconds add up all threads, and tell more where the machine does other work at the same time.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from plain_deepfillv2 import plain_forward

from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.layouts import LAYOUTS

ROW = "{:>5}  {:<16} {:>8} {:>7} {:>7} {:>8} {:>7} {:>6}  {}"
VARIANTS = ("plain", "whole image", "hole only", "hole only, bf16")


def main() -> None:
    arguments = parse()
    if arguments.child:
        measure(arguments)
        return
    print(f"{arguments.layout}, {arguments.threads} threads, torch {torch.__version__}")
    columns = (
        "size",
        "variant",
        "seconds",
        "faster",
        "CPU s",
        "peak MB",
        "run MB",
        "less",
        "inside the hole",
    )
    print(ROW.format(*columns))
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            report(arguments, size, Path(folder))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--layout", choices=list(LAYOUTS), default="nipponjo_pt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip-plain-above", type=int, default=1024)
    parser.add_argument("--variants", choices=VARIANTS, nargs="+", default=VARIANTS)
    parser.add_argument("--child", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def report(arguments: argparse.Namespace, size: int, folder: Path) -> None:
    """One row for each variant at one size."""
    results: dict[str, dict] = {}
    for variant in arguments.variants:
        if variant == "plain" and size > arguments.skip_plain_above:
            continue
        out = folder / f"{variant}.npy"
        command = [sys.executable, __file__, "--child", variant, "--out", str(out), "--sizes", str(size)]
        command += ["--layout", arguments.layout, "--threads", str(arguments.threads)]
        command += ["--repeats", str(arguments.repeats)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            print(f"{size:>5}  {variant:<16} failed: {run.stderr.strip().splitlines()[-1:]}")
            continue
        results[variant] = result = json.loads(run.stdout) | {"hole": np.load(out)}
        plain = results.get("plain")
        faster = f"{plain['seconds'] / result['seconds']:.1f} x" if plain else "-"
        less = f"{plain['run_mb'] / result['run_mb']:.1f} x" if plain else "-"
        times = f"{result['seconds']:.2f}", faster, f"{result['cpu_seconds']:.2f}"
        figures = (*times, f"{result['peak_mb']:.0f}", f"{result['run_mb']:.0f}", less)
        print(ROW.format(size, variant, *figures, agreement(variant, results)), flush=True)


def agreement(variant: str, results: dict[str, dict]) -> str:
    """Largest difference from the plain values, or PSNR of half precision against float32."""
    hole = results[variant]["hole"]
    if "bf16" in variant and "hole only" in results:
        error = np.square((hole - results["hole only"]["hole"]) * 127.5).mean()
        return f"PSNR {10 * np.log10(255**2 / error):.1f} dB"
    if variant != "plain" and "plain" in results:
        return f"max {np.abs(hole - results['plain']['hole']).max():.1e}"
    return ""


@torch.no_grad()
def measure(arguments: argparse.Namespace) -> None:
    """Run one variant in this process and print its figures; the refined hole goes to `--out`."""
    torch.set_num_threads(arguments.threads)
    size, variant = arguments.sizes[0], arguments.child
    network = random_network(arguments.layout)
    images, masks = scene(size)
    if variant != "plain":
        network = network.to(memory_format=torch.channels_last)

    def run() -> torch.Tensor:
        if variant == "plain":
            return plain_forward(network, images, masks)[1]
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in variant):
            return network(images, masks, hole_only="hole only" in variant)[1]

    before_mb = peak_mb()
    once = variant == "plain" and size > 512
    seconds: list[float] = []
    cpu_seconds: list[float] = []
    for _ in range(1 if once else 1 + arguments.repeats):
        start, cpu_start = time.perf_counter(), time.process_time()
        refined = run()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
    np.save(arguments.out, refined[masks.bool().expand_as(refined)].numpy())
    figures = {
        "seconds": min(seconds if once else seconds[1:]),
        "cpu_seconds": min(cpu_seconds if once else cpu_seconds[1:]),
        "peak_mb": peak_mb(),
        "run_mb": peak_mb() - before_mb,
    }
    print(json.dumps(figures))


def peak_mb() -> float:
    """Most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def random_network(layout: str) -> DeepFillV2:
    """Weights drawn so that the signal keeps its strength through all gates, as trained ones do."""
    network = DeepFillV2(LAYOUTS[layout]).eval()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in network.named_parameters():
        scale = 0.1 if name.endswith("bias") else (4 / parameter[0].numel()) ** 0.5
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return network


def scene(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth image with noise, and a square hole of a sixteenth of its area, off the centre."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, size // 32, size // 32, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear")
    images = (0.8 * smooth + 0.2 * torch.rand(1, 3, size, size, generator=generator)) * 2 - 1
    masks = torch.zeros(1, 1, size, size)
    masks[:, :, size * 3 // 8 : size * 5 // 8, size // 4 : size // 2] = 1
    return images, masks


if __name__ == "__main__":
    main()
