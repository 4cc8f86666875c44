"""DeepFillv2 in blocks against the plain implementation: seconds, peak memory, agreement, half precision.

    python -m benchmarks.attention [--sizes 512 1024 2048] [--threads 2] [--skip-plain-above 1024]

Each variant runs in a process of its own, so that its peak memory is its own too: `peak MB` with libraries
and weights, `run MB` what the run added to them. Random weights, one square hole of a sixteenth of the
image. All variants are treated alike, and take turns: a round gives each a fresh process with `--warm-up`
runs that do not count and one that does (default: 1 and 2 rounds up to 512 px, 0 and 1 round above). The
best time and the largest memory of the rounds are shown, and beside each figure how many times less it is
than the plain one's. CPU seconds add up all threads, and tell more where the machine does other work.
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

from benchmarks.plain_deepfillv2 import plain_forward
from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.layouts import LAYOUTS

ROW = "{:>5}  {:<16}" + 4 * " {:>8} {:>7}" + "  {}"
FIGURES = {"seconds": ".2f", "cpu_seconds": ".2f", "run_mb": ".0f", "peak_mb": ".0f"}
VARIANTS = ("plain", "whole image", "hole only", "hole only, bf16")


def main() -> None:
    arguments = parse()
    if arguments.child:
        measure(arguments)
        return
    print(f"{arguments.layout}, {arguments.threads} threads, torch {torch.__version__}")
    titles = ("seconds", "less", "CPU s", "less", "run MB", "less", "peak MB", "less")
    print(ROW.format("size", "variant", *titles, "inside the hole"))
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            report(arguments, size, Path(folder))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--layout", choices=list(LAYOUTS), default="nipponjo_pt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-up", type=int, help="runs not counted; default 1 up to 512 px, 0 above")
    parser.add_argument("--repeats", type=int, help="counted runs; default 2 up to 512 px, 1 above")
    parser.add_argument("--skip-plain-above", type=int, default=1024)
    parser.add_argument("--variants", choices=VARIANTS, nargs="+", default=VARIANTS)
    parser.add_argument("--child", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def report(arguments: argparse.Namespace, size: int, folder: Path) -> None:
    """One row for each variant at one size."""
    warm_up, repeats = (1, 2) if size <= 512 else (0, 1)
    warm_up = warm_up if arguments.warm_up is None else arguments.warm_up
    repeats = repeats if arguments.repeats is None else arguments.repeats
    variants = [name for name in arguments.variants if name != "plain" or size <= arguments.skip_plain_above]
    rounds: dict[str, list[dict]] = {variant: [] for variant in variants}
    for _ in range(repeats):
        for variant in variants:
            out = folder / f"{variant}.npy"
            command = [
                sys.executable,
                "-m",
                __spec__.name,
                "--child",
                variant,
                "--out",
                str(out),
                "--sizes",
                str(size),
            ]
            command += ["--layout", arguments.layout, "--threads", str(arguments.threads)]
            command += ["--warm-up", str(warm_up)]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode:
                print(f"{size:>5}  {variant:<16} failed: {run.stderr.strip().splitlines()[-1:]}")
                continue
            rounds[variant].append(json.loads(run.stdout) | {"hole": np.load(out)})
    results = {variant: combine(found) for variant, found in rounds.items() if found}
    plain = results.get("plain")
    for variant, result in results.items():
        cells = []
        for name, form in FIGURES.items():
            cells += [format(result[name], form), f"{plain[name] / result[name]:.1f} x" if plain else "-"]
        print(ROW.format(size, variant, *cells, agreement(variant, results)), flush=True)


def combine(rounds: list[dict]) -> dict:
    """The best times and the largest memory of one variant's rounds."""
    best = {name: min(found[name] for found in rounds) for name in ("seconds", "cpu_seconds")}
    most = {name: max(found[name] for found in rounds) for name in ("run_mb", "peak_mb")}
    return best | most | {"hole": rounds[-1]["hole"]}


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
    for _ in range(arguments.warm_up or 0):
        run()
    start, cpu_start = time.perf_counter(), time.process_time()
    refined = run()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    np.save(arguments.out, refined[masks.bool().expand_as(refined)].numpy())
    figures = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
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
