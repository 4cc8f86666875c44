import json
import sys
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from inpaint.training.training_folder import CONFIG, GAP_PX, LOG, TrainingFolder

TENSORBOARD = "torch.utils.tensorboard"


@pytest.fixture
def without_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, TENSORBOARD, None)


def colour(*levels: float, size_px: int = 4) -> Tensor:
    """Photos of one grey each, in [-1, 1]."""
    return torch.tensor(levels).view(-1, 1, 1, 1).expand(-1, 3, size_px, size_px)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / LOG).read_text().splitlines()]


def events_of(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of protobuf and the like
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    return EventAccumulator(str(path / "tensorboard")).Reload()


@pytest.mark.usefixtures("without_tensorboard")
def test_config_is_there_before_the_first_line(tmp_path: Path) -> None:
    config = {"network": "glcic", "betas": [0.5, 0.9], "shapes": None}
    with TrainingFolder(tmp_path / "new" / "run", config, first_step=0) as folder:
        assert json.loads((folder.path / CONFIG).read_text()) == config
        assert (folder.path / LOG).read_text() == ""


@pytest.mark.usefixtures("without_tensorboard")
def test_each_line_is_on_disk_when_written(tmp_path: Path) -> None:
    with TrainingFolder(tmp_path, {}, first_step=0) as folder:
        folder.write(3, "training", {"l1": 0.25, "photos/s": 7})
        assert lines_of(tmp_path) == [{"step": 3, "kind": "training", "l1": 0.25, "photos/s": 7}]


@pytest.mark.usefixtures("without_tensorboard")
def test_lines_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    with TrainingFolder(tmp_path, {}, first_step=0) as folder:
        for step in (1, 2, 3):
            folder.write(step, "training", {"l1": step})
    with TrainingFolder(tmp_path, {}, first_step=2) as folder:
        folder.write(3, "training", {"l1": 30})
    assert [(line["step"], line["l1"]) for line in lines_of(tmp_path)] == [(1, 1), (2, 2), (3, 30)]


@pytest.mark.usefixtures("without_tensorboard")
def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text('{"step": 1, "kind": "training"}\n{"step": 2, "ki')
    with TrainingFolder(tmp_path, {}, first_step=2):
        assert lines_of(tmp_path) == [{"step": 1, "kind": "training"}]


@pytest.mark.usefixtures("without_tensorboard")
def test_a_run_that_starts_anew_has_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text('{"step": 1, "kind": "training"}\n')
    with TrainingFolder(tmp_path, {}, first_step=0):
        assert lines_of(tmp_path) == []


@pytest.mark.usefixtures("without_tensorboard")
def test_sheet_has_a_column_for_each_batch_and_a_row_for_each_photo(tmp_path: Path) -> None:
    with TrainingFolder(tmp_path, {}, first_step=0) as folder:
        path = folder.show(12, (colour(-1, 0), colour(1, -1), colour(0, 1)))
    assert path == tmp_path / "pictures" / "00000012.png"
    sheet = cv2.imread(str(path))
    assert sheet is not None
    cell = 4 + GAP_PX
    assert sheet.shape == (2 * cell, 3 * cell, 3)
    middles = sheet[2::cell, 2::cell, 0]
    assert middles.tolist() == [[0, 255, 128], [128, 0, 255]]
    assert (sheet[4:cell] == 255).all()
    assert (sheet[:, 4:cell] == 255).all()


@pytest.mark.usefixtures("without_tensorboard")
def test_sheet_keeps_red_red(tmp_path: Path) -> None:
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    with TrainingFolder(tmp_path, {}, first_step=0) as folder:
        sheet = cv2.imread(str(folder.show(1, (red,))))
    assert sheet is not None
    assert sheet[0, 0].tolist() == [0, 0, 255]  # OpenCV reads blue first


@pytest.mark.usefixtures("without_tensorboard")
def test_without_tensorboard_nothing_but_its_events_is_missing(tmp_path: Path) -> None:
    with TrainingFolder(tmp_path, {}, first_step=0) as folder:
        assert not folder.tensorboard
        folder.write(1, "training", {"l1": 1.0})
        folder.show(1, (colour(0),))
    assert sorted(path.name for path in tmp_path.iterdir()) == [CONFIG, LOG, "pictures"]


def test_tensorboard_gets_numbers_and_pictures(tmp_path: Path) -> None:
    with TrainingFolder(tmp_path, {}, first_step=0) as folder:
        assert folder.tensorboard
        folder.write(1, "training", {"l1": 0.5, "note": "text is for the log alone"})
        folder.write(2, "training", {"l1": 0.25})
        folder.write(2, "validation", {"PSNR": 20.5})
        folder.show(2, (colour(-1, 1), colour(1, 1)))
    events = events_of(tmp_path)
    assert set(events.Tags()["scalars"]) == {"training/l1", "validation/PSNR"}
    assert [(event.step, event.value) for event in events.Scalars("training/l1")] == [(1, 0.5), (2, 0.25)]
    assert [(event.step, event.value) for event in events.Scalars("validation/PSNR")] == [(2, 20.5)]
    (picture,) = events.Images("validation")
    decoded = cv2.imdecode(np.frombuffer(picture.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert picture.step == 2
    assert np.array_equal(decoded, cv2.imread(str(tmp_path / "pictures" / "00000002.png")))


def test_tensorboard_forgets_what_came_after_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for first_step, values in ((0, (1, 2, 3)), (2, (30,))):
        # Its files are read in the order of their names, which begin with the second they were made in.
        monkeypatch.setattr("time.time", lambda second=2e9 + first_step: second)
        with TrainingFolder(tmp_path, {}, first_step=first_step) as folder:
            for step, value in enumerate(values, first_step + 1):
                folder.write(step, "training", {"l1": value})
    events = events_of(tmp_path).Scalars("training/l1")
    assert [(event.step, event.value) for event in events] == [(1, 1), (2, 2), (3, 30)]


def test_tensorboard_forgets_a_run_that_was_overwritten(tmp_path: Path) -> None:
    for value in (1, 7):
        with TrainingFolder(tmp_path, {}, first_step=0) as folder:
            folder.write(1, "training", {"l1": value})
            folder.show(value, (colour(0),))
    events = events_of(tmp_path).Scalars("training/l1")
    assert [(event.step, event.value) for event in events] == [(1, 7)]
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["00000007.png"]
