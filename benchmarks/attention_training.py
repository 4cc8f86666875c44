"""Contextual attention in training, forward and backward: the layer in blocks against the plain one.

    python -m benchmarks.attention_training [--size 256] [--batch 16] [--repeats 3] [--threads 2]

Features as DeepFillv2 makes them, 96 channels at a quarter of the size, a box of its own in each image,
float32. Each variant has a process of its own, and they take turns: a round runs each once, after one that
does not count. Shown: medians over the rounds, the median of the rounds' ratios to the plain layer, and how
far the gradient lies from the plain one's, relative to its largest number. CPU seconds add up all threads,
and tell more where the machine does other work. "run MB", the most memory that a run adds, is measured in
processes where glibc gives back at once what is freed; else it would count what the allocator holds on to.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.plain_deepfillv2 import plain_attention
from inpaint.networks.attention import contextual_attention
from inpaint.networks.layouts import LAYOUTS

CHANNELS = 96
VARIANTS = ("plain", "blocked")
ROW = "{:<8}" + " {:>9}" * 5 + "  {}"


def main() -> None:
    arguments = parse()
    if arguments.child:
        serve(arguments)
        return
    print(f"{arguments.layout}, {arguments.size} px, batch {arguments.batch}, {arguments.threads} threads")
    print(f"torch {torch.__version__}, medians of {arguments.repeats} rounds")
    print(ROW.format("variant", "seconds", "faster", "CPU s", "less", "run MB", "gradient"))
    with tempfile.TemporaryDirectory() as folder:
        report(arguments, Path(folder))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="of the images, in pixels")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3, help="rounds that count")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layout", choices=list(LAYOUTS), default="nipponjo_pt")
    parser.add_argument("--child", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def report(arguments: argparse.Namespace, folder: Path) -> None:
    """Run the rounds and print a row for each variant."""
    servers = {variant: start(arguments, variant, folder) for variant in VARIANTS}
    rounds: dict[str, list[dict]] = {variant: [] for variant in VARIANTS}
    for counted in range(-1, arguments.repeats):
        for variant, server in servers.items():
            figures = ask(server)
            if counted >= 0:
                rounds[variant].append(figures)
    plain = np.load(folder / "plain.npy")
    for variant, server in servers.items():
        server.communicate()
        gradient = np.load(folder / f"{variant}.npy")
        cells = []
        for name in ("seconds", "cpu_seconds"):
            cells.append(f"{statistics.median(found[name] for found in rounds[variant]):.2f}")
            pairs = zip(rounds["plain"], rounds[variant], strict=True)
            cells.append(f"{statistics.median(one[name] / other[name] for one, other in pairs):.2f} x")
        frugal = start(arguments, variant, folder, {"MALLOC_MMAP_THRESHOLD_": "65536"})
        _, second = ask(frugal), ask(frugal)
        frugal.communicate()
        error = np.abs(gradient - plain).max() / np.abs(plain).max()
        print(ROW.format(variant, *cells, f"{second['run_mb']:.0f}", f"{error:.1e}"))


def start(
    arguments: argparse.Namespace, variant: str, folder: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        __spec__.name,
        "--child",
        variant,
        "--out",
        str(folder / f"{variant}.npy"),
    ]
    for name in ("size", "batch", "threads", "layout"):
        command += [f"--{name}", str(getattr(arguments, name))]
    environment = {**os.environ, **(environment or {})}
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ask(server: subprocess.Popen) -> dict:
    """One run of that variant."""
    print("run", file=server.stdin, flush=True)
    return json.loads(server.stdout.readline())


def serve(arguments: argparse.Namespace) -> None:
    """Run the variant once for each line read, and print its figures; the gradient goes to `--out`."""
    torch.set_num_threads(arguments.threads)
    features, masks, weight = scene(arguments.size, arguments.batch)
    rules = LAYOUTS[arguments.layout].attention
    for _ in sys.stdin:
        before_mb = held_mb()
        leaf = features.clone().requires_grad_()
        begin, cpu_begin = time.perf_counter(), time.process_time()
        if arguments.child == "plain":
            answer = plain_attention(leaf, masks, rules)
        else:
            answer = contextual_attention(leaf, masks, rules)
        (answer * weight).sum().backward()
        seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
        most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        np.save(arguments.out, leaf.grad.numpy())
        del answer, leaf
        figures = {"seconds": seconds, "cpu_seconds": cpu_seconds, "run_mb": most_mb - before_mb}
        print(json.dumps(figures), flush=True)


def held_mb() -> float:
    """Memory this process holds now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def scene(size: int, batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features, masks with a box of half the size in each image, and what backward starts from."""
    generator = torch.Generator().manual_seed(0)
    shape = (batch, CHANNELS, size // 4, size // 4)
    # Small, so that the softmax weighs several keys, and its gradient is not 0.
    features, weight = (0.1 * torch.randn(shape, generator=generator) for _ in range(2))
    masks = torch.zeros(batch, 1, size, size)
    for mask in masks[:, 0]:
        top, left = (int(torch.randint(size // 2, (), generator=generator)) for _ in range(2))
        mask[top : top + size // 2, left : left + size // 2] = 1
    return features, masks, weight


if __name__ == "__main__":
    main()
