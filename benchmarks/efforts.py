"""The efforts of the exemplar fill side by side: figures in the hole, CPU time, sheets to judge by eye.

python -m benchmarks.efforts --data DIR --cache DIR [--sets photos pairs pairs2] [--efforts fast normal best]
    [--workers N] [--limit N] [--every N] [--only TEXT] [--sheets DIR] [--worst N]
python -m benchmarks.efforts --score DIR

Prints the means of PSNR, SSIM and SWD in the hole and medians of CPU time. Results and figures are kept in
the folder of --cache: those of `fast` for good, the others for as long as the code and the settings stay what
they are. Each time that another effort fills a photo, `fast` fills it too, so that their CPU times are of the
same minute.

--sheets writes a picture for each photo: the hole | A | B. Which is which stands in key.csv alone; write
"name,A" (A is the better one), "name,B" or "name,same" into judged.csv beside it, and --score counts.
"""

import argparse
import csv
import hashlib
import json
import multiprocessing
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import cv2
import numpy as np

import inpaint.exemplar
from benchmarks.fill import CHANGED_MARGIN_PX, Case, pair_cases, photo_cases, read_mask, read_rgb
from benchmarks.quality import psnr_in_mask, swd
from inpaint.exemplar.completion import EFFORTS, ExemplarInpainter
from inpaint.inpainter import EFFORT_NAMES, Effort
from removal.evaluation.fidelity import ssim

SETS = ("photos", "pairs", "pairs2")
CROP_MARGIN_SHARE = 0.6
LEAST_CROP_PX, GAP_PX, LEAST_SHOWN_PX = 96, 12, 400
FIGURES = ("psnr", "ssim", "swd")


class Work(NamedTuple):
    """A photo that an effort is to fill; the figures go to `file`, the picture beside it.

    with_fast: `fast` fills it too, for its CPU time.
    """

    case: Case
    effort: Effort
    file: Path
    with_fast: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with photos/, holes/, pairs/ and pairs2/")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was filled")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--efforts", nargs="+", choices=EFFORT_NAMES, default=list(EFFORT_NAMES))
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--limit", type=int, help="only the first N of each set")
    parser.add_argument("--every", type=int, default=1, help="only every Nth of each set")
    parser.add_argument("--only", default="", help="only photos whose name contains this")
    parser.add_argument("--worst", type=int, default=5, help="name so many that lose most PSNR against fast")
    parser.add_argument("--sheets", type=Path, help="write sheets for judging into this folder")
    parser.add_argument(
        "--versus", choices=EFFORT_NAMES, default="normal", help="what the sheets show beside fast"
    )
    parser.add_argument("--score", type=Path, help="only: count what was judged in this folder")
    options = parser.parse_args()
    if options.score:
        print(score(options.score))
        return
    if options.data is None or options.cache is None:
        parser.error("--data and --cache are needed")
    sets = {name: list(cases_of(options.data, name)) for name in options.sets}
    sets = {
        name: [case for case in cases if options.only in case.name][:: options.every][: options.limit]
        for name, cases in sets.items()
    }
    fill_all(sets, options.efforts, options.cache, options.workers)
    print_table(sets, options.efforts, options.cache, worst=options.worst)
    if options.sheets:
        write_sheets(sets, options.cache, options.sheets, options.versus)


def cases_of(data: Path, name: str) -> Iterator[Case]:
    """The photos of a set. pairs2: the hole is the object, or the shadow where that alone is gone in the
    clean view, with the margin that `benchmarks.fill` gives to pairs."""
    if name == "photos":
        yield from photo_cases(data)
        return
    if name == "pairs":
        for cases in pair_cases(data).values():
            yield from cases
        return
    side = 2 * CHANGED_MARGIN_PX + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    for folder in sorted((data / "pairs2").iterdir()):
        clean = next(file for file in (folder / "clean.png", folder / "clean_no_shadow.png") if file.exists())
        whole = clean.name == "clean.png" and (folder / "object.png").exists()
        hole = read_mask(folder / ("object.png" if whole else "shadow.png")).astype(np.uint8)
        yield Case(folder.name, read_rgb(folder / "photo.png"), cv2.dilate(hole, kernel) > 0, read_rgb(clean))


def key_of(effort: Effort) -> str:
    """Names what an effort does at present; that of `fast` never changes, which tests make sure of."""
    if effort == "fast":
        return "fast"
    found = hashlib.sha256(json.dumps(asdict(EFFORTS[effort]), sort_keys=True).encode())
    for file in sorted(Path(inpaint.exemplar.__path__[0]).glob("*.py")):
        found.update(file.read_bytes())
    return f"{effort}-{found.hexdigest()[:10]}"


def file_of(cache: Path, name: str, case: Case, effort: Effort) -> Path:
    """Where the figures of a photo are kept; its picture has the suffix .png."""
    return cache / key_of(effort) / name / f"{case.name}.json"


def fill_all(sets: dict[str, list[Case]], efforts: Sequence[Effort], cache: Path, workers: int) -> None:
    """Fills what is not in the cache yet."""
    todo = [
        Work(case, effort, file, effort != "fast")
        for effort in efforts
        for name, cases in sets.items()
        for case in cases
        if not (file := file_of(cache, name, case, effort)).exists()
    ]
    started = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(workers, initializer=compile_kernels) as pool:
        for number, _ in enumerate(pool.imap_unordered(fill_one, todo), 1):
            if number % 20 == 0 or number == len(todo):
                print(f"  {number} of {len(todo)} filled, {time.perf_counter() - started:.0f} s", flush=True)


