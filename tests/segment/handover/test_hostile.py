"""Files that would hang, fill the memory or raise what nobody catches: refused, or right, within a second."""

import base64
import json
import os
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from segment import MaskError, MaskFiles
from segment.handover.run_lengths import parse_counts

SIZE = (48, 64)


@pytest.fixture(autouse=True)
def quick():
    start = time.process_time()
    yield
    assert time.process_time() - start < 5


def write(path, content) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def coco(segmentation, *, count: int = 1, **image) -> dict:
    return {
        "images": [{"id": 1, "file_name": "a.jpg"} | image],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "segmentation": segmentation} for n in range(count)
        ],
        "categories": [{"id": 1, "name": "person"}],
    }


def refusal(path, photo: str = "a.jpg") -> str:
    with pytest.raises(MaskError) as error:
        MaskFiles(path).look_up(photo, SIZE)
    assert "\n" not in str(error.value)
    return str(error.value)


def empty_png(width: int, height: int) -> bytes:
    """A PNG of zeros, small however large the picture is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("letters", ["o" * 400_000, "o" * 400_000 + "0", "P" * 400_000, "0" * 400_000])
def test_run_lengths_of_endless_numbers(letters, tmp_path):
    write(tmp_path / "a.json", coco({"size": list(SIZE), "counts": letters}, height=48, width=64))
    assert "run-length" in refusal(tmp_path) or "add up to 3072 pixels" in refusal(tmp_path)


def test_run_lengths_agree_with_pycocotools():
    from pycocotools import mask as coco_mask

    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = np.asfortranarray(rng.random((40, 70)) < rng.random(), dtype=np.uint8)
        rle = coco_mask.encode(mask)
        runs = parse_counts(rle["counts"].decode(), mask.size)
        pixels = np.repeat(np.arange(len(runs)) % 2, runs).reshape(mask.shape[::-1]).T
        np.testing.assert_array_equal(pixels, mask)


def test_objects_that_state_a_giant_size_for_a_small_photo(tmp_path):
    run = {"size": [12990, 17320], "counts": [100, 1000000, 223986700]}
    message = (
        "it states 17320 x 12990 pixels, 73238 times those of the photo, 64 x 48: expected at most 64 times"
    )
    results = [{"image_id": 1, "category_id": 1, "score": 0.9, "segmentation": run}] * 300
    write(tmp_path / "1.json", results)
    assert message in refusal(tmp_path / "1.json", "1.jpg")
    write(tmp_path / "a.json", coco(run, count=300, height=12990, width=17320))
    assert message in refusal(tmp_path / "a.json")
    write(tmp_path / "a.json", [{"segmentation": run, "predicted_iou": 0.9}] * 300)
    assert message in refusal(tmp_path / "a.json")
    shapes = [{"label": "x", "points": [[1, 1], [9, 1], [9, 9]]}] * 300
    write(tmp_path / "a.json", {"shapes": shapes, "imageHeight": 12990, "imageWidth": 17320})
    assert "it states 17320 x 12990 pixels, more than 0.049152 million" in refusal(tmp_path / "a.json")


def test_more_objects_than_a_photo_has(tmp_path):
    write(tmp_path / "a.json", coco([[1, 1, 9, 1, 9, 9]], count=20_001, height=48, width=64))
    assert "it has 20001 objects, more than 20000" in refusal(tmp_path / "a.json")


def test_pictures_and_arrays_far_larger_than_the_photo_are_not_decoded(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(empty_png(12000, 9000))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert "it states 12000 x 9000 pixels, 35156 times those of the photo" in refusal(tmp_path)
    monkeypatch.undo()
    (tmp_path / "a.png").unlink()
    np.savez_compressed(tmp_path / "a.npz", mask=np.zeros((3000, 4000), np.float64))
    assert "it states 4000 x 3000 pixels, 3906 times those of the photo" in refusal(tmp_path)


def test_bytes_of_an_array_are_counted_and_not_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("segment.handover.arrays.LARGEST_ARRAY_BYTES", 20_000)
    np.save(tmp_path / "a.npy", np.zeros(SIZE, np.float64))
    assert "it has the shape (48, 64) of float64, more than 0.0 GB: save it as bool or uint8" in refusal(
        tmp_path
    )
    np.save(tmp_path / "a.npy", np.ones(SIZE, bool) & (np.arange(64) < 9))
    assert MaskFiles(tmp_path).mask("a.jpg", SIZE).sum() == 48 * 9


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_nothing_but_regular_files_is_opened(tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    os.mkfifo(masks / "a.png")
    os.mkfifo(masks / "b.json")
    (masks / "loop.png").symlink_to(masks / "loop.png")
    (masks / "device.png").symlink_to("/dev/zero")
    (masks / "s").mkdir()
    os.mkfifo(masks / "s" / "metadata.csv")
    with pytest.raises(MaskError, match="no mask file"):
        MaskFiles(masks)
    Image.fromarray(np.eye(48, 64) > 0).save(masks / "c.png")
    lines: list[str] = []
    files = MaskFiles(masks, tell=lines.append)
    assert "1 .png; 4 passed over, which are no regular files; white" in lines[0].replace("  ", " ")
    assert files.mask("c.jpg", SIZE).sum() == 48
    assert files.entries == (masks / "c.png",)
    for name in ("a.png", "b.json", "loop.png", "device.png"):
        with pytest.raises(MaskError, match="expected a folder or a regular file"):
            MaskFiles(masks / name)


def bomb() -> str:
    return base64.b64encode(
        empty_png(20000, 20)[:33].replace(struct.pack(">I", 20), struct.pack(">I", 20000))
    ).decode()


@pytest.mark.parametrize(
    "content",
    [
        coco([[1, 1, 10**400, 1, 10, 10]], height=48, width=64),
        coco([[1, 1, 10, 1, 10, 10]], height=10**400, width=64),
        coco([[1, 1, 10, 1, 10, 10]]) | {"images": [{"id": 10**400, "file_name": "a.jpg"}]},
        coco([[1, 1, 10, 1, 10, 10]], height=48, width=64)
        | {
            "annotations": [
                {"id": 1, "image_id": 1, "category_id": [1], "segmentation": [[1, 1, 9, 1, 9, 9]]}
            ]
        },
        coco([[1, 1, 10, 1, 10, 10]]) | {"categories": {"id": 1}},
        coco({"size": [48, 64], "counts": [10**400, -(10**400)]}, height=48, width=64),
        coco({"size": [48, 64], "counts": "\ud800\u1234"}, height=48, width=64),
        {
            "imagePath": "a.jpg",
            "shapes": [{"label": "p", "shape_type": [1], "points": [[1, 1], [5, 5], [9, 1]]}],
        },
        {"shapes": [{"label": "p", "shape_type": "mask", "points": [[1, 1], [9, 9]], "mask": bomb()}]},
        {"shapes": [{"label": "p", "points": [[1, 10**400], [5, 5], [9, 1]], "score": 10**400}]},
        {"image": {"height": 48, "width": 64, "file_name": 7}, "annotations": []},
        {"image": {"height": 48, "width": 64}, "annotations": [7]},
        [[[[[]]]]],
        "[" * 100_000,
        '{"images": [' + '{"a":' * 100_000,
        '{"images": [], "annotations": [], "categories": [{"id": ' + "9" * 5000 + "}]}",
    ],
)
def test_json_that_gave_tracebacks(content, tmp_path):
    write(tmp_path / "a.json", content)
    for path in (tmp_path, tmp_path / "a.json"):
        message = refusal(path)
        assert "a.json" in message


def test_a_polygon_drawn_on_a_large_photo_takes_its_own_window(tmp_path):
    """300 shapes on 20 megapixels would be 6 thousand million pixels."""
    shapes = [{"label": "p", "shape_type": "polygon", "points": [[9, 9], [30, 9], [30, 20]]}] * 300
    write(tmp_path / "a.json", {"shapes": shapes, "imageHeight": 4000, "imageWidth": 5000})
    assert len(MaskFiles(tmp_path).detections("a.jpg", (4000, 5000))) == 300
