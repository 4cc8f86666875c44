"""One file over HTTP: gives up on silence and on a trickle, takes a broken transfer up again."""

from __future__ import annotations

import re
import sys
import threading
import time
from typing import TYPE_CHECKING, BinaryIO

from _removal_support.limits import LARGEST_DOWNLOAD_BYTES

if TYPE_CHECKING:
    import requests
    from tqdm import tqdm

ATTEMPTS = 3
LEAST_BYTES_PER_S = 1000
_CHUNK_BYTES = 1 << 16
_BUSY = (408, 429)
"""Answers that ask to come back later; those of 500 and above do as well."""


class SlowError(OSError):
    """A transfer that brings less than `LEAST_BYTES_PER_S`."""


def download(
    url: str, file: BinaryIO, *, label: str, timeout_s: float, largest_bytes: int = LARGEST_DOWNLOAD_BYTES
) -> bool:
    """Write the body of `url` to an empty, open file; returns whether it came whole and in one piece.

    False where it was put together from several transfers, or no length was given to hold it against: then a
    wrong hash may be the transfer's fault.

    A transfer that breaks, or is refused, after some of it has come is taken up there, `ATTEMPTS` times in
    all; it starts over where the server does not continue at that byte. No first answer and a silence that
    follows another end it. A progress bar is drawn on stderr where that is a terminal.

    Args:
        url: an address of HTTP.
        file: binary, open for writing.
        label: beside the progress bar.
        largest_bytes: more is refused, as soon as the server states it or has sent it.
        timeout_s: how long to wait for an answer (name look-up, connection and reply together) and for each
            next byte; also the time over which `LEAST_BYTES_PER_S` is held against what came.

    Raises:
        OSError: the body could not be had (`requests` derives its errors from it).
        ValueError: an address or a header that cannot be read.
    """
    from tqdm import tqdm

    with tqdm(desc=label, unit="B", unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        for attempt in range(1, ATTEMPTS + 1):
            start = file.tell()
            try:
                length_known = _transfer(url, file, timeout_s, bar, largest_bytes)
                return length_known and attempt == 1
            except OSError as error:
                if attempt == ATTEMPTS or not _may_pass(error, start, file.tell()):
                    raise
                if file.tell() == start:
                    time.sleep(timeout_s / 20)  # a server that starts again needs a moment
    raise AssertionError("the last attempt returns or raises")


def _may_pass(error: OSError, start: int, end: int) -> bool:
    """Whether to try again after an attempt that took the file from `start` to `end` bytes."""
    import requests

    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return True  # the server was there and sending
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code if error.response is not None else 0
        return end > 0 and (status >= 500 or status in _BUSY)
    if isinstance(error, requests.Timeout):
        return end > start
    return end > 0 and isinstance(error, requests.ConnectionError)


def _transfer(url: str, file: BinaryIO, timeout_s: float, bar: tqdm, largest_bytes: int) -> bool:
    """One request and its body, written behind what the file holds; returns whether its length was known."""
    import requests
    import urllib3

    with _continuation(url, file, timeout_s) as response:
        length = _length(response)
        end = None if length is None else file.tell() + length
        _check_size(end, largest_bytes)
        bar.total, bar.n = end, file.tell()
        bar.refresh()
        window_began, window_start = time.monotonic(), file.tell()
        try:
            while chunk := response.raw.read1(_CHUNK_BYTES):
                _check_size(file.tell() + len(chunk), largest_bytes)
                file.write(chunk)
                bar.update(len(chunk))
                elapsed_s = time.monotonic() - window_began
                if elapsed_s >= timeout_s:
                    if file.tell() - window_start < LEAST_BYTES_PER_S * elapsed_s:
                        raise SlowError(f"less than {LEAST_BYTES_PER_S} bytes a second came")
                    window_began, window_start = time.monotonic(), file.tell()
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.ReadTimeout(str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(str(error)) from error
        if end is not None and file.tell() < end:
            raise requests.exceptions.ChunkedEncodingError(f"{file.tell()} of {end} bytes came")
        return end is not None


def _check_size(size: int | None, largest_bytes: int) -> None:
    """Raises ValueError for a body, or what came of it, that is larger than it may be."""
    if size is not None and size > largest_bytes:
        raise ValueError(f"expected at most {largest_bytes:,} bytes, the server sends more")


def _continuation(url: str, file: BinaryIO, timeout_s: float) -> requests.Response:
    """The reply whose body goes on where the file ends; the file is emptied where the server starts over."""
    import requests

    start = file.tell()
    response = _answer(url, start, timeout_s)
    partial = response.status_code == requests.codes.partial_content
    if start and (
        response.status_code == requests.codes.requested_range_not_satisfiable
        or (partial and _range_start(response) != start)
    ):
        response.close()
        start = 0
        response = _answer(url, start, timeout_s)
    if not response.ok:
        response.close()
        response.raise_for_status()
    if not start or response.status_code != requests.codes.partial_content:
        file.seek(0)
        file.truncate()
    return response


def _range_start(response: requests.Response) -> int | None:
    found = re.match(r"\s*bytes\s+(\d+)-", response.headers.get("Content-Range", ""), re.ASCII)
    return int(found[1]) if found else None


def _length(response: requests.Response) -> int | None:
    """Bytes of the body, None where the server does not say it in a number."""
    text = response.headers.get("Content-Length", "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _answer(url: str, start: int, timeout_s: float) -> requests.Response:
    """The reply, of any status, to a request for the bytes from ``start`` on, its body not read yet.

    A thread waits for it, because the time that a look-up of the name takes, and that several dead addresses
    take one after the other, is under no timeout of ``requests``.
    """
    import requests

    outcome: list[requests.Response | Exception] = []
    given_up = threading.Event()

    def ask() -> None:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            response = requests.get(url, stream=True, timeout=timeout_s, headers=headers)
        except Exception as error:
            outcome.append(error)
            return
        outcome.append(response)
        if given_up.is_set():
            response.close()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not outcome:
        given_up.set()
        raise requests.Timeout(f"no answer within {timeout_s:g} s")
    answer = outcome[0]
    if isinstance(answer, Exception):
        raise answer
    return answer
