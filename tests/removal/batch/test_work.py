"""The work on single photos by stages, with models that are stood in for."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaint.inpainter import Inpainter
from postprocess import MaskRecipe
from removal.batch.jobs import Job
from removal.batch.stages import overlapped
from removal.batch.threads import OneAtATime, default_workers
from removal.batch.work import PhotoWork, Task, outcome_of
from removal.errors import describe
from removal.pipeline import Pipeline
from removal.sources import BoxMasks, DetectorMasks
from segment import Detections

HEIGHT, WIDTH = 32, 40


class Finder:
    """Finds one person in every photo, and breaks on a red one."""

    name, description, fallback, classes = "finder", "finder", None, ("person",)

    def __init__(self):
        self.batches = []

    def __call__(self, images, *, classes=None, min_score=0.05):
        self.batches.append(len(images))
        if any((image[0, 0] == (255, 0, 0)).all() for image in images):
            raise RuntimeError("out of memory")
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[8:16, 8:16] = True
        return [Detections.from_masks([mask], ["person"], [0.9]) for _ in images]


class Painter(Inpainter):
    """Fills with white, and remembers how many threads were in it at once."""

    name, description = "painter", "painter"

    def __init__(self):
        self.inside, self.most = 0, 0

    def fill(self, image, mask, protect):
        self.inside += 1
        self.most = max(self.most, self.inside)
        threading.Event().wait(0.005)
        self.inside -= 1
        return np.full_like(image, 255)


@pytest.fixture
def jobs(tmp_path):
    """Eight grey photos, the fourth one red."""
    made = []
    for number in range(8):
        path = tmp_path / f"{number}.png"
        colour = (255, 0, 0) if number == 3 else (90, 90, 90)
        Image.new("RGB", (WIDTH, HEIGHT), colour).save(path)
        made.append(Job(path, tmp_path / "out" / path.name))
    return made


def work_with(finder, painter):
    pipeline = Pipeline(finder, MaskRecipe.none(), painter)
    return PhotoWork(pipeline, DetectorMasks(pipeline))


def test_a_photo_that_breaks_the_detector_does_not_take_its_batch_along(jobs):
    finder, noted = Finder(), []
    work = work_with(finder, Painter())
    work.note = noted.append
    stages = work.stages(workers=2, batch=4)
    outcomes = [outcome_of(finished) for finished in overlapped(map(Task, jobs), stages, in_flight=16)]
    assert [outcome.outcome for outcome in outcomes] == 3 * ["done"] + ["failed"] + 4 * ["done"]
    assert outcomes[3].error == f"{jobs[3].source}: out of memory"
    assert 1 <= max(finder.batches) <= 4
    assert {outcome.job.source for outcome in noted} == {job.source for job in jobs} - {jobs[3].source}
    after = np.asarray(Image.open(jobs[0].target))
    assert (after[8:16, 8:16] == 255).all()
    assert (after[20:] == 90).all()


def test_a_network_fills_for_one_thread_at_a_time(jobs):
    painter = Painter()
    work = work_with(Finder(), painter)
    list(overlapped(map(Task, jobs), work.stages(workers=4, batch=1)))
    assert painter.most == 1


def test_one_photo_by_itself_has_the_same_outcome(jobs):
    work = work_with(Finder(), Painter())
    busy = {}
    outcome = work.do(Task(jobs[0]), busy=busy)
    assert (outcome.outcome, outcome.objects) == (
        "done", [{"label": "person", "score": 0.9, "box_xyxy": [8.0, 8.0, 16.0, 16.0]}]
    )  # fmt: skip
    assert outcome.mask_share == 64 / (HEIGHT * WIDTH)
    assert set(outcome.seconds) == {"read", "segment", "refine", "inpaint", "write"}
    assert outcome.inputs.keys() == {"size", "mtime_ns", "hash"}
    assert set(busy) == {"read", "segment", "fill", "write"}
    again = work.do(Task(jobs[0]))
    assert again.error == f"{jobs[0].source}: '{jobs[0].target}' exists, and nothing says to write over it"
    assert again.option == "overwrite"
    assert work.do(Task(jobs[0], overwrite=True)).outcome == "done"
    broken = work.do(Task(jobs[3]))
    assert (broken.outcome, broken.error) == ("failed", f"{jobs[3].source}: out of memory")


def test_boxes_are_looked_at_by_all_workers(jobs):
    pipeline = Pipeline(None, MaskRecipe.none(), Painter(), classes=None)
    stages = PhotoWork(pipeline, BoxMasks([(8, 8, 10, 10)])).stages(workers=3, batch=2)
    assert [(stage.name, stage.workers, stage.batch) for stage in stages] == [
        ("read", 3, 1), ("segment", 3, 1), ("fill", 3, 1), ("write", 3, 1),
    ]  # fmt: skip
    detector = work_with(Finder(), Painter()).stages(workers=3, batch=2)[1]
    assert (detector.name, detector.workers, detector.batch) == ("segment", 1, 2)


def test_what_may_run_in_several_threads():
    from inpaint import load_inpainter

    assert load_inpainter("telea").may_overlap
    assert load_inpainter("exemplar").may_overlap
    assert not Painter().may_overlap
    assert 1 <= default_workers() <= 16
    one = OneAtATime(Painter())
    filled = one(np.zeros((4, 4, 3), np.uint8), np.eye(4, dtype=bool))
    assert filled[0, 0].tolist() == [255, 255, 255]
    assert filled[0, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad\n  mask"), "a.jpg: bad mask"),
        (ValueError("a.jpg is bad"), "a.jpg is bad"),
        (OSError(28, "No space left on device"), "No space left on device: 'a.jpg'"),
        (KeyError("label"), "a.jpg: KeyError 'label'"),
        (MemoryError(), "a.jpg: MemoryError"),
    ],
)
def test_errors_are_told_in_one_line_that_names_the_photo(error, text):
    assert describe(error, Path("a.jpg")) == text
