"""Repositories of the Hugging Face Hub: where they lie in its cache, and how they get there.

The cache is the Hub's own, so that other programs find the same files. The package huggingface_hub, which
comes with the extras that need it, is imported only to fetch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HUB_URL = "https://huggingface.co/"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class HubError(OSError):
    """A repository that cannot be had; the message says why, in a few words."""


def is_repository_name(text: str) -> bool:
    """Whether it has the form owner/name."""
    return _NAME.fullmatch(text) is not None


def hub_cache_folder() -> Path:
    """The Hub's cache (HF_HUB_CACHE, or `hub` in HF_HOME, or below ~/.cache)."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", os.path.join(caches, "huggingface"))
    return Path(os.path.expanduser(os.environ.get("HF_HUB_CACHE", os.path.join(home, "hub"))))


def repository_folder(repository: str) -> Path:
    """Where all of a repository lies in the cache, there or not."""
    return hub_cache_folder() / f"models--{repository.replace('/', '--')}"


def cached_snapshot(repository: str, file: str = "") -> Path | None:
    """The folder of the files of the newest version in the cache; None where it is not there or not whole.

    file: one that must be in it.
    """
    folder = repository_folder(repository)
    try:
        commit = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = folder / "snapshots" / commit
    if not (snapshot / file).exists() or any((folder / "blobs").glob("*.incomplete")):
        return None
    return snapshot


def fetch_snapshot(repository: str, patterns: Sequence[str], *, offline: bool, timeout_s: float) -> Path:
    """The folder of a repository's files in the cache, fetched where they are not there.

    Args:
        repository: owner/name.
        patterns: of the names of the files that are needed, such as "*.json".
        offline: only what is in the cache is taken.
        timeout_s: how long to wait for the first answer.

    Raises:
        HubError: it cannot be had.
    """
    if find_spec("huggingface_hub") is None:
        raise HubError("the package huggingface_hub is not installed")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
    from tqdm.auto import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        """On a terminal only."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings | {"disable": settings.get("disable") or None})

    try:
        folder = snapshot_download(
            repository,
            allow_patterns=list(patterns),
            local_files_only=offline,
            etag_timeout=timeout_s,
            tqdm_class=Bar,
        )
    except GatedRepoError as error:
        raise HubError(
            f"it is gated: accept its terms on {HUB_URL}{repository}, then log in (hf auth login)"
        ) from error
    except RepositoryNotFoundError as error:
        raise HubError("there is no such repository, or it is private") from error
    except LocalEntryNotFoundError as error:
        answer = getattr(error.__cause__, "response", None)
        met = f"the Hub answered {answer.status_code}" if answer is not None else "no connection to the Hub"
        raise HubError(
            "it is not in the cache" if offline else f"{met}, and it is not in the cache"
        ) from error
    except Exception as error:  # of the HTTP library, which changes from one release to the next
        raise HubError(str(error).partition("\n")[0] or type(error).__name__) from error
    return Path(folder)
