"""What hostile inputs are given to: a sound file to start from, and what reads it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fuzz.mutators import mutate_bytes, mutate_json, mutate_png, mutate_safetensors

HEIGHT, WIDTH = 48, 64


@dataclass(frozen=True)
class Target:
    """make: writes one mutated input into an empty folder. read: reads it, or raises what is allowed."""

    make: Callable[[Path, np.random.Generator], None]
    read: Callable[[Path], object]


def picture(rng: np.random.Generator, *channels: int) -> np.ndarray:
    return rng.integers(0, 256, (HEIGHT, WIDTH, *channels), dtype=np.uint8)


def encoded(kind: str, rng: np.random.Generator) -> bytes:
    """A small photo as a file of this kind, with EXIF where it takes some."""
    image = Image.fromarray(picture(rng, 3))
    exif = Image.Exif()
    exif[274], exif[270] = int(rng.integers(1, 9)), "a photo"
    exif.get_ifd(0x8769)[36867] = "2024:01:01 00:00:00"
    stream = io.BytesIO()
    extra = {} if kind in ("BMP",) else {"exif": exif.tobytes()}
    if kind == "JPEG":
        extra |= {"quality": 90, "comment": b"hello"}
    if kind == "PNG":
        extra |= {"dpi": (72, 72)}
    if kind == "TIFF":
        packed = str(rng.choice(["raw", "tiff_adobe_deflate", "tiff_lzw"]))
        extra = extra if packed == "raw" else {"compression": packed}
    image.save(stream, kind, **extra)
    return stream.getvalue()


PHOTO_KINDS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "AVIF": ".avif"}


def make_photo(folder: Path, rng: np.random.Generator) -> None:
    kind = str(rng.choice(list(PHOTO_KINDS)))
    mutate = mutate_png if kind == "PNG" and rng.random() < 0.7 else mutate_bytes
    (folder / f"photo{PHOTO_KINDS[kind]}").write_bytes(mutate(encoded(kind, rng), rng))


def read_photo_file(folder: Path) -> None:
    from _removal_support.errors import RemovalError
    from removal.images import read_photo, write_photo
    from removal.images.size import read_size

    (path,) = folder.iterdir()
    try:
        height, width, _ = read_size(path)
    except RemovalError:
        height = None
    photo = read_photo(path, max_megapixels=4)
    if height is not None and (height, width) != photo.pixels.shape[:2]:
        raise AssertionError(f"two sizes: {(height, width)} and {photo.pixels.shape[:2]}")
    mask = np.zeros(photo.pixels.shape[:2], bool)
    mask[: mask.shape[0] // 2] = True
    out = path.with_name(f"out{path.suffix}")
    write_photo(photo, photo.pixels, mask, out)
    read_photo(out)


def mask_bytes(kind: str, rng: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:30, 20:40] = 255
    if kind == ".npy":
        np.save(stream, mask > 0)
    elif kind == ".npz":
        np.savez_compressed(stream, mask=mask > 0)
    else:
        Image.fromarray(mask).save(stream, {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF"}[kind])
    return stream.getvalue()


def make_mask(folder: Path, rng: np.random.Generator) -> None:
    kind = str(rng.choice([".png", ".npy", ".npz", ".jpg", ".tif"]))
    (folder / f"photo{kind}").write_bytes(mutate_bytes(mask_bytes(kind, rng), rng))


def make_listing(folder: Path, rng: np.random.Generator) -> None:
    box = [20.0, 10.0, 20.0, 20.0]
    polygon = [20.0, 10.0, 40.0, 10.0, 40.0, 30.0, 20.0, 30.0]
    rle = {"size": [HEIGHT, WIDTH], "counts": [0, 10, HEIGHT * WIDTH - 10]}
    coded = {"size": [HEIGHT, WIDTH], "counts": f"Zn0d0l0{'0' * 37}fS1"}
    segmentation = [[polygon], rle, coded][int(rng.integers(3))]
    coco = {
        "images": [{"id": 1, "file_name": "photo.jpg", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 1,
                "bbox": box,
                "segmentation": segmentation,
                "iscrowd": 0,
            }
        ],
    }
    labelme = {
        "shapes": [
            {"label": "person", "shape_type": "polygon", "points": [[20, 10], [40, 10], [40, 30]]},
            {"label": "dog", "shape_type": "rectangle", "points": [[1, 1], [9, 9]], "mask": None},
        ],
        "imagePath": "photo.jpg",
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        "imageData": base64.b64encode(b"x").decode(),
    }
    anything = {
        "image": {"file_name": "photo.jpg", "height": HEIGHT, "width": WIDTH, "image_id": 1},
        "annotations": [{"id": 1, "segmentation": coded, "bbox": box, "area": 10, "predicted_iou": 0.9}],
    }
    results = [{"image_id": 1, "category_id": 1, "score": 0.9, "segmentation": coded}]
    named = [results[0] | {"image_id": "photo"}]  # by the number no photo of this name would be found
    sound = [coco, labelme, anything, named, coco | {"annotations": results}][int(rng.integers(5))]
    data = mutate_json(sound, rng).encode("utf-8", "surrogatepass")
    (folder / "photo.json").write_bytes(mutate_bytes(data, rng) if rng.random() < 0.2 else data)


def read_masks(folder: Path) -> None:
    from segment import MaskFiles

    for path in (folder, next(folder.iterdir())):
        MaskFiles(path).look_up("photo.jpg", (HEIGHT, WIDTH))


_CHECKPOINTS: dict[str, bytes] = {}


def checkpoint(kind: str) -> bytes:
    """A small network of ours as safetensors, and a published one's names with tiny tensors as .pth."""
    if kind not in _CHECKPOINTS:
        import torch
        from safetensors.torch import save

        from inpaint.formats import build_network

        network = build_network("glcic", {"width": 0.02})
        state = {k: v.contiguous() for k, v in network.state_dict().items() if v.is_floating_point()}
        notes = {"format": "glcic", "layout": "ours", "options": json.dumps({"width": 0.02})}
        stream = io.BytesIO()
        torch.save({"state_dict": state}, stream)
        _CHECKPOINTS[".safetensors"] = save(state, metadata=notes)
        _CHECKPOINTS[".pth"] = stream.getvalue()
    return _CHECKPOINTS[kind]


