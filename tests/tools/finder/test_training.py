import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from tests.tools.finder.test_lite_trunk import published
from tools.finder.box_network import BoxNetwork
from tools.finder.collection import Collection
from tools.finder.export import averaged_network, save_weights
from tools.finder.lite_trunk import LiteTrunk
from tools.finder.network import PersonFinder
from tools.finder.photos import PERSON, Labelled
from tools.finder.samples import SampleSource
from tools.finder.to_onnx import load_network
from tools.finder.training import (
    Average,
    Run,
    TrainingSettings,
    crop_size,
    learning_rate,
    main,
    train,
    train_step,
)
from tools.finder.unfold import unfold


def test_the_schedule():
    settings = TrainingSettings(warmup_steps=10, learning_rate=1.0, steps=100, minutes=10, cooldown=0.5)
    assert [crop_size(settings, p) for p in (0, 0.64, 0.65, 0.9, 1.0)] == [192, 192, 224, 256, 256]
    assert [learning_rate(settings, s, s / 100) for s in (0, 20, 50, 75)] == pytest.approx([0.1, 1, 1, 0.5])
    run = SimpleNamespace(step=50, seconds=420.0)
    assert Run.progress(run, settings) == pytest.approx(0.7)
    assert Run.progress(run, TrainingSettings(steps=100)) == pytest.approx(0.5)


def test_the_average_follows_the_weights():
    network = PersonFinder()
    average = Average(network, decay=0.5)
    with torch.no_grad():
        before = average.network.head.weight.clone()
        network.head.weight.add_(1.0)
    average.update(network)
    decay = 2 / 11  # early on it follows faster
    assert torch.allclose(average.network.head.weight, before + (1 - decay), atol=1e-6)


@pytest.fixture
def source_of(rng):
    image = rng.integers(0, 80, (64, 64, 3), np.uint8)
    people = np.zeros((64, 64), np.int16)
    people[16:48, 16:48] = 1
    image[people > 0] += 150
    photo = Labelled(image, np.where(people > 0, PERSON, 0).astype(np.uint8), people, "a")
    boxes = np.array([[16, 16, 48, 48]], np.float32)
    boxed = Labelled(image, photo.label, people, "b", boxes)
    collection = Collection({"coco": [photo]}, [boxed], [image], [0.0])
    return lambda generator: SampleSource(collection, generator)


def test_steps_on_one_batch_lower_each_part_of_the_loss(source_of):
    torch.manual_seed(0)
    network = PersonFinder().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    batch = source_of(np.random.default_rng(0)).batch(4, 64)
    losses = [train_step(network, optimiser, batch, "float32") for _ in range(15)]
    assert losses[-1]["total"] < 0.7 * losses[0]["total"]
    for part in ("mask", "middle", "offset"):
        assert losses[-1][part] < losses[0][part], part


def test_a_stopped_run_goes_on_exactly(source_of, tmp_path):
    settings = TrainingSettings(steps=4, batch=4, crop_px=(64, 64, 64), precision="float32")
    straight = Run(settings, None)
    whole = list(train(settings, straight, source_of(straight.rng)))
    first = Run(settings, None)
    steps = train(settings, first, source_of(first.rng))
    begun = [next(steps), next(steps)]
    first.save(tmp_path / "state.pt")
    second = Run(TrainingSettings(seed=9), None)
    second.load(tmp_path / "state.pt")
    rest = list(train(settings, second, source_of(second.rng)))
    assert begun + rest == whole
    assert second.step == 4
    ours, theirs = second.average.network.state_dict(), straight.average.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert averaged_network(tmp_path / "state.pt")[1] == 2


def test_the_trunk_begins_as_published_and_learns_at_a_rate_of_its_own(source_of, tmp_path):
    torch.manual_seed(1)
    torch.save(published(trunk := LiteTrunk()), tmp_path / "published.pth")
    settings = TrainingSettings(
        steps=1, batch=4, crop_px=(64, 64, 64), precision="float32", trunk_rate=0.25, warmup_steps=1
    )
    run = Run(settings, None, tmp_path / "published.pth")
    begun = run.network.trunk.state_dict()
    assert all(torch.equal(begun[name], value) for name, value in trunk.state_dict().items())
    list(train(settings, run, source_of(run.rng)))
    inside, outside = run.optimiser.param_groups
    assert inside["lr"] == pytest.approx(0.25 * settings.learning_rate)
    assert outside["lr"] == pytest.approx(settings.learning_rate)
    assert {id(w) for w in inside["params"]} == {id(w) for w in run.network.trunk.parameters()}
    assert len(inside["params"]) + len(outside["params"]) == len(list(run.network.parameters()))


