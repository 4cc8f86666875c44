import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from segment import load_segmenter
from segment.builtin import (
    WEIGHTS,
    load_builtin,
    regions,
)
from segment.finder_views import look


@pytest.fixture(scope="module")
def finder():
    return load_segmenter("builtin", device="cpu")


def test_the_weights_ship_with_the_package_and_are_small():
    assert WEIGHTS.stat().st_size <= 8_000_000


def test_photos_of_any_size_and_no_person_in_a_plain_one(finder):
    for height, width in ((64, 64), (37, 411), (500, 90), (1, 1)):
        (found,) = finder([np.full((height, width, 3), 128, np.uint8)])
        assert (found.height, found.width) == (height, width)
        assert len(found) == 0


def test_people_are_found_in_real_photos(finder, shared):
    from PIL import Image

    for name, least in (("intel_0293", 0.6), ("closeup_0001", 0.6)):
        folder = shared / "data/pairs" / name
        photo = np.asarray(Image.open(folder / "photo.png").convert("RGB"))
        truth = np.asarray(Image.open(folder / "object.png").convert("L")) > 127
        (found,) = finder([photo])
        mask = found.union()
        assert (mask & truth).sum() / (mask | truth).sum() > least, name
        assert set(found.labels) == {"person"}
        assert (np.diff(found.scores) <= 0).all()


def test_the_answer_is_the_same_twice_and_min_score_leaves_out_the_doubtful(finder, rng):
    image = rng.integers(0, 255, (120, 160, 3), np.uint8)
    first, second = finder([image, image])
    assert np.array_equal(first.union(), second.union())
    assert len(finder([image], min_score=1.0)[0]) == 0


def test_only_people_are_known(finder):
    with pytest.raises(ValueError, match="finds only person; 'dog' needs Mask R-CNN's weights: download"):
        finder([np.zeros((8, 8, 3), np.uint8)], classes=["dog"])
    with pytest.raises(ValueError, match="did you mean 'person'"):
        finder([np.zeros((8, 8, 3), np.uint8)], classes=["persons"])
    with pytest.raises(TypeError, match="uint8"):
        finder([np.zeros((8, 8, 3), np.float32)])


def test_a_file_with_other_weights_is_refused(tmp_path, capfd):
    with pytest.raises(FileNotFoundError):
        load_builtin(device="cpu", weights=tmp_path / "none.onnx")
    for name, content in (
        ("text.onnx", b"hello"),
        ("cut.onnx", WEIGHTS.read_bytes()[:5000]),
        ("no.onnx", b""),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            ValueError, match=f"{name} does not hold the person finder's weights: .+"
        ) as caught:
            load_builtin(device="cpu", weights=tmp_path / name)
        assert "\n" not in str(caught.value)
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


def test_the_processor_runs_it_whatever_device_is_named():
    found = load_builtin(device="cuda").description
    assert found == "builtin person finder, person_finder.onnx, float32, cpu"
    with pytest.raises(ValueError, match="expected device to be auto, cuda, cuda:N, mps or cpu, got 'gpu'"):
        load_builtin(device="gpu")


def test_the_answer_is_the_same_in_several_threads(finder, rng):
    images = [rng.integers(0, 255, (40 + 50 * n, 200, 3), np.uint8) for n in range(6)]
    alone = [look(finder.network, image).probability for image in images]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(lambda image: look(finder.network, image).probability, images))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_looking_at_the_mirror_image_gives_the_mirrored_answer(finder, rng):
    image = rng.integers(0, 255, (64, 96, 3), np.uint8)
    plain = look(finder.network, image, (96,)).probability
    mirrored = look(finder.network, np.ascontiguousarray(image[:, ::-1]), (96,)).probability
    assert np.abs(plain - mirrored[:, ::-1]).max() < 1e-3


def test_regions_are_instances_with_their_highest_probability_most_certain_first():
    person = np.zeros((100, 100), bool)
    person[10:30, 10:30] = True
    person[50:90, 50:90] = True
    person[2, 2] = True  # a speck
    person[95:, :10] = True  # never sure
    probability = np.where(person, 0.75, 0.1).astype(np.float32)
    probability[15:20, 15:20] = 0.85
    probability[60:70, 60:70] = 0.9
    found = regions(person, probability, 0.05)
    assert len(found) == 2
    assert found.scores.tolist() == pytest.approx([0.9, 0.85])
    assert found.boxes.tolist() == [[50, 50, 90, 90], [10, 10, 30, 30]]
    assert found.mask(1).sum() == 400
    assert found.mask(1)[10:30, 10:30].all()
    assert len(regions(person, probability, 0.88)) == 1


def test_a_large_region_that_is_unsure_on_the_whole_is_no_person():
    person = np.zeros((100, 100), bool)
    person[10:30, 10:30] = True  # 4 % of the photo
    person[50:90, 50:90] = True  # 16 %
    probability = np.where(person, 0.65, 0.1).astype(np.float32)
    probability[15, 15] = probability[70, 70] = 0.9
    assert regions(person, probability, 0.05).boxes.tolist() == [[10, 10, 30, 30]]
    probability[person] += 0.06
    assert len(regions(person, probability, 0.05)) == 2


def test_people_who_touch_are_instances_of_their_own():
    person = np.zeros((100, 100), bool)
    person[20:80, 20:80] = True
    probability = np.where(person, 0.8, 0.0).astype(np.float32)
    probability[50, 70] = 0.95
    numbers = np.zeros((25, 25), np.int32)
    numbers[5:20, 5:12], numbers[5:20, 12:20] = 1, 2
    found = regions(person, probability, 0.05, numbers)
    assert found.scores.tolist() == pytest.approx([0.95, 0.8])
    assert (found.union() == person).all()
    assert found.boxes.tolist() == [[48, 20, 80, 80], [20, 20, 48, 80]]


def test_many_people_in_a_large_photo_cost_little_memory():
    person = np.zeros((4000, 6000), bool)
    for row in range(8):
        for col in range(10):
            person[row * 500 + 50 : row * 500 + 450, col * 600 + 100 : col * 600 + 400] = True
    probability = np.full((400, 600), 0.9, np.float32)
    tracemalloc.start()
    found = regions(person, probability, 0.5)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 80
    assert peak_bytes < 250e6  # OpenCV's labels, 4 bytes a pixel, and little more
