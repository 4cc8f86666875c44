"""Published weights: what is known of a file, and how it gets into the cache.

The cache is ``torch.hub``'s, under the published file name, so that torchvision finds the same file. A file
is used only when its hash is right, and reaches its final name only when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import requests

OFFLINE_VARIABLE = "REMOVAL_OFFLINE"
TIMEOUT_S = 10.0
_ATTEMPTS = 3
_CHUNK_BYTES = 1 << 16  # a break loses what of its chunk had come


class WeightsError(RuntimeError):
    """Published weights that cannot be had; the message names the file, its URL and the cache folder."""


@dataclass(frozen=True)
class PretrainedWeights:
    """What is known of a published weights file.

    name: what our commands call it.
    file_name: the published name, which is also its name in the cache.
    url: where it is published.
    sha256_prefix: first hexadecimal digits of its SHA-256, lower case; None = none was published.
    licence, architecture, trained_on: in words.
    input_contract: what the network expects.
    scores: published metrics, as (name, value) pairs.
    by_hand: the host hands the file to people only, so it cannot be fetched.
    """

    name: str
    file_name: str
    url: str
    sha256_prefix: str | None
    licence: str
    architecture: str
    trained_on: str
    input_contract: str
    scores: tuple[tuple[str, float], ...] = ()
    by_hand: bool = False

    def path(self) -> Path:
        """Where the file lies in the cache, there or not."""
        return cache_folder() / self.file_name

    def is_cached(self) -> bool:
        """Whether a file of this name is in the cache; its hash is checked by `fetch`."""
        return self.path().is_file()

    def instructions(self) -> str:
        """What to do by hand: the file, its URL and the folder to put it in."""
        return f"download {self.file_name} from {self.url} and put it in {cache_folder()}"


def cache_folder() -> Path:
    """``torch.hub``'s folder of weights files (under ``TORCH_HOME`` where that is set)."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def fetch(weights: PretrainedWeights, *, timeout_s: float = TIMEOUT_S) -> Path:
    """Path of the file in the cache, downloaded when it is not there yet.

    ``timeout_s``: how long to wait for the first answer (name look-up, connection and reply together), and
    then for each next piece. A download that breaks is taken up where it broke, three times at most. With
    ``REMOVAL_OFFLINE=1`` in the environment the network is left alone. A progress bar is drawn on stderr
    where that is a terminal.

    Raises WeightsError where the file cannot be had or its hash is not the published one.
    """
    path = weights.path()
    if path.is_file():
        _check_hash(weights, path, "delete it to have it fetched again")
        return path
    if weights.by_hand:
        raise WeightsError(f"{weights.file_name} is handed to people only; {weights.instructions()}")
    if os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0"):
        raise WeightsError(
            f"{weights.file_name} is not in the cache and {OFFLINE_VARIABLE} is set; {weights.instructions()}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".part", prefix=f".{weights.file_name}.", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                _download(weights, file, timeout_s)
            _check_hash(weights, part, f"as sent by {weights.url}")
            os.chmod(part, 0o644)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = _reason(error, timeout_s)
        raise WeightsError(
            f"{weights.file_name} could not be fetched: {reason}; {weights.instructions()}"
        ) from error
    return path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in lower-case hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_hash(weights: PretrainedWeights, path: Path, remark: str) -> None:
    if weights.sha256_prefix is None:
        return
    digest = file_sha256(path)
    if not digest.startswith(weights.sha256_prefix):
        raise WeightsError(
            f"{path} is not {weights.file_name}: expected a SHA-256 starting {weights.sha256_prefix}, "
            f"got {digest[: len(weights.sha256_prefix)]} ({remark}); {weights.instructions()}"
        )


def _download(weights: PretrainedWeights, file: BinaryIO, timeout_s: float) -> None:
    """Writes the whole body to ``file``, taking a broken transfer up again where the server allows it."""
    import requests
    from tqdm import tqdm

    with tqdm(
        desc=weights.file_name, unit="B", unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty()
    ) as bar:
        for attempt in range(1, _ATTEMPTS + 1):
            response = _answer(weights.url, file.tell(), timeout_s)
            try:
                with response:
                    if response.status_code != requests.codes.partial_content:
                        file.seek(0)
                        file.truncate()
                    bar.total = file.tell() + int(response.headers.get("Content-Length", 0)) or None
                    bar.n = file.tell()
                    for chunk in response.iter_content(_CHUNK_BYTES):
                        file.write(chunk)
                        bar.update(len(chunk))
                return
            except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError):
                if attempt == _ATTEMPTS:
                    raise


def _answer(url: str, start: int, timeout_s: float) -> requests.Response:
    """The reply to a request for the bytes from ``start`` on, its body not read yet.

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
    if not answer.ok:
        answer.close()
        answer.raise_for_status()
    return answer


def _reason(error: OSError, timeout_s: float) -> str:
    """The few words that matter of an error whose own text runs over several lines."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return f"nothing answered within {timeout_s:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the connection broke {_ATTEMPTS} times"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server"
    return error.strerror or str(error).partition("\n")[0]