def compile_kernels() -> None:
    from inpaint.exemplar.compilation import compile_all

    compile_all(None)


def fill_one(work: Work) -> None:
    """Fills a photo and writes picture and figures, these last."""
    case = work.case
    figures: dict[str, float] = {}
    if work.with_fast:
        _, figures["cpu_s_fast"] = timed_fill(case, "fast")
    result, figures["cpu_s"] = timed_fill(case, work.effort)
    figures["psnr"] = psnr_in_mask(result, case.truth, case.mask)
    figures["ssim"] = ssim(result, case.truth, case.mask)
    figures["swd"] = swd(result, case.truth, case.mask)
    work.file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(work.file.with_suffix(".png")), result[..., ::-1])
    work.file.write_text(json.dumps(figures))


def timed_fill(case: Case, effort: Effort) -> tuple[np.ndarray, float]:
    """The filled photo and the CPU seconds of all threads."""
    inpainter = ExemplarInpainter(effort=effort)
    started = time.process_time()
    result = inpainter(case.image, case.mask)
    return result, time.process_time() - started


def print_table(sets: dict[str, list[Case]], efforts: Sequence[Effort], cache: Path, *, worst: int) -> None:
    """The means of each set, and the photos that lose most against `fast`."""
    print(f"{'set':16} {'effort':8} {'PSNR':>7} {'SSIM':>7} {'SWD':>7} {'CPU s':>7} {'x fast':>7}")
    losers = []
    for name, cases in sets.items():
        found: dict[str, list[dict[str, float]]] = {}
        for effort in efforts:
            rows = [json.loads(file_of(cache, name, case, effort).read_text()) for case in cases]
            found[effort] = rows
            psnr, likeness, distance = (mean(row[figure] for row in rows) for figure in FIGURES)
            seconds = median(row["cpu_s"] for row in rows)
            line = f"{f'{name} ({len(cases)})':16} {effort:8} {psnr:7.2f} {likeness:7.4f} {distance:7.3f}"
            print(f"{line} {seconds:7.2f} {ratio_of(rows):>7}")
            if effort == "fast" or "fast" not in found:
                continue
            pairs = list(zip(rows, found["fast"], strict=True))
            change = [mean(new[figure] - old[figure] for new, old in pairs) for figure in FIGURES]
            print(f"{'':16} {'':8} {change[0]:+7.2f} {change[1]:+7.4f} {change[2]:+7.3f}")
            losers += [
                (new["psnr"] - old["psnr"], f"{name}/{case.name} {effort}")
                for (new, old), case in zip(pairs, cases, strict=True)
            ]
    for change_db, text in sorted(losers)[:worst]:
        print(f"  {change_db:+6.2f} dB {text}")


def ratio_of(rows: Sequence[dict[str, float]]) -> str:
    """The median of CPU time over that of `fast`, as text."""
    ratios = [row["cpu_s"] / row["cpu_s_fast"] for row in rows if "cpu_s_fast" in row]
    return f"{median(ratios):.2f}" if ratios else "1.00"


def write_sheets(sets: dict[str, list[Case]], cache: Path, folder: Path, versus: Effort) -> None:
    """A picture for each photo, hole | A | B around the hole at full size, and key.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, cases in sets.items():
        for case in cases:
            efforts: list[Effort] = ["fast", versus]
            if zlib.crc32(f"{name}/{case.name}/{key_of(versus)}".encode()) % 2:
                efforts.reverse()
            crop = around(case.mask)
            pictures = [
                read_rgb(file_of(cache, name, case, effort).with_suffix(".png"))[crop] for effort in efforts
            ]
            same = np.array_equal(pictures[0], pictures[1])
            hole = np.where(case.mask[..., None], np.array((255, 0, 255), np.uint8), case.image)[crop]
            gap = np.full((len(hole), GAP_PX, 3), 255, np.uint8)
            sheet = np.hstack([hole, gap, pictures[0], gap, pictures[1]])
            times = max(1, LEAST_SHOWN_PX // len(sheet))
            sheet = sheet.repeat(times, axis=0).repeat(times, axis=1)
            cv2.imwrite(str(folder / f"{name}-{case.name}.png"), sheet[..., ::-1])
            lines.append((f"{name}-{case.name}", *efforts, "equal" if same else ""))
    with (folder / "key.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("name", "A", "B", "note"), *lines])


def around(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a hole and its surroundings."""
    slices = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis=axis))
        margin = max(LEAST_CROP_PX, round(CROP_MARGIN_SHARE * (places[-1] - places[0])))
        slices.append(slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1))
    return slices[0], slices[1]


def score(folder: Path) -> str:
    """Counts what was judged: how often the other effort was better than `fast`, the same, worse.

    Raises ValueError for a judgement of a photo that is not in the key, or that is none.
    """
    with (folder / "key.csv").open(newline="") as file:
        key: dict[str, dict[str, Any]] = {row["name"]: row for row in csv.DictReader(file)}
    counts = {"better": 0, "same": 0, "worse": 0}
    with (folder / "judged.csv").open(newline="") as file:
        for row in csv.reader(file):
            name, verdict = (text.strip() for text in row)
            if name not in key or verdict not in ("A", "B", "same"):
                raise ValueError(f"expected the name of a sheet and A, B or same, got {name!r}, {verdict!r}")
            word = "same" if verdict == "same" else "worse" if key[name][verdict] == "fast" else "better"
            counts[word] += 1
    return ", ".join(f"{number} {word}" for word, number in counts.items())


if __name__ == "__main__":
    main()
