"""What requests carry and what they are answered: bodies that are bounded, JSON, files, and errors of one
line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from _removal_support.errors import RemovalError, one_line
from removal.page.gallery import UnknownError
from removal.page.jobs import Job

LARGEST_JSON_BYTES = 16 << 20
BODY_SECONDS = 30.0  # without a single byte
Handler = Callable[[Request], Awaitable[Response]]


class TooLargeError(RemovalError):
    """A body of more bytes than are taken."""

    def __init__(self, most: int):
        super().__init__(f"expected a file of at most {most // (1 << 20):,} MB")


def told(handler: Handler) -> Handler:
    """The handler, with its errors as JSON of one line and the status that fits."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except UnknownError as error:
            status, text = 404, str(error)
        except TooLargeError as error:
            status, text = 413, str(error)
        except TimeoutError:
            status, text = 408, "nothing came for too long"
        except ClientDisconnect:
            status, text = 400, "the connection was closed half-way"
        except (RemovalError, OSError, ValueError, TypeError) as error:
            status, text = 400, str(error)
        return JSONResponse({"error": one_line(text)}, status_code=status)

    return answer


async def read_body(request: Request, path: Path, most_bytes: int) -> None:
    """Writes the body to a new file, in pieces. Raises TooLargeError, TimeoutError."""
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > most_bytes:
        raise TooLargeError(most_bytes)
    written, pieces = 0, aiter(request.stream())
    with path.open("xb") as file:
        while True:
            try:
                piece = await asyncio.wait_for(anext(pieces), BODY_SECONDS)
            except StopAsyncIteration:
                return
            written += len(piece)
            if written > most_bytes:
                raise TooLargeError(most_bytes)
            await asyncio.to_thread(file.write, piece)


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a mapping. Raises RemovalError for anything else, TimeoutError."""
    data, pieces = bytearray(), aiter(request.stream())
    while True:
        try:
            data += await asyncio.wait_for(anext(pieces), BODY_SECONDS)
        except StopAsyncIteration:
            break
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


def attachment(name: str) -> dict[str, str]:
    """The header that has a browser keep the answer as a file, under any name (RFC 6266)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    }


class TemporaryFileResponse(FileResponse):
    """A file that is removed once it was sent."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)
