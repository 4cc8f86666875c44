"""The photos that are open, their results and uploaded masks, in a folder that is removed at the end.

Memory is bounded: files lie in the folder, and only the last few decoded photos and results are held. The
folder is bounded too: the oldest results go first, and photos are taken only while there is room.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from _removal_support.errors import RemovalError
from removal.page.tiles import around, bounds, thumbnail

if TYPE_CHECKING:
    from removal.images import Photo
    from segment import Detections

DECODED_AT_ONCE = 2  # photos and results held in memory; 24 megapixels are 75 MB each
LARGEST_RESULTS_BYTES = 4 << 30
LARGEST_UPLOADS_BYTES = 8 << 30  # of all photos that are open together
LARGEST_NAME = 200
Value = TypeVar("Value")


def safe_name(given: str) -> str:
    """The last part of a name that somebody gave, without what a file system or a header would read."""
    last = given.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*')[-LARGEST_NAME:]
    return kept if kept.strip(". ") else "photo"


def safe_suffix(name: str) -> str:
    """The name's suffix with its dot, letters and digits alone; "" = none."""
    letters = "".join(c for c in Path(name).suffix if c.isascii() and c.isalnum())[:10]
    return f".{letters}" if letters else ""


class UnknownError(RemovalError, KeyError):
    """An id that names nothing, or nothing any more."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(eq=False)
class Result:
    """A filled photo. path: its pixels and the mask of all that differs from the original, over every round.
    thumbnail: JPEG of the place that was filled last."""

    id: str
    path: Path
    seed: int
    base: str | None
    share: float
    thumbnail: bytes


@dataclass(eq=False)
class Opened:
    """A photo in the page. digest: SHA-256 of its file, by which a page knows it again. detections: None =
    not looked for yet. source: where a given photo lies."""

    id: str
    name: str
    path: Path
    height: int
    width: int
    kind: str
    digest: str
    source: Path | None = None
    detections: Detections | None = None
    results: dict[str, Result] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)


class Gallery:
    """Everything that is open. Its methods may be called by several threads.

    max_megapixels: larger photos are refused before they are decoded.
    """

    def __init__(self, *, max_megapixels: float = 300.0):
        self.max_megapixels = max_megapixels
        self.folder = Path(tempfile.mkdtemp(prefix="removal-page-"))
        self.photos: OrderedDict[str, Opened] = OrderedDict()
        self._decoded: OrderedDict[str, object] = OrderedDict()
        self._lock = threading.RLock()

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_file(self, suffix: str = "") -> Path:
        """A free name in the folder; names that people give never become paths."""
        return self.folder / f"{secrets.token_hex(8)}{suffix}"

    def add(self, path: Path, name: str, *, source: Path | None = None) -> Opened:
        """Opens the photo in a file. Raises PhotoError where it is none, RemovalError where there is no
        room."""
        from removal.images import read_photo

        if source is None and self.uploaded_bytes() + path.stat().st_size > LARGEST_UPLOADS_BYTES:
            raise RemovalError(
                f"expected at most {LARGEST_UPLOADS_BYTES >> 30} GB of open photos: close some"
            )
        photo = read_photo(path, max_megapixels=self.max_megapixels)
        height, width = photo.pixels.shape[:2]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        opened = Opened(secrets.token_hex(8), name, path, height, width, photo.format, digest, source)
        with self._lock:
            self.photos[opened.id] = opened
            self._hold(opened.id, photo)
        return opened

    def uploaded_bytes(self) -> int:
        """Size of the files that were uploaded and are still open."""
        with self._lock:
            uploads = [opened.path for opened in self.photos.values() if opened.source is None]
        return sum(path.stat().st_size for path in uploads if path.exists())

    def get(self, photo_id: str) -> Opened:
        with self._lock:
            if photo_id not in self.photos:
                raise UnknownError("expected the id of an open photo, got one that is not open")
            return self.photos[photo_id]

    def close_photo(self, photo_id: str) -> None:
        with self._lock:
            opened = self.get(photo_id)
            for result in list(opened.results.values()):
                self._drop(opened, result)
            for path in (*opened.masks.values(), *(() if opened.source else (opened.path,))):
                path.unlink(missing_ok=True)
            self._decoded.pop(photo_id, None)
            del self.photos[photo_id]

    def photo(self, opened: Opened) -> Photo:
        from removal.images import read_photo

        def read() -> Photo:
            return read_photo(opened.path, max_megapixels=self.max_megapixels)

        return self._held(opened.id, read)

    def add_result(
        self,
        opened: Opened,
        pixels: np.ndarray,
        mask: np.ndarray,
        hole: np.ndarray,
        *,
        seed: int,
        base: str | None,
    ) -> Result:
        """Keeps a result: pixels uint8 (H, W, 3); mask bool (H, W), all that differs from the original; hole
        bool (H, W), not empty, what was filled last."""
        identity = secrets.token_hex(8)
        path = self.new_file(".npz")
        top, left, bottom, right = bounds(mask)
        np.savez(
            path,
            window=np.array([top, left]),
            pixels=pixels[top:bottom, left:right],
            mask=np.packbits(mask[top:bottom, left:right], axis=1),
        )
        seen = thumbnail(around(pixels, bounds(hole)))
        result = Result(identity, path, seed, base, float(mask.mean()), seen)
        with self._lock:
            opened.results[identity] = result
            self._hold(identity, (pixels, mask))
            self._make_room(keep=result)
        return result

    def result(self, opened: Opened, result_id: str) -> Result:
        with self._lock:
            if result_id not in opened.results:
                raise UnknownError("expected the id of a result of this photo, got none that is kept")
            return opened.results[result_id]

    def pixels(self, opened: Opened, result_id: str | None) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of the photo or of a result, and the mask of all that differs from the photo."""
        photo = self.photo(opened)
        if result_id is None:
            return photo.pixels, np.zeros(photo.pixels.shape[:2], bool)
        result = self.result(opened, result_id)

        def read() -> tuple[np.ndarray, np.ndarray]:
            with np.load(result.path) as file:
                (top, left), part, packed = file["window"], file["pixels"], file["mask"]
            height, width = part.shape[:2]
            pixels, mask = photo.pixels.copy(), np.zeros(photo.pixels.shape[:2], bool)
            inside = np.unpackbits(packed, axis=1)[:, :width].astype(bool)
            pixels[top : top + height, left : left + width] = part
            mask[top : top + height, left : left + width] = inside
            return pixels, mask

        return self._held(result_id, read)

    def _held(self, key: str, make: Callable[[], Value]) -> Value:
        with self._lock:
            if key in self._decoded:
                self._decoded.move_to_end(key)
                return self._decoded[key]  # type: ignore[return-value]
        value = make()
        with self._lock:
            self._hold(key, value)
        return value

    def _hold(self, key: str, value: object) -> None:
        self._decoded[key] = value
        self._decoded.move_to_end(key)
        while len(self._decoded) > DECODED_AT_ONCE:
            self._decoded.popitem(last=False)

    def _make_room(self, *, keep: Result) -> None:
        """Drops the oldest results until the folder is small enough."""
        kept = [(opened, result) for opened in self.photos.values() for result in opened.results.values()]
        sizes = {result.id: result.path.stat().st_size for _, result in kept}
        total = sum(sizes.values())
        for opened, result in kept:
            if total <= LARGEST_RESULTS_BYTES:
                return
            if result is not keep:
                total -= sizes[result.id]
                self._drop(opened, result)

    def _drop(self, opened: Opened, result: Result) -> None:
        result.path.unlink(missing_ok=True)
        self._decoded.pop(result.id, None)
        opened.results.pop(result.id, None)
