"""`remove serve`: the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from removal.cli.erase import warn
from removal.cli.errors import told_in_one_line
from removal.cli.shared_options import max_megapixels_option, model_options, overwrite_option
from removal.cli.terminal import tell

EXTRA = "the page needs Starlette and uvicorn: pip install 'removal[page]'"


@click.command()
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path), metavar="[PHOTO|FOLDER]...")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8723,
    show_default=True,
    help="Serve at this port; 0 takes a free one.",
)
@click.option(
    "--host",
    help="Listen at this address instead of this machine alone; the page's address then carries a token.",
)
@click.option(
    "--open/--no-open",
    "open_browser",
    default=True,
    show_default=True,
    help="Open a browser, or only print the address.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Save results into this folder. Without it, the browser downloads them.",
)
@model_options
@overwrite_option
@max_megapixels_option
def serve(photos: tuple[Path, ...], port: int, host: str | None, open_browser: bool, **options: Any) -> None:
    """Open the page: see the photo, point at what should go, look, correct, keep.

    Everything stays on this machine. The page opens at once, and the models load behind it.
    """
    from importlib.util import find_spec

    if not (find_spec("starlette") and find_spec("uvicorn")):
        raise click.ClickException(EXTRA)
    from removal.batch.jobs import photos_in
    from removal.options import RunOptions
    from removal.page.server import prepare

    with told_in_one_line():
        paths = [path for given in photos for path in (photos_in(given) if given.is_dir() else [given])]
        for path in paths:
            if not path.is_file():
                raise click.ClickException(f"{path}: there is no such photo")
        serving = prepare(RunOptions(**options), paths, host=host, port=port, say=warn)
    tell(f"the page: {serving.url}  (Ctrl-C ends it)")
    if open_browser:
        import threading
        import webbrowser

        threading.Timer(0.3, webbrowser.open, [serving.url]).start()
    try:
        serving.server.run(sockets=[serving.socket])
    except KeyboardInterrupt:  # how it is meant to end
        pass
    finally:
        serving.studio.close()
