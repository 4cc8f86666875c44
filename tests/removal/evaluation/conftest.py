"""What the tests of evaluations share."""

import pytest

from removal.evaluation.plan import EvaluationOptions


@pytest.fixture
def coco_options(small_coco, tmp_path):
    return EvaluationOptions(
        small_coco.images,
        tmp_path / "run",
        annotations=small_coco.folder / "instances.json",
        classes=("person",),
        inpainters=("telea",),
        judge="none",
    )
