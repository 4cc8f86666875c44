"""Published DeepFillv2 weights: where they are, on what terms, and getting them into the cache."""

import contextlib
import hashlib
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

OFFLINE_VARIABLE = "REMOVAL_OFFLINE"
TIMEOUT_S = 10.0
ATTEMPTS = 3


class WeightsUnavailableError(RuntimeError):
    """Weights that cannot be had; the message names the file, its URL and the folder to put it in."""


@dataclass(frozen=True)
class PublishedWeights:
    """What is known of one published file.

    `sha256_prefix`: first digits of its SHA-256, lower case; None = none published.
    `by_hand`: the host hands it to people only, so it cannot be fetched.
    """

    name: str
    file_name: str
    url: str
    sha256_prefix: str | None
    layout: str
    trained_on: str
    licence: str
    by_hand: bool = False
    input_contract: str = (
        "float32 (N, 3, H, W) RGB in [-1, 1], masks (N, 1, H, W) 1 = hole, trained at 256 px"
    )


_OPENMMLAB = "https://download.openmmlab.com/mmediting/inpainting/deepfillv2/"
_APACHE = "Apache-2.0 repository"
_NON_COMMERCIAL = "converted from originals under CC BY-NC 4.0: no commercial use"


def _openmmlab(name: str, stem: str, sha256_prefix: str, trained_on: str) -> PublishedWeights:
    file_name = f"{stem}-{sha256_prefix}.pth"
    return PublishedWeights(
        name, file_name, _OPENMMLAB + file_name, sha256_prefix, "mmagic", trained_on, _APACHE
    )


def _drive(name: str, drive_id: str) -> PublishedWeights:
    """`name` as published: states_FRAMEWORK_DATA."""
    _, framework, data = name.split("_")
    return PublishedWeights(
        name=f"deepfillv2-{framework}-{data}",
        file_name=f"{name}.pth",
        url=f"https://drive.google.com/file/d/{drive_id}/view",
        sha256_prefix=None,
        layout=f"nipponjo_{framework}",
        trained_on={"places2": "Places2", "celebahq": "CelebA-HQ"}[data],
        licence=_NON_COMMERCIAL,
        by_hand=True,
    )


RECORDS = (
    _openmmlab("deepfillv2-places", "deepfillv2_256x256_8x2_places_20200619", "10d15793", "Places365"),
    _openmmlab("deepfillv2-celeba", "deepfillv2_256x256_8x2_celeba_20200619", "c96e5f12", "CelebA-HQ"),
    _drive("states_pt_places2", "1L63oBNVgz7xSb_3hGbUdkYW1IuRgMkCa"),
    _drive("states_tf_places2", "1tvdQRmkphJK7FYveNAKSMWC6K09hJoyt"),
    _drive("states_pt_celebahq", "17oJ1dJ9O3hkl2pnl8l2PtNVf2WhSDtB7"),
    _drive("states_tf_celebahq", "1fTQVSKWwWcKYnmeemxKWImhVtFQpESmm"),
)
PUBLISHED = {record.name: record for record in RECORDS}
DEFAULT = "deepfillv2-places"


def record_of(path: Path) -> PublishedWeights | None:
    """The record of the published file of this name, if there is one."""
    return next((record for record in RECORDS if record.file_name == path.name), None)


def cache_folder() -> Path:
    """torch.hub's folder of weights (below TORCH_HOME where that is set)."""
    from torch import hub

    return Path(hub.get_dir()) / "checkpoints"


def instructions(record: PublishedWeights) -> str:
    """What to do by hand."""
    return f"download {record.file_name} from {record.url} and put it in {cache_folder()}"


def fetch(record: PublishedWeights, *, timeout_s: float = TIMEOUT_S) -> Path:
    """Path of the file in the cache; downloaded where it is missing, under its name only once whole and
    right.

    timeout_s: wait for an answer, and then for each next piece. A broken transfer is started over, three
    times at most. REMOVAL_OFFLINE=1 in the environment leaves the network alone.

    Raises WeightsUnavailableError.
    """
    path = cache_folder() / record.file_name
    if path.is_file():
        return path
    if record.by_hand:
        raise WeightsUnavailableError(f"{record.file_name} is handed to people only; {instructions(record)}")
    if os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0"):
        raise WeightsUnavailableError(
            f"{record.file_name} is not in the cache and {OFFLINE_VARIABLE} is set; {instructions(record)}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _download(record, part, timeout_s)
        digest = file_sha256(part)
        if not digest.startswith(record.sha256_prefix or ""):
            raise WeightsUnavailableError(
                f"{record.url} sent another file: expected a SHA-256 starting {record.sha256_prefix}, "
                f"received {digest[:8]}; {instructions(record)}"
            )
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in lower-case hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(record: PublishedWeights, part: Path, timeout_s: float) -> None:
    import pooch
    import requests

    if not _answers(record.url, timeout_s):
        raise _unavailable(record, f"no answer within {timeout_s:g} s")
    download = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=timeout_s)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            download(record.url, str(part), None)
            return
        except requests.exceptions.ChunkedEncodingError as error:
            if attempt == ATTEMPTS:
                raise _unavailable(record, f"the connection broke {ATTEMPTS} times") from error
        except requests.RequestException as error:
            reason = "nothing answered" if isinstance(error, requests.Timeout) else type(error).__name__
            raise _unavailable(record, reason) from error


def _answers(url: str, timeout_s: float) -> bool:
    """Whether the host answers, or refuses, in time.

    A thread asks, because looking up the host's name is under no timeout of requests.
    """
    import requests

    def ask() -> None:
        with contextlib.suppress(requests.RequestException):  # the download itself says what was wrong
            requests.head(url, timeout=timeout_s)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return not thread.is_alive()


def _unavailable(record: PublishedWeights, reason: str) -> WeightsUnavailableError:
    return WeightsUnavailableError(
        f"{record.file_name} could not be fetched: {reason}; {instructions(record)}"
    )
