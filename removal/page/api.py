"""The JSON API under /api/v1 (docs/page.md): thin handlers over `Studio`."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from _removal_support.errors import RemovalError, one_line
from inpaint.inpainter import check_effort
from removal.page.events import Events
from removal.page.gallery import Opened, UnknownError, safe_name, safe_suffix
from removal.page.jobs import Job
from removal.page.studio import Studio
from removal.page.tiles import TILE_PX, levels, thumbnail, tile

LARGEST_JSON_BYTES = 16 << 20
BODY_SECONDS = 30.0  # without a single byte


class Api:
    """The handlers; each answers JSON, or a picture.

    studio: does the work. events: told what happens. largest_upload_bytes: of one file.
    """

    def __init__(self, studio: Studio, events: Events, *, largest_upload_bytes: int):
        self.studio, self.events = studio, events
        self.largest_upload_bytes = largest_upload_bytes

    def routes(self) -> list[Route]:
        photo = "/api/v1/photos/{photo}"
        table: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "/api/v1/state", self.state),
            ("GET", "/api/v1/events", self.stream),
            ("POST", "/api/v1/models", self.models),
            ("POST", "/api/v1/photos", self.open),
            ("DELETE", photo, self.close),
            ("GET", photo, self.photo),
            ("GET", f"{photo}/thumbnail", self.thumbnail),
            ("GET", f"{photo}/tiles/{{source}}/{{level:int}}/{{col:int}}/{{row:int}}", self.tile),
            ("POST", f"{photo}/find", self.find),
            ("POST", f"{photo}/parts", self.parts),
            ("POST", f"{photo}/point", self.point),
            ("POST", f"{photo}/mask", self.mask),
            ("POST", f"{photo}/masks", self.upload_mask),
            ("POST", f"{photo}/fill", self.fill),
            ("GET", f"{photo}/results/{{result}}/file", self.download),
            ("POST", f"{photo}/results/{{result}}/save", self.save),
            ("POST", "/api/v1/zip", self.zip),
            ("GET", "/api/v1/jobs/{job}", self.job),
            ("POST", "/api/v1/jobs/{job}/cancel", self.cancel),
        ]
        return [Route(path, told(handler), methods=[method]) for method, path, handler in table]

    async def state(self, request: Request) -> Response:
        """The models, the open photos, and the number of the last event."""
        described = await asyncio.to_thread(self.studio.description)
        photos = [self.photo_record(opened) for opened in self.studio.gallery.photos.values()]
        output = None if self.studio.options.output is None else str(self.studio.options.output)
        return JSONResponse(
            {"models": described, "photos": photos, "event": self.events.number, "output": output}
        )

    def photo_record(self, opened: Opened) -> dict[str, Any]:
        return {
            "id": opened.id,
            "name": opened.name,
            "height": opened.height,
            "width": opened.width,
            "format": opened.kind,
            "tile_px": TILE_PX,
            "levels": levels(opened.height, opened.width),
            "found": opened.detections is not None,
            "results": [self.studio.result_record(opened, result) for result in opened.results.values()],
        }

    async def stream(self, request: Request) -> Response:
        """Server-sent events; `Last-Event-ID` or `after` says what was seen."""
        seen = request.headers.get("last-event-id") or request.query_params.get("after", "0")
        after = int(seen) if seen.isdecimal() and len(seen) < 18 else 0
        if after > self.events.number:  # of a server that was killed: numbers began anew
            after = 0
        return StreamingResponse(self.events.listen(after), media_type="text/event-stream")

    async def models(self, request: Request) -> Response:
        """Switches the models."""
        body = await read_json(request)
        names = [body.get("segmenter"), body.get("inpainter")]
        if not all(name is None or isinstance(name, str) for name in names):
            raise RemovalError("expected the names of a segmenter and an inpainter")
        return accepted(self.studio.choose(*names))

    async def open(self, request: Request) -> Response:
        """Opens the photo in the body; `name` in the query is what it is called."""
        name = safe_name(request.query_params.get("name", ""))
        path = self.studio.gallery.new_file(safe_suffix(name))
        try:
            await self.read_body(request, path)
            opened = await asyncio.to_thread(self.studio.gallery.add, path, name)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, RemovalError | OSError) and str(path) in str(error):
                raise RemovalError(str(error).replace(str(path), name)) from error
            raise
        self.events.tell({"kind": "opened", "photo": opened.id})
        return JSONResponse(self.photo_record(opened), status_code=201)

    async def read_body(self, request: Request, path: Path) -> None:
        """Writes the body to a file, in pieces. Raises TooLargeError, TimeoutError."""
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > self.largest_upload_bytes:
            raise TooLargeError(self.largest_upload_bytes)
        written, pieces = 0, aiter(request.stream())
        with path.open("xb") as file:
            while True:
                try:
                    piece = await asyncio.wait_for(anext(pieces), BODY_SECONDS)
                except StopAsyncIteration:
                    return
                written += len(piece)
                if written > self.largest_upload_bytes:
                    raise TooLargeError(self.largest_upload_bytes)
                await asyncio.to_thread(file.write, piece)

    def opened(self, request: Request) -> Opened:
        return self.studio.gallery.get(request.path_params["photo"])

    async def photo(self, request: Request) -> Response:
        opened = self.opened(request)
        objects = await asyncio.to_thread(self.studio.objects, opened)
        return JSONResponse(self.photo_record(opened) | {"objects": objects})

    async def close(self, request: Request) -> Response:
        self.studio.gallery.close_photo(self.opened(request).id)
        return JSONResponse({})

    async def thumbnail(self, request: Request) -> Response:
        opened = self.opened(request)
        photo = await asyncio.to_thread(self.studio.gallery.photo, opened)
        return picture(await asyncio.to_thread(thumbnail, photo.pixels))

    async def tile(self, request: Request) -> Response:
        """A tile of the photo ("original") or of a result."""
        opened, words = self.opened(request), request.path_params
        source = None if words["source"] == "original" else words["source"]

        def make() -> bytes | None:
            pixels, _ = self.studio.gallery.pixels(opened, source)
            return tile(pixels, words["level"], words["col"], words["row"])

        data = await asyncio.to_thread(make)
        if data is None:
            raise UnknownError("expected a tile inside the photo")
        return picture(data)

    async def find(self, request: Request) -> Response:
        return accepted(self.studio.find(self.opened(request)))

    async def parts(self, request: Request) -> Response:
        chosen = (await read_json(request)).get("objects")
        if not isinstance(chosen, list):
            raise RemovalError("expected objects as a list of ids")
        return accepted(self.studio.parts(self.opened(request), chosen))

    async def point(self, request: Request) -> Response:
        return accepted(self.studio.point(self.opened(request), await read_json(request)))

    async def mask(self, request: Request) -> Response:
        """The mask of some steps as a PNG of the photo's size: white = fill."""
        opened, body = self.opened(request), await read_json(request)

        def make() -> bytes:
            import cv2

            job = Job("mask", opened.id, None, lambda job: None)
            mask = self.studio.mask(job, opened, body.get("steps"))
            return bytes(cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())

        data = await asyncio.to_thread(make)
        name = f"{Path(opened.name).stem}.mask.png"
        return Response(data, media_type="image/png", headers={"content-disposition": attachment(name)})

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
            await self.read_body(request, path)
            return JSONResponse({"mask": await asyncio.to_thread(read)}, status_code=201)
        except RemovalError as error:
            if str(path) in str(error):
                raise RemovalError(str(error).replace(str(path), "the mask")) from error
            raise
        finally:
            path.unlink(missing_ok=True)

    async def fill(self, request: Request) -> Response:
        body = await read_json(request)
        seed, base = body.get("seed", 0), body.get("base")
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**31:
            raise RemovalError("expected a seed from 0 to 2147483647")
        if base is not None and not isinstance(base, str):
            raise RemovalError("expected the id of a result as base, or null")
        effort = body.get("effort")
        if effort is not None:
            check_effort(effort)
        opened, steps = self.opened(request), body.get("steps")
        return accepted(self.studio.fill(opened, steps, seed=seed, base=base, effort=effort))

    async def download(self, request: Request) -> Response:
        """A result as a file of the photo's own format."""
        opened = self.opened(request)
        target = self.studio.gallery.new_file(safe_suffix(opened.name) or ".png")
        await asyncio.to_thread(self.studio.write, opened, request.path_params["result"], target)
        name = f"{Path(opened.name).stem}.removed{target.suffix}"
        return TemporaryFileResponse(target, headers={"content-disposition": attachment(name)})

    async def save(self, request: Request) -> Response:
        path = await asyncio.to_thread(self.studio.save, self.opened(request), request.path_params["result"])
        return JSONResponse({"path": str(path)})

    async def zip(self, request: Request) -> Response:
        """Several results in one file: {"results": [[photo, result], ...]}."""
        wanted = (await read_json(request)).get("results")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= 1000:
            raise RemovalError("expected results as a list of [photo, result]")
        target = self.studio.gallery.new_file(".zip")

        def write() -> None:
            names: set[str] = set()
            with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
                for pair in wanted:
                    if not (
                        isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair)
                    ):
                        raise RemovalError("expected results as a list of [photo, result]")
                    opened = self.studio.gallery.get(pair[0])
                    file = self.studio.gallery.new_file(safe_suffix(opened.name) or ".png")
                    self.studio.write(opened, pair[1], file)
                    name, number = opened.name, 1
                    while name in names:
                        number += 1
                        name = f"{Path(opened.name).stem}-{number}{Path(opened.name).suffix}"
                    names.add(name)
                    archive.write(file, name)
                    file.unlink()

        await asyncio.to_thread(write)
        return TemporaryFileResponse(target, headers={"content-disposition": attachment("removed.zip")})

    async def job(self, request: Request) -> Response:
        job = self.studio.worker.jobs.get(request.path_params["job"])
        if job is None:
            raise UnknownError("expected the id of a job, got none that is known")
        return JSONResponse(job.record())

    async def cancel(self, request: Request) -> Response:
        job = self.studio.worker.cancel(request.path_params["job"])
        if job is None:
            raise UnknownError("expected the id of a job, got none that is known")
        return JSONResponse(job.record())


