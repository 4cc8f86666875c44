"""The record of an output folder that fsspec opens, where files cannot be appended to or locked."""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from _removal_support.files import is_part
from _removal_support.json_lines import RecordError
from removal.batch.jobs import Job
from removal.batch.record import MANIFEST, Manifest
from removal.cluster.paths import RemotePath, delete, files_below, store
from removal.errors import BusyError

LOCK = ".removal.lock"
UPLOAD_S = 5.0  # how far the copy in the folder is behind the record at most
BEAT_S = 20.0  # how often the lock is renewed
STALE_S = 90.0  # a lock that old is of a run that was killed
_PIECE = re.compile(re.escape(MANIFEST) + r"\.[0-9]{6}")


class RemoteManifest(Manifest):
    """A Manifest kept in a folder of this machine, whose lines are put beside the results as they come:
    `removal.jsonl.000001` and so on, each object whole, and at the end of the run one `removal.jsonl`.

    The lock is an object that is renewed while the run lives; a run that was killed keeps others out for
    STALE_S seconds. Two runs that start within the same second on two machines may both get it.
    """

    def __init__(
        self, folder: RemotePath, settings: Mapping[str, Any], asked: Mapping[str, Any], *, overwrite: bool
    ):
        self._copy = tempfile.TemporaryDirectory(prefix="removal-record-")
        super().__init__(Path(self._copy.name), settings, asked, overwrite=overwrite)
        self.there = folder
        self.listing: dict[str, RemotePath] = {}  # of the folder, by name_of
        self._pieces: list[RemotePath] = []
        self._sent = 0  # bytes of the record that are in the folder
        self._number = 0  # of the last piece
        self._sending = threading.Lock()
        self._ending = threading.Event()
        self._beating: threading.Thread | None = None
        self._failure: OSError | None = None

    def open(self, *, create: bool) -> bool:
        """As Manifest.open. Also lists the folder."""
        if self.lines.is_open:
            return False
        self.listing = {self.name_of(file): file for file in files_below(self.there)}
        pieces = sorted(name for name in self.listing if _PIECE.fullmatch(name))
        if not create and MANIFEST not in self.listing and not pieces:
            return False
        self._lock()
        with self.path.open("wb") as file:
            for name in [MANIFEST] * (MANIFEST in self.listing) + pieces:
                file.write(self.listing[name].read_bytes())
        self._pieces = [self.listing[name] for name in pieces]
        self._number = int(pieces[-1][-6:]) if pieces else 0
        self._sent = self.path.stat().st_size
        self._beating = threading.Thread(target=self._beat, name="removal-record", daemon=True)
        self._beating.start()
        try:
            return super().open(create=True)
        except RecordError as error:  # it names the copy
            raise RecordError(str(error).replace(str(self.path), str(self.there / MANIFEST))) from error

    def close(self) -> None:
        """Puts the record into one object and gives the lock back. What cannot be put is lost, and its photos
        are done again."""
        if self._beating is not None:
            self._ending.set()
            self._beating.join()
            with suppress(OSError):
                self._upload()
                if self._pieces:
                    store(self.path, self.there / MANIFEST)
                    for piece in self._pieces:
                        delete(piece)
            with suppress(OSError):
                delete(self.there / LOCK)
            self._beating = None
        super().close()
        self._copy.cleanup()

    def is_done(self, job: Job) -> bool:
        for file in job.files:
            if isinstance(file, RemotePath):
                there = self.listing.get(self.name_of(file))
                file.listed = None if there is None else there.listed
                file.absent = there is None
        return super().is_done(job)

    def clear_leftovers(self) -> None:
        for file in self.listing.values():
            if is_part(file):
                delete(file)

    def start(self, jobs: Sequence[Job], *, overwrite: bool) -> list[bool]:
        allowed = super().start(jobs, overwrite=overwrite)
        self._upload()
        return allowed

    def finished(self, report: Mapping[str, Any]) -> None:
        super().finished(report)
        self._upload()

    def name_of(self, path: Path) -> str:
        return path.relative_to(self.there).as_posix()

    def append(self, *lines: Mapping[str, Any], sync: bool = False) -> None:
        if self._failure is not None:
            raise self._failure
        super().append(*lines, sync=sync)

    def _upload(self) -> None:
        """Puts what is new in the record into the folder."""
        with self._sending:
            with self.path.open("rb") as file:
                file.seek(self._sent)
                new = file.read()
            if new:
                self._number += 1
                piece = self.there / f"{MANIFEST}.{self._number:06}"
                store(new, piece)
                self._pieces.append(piece)
                self._sent += len(new)

    def _beat(self) -> None:
        renewed = time.monotonic()
        while not self._ending.wait(UPLOAD_S):
            try:
                self._upload()
                if time.monotonic() - renewed >= BEAT_S:
                    renewed = time.monotonic()
                    self._put_lock()
            except OSError as error:
                self._failure = error
                return

    def _lock(self) -> None:
        """Raises BusyError where another run is, or was a moment ago, at work in the folder."""
        try:
            holder = json.loads((self.there / LOCK).read_bytes())
            age_s = time.time() - holder["renewed"]
        except (FileNotFoundError, ValueError, LookupError, TypeError, RecursionError):
            age_s = STALE_S
        if abs(age_s) < STALE_S:  # clocks differ by seconds, and a time to come would lock for ever
            who = f"process {holder.get('process')} on {holder.get('host')}"
            raise BusyError(
                f"another run ({who}) is at work in '{self.there}', or was killed there {age_s:.0f} s ago; "
                f"wait for it to end, or {STALE_S - age_s:.0f} s"
            )
        self._put_lock()

    def _put_lock(self) -> None:
        holder = {"process": os.getpid(), "host": socket.gethostname(), "renewed": time.time()}
        store(json.dumps(holder).encode(), self.there / LOCK)
