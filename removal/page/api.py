"""The JSON API under /api/v1 (docs/page.md): thin handlers over `Studio`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from _removal_support.errors import RemovalError
from inpaint.inpainter import check_effort
from removal.page.bodies import accepted, picture, read_body, read_json, told
from removal.page.events import Events
from removal.page.files import Files
from removal.page.gallery import Opened, UnknownError, safe_name, safe_suffix
from removal.page.studio import Studio
from removal.page.tiles import TILE_PX, levels, thumbnail, tile


class Api:
    """The handlers; each answers JSON, or a picture.

    studio: does the work. events: told what happens. largest_upload_bytes: of one file.
    """

    def __init__(self, studio: Studio, events: Events, *, largest_upload_bytes: int):
        self.studio, self.events = studio, events
        self.largest_upload_bytes = largest_upload_bytes
        self.files = Files(studio, largest_upload_bytes=largest_upload_bytes)

    def routes(self) -> list[Route]:
        photo = "/api/v1/photos/{photo}"
        result = f"{photo}/results/{{result}}"
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
            ("POST", f"{photo}/mask", self.files.mask),
            ("POST", f"{photo}/masks", self.files.upload_mask),
            ("POST", f"{photo}/fill", self.fill),
            ("GET", f"{result}/thumbnail", self.result_thumbnail),
            ("GET", f"{result}/file", self.files.download),
            ("POST", f"{result}/save", self.files.save),
            ("POST", "/api/v1/zip", self.files.zip),
            ("GET", "/api/v1/jobs/{job}", self.job),
            ("POST", "/api/v1/jobs/{job}/cancel", self.cancel),
        ]
        return [Route(path, told(handler), methods=[method]) for method, path, handler in table]

    async def state(self, request: Request) -> Response:
        """The models, the open photos, and the number of the last event."""
        described = await asyncio.to_thread(self.studio.models.description)
        photos = [self.photo_record(opened) for opened in list(self.studio.gallery.photos.values())]
        output = None if self.studio.output is None else str(self.studio.output)
        return JSONResponse(
            {"models": described, "photos": photos, "event": self.events.number, "output": output}
        )

    def photo_record(self, opened: Opened) -> dict[str, Any]:
        results = [self.studio.result_record(opened, result) for result in list(opened.results.values())]
        return {
            "id": opened.id,
            "name": opened.name,
            "digest": opened.digest,
            "height": opened.height,
            "width": opened.width,
            "format": opened.kind,
            "tile_px": TILE_PX,
            "levels": levels(opened.height, opened.width),
            "found": opened.detections is not None,
            "results": results,
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
        return accepted(self.studio.choose_models(*names))

    async def open(self, request: Request) -> Response:
        """Opens the photo in the body; `name` in the query is what it is called."""
        name = safe_name(request.query_params.get("name", ""))
        path = self.studio.gallery.new_file(safe_suffix(name))
        try:
            await read_body(request, path, self.largest_upload_bytes)
            opened = await asyncio.to_thread(self.studio.gallery.add, path, name)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, RemovalError | OSError) and str(path) in str(error):
                raise RemovalError(str(error).replace(str(path), name)) from error
            raise
        self.events.tell({"kind": "opened", "photo": opened.id})
        return JSONResponse(self.photo_record(opened), status_code=201)

    def opened(self, request: Request) -> Opened:
        return self.studio.gallery.get(request.path_params["photo"])

    async def photo(self, request: Request) -> Response:
        opened = self.opened(request)
        objects = await asyncio.to_thread(self.studio.objects, opened)
        return JSONResponse(self.photo_record(opened) | {"objects": objects})

    async def close(self, request: Request) -> Response:
        self.studio.close_photo(self.opened(request))
        return JSONResponse({})

    async def thumbnail(self, request: Request) -> Response:
        opened = self.opened(request)
        photo = await asyncio.to_thread(self.studio.gallery.photo, opened)
        return picture(await asyncio.to_thread(thumbnail, photo.pixels))

    async def result_thumbnail(self, request: Request) -> Response:
        """What a result looks like around the place that was filled."""
        result = self.studio.gallery.result(self.opened(request), request.path_params["result"])
        return picture(result.thumbnail)

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
