"""What a run leaves in its folder: config.json, a log, pictures, TensorBoard's events."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import cv2
import numpy as np
from torch import Tensor

from _removal_support.files import write_atomically
from inpaint.tensors import tensor_to_images

CONFIG, LOG = "config.json", "log.jsonl"
PICTURES, EVENTS = "pictures", "tensorboard"
GAP_PX = 4


class TrainingFolder:
    """The folder of one run, open; `tensorboard` says whether that is installed and written to."""

    def __init__(self, path: Path, config: Mapping[str, Any], *, first_step: int) -> None:
        """Write config.json, and go on with the log: lines from `first_step` on, which a broken-off run wrote
        after its last checkpoint, are dropped. From 0 on nothing of an earlier run stays."""
        path.mkdir(parents=True, exist_ok=True)
        if first_step == 0:
            for name in (PICTURES, EVENTS):
                shutil.rmtree(path / name, ignore_errors=True)
        self.path = path
        write_atomically(path / CONFIG, json.dumps(config, indent=1).encode() + b"\n", overwrite=True)
        kept = [line for line in _lines(path / LOG) if line.get("step", 0) <= first_step]
        write_atomically(
            path / LOG, "".join(json.dumps(line) + "\n" for line in kept).encode(), overwrite=True
        )
        self._log: TextIO = (path / LOG).open("a", encoding="utf-8")
        self._events = _summary_writer(path, first_step)
        self.tensorboard = self._events is not None

    def __enter__(self) -> TrainingFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._log.close()
        if self._events is not None:
            self._events.close()

    def write(self, step: int, kind: str, values: Mapping[str, Any]) -> None:
        """One line of the log; its numbers to TensorBoard, under `kind`."""
        self._log.write(json.dumps({"step": step, "kind": kind} | dict(values)) + "\n")
        self._log.flush()
        if self._events is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._events.add_scalar(f"{kind}/{name}", value, step)

    def show(self, step: int, columns: Sequence[Tensor]) -> Path:
        """A sheet, a row for each photo, as pictures/STEP.png; columns float32 (N, 3, H, W) in [-1, 1]."""
        sheet = _sheet(columns)
        path = self.path / PICTURES / f"{step:08d}.png"
        path.parent.mkdir(exist_ok=True)
        _, encoded = cv2.imencode(".png", sheet[:, :, ::-1])
        write_atomically(path, encoded.tobytes(), overwrite=True)
        if self._events is not None:
            self._events.add_image("validation", sheet, step, dataformats="HWC")
        return path


def _lines(path: Path) -> list[dict[str, Any]]:
    """The log's whole lines; from one that was cut off, or is none of ours, the rest is dropped."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(content, dict) or not isinstance(content.get("step", 0), int):
            break
        found.append(content)
    return found


def _sheet(columns: Sequence[Tensor]) -> np.ndarray:
    """uint8 RGB, the columns side by side, the photos below one another, white between."""
    parts = []
    for column in columns:
        padded = [
            np.pad(image, ((0, GAP_PX), (0, GAP_PX), (0, 0)), constant_values=255)
            for image in tensor_to_images(column)
        ]
        parts.append(np.concatenate(padded))
    return np.concatenate(parts, axis=1)


def _summary_writer(path: Path, first_step: int) -> Any | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(path / EVENTS), purge_step=first_step + 1 if first_step else None)