def make_checkpoint(folder: Path, rng: np.random.Generator) -> None:
    kind = str(rng.choice([".safetensors", ".pth"]))
    mutate = mutate_safetensors if kind == ".safetensors" and rng.random() < 0.7 else mutate_bytes
    (folder / f"weights{kind}").write_bytes(mutate(checkpoint(kind), rng))


def read_checkpoint(folder: Path) -> None:
    from inpaint.checkpoints import check

    check(next(folder.iterdir()))


_RECORD: list[bytes] = []


def make_record(folder: Path, rng: np.random.Generator) -> None:
    """An output folder of one photo, whose record was damaged after a sound run."""
    photos = folder / "in"
    photos.mkdir()
    fixed = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(picture(fixed, 3)).save(photos / name)
    (folder / "victim.txt").write_text("keep me")
    if not _RECORD:
        run_folder(folder)
        _RECORD.append((folder / "out" / "removal.jsonl").read_bytes())
        for path in (folder / "out").iterdir():
            path.unlink()
    (folder / "out").mkdir(exist_ok=True)
    lines = _RECORD[0].splitlines()
    if rng.random() < 0.7:
        index = int(rng.integers(len(lines)))
        lines[index] = mutate_json(json.loads(lines[index]), rng).encode("utf-8", "surrogatepass")
        data = b"\n".join(lines) + b"\n"
    else:
        data = mutate_bytes(_RECORD[0], rng)
    (folder / "out" / "removal.jsonl").write_bytes(data)


def run_folder(folder: Path) -> None:
    from removal.batch.run import run
    from removal.options import RunOptions

    options = RunOptions(boxes=((5, 5, 10, 10),), inpainter="telea", output=folder / "out")
    for outcome in run([folder / "in"], options):
        if outcome.error is not None and "Traceback" in outcome.error:
            raise AssertionError(outcome.error)


def read_record(folder: Path) -> None:
    try:
        run_folder(folder)
    finally:
        if (folder / "victim.txt").read_text() != "keep me":
            raise AssertionError("a file outside the output folder was changed")


TARGETS = {
    "photo": Target(make_photo, read_photo_file),
    "mask": Target(make_mask, read_masks),
    "listing": Target(make_listing, read_masks),
    "checkpoint": Target(make_checkpoint, read_checkpoint),
    "record": Target(make_record, read_record),
}
