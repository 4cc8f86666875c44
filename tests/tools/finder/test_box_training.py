import numpy as np
import torch
from click.testing import CliRunner

from tests.tools.finder.test_lite_trunk import published
from tests.tools.finder.test_training import write_tiny_data
from tools.finder.box_network import WINDOW_PX, BoxNetwork
from tools.finder.box_training import Examples, example, main
from tools.finder.lite_trunk import LiteTrunk
from tools.finder.photos import IGNORE, PERSON


def test_an_example_is_the_part_around_a_person():
    image, label = np.zeros((300, 400, 3), np.uint8), np.zeros((300, 400), np.uint8)
    label[100:140, 200:220] = PERSON
    image[label == PERSON] = 200
    one = example(image, label, person=True)
    assert one.box.tolist() == [40, 40, 60, 80]
    assert one.image.shape == (120, 100, 3)
    assert (one.image[40:80, 40:60] == 200).all()
    label[100:130] = 0
    assert example(image, label, person=True) is None  # 10 px high


def test_samples_show_the_box_and_its_person(tmp_path, rng):
    write_tiny_data(tmp_path, rng)
    examples = Examples(tmp_path, np.random.default_rng(0))
    signs = set()
    for _ in range(30):
        image, label, box = examples.sample()
        assert (image.shape, label.shape) == ((WINDOW_PX, WINDOW_PX, 3), (WINDOW_PX, WINDOW_PX))
        assert (label[box == 0] == IGNORE).all()
        assert (label == PERSON).sum() > 500
        signs |= set(np.unique(box).tolist())
    assert signs == {-1.0, 0.0, 1.0}  # people and the chair


def test_a_step_of_the_training_and_what_it_writes(tmp_path, rng):
    write_tiny_data(tmp_path, rng)
    torch.save(published(LiteTrunk()), tmp_path / "published.pth")
    arguments = ["--data", str(tmp_path), "--trunk", str(tmp_path / "published.pth"),
                 "--out", str(tmp_path / "boxes.pt"), "--steps", "1", "--batch", "2"]  # fmt: skip
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert "1 people kept apart: IoU mean" in result.output
    BoxNetwork().load_state_dict(torch.load(tmp_path / "boxes.pt", weights_only=True))
