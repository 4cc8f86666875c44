import json

import numpy as np
import pytest
import torch

from segment.person_finder import PersonFinder
from tools.finder.training import (
    Average,
    TrainingSettings,
    crop_size,
    learning_rate,
    save_weights,
    segmentation_loss,
    train_step,
)
from tools.finder.training_data import (
    IGNORE,
    PERSON,
    Collection,
    Cutout,
    Labelled,
    SampleSource,
    cut_out,
    held_out,
    trusted_label,
)


def test_the_loss_of_a_case_worked_out_by_hand():
    logits = torch.zeros(1, 1, 2, 2)  # probability 0.5 everywhere
    label = torch.tensor([[[[PERSON, 0], [0, IGNORE]]]], dtype=torch.uint8)
    # BCE = ln 2 over the three known pixels; Dice: overlap 0.5, sum 1.5 + 1
    expected = np.log(2) + 0.5 * (1 - (2 * 0.5 + 50) / (2.5 + 50))
    assert segmentation_loss(logits, label).item() == pytest.approx(expected, abs=1e-6)


def test_unknown_pixels_do_not_count():
    label = torch.full((1, 1, 8, 8), IGNORE, dtype=torch.uint8)
    label[..., :4] = PERSON
    logits = torch.zeros(1, 1, 8, 8)
    changed = logits.clone()
    changed[..., 4:] = 9.0
    assert segmentation_loss(logits, label) == segmentation_loss(changed, label)


def test_the_schedule():
    settings = TrainingSettings(warmup_steps=10, learning_rate=1.0)
    assert [crop_size(settings, p) for p in (0, 0.39, 0.4, 0.8, 1.0)] == [160, 160, 192, 256, 256]
    assert learning_rate(settings, 0, 0.0) == pytest.approx(0.1 * 1.002)
    assert learning_rate(settings, 100, 0.5) == pytest.approx(0.502)
    assert learning_rate(settings, 100, 1.0) == pytest.approx(0.002)


def test_the_average_follows_the_weights():
    network = PersonFinder()
    average = Average(network, decay=0.5)
    with torch.no_grad():
        before = average.network.head.weight.clone()
        network.head.weight.add_(1.0)
    average.update(network)
    decay = 2 / 11  # early on it follows faster
    assert torch.allclose(average.network.head.weight, before + (1 - decay), atol=1e-6)


def test_steps_on_one_batch_lower_the_loss(rng):
    torch.manual_seed(0)
    network = PersonFinder().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    images = rng.integers(0, 80, (4, 64, 64, 3), np.uint8)
    labels = np.zeros((4, 64, 64), np.uint8)
    images[:, 16:48, 16:48] += 150
    labels[:, 16:48, 16:48] = PERSON
    losses = [train_step(network, optimiser, images, labels, "float32") for _ in range(12)]
    assert losses[-1] < 0.6 * losses[0]


def test_what_is_saved_is_what_ships(tmp_path):
    from segment.builtin import load_network

    network = PersonFinder().eval()
    save_weights(network, tmp_path / "w.safetensors")
    loaded = load_network(tmp_path / "w.safetensors")
    images = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(loaded(images), network(images), atol=0.02)


def collection(rng):
    def photo():
        return rng.integers(0, 255, (90, 120, 3), np.uint8)

    label = np.zeros((90, 120), np.uint8)
    label[20:70, 40:80] = PERSON
    alpha = np.full((50, 30), 255, np.uint8)
    person = Cutout(rng.integers(0, 255, (50, 30, 3), np.uint8), alpha)
    thing = Cutout(rng.integers(0, 255, (50, 30, 3), np.uint8), alpha)
    return Collection({"coco": [Labelled(photo(), label, "a")]}, [photo()], [photo()], [person], [thing])


def test_samples_have_the_asked_size_and_depend_on_the_seed_alone(rng):
    made = collection(rng)
    images, labels = SampleSource(made, np.random.default_rng(3)).batch(6, 64)
    again, again_labels = SampleSource(made, np.random.default_rng(3)).batch(6, 64)
    assert images.shape == (6, 64, 64, 3)
    assert images.dtype == labels.dtype == np.uint8
    assert np.array_equal(images, again)
    assert np.array_equal(labels, again_labels)
    assert set(np.unique(labels)) <= {0, IGNORE, PERSON}


def test_pasted_people_are_labelled_and_pasted_things_are_not(rng):
    source = SampleSource(collection(rng), np.random.default_rng(0))
    image, label = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8)
    for _ in range(8):
        pasted, with_person = source.paste(image, label, source.collection.people[0], PERSON)
        assert set(np.unique(with_person)) <= {0, PERSON}
        _, with_thing = source.paste(pasted, with_person, source.collection.things[0], 0)
        assert (with_thing == PERSON).sum() <= (with_person == PERSON).sum()
    assert not image.any()
    assert not label.any()


def test_zeros_far_from_the_person_become_unknown():
    label = np.zeros((1, 60), np.uint8)
    label[0, 0] = PERSON
    trusted = trusted_label(label)
    assert trusted[0, 0] == PERSON
    assert trusted[0, 12] == 0
    assert trusted[0, 14] == IGNORE


def test_cut_outs_keep_a_margin_and_small_ones_are_left_out():
    mask = np.zeros((100, 100), bool)
    mask[10:50, 20:60] = True
    cutout = cut_out(np.zeros((100, 100, 3), np.uint8), mask)
    assert cutout.alpha.shape == (49 - 10 + 1 + 8, 48)
    assert cut_out(np.zeros((100, 100, 3), np.uint8), mask & (np.arange(100) < 25)) is None


def test_every_fourth_image_is_kept_apart():
    assert [held_out(number) for number in range(5)] == [True, False, False, False, True]


def test_training_on_a_tiny_data_folder(tmp_path):
    """The whole of `python -m tools.finder.training`, two steps of it."""
    from click.testing import CliRunner
    from PIL import Image

    from tools.finder.training import main

    rng = np.random.default_rng(0)
    for folder in ("coco/images", "people/ccp/images", "people/ccp/masks", "train", "photos"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    square = [10, 10, 60, 10, 60, 60, 10, 60]
    images = [{"id": i, "file_name": f"{i}.jpg", "height": 80, "width": 100} for i in range(1, 4)]
    annotations = [
        {"id": i, "image_id": i, "category_id": i, "iscrowd": 0, "area": 2500, "bbox": [10, 10, 50, 50],
         "segmentation": [square]}
        for i in (1, 2)
    ]  # fmt: skip
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "chair"}]
    (tmp_path / "data/coco/instances.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    for info in images:
        Image.fromarray(rng.integers(0, 255, (80, 100, 3), np.uint8)).save(
            tmp_path / "data/coco/images" / info["file_name"]
        )
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (80, 60, 3), np.uint8)).save(
            tmp_path / f"data/people/ccp/images/{i}.jpg"
        )
        mask = np.zeros((80, 60), np.uint8)
        mask[10:70, 15:45] = PERSON
        Image.fromarray(mask).save(tmp_path / f"data/people/ccp/masks/{i}.png")
    arguments = [
        "--data",
        str(tmp_path / "data"),
        "--out",
        str(tmp_path / "run"),
        "--steps",
        "2",
        "--batch",
        "2",
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "run/config.json").read_text())["steps"] == 2
    assert json.loads((tmp_path / "run/log.jsonl").read_text().splitlines()[-1])["step"] == 2
    assert (tmp_path / "run/person_finder.safetensors").stat().st_size <= 8_000_000