class TooLargeError(RemovalError):
    """A body of more bytes than are taken."""

    def __init__(self, most: int):
        super().__init__(f"expected a file of at most {most // (1 << 20):,} MB")


class TemporaryFileResponse(FileResponse):
    """A file that is removed once it was sent."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)


def told(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """The handler, with its errors as JSON of one line and the status that fits."""

    async def answer(request: Request) -> Response:
        try:
            result: Response = await handler(request)
            return result
        except UnknownError as error:
            status, text = 404, str(error)
        except TooLargeError as error:
            status, text = 413, str(error)
        except TimeoutError:
            status, text = 408, "nothing came for too long"
        except ClientDisconnect:
            status, text = 400, "the connection was closed half-way"
        except FileExistsError as error:
            status, text = 409, str(error)
        except (RemovalError, OSError, ValueError, TypeError) as error:
            status, text = 400, str(error)
        return JSONResponse({"error": one_line(text)}, status_code=status)

    return answer


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a mapping. Raises RemovalError for anything else."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LARGEST_JSON_BYTES:
            raise TooLargeError(LARGEST_JSON_BYTES)
    try:
        body = json.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        raise RemovalError("expected JSON in the body") from error
    if not isinstance(body, dict):
        raise RemovalError("expected a JSON object in the body")
    return body


def accepted(job: Job) -> JSONResponse:
    return JSONResponse(job.record(), status_code=202)


def picture(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


def attachment(name: str) -> str:
    """A Content-Disposition for any file name (RFC 6266)."""
    from urllib.parse import quote

    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
