"""The server of the page: its files, the API, and the guard in front of both."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from removal.errors import RunError
from removal.options import RunOptions
from removal.page.api import Api
from removal.page.events import Events
from removal.page.security import App, Guard
from removal.page.studio import Studio

if TYPE_CHECKING:
    import uvicorn

STATIC = Path(__file__).with_name("static")
TYPES = {  # set by us: what an operating system's registry says of .js may be wrong
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
LOCAL = ("127.0.0.1", "localhost", "[::1]")
BYTES_PER_MEGAPIXEL = 16 << 20  # of the largest honest file
MOST_CONNECTIONS = 200


@dataclass(frozen=True)
class Serving:
    """A server that is ready to run: `url` is what to open, `server.run(sockets=[socket])` runs it."""

    server: uvicorn.Server
    socket: socket.socket
    url: str
    studio: Studio


def build_app(
    options: RunOptions,
    photos: Sequence[Path],
    *,
    hosts: frozenset[str],
    token: str,
    open_page: bool,
    say: Callable[[str], None],
) -> tuple[App, Studio, Events]:
    """The application, the studio behind it, and the events that it tells.

    Args:
        options: models, refinement, output folder, the largest photo.
        photos: opened at the start.
        hosts: names that requests may be for, "name:port".
        token: what scripts and the page show that they may.
        open_page: whether the page is given to whoever asks on this machine.
        say: told of photos that cannot be opened.
    """
    events = Events()
    studio = Studio(options, lambda job: events.tell(job.record()))
    api = Api(studio, events, largest_upload_bytes=int(options.max_megapixels * BYTES_PER_MEGAPIXEL))

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        events.bind()
        studio.start()
        if photos:
            studio.worker.submit("open", None, lambda job: open_all(studio, photos, events, say))
        yield
        events.close()
        studio.close()

    files = {path.name: path for path in STATIC.iterdir() if path.suffix in TYPES}

    def static(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            return PlainTextResponse("not found", status_code=404)
        return Response(path.read_bytes(), headers={"content-type": TYPES[path.suffix]})

    def index(request: Request) -> Response:
        page = (STATIC / "index.html").read_text().replace("{{token}}", token)
        return Response(page, headers={"content-type": TYPES[".html"]})

    routes = [Route("/", index), *api.routes(), Route("/{name}", static)]
    app = Starlette(routes=routes, lifespan=lifespan)
    return Guard(app, hosts=hosts, token=token, open_page=open_page), studio, events


def open_all(
    studio: Studio, photos: Sequence[Path], events: Events, say: Callable[[str], None]
) -> dict[str, object]:
    """Opens the photos of the command line; one that cannot be read is said and passed over."""
    from _removal_support.errors import RemovalError

    for path in photos:
        try:
            opened = studio.gallery.add(path, path.name, source=path)
        except (RemovalError, OSError) as error:
            say(str(error))
            events.tell({"kind": "refused", "error": str(error)})
        else:
            events.tell({"kind": "opened", "photo": opened.id})
    return {}


def prepare(
    options: RunOptions,
    photos: Sequence[Path],
    *,
    host: str | None,
    port: int,
    say: Callable[[str], None],
) -> Serving:
    """A server on its port, ready to run; the models load once it does.

    Args:
        options, photos, say: as `build_app` takes them.
        host: the address to listen at; None = this machine alone.
        port: 0 = a free one.

    Raises:
        RunError: the port is taken, or the address is not this machine's.
    """
    import uvicorn

    address = host or "127.0.0.1"
    try:
        listening = socket.create_server(
            (address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET
        )
    except OSError as error:
        raise RunError(f"cannot listen at {address}, port {port}: {error.strerror}", option="port") from error
    port = listening.getsockname()[1]
    shown = f"[{address}]" if ":" in address else address
    names = {*LOCAL, shown} if host is None else {shown, *own_names(host)}
    token = secrets.token_urlsafe(24)
    app, studio, events = build_app(
        options,
        photos,
        hosts=frozenset(f"{name}:{port}".lower() for name in names),
        token=token,
        open_page=host is None,
        say=say,
    )
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=10,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    first = shown if shown not in ("0.0.0.0", "[::]") else socket.gethostname()
    url = f"http://{first}:{port}/" + ("" if host is None else f"?token={token}")
    return Serving(ending_at_once(uvicorn.Server(config), events), listening, url, studio)


def ending_at_once(server: uvicorn.Server, events: Events) -> uvicorn.Server:
    """The server, which no longer waits at its end for pages that listen to the events."""
    shut_down = server.shutdown

    async def shutdown(sockets: list[socket.socket] | None = None) -> None:
        events.close()
        await shut_down(sockets)

    server.shutdown = shutdown  # type: ignore[method-assign]
    return server


def own_names(host: str) -> set[str]:
    """The names that a browser may use for an address: all of this machine's where it is every address."""
    if host not in ("0.0.0.0", "::"):
        return {host}
    names = {socket.gethostname(), *LOCAL}
    with contextlib.suppress(OSError):
        names |= {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return names
