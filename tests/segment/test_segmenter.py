import subprocess
import sys

import numpy as np
import pytest

from _removal_support.device import resolve_device
from _removal_support.plugins import UnknownModelError
from segment import WeightsError, coco_classes, load_segmenter, registry, segmenter_names
from segment.published import MASKRCNN_V2
from segment.registry import SegmenterRecord, register_segmenter
from segment.segmenter import check_classes, check_images


class People:
    name, classes, description = "builtin", ("person",), "a stand-in"
    fallback = None


@pytest.fixture
def stand_ins(monkeypatch):
    """Both models replaced by records of how they were asked for; fail = what Mask R-CNN raises, missing =
    what fetching its weights raises."""
    state: dict = {"asked": [], "fail": None, "missing": None}

    def maskrcnn(device, weights, precision):
        state["asked"].append(("maskrcnn", device, weights, precision))
        if state["fail"]:
            raise state["fail"]
        return "the Mask R-CNN"

    def fetch(weights):
        if state["missing"]:
            raise state["missing"]

    records = {
        "maskrcnn": SegmenterRecord("maskrcnn", maskrcnn, weights=MASKRCNN_V2),
        "builtin": SegmenterRecord(
            "builtin", lambda device, weights, precision: People(), "the built-in one"
        ),
    }
    monkeypatch.setattr(registry, "fetch", fetch)
    for name, record in records.items():
        monkeypatch.setitem(registry._own, name, record)
    return state


def test_names():
    assert segmenter_names() == (
        "auto",
        "maskrcnn",
        "maskrcnn-v1",
        *(f"rf-detr-seg-{size}" for size in ("nano", "small", "medium", "large", "xlarge")),
        *(f"mask2former-swin-{size}" for size in ("tiny", "small", "base", "large")),
        "builtin",
    )


def test_auto_is_mask_rcnn_where_it_can_be_had(stand_ins):
    assert load_segmenter("auto", device="cpu", precision="float32") == "the Mask R-CNN"
    assert stand_ins["asked"] == [("maskrcnn", "cpu", None, "float32")]


def test_auto_falls_back_and_says_why(stand_ins):
    stand_ins["missing"] = WeightsError("x.pth could not be fetched: no connection; download x.pth from U")
    segmenter = load_segmenter()
    assert segmenter.name == "builtin"
    assert "x.pth could not be fetched: no connection; download x.pth from U" in segmenter.fallback
    assert "\n" not in segmenter.fallback


def test_auto_hides_no_other_error(stand_ins):
    stand_ins["fail"] = ValueError("this machine has no device 'cuda'")
    with pytest.raises(ValueError, match="no device"):
        load_segmenter("auto")


def test_an_explicit_name_never_falls_back(stand_ins):
    stand_ins["fail"] = WeightsError("gone")
    with pytest.raises(WeightsError, match="gone"):
        load_segmenter("maskrcnn")


def test_load_errors(stand_ins):
    with pytest.raises(UnknownModelError, match=r"expected one of auto, maskrcnn, .*, got 'yolo'") as error:
        load_segmenter("yolo")
    assert error.value.option == "segmenter"
    with pytest.raises(ValueError, match="precision to be one of auto, float32, got 'half'"):
        load_segmenter("builtin", precision="half")
    with pytest.raises(ValueError, match=r"weights 'a\.pth' need the segmenter's name"):
        load_segmenter(weights="a.pth")


def test_a_name_is_taken_once():
    for name in ("maskrcnn", "auto"):
        with pytest.raises(ValueError, match="is taken"):
            register_segmenter(name, lambda device, weights, precision: People())


def test_coco_has_eighty_classes():
    assert len(coco_classes()) == 80
    assert coco_classes()[:3] == ("person", "bicycle", "car")
    assert coco_classes()[-1] == "toothbrush"


def test_class_checks(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert check_classes(People(), None) == ("person",)
    assert check_classes(People(), ["person"]) == ("person",)
    with pytest.raises(ValueError, match=r"unknown class 'persn': did you mean 'person'\?"):
        check_classes(People(), ["persn"])
    with pytest.raises(ValueError, match=r"unknown class 'qqq'; known"):
        check_classes(People(), ["qqq"])
    with pytest.raises(TypeError, match="the string 'person'"):
        check_classes(People(), "person")
    with pytest.raises(
        ValueError, match="'builtin' finds only person; 'dog' needs Mask R-CNN's weights"
    ) as error:
        check_classes(People(), ["person", "dog"])
    assert error.value.option == "classes"
    for part in (
        "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth",
        "https://download.pytorch.org/models/",
        str(tmp_path),
    ):
        assert part in str(error.value)


def test_image_checks():
    check_images([np.zeros((1, 1, 3), np.uint8)])
    with pytest.raises(TypeError, match="image 1 to be a uint8 array, got float32"):
        check_images([np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1, 3), np.float32)])
    with pytest.raises(TypeError, match="got list"):
        check_images([[1]])
    for shape in ((4, 4), (4, 4, 4), (0, 4, 3)):
        with pytest.raises(ValueError, match=r"shape \(H, W, 3\)"):
            check_images([np.zeros(shape, np.uint8)])


def test_devices():
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") in ("cuda", "mps", "cpu")
    with pytest.raises(ValueError, match="got 'tpu'"):
        resolve_device("tpu")
    with pytest.raises(ValueError, match="no device 'cuda:99'"):
        resolve_device("cuda:99")


def test_importing_the_package_is_light():
    code = "import segment, sys; print({'torch', 'torchvision', 'cv2', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_records_are_torchvisions_own():
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights, MaskRCNN_ResNet50_FPN_Weights

    from segment.published import MASKRCNN_V1

    pairs = (
        (MASKRCNN_V2, MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1),
        (MASKRCNN_V1, MaskRCNN_ResNet50_FPN_Weights.COCO_V1),
    )
    for ours, theirs in pairs:
        metrics = theirs.meta["_metrics"]["COCO-val2017"]
        assert ours.url == theirs.url
        assert ours.scores == (("box AP", metrics["box_map"]), ("mask AP", metrics["mask_map"]))
        assert f"-{ours.sha256_prefix}.pth" in ours.file_name


def test_the_order_of_auto_is_read_from_the_environment(stand_ins, monkeypatch):
    monkeypatch.setenv("REMOVAL_SEGMENTER", "builtin,maskrcnn")
    assert load_segmenter().name == "builtin"
    assert load_segmenter().fallback is None
    assert stand_ins["asked"] == []