def test_what_ships_can_be_unfolded_and_computes_the_same(tmp_path):
    torch.manual_seed(1)
    network = PersonFinder().eval()
    save_weights(network, tmp_path / "w.safetensors", {"data": "none"})
    fused = load_network(tmp_path / "w.safetensors")
    images = torch.rand(4, 3, 64, 64)
    again = unfold(fused, images).eval()
    with torch.inference_mode():
        for ours, theirs in zip(again(images), fused(images), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-4)


def write_tiny_data(data, rng):
    for folder in ("coco/images", "people/ccp/images", "people/ccp/masks", "train", "photos",
                   "nopeople/rooms", "people_boxes/coco_val_more/images"):  # fmt: skip
        (data / folder).mkdir(parents=True)

    def save(path, height=80, width=100):
        Image.fromarray(rng.integers(0, 255, (height, width, 3), np.uint8)).save(data / path)

    square = [10, 10, 60, 10, 60, 60, 10, 60]
    images = [{"id": i, "file_name": f"{i}.jpg", "height": 80, "width": 100} for i in range(1, 4)]
    annotations = [
        {"id": i, "image_id": i, "category_id": i, "iscrowd": 0, "area": 2500, "bbox": [10, 10, 50, 50],
         "segmentation": [square]}
        for i in (1, 2)
    ]  # fmt: skip
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "chair"}]
    (data / "coco/instances.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    for info in images:
        save(f"coco/images/{info['file_name']}")
    for i in range(3):
        save(f"people/ccp/images/{i}.jpg", 80, 60)
        mask = np.zeros((80, 60), np.uint8)
        mask[10:70, 15:45] = PERSON
        Image.fromarray(mask).save(data / f"people/ccp/masks/{i}.png")
        save(f"nopeople/rooms/{i}.jpg")
    save("people_boxes/coco_val_more/images/000007.jpg")
    boxes = json.dumps({"000007": [[10, 5, 50, 70]], "000008": []})
    (data / "people_boxes/coco_val_more/boxes.json").write_text(boxes)


def test_the_whole_training_on_a_tiny_data_folder(tmp_path):
    """Hard negatives, masks of boxes, two steps of training, and one more after a resume."""
    from tools.finder import hard_negatives, pseudo_masks

    data = tmp_path / "data"
    write_tiny_data(data, np.random.default_rng(0))
    runner = CliRunner()

    def call(command, *arguments):
        result = runner.invoke(command, ["--data", str(data), *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output

    call(hard_negatives.main, "--out", str(tmp_path / "difficulty.json"))
    difficulty = json.loads((tmp_path / "difficulty.json").read_text())
    assert {"coco/2.jpg", "coco/3.jpg"} & set(difficulty)
    assert 0 <= difficulty["boxes/000007.jpg"] <= 1
    torch.save(BoxNetwork().state_dict(), tmp_path / "boxes.pt")
    call(pseudo_masks.main, "--network", str(tmp_path / "boxes.pt"), "--out", str(tmp_path / "pseudo"))
    made = np.asarray(Image.open(tmp_path / "pseudo/000007.png"))
    assert made.shape == (80, 100)
    assert not made[:, 52:].any()
    arguments = ["--out", str(tmp_path / "run"), "--batch", "4", "--pseudo", str(tmp_path / "pseudo"),
                 "--difficulty", str(tmp_path / "difficulty.json")]  # fmt: skip
    torch.save(published(LiteTrunk()), tmp_path / "published.pth")
    arguments += ["--trunk", str(tmp_path / "published.pth")]
    call(main, *arguments, "--steps", "2")
    record = json.loads((tmp_path / "run/config.json").read_text())
    assert (record["steps"], record["trunk"]) == (2, "published.pth")
    call(main, *arguments, "--steps", "3", "--resume")
    rows = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 3]
    assert (tmp_path / "run/person_finder.safetensors").stat().st_size <= 8_000_000


def test_weights_to_start_from_are_one_and_hold_what_they_should(tmp_path):
    torch.save({"something": torch.zeros(1)}, tmp_path / "other.pth")
    arguments = [
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path / "run"),
        "--trunk",
        str(tmp_path / "other.pth"),
    ]
    wrong = CliRunner().invoke(main, arguments)
    assert wrong.exit_code == 1
    assert wrong.output.startswith(
        f"Error: {tmp_path / 'other.pth'} does not hold the weights that it should"
    )
    both = CliRunner().invoke(main, [*arguments, "--start", str(tmp_path / "other.pth")])
    assert both.exit_code == 2
    assert "expected --start or --trunk, got both" in both.output
