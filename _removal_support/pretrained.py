"""Published weights: what is known of a file, and how it gets into the cache.

The cache is ``torch.hub``'s, under the published file name, so that torchvision finds the same file. A file
is used only when its hash is right, and reaches its final name only when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from _removal_support.download import ATTEMPTS, download
from _removal_support.errors import RemovalError
from _removal_support.hub import HubError, cached_snapshot, fetch_snapshot, repository_folder
from _removal_support.limits import LARGEST_DOWNLOAD_BYTES

OFFLINE_VARIABLE = "REMOVAL_OFFLINE"
TIMEOUT_S = 10.0


class WeightsError(RemovalError, RuntimeError):
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
    md5: of the whole file, where no SHA-256 was published; None = none was.
    size_bytes: of the file; None = not published. A download that brings more is given up.
    by_hand: the host hands the file to people only, so it cannot be fetched.
    repository: owner/name on the Hugging Face Hub, where the weights are not one file but all files there
        whose names fit `patterns`; they lie in the Hub's cache, and `file_name` must be one of them.
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
    size_bytes: int | None = None
    md5: str | None = None
    by_hand: bool = False
    repository: str = ""
    patterns: tuple[str, ...] = ()

    def path(self) -> Path:
        """Where the file, or the repository's folder, lies in the cache, there or not."""
        if self.repository:
            return cached_snapshot(self.repository) or repository_folder(self.repository)
        return cache_folder() / self.file_name

    def is_cached(self) -> bool:
        """Whether a file of this name is in the cache; its hash is checked by `fetch`."""
        if self.repository:
            return cached_snapshot(self.repository, self.file_name) is not None
        return self.path().is_file()

    def instructions(self) -> str:
        """What to do by hand: the file, its URL and the folder to put it in."""
        if self.repository:
            return f"download {self.url} into a folder and give that as the weights"
        return f"download {self.file_name} from {self.url} and put it in {cache_folder()}"


def cache_folder() -> Path:
    """``torch.hub``'s folder of weights files (under ``TORCH_HOME`` where that is set).

    torch is not imported for it: its rule is followed, and a folder that a program has set in torch is asked
    for only where torch is there already.
    """
    if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "hub"):
        return Path(torch.hub.get_dir()) / "checkpoints"
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(caches, "torch"))
    return Path(os.path.expanduser(home)) / "hub" / "checkpoints"


def fetch(weights: PretrainedWeights, *, timeout_s: float = TIMEOUT_S) -> Path:
    """Path of the file in the cache, downloaded when it is not there yet.

    ``timeout_s``: how long to wait for the first answer (name look-up, connection and reply together), and
    then for each next piece. A download that breaks is taken up where it broke, three times at most, and
    once more from the start where the pieces do not make the published file. One that brings less than
    1 kB/s over ``timeout_s`` is given up. With ``REMOVAL_OFFLINE=1`` in the environment the network is left
    alone. A progress bar is drawn on stderr where that is a terminal.

    A repository of the Hugging Face Hub is fetched by its own library, which checks hashes itself.

    Raises WeightsError where the file cannot be had or its hash is not the published one.
    """
    if weights.repository:
        return _fetch_repository(weights, timeout_s)
    path = weights.path()
    if path.is_file():
        _check_hash(weights, path, "delete it to have it fetched again")
        return path
    if weights.by_hand:
        raise WeightsError(f"{weights.file_name} is handed to people only; {weights.instructions()}")
    if is_offline():
        raise WeightsError(
            f"{weights.file_name} is not in the cache and {OFFLINE_VARIABLE} is set; {weights.instructions()}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".part", prefix=f".{weights.file_name}.", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                _download(weights, file, part, timeout_s)
            _check_hash(weights, part, f"as sent by {weights.url}")
            os.chmod(part, 0o644)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: an address or header that cannot be read
        reason = _reason(error, timeout_s)
        raise WeightsError(
            f"{weights.file_name} could not be fetched: {reason}; {weights.instructions()}"
        ) from error
    return path


def is_offline() -> bool:
    """Whether REMOVAL_OFFLINE says to leave the network alone."""
    return os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0")


def _fetch_repository(weights: PretrainedWeights, timeout_s: float) -> Path:
    if weights.is_cached():
        return weights.path()
    try:
        return fetch_snapshot(weights.repository, weights.patterns, offline=is_offline(), timeout_s=timeout_s)
    except HubError as error:
        reason = f"{error} and {OFFLINE_VARIABLE} is set" if is_offline() else str(error)
        raise WeightsError(
            f"{weights.repository} cannot be had: {reason}; {weights.instructions()}"
        ) from error


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in lower-case hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(weights: PretrainedWeights, file: BinaryIO, part: Path, timeout_s: float) -> None:
    """Write the body to `file`, which is open at `part`; once more where a transfer may have spoilt it."""
    largest = weights.size_bytes or LARGEST_DOWNLOAD_BYTES

    def transfer() -> bool:
        return download(
            weights.url, file, label=weights.file_name, timeout_s=timeout_s, largest_bytes=largest
        )

    in_one_piece = transfer()
    file.flush()
    prefix = weights.sha256_prefix
    if in_one_piece or prefix is None or file_sha256(part).startswith(prefix):
        return
    file.seek(0)
    file.truncate()
    transfer()


def _check_hash(weights: PretrainedWeights, path: Path, remark: str) -> None:
    if weights.sha256_prefix is not None:
        kind, expected, digest = "SHA-256 starting", weights.sha256_prefix, file_sha256(path)
    elif weights.md5 is not None:
        with open(path, "rb") as file:
            kind, expected, digest = "MD5 of", weights.md5, hashlib.file_digest(file, "md5").hexdigest()
    else:
        return
    if not digest.startswith(expected):
        raise WeightsError(
            f"{path} is not {weights.file_name}: expected a {kind} {expected}, "
            f"got {digest[: len(expected)]} ({remark}); {weights.instructions()}"
        )


def _reason(error: OSError | ValueError, timeout_s: float) -> str:
    """The few words that matter of an error whose own text runs over several lines."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return f"nothing answered within {timeout_s:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the connection broke {ATTEMPTS} times"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server"
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]
