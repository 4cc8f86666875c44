"""The part of the API that gives and takes files: masks, results, several results as one zip."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from _removal_support.errors import RemovalError
from removal.page.bodies import TemporaryFileResponse, attachment, read_body, read_json
from removal.page.gallery import Opened, safe_suffix
from removal.page.jobs import Job
from removal.page.studio import Studio

MOST_RESULTS = 1000  # in one zip


class Files:
    """Handlers over `Studio`; largest_upload_bytes: of one mask."""

    def __init__(self, studio: Studio, *, largest_upload_bytes: int):
        self.studio, self.largest_upload_bytes = studio, largest_upload_bytes

    def opened(self, request: Request) -> Opened:
        return self.studio.gallery.get(request.path_params["photo"])

    async def mask(self, request: Request) -> Response:
        """The mask of some steps as a PNG of the photo's size: white = fill."""
        opened, body = self.opened(request), await read_json(request)

        def make() -> bytes:
            import cv2

            mask = self.studio.mask(Job("mask", opened.id), opened, body.get("steps"))
            return bytes(cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())

        data = await asyncio.to_thread(make)
        return Response(
            data, media_type="image/png", headers=attachment(f"{Path(opened.name).stem}.mask.png")
        )

    async def upload_mask(self, request: Request) -> Response:
        """Takes a mask from another tool: a picture of the photo's size, white = remove."""
        opened = self.opened(request)
        path = self.studio.gallery.new_file(".png")

        def read() -> str:
            from segment import MaskFiles

            size = opened.height, opened.width
            mask = MaskFiles(path, polarity="remove").look_up(path, size).detections.union()
            kept = self.studio.gallery.new_file(".npz")
            np.savez(kept, mask=np.packbits(mask, axis=1))
            opened.masks[kept.stem] = kept
            return kept.stem

        try:
            await read_body(request, path, self.largest_upload_bytes)
            return JSONResponse({"mask": await asyncio.to_thread(read)}, status_code=201)
        except RemovalError as error:
            if str(path) in str(error):
                raise RemovalError(str(error).replace(str(path), "the mask")) from error
            raise
        finally:
            path.unlink(missing_ok=True)

    async def download(self, request: Request) -> Response:
        """A result as a file of the photo's own format."""
        opened = self.opened(request)
        target = self.studio.gallery.new_file(safe_suffix(opened.name) or ".png")
        await asyncio.to_thread(self.studio.write, opened, request.path_params["result"], target)
        name = f"{Path(opened.name).stem}.removed{target.suffix}"
        return TemporaryFileResponse(target, headers=attachment(name))

    async def save(self, request: Request) -> Response:
        path = await asyncio.to_thread(self.studio.save, self.opened(request), request.path_params["result"])
        return JSONResponse({"path": str(path)})

    async def zip(self, request: Request) -> Response:
        """Several results in one file: {"results": [[photo, result], ...]}."""
        wanted = (await read_json(request)).get("results")
        if (
            not isinstance(wanted, list)
            or not 1 <= len(wanted) <= MOST_RESULTS
            or not all(map(_pair, wanted))
        ):
            raise RemovalError("expected results as a list of [photo, result]")
        target = self.studio.gallery.new_file(".zip")

        def write() -> None:
            try:
                self._archive(wanted, target)
            except BaseException:
                target.unlink(missing_ok=True)
                raise

        await asyncio.to_thread(write)
        return TemporaryFileResponse(target, headers=attachment("removed.zip"))

    def _archive(self, wanted: list[list[str]], target: Path) -> None:
        names: set[str] = set()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for photo, result in wanted:
                opened = self.studio.gallery.get(photo)
                file = self.studio.gallery.new_file(safe_suffix(opened.name) or ".png")
                try:
                    self.studio.write(opened, result, file)
                    archive.write(file, _free_name(opened.name, names))
                finally:
                    file.unlink(missing_ok=True)


def _pair(given: object) -> bool:
    return isinstance(given, list) and len(given) == 2 and all(isinstance(one, str) for one in given)


def _free_name(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken, and taken from now on."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{Path(name).stem}-{number}{Path(name).suffix}"
    taken.add(free)
    return free
