"""What a network costs in our windows, and given the whole photo: seconds and the most memory, for a 12 MP
photo with a hole of 2 % and one of 15 %.

python -m benchmarks.windows PHOTO [--method NAME ...] [--share 0.02 0.15] [--whole MP] [--threads 2]

--whole also gives networks a whole photo, of so many megapixels: 12 takes minutes and over 10 GB, and the
work of a convolutional network is proportional to them. The networks have random weights: their work does not
depend on the values. Each figure is of a process of its own, where models were loaded and kernels compiled
before.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from inpaint.inpainter import Inpainter

MEGAPIXELS = 12.0
METHODS = ("telea", "exemplar", "deepfillv2", "mi-gan", "lama")
NETWORKS = ("deepfillv2", "lama")
SEED = 0


def photo_of(path: Path, megapixels: float) -> np.ndarray:
    """The photo at a size of 4 : 3, uint8 (H, W, 3)."""
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path} is no photo")
    if image.shape[0] > image.shape[1]:
        image = np.rot90(image)
    return np.ascontiguousarray(
        cv2.resize(image, size_of(megapixels), interpolation=cv2.INTER_CUBIC)[..., ::-1]
    )


def size_of(megapixels: float) -> tuple[int, int]:
    """Width and height, multiples of 8."""
    unit = np.sqrt(megapixels * 1e6 / 12) / 8
    return round(4 * unit) * 8, round(3 * unit) * 8


def hole_of(share: float, megapixels: float) -> np.ndarray:
    """One hole, an ellipse of this share of the photo, higher than wide as a person is, bool (H, W)."""
    width, height = size_of(megapixels)
    area = share * width * height / np.pi
    high = min(np.sqrt(2 * area), height * 0.47)
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (round(area / high), round(high)), 0, 0, 360, 255, -1)
    return mask > 0


def inpainter_of(name: str, *, whole: bool) -> Inpainter:
    """The method, a network with random weights; whole: it is given the photo at its size."""
    import torch

    from inpaint import load_inpainter
    from inpaint.contract_network import ContractNetwork
    from inpaint.formats import build_network
    from inpaint.network_inpainter import NetworkInpainter, NetworkSettings
    from inpaint.networks.fill_network import FillNetwork

    torch.manual_seed(SEED)
    if name in ("telea", "exemplar"):
        return load_inpainter(name)
    network: FillNetwork
    if name == "lama":
        from benchmarks.stand_ins import BigLama
        from inpaint import lama

        network = ContractNetwork(BigLama(), lama.CONTRACT, name)
    elif name == "mi-gan":
        from benchmarks.stand_ins import SmallGenerator
        from inpaint import migan

        network = ContractNetwork(SmallGenerator(), migan.CONTRACT, name)
    elif name == "deepfillv2":
        network = build_network(name, {"layout": "mmagic"})
    else:
        raise SystemExit(f"expected one of {', '.join(METHODS)}, got {name}")
    settings = NetworkSettings(plain=whole)
    return NetworkInpainter(network.eval(), device="cpu", precision="float32", settings=settings)


def measure(photo: Path, name: str, share: float, *, whole: float | None, threads: int) -> dict[str, float]:
    """Seconds, CPU seconds and the most memory in GB of one fill, in this process.

    whole: megapixels of a photo that is given as a whole; None = 12 in windows.
    """
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    image, mask = photo_of(photo, whole or MEGAPIXELS), hole_of(share, whole or MEGAPIXELS)
    inpainter = inpainter_of(name, whole=whole is not None)
    inpainter.warm_up()
    small = np.ascontiguousarray(image[:300, :300])
    hole = np.zeros((300, 300), bool)
    hole[100:160, 100:160] = True
    inpainter(small, hole)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    filled = inpainter(image, mask)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    assert np.array_equal(filled[~mask], image[~mask])
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"share": mask.mean(), "seconds": seconds, "cpu_seconds": used, "memory_gb": after.ru_maxrss / 1e6}


def measured_apart(arguments: list[str], threads: int) -> dict[str, float] | None:
    """The figures of a process of its own; None where it died, of too little memory as a rule."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "benchmarks.windows", *arguments, "--one"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(done.stderr.splitlines()[-1:], file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("--method", nargs="+", default=list(METHODS))
    parser.add_argument("--share", nargs="+", type=float, default=[0.02, 0.15])
    parser.add_argument(
        "--whole", type=float, metavar="MP", help="also networks given a whole photo of this size"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        found = measure(
            given.photo, given.method[0], given.share[0], whole=given.whole, threads=given.threads
        )
        print(json.dumps(found))
        return
    print("| method | hole | way | seconds | CPU seconds | memory, GB |\n|---|---|---|---|---|---|")
    for name in given.method:
        for share in given.share:
            ways = [None, given.whole] if given.whole and name in NETWORKS else [None]
            for whole in ways:
                arguments = [str(given.photo), "--method", name, "--share", str(share)]
                arguments += ["--threads", str(given.threads), *(["--whole", str(whole)] if whole else [])]
                found = measured_apart(arguments, given.threads)
                way = f"a whole photo of {whole:g} MP" if whole else "windows"
                cells = ["failed"] * 3
                if found is not None:
                    cells = [
                        f"{found['seconds']:.1f}", f"{found['cpu_seconds']:.1f}", f"{found['memory_gb']:.1f}"
                    ]  # fmt: skip
                print(f"| {name} | {share:.0%} | {way} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
