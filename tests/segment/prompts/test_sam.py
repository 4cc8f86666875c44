"""SAM and SAM 2 with tiny random networks, and with answers made by hand for the geometry."""

import json

import numpy as np
import pytest

from _removal_support.pretrained import WeightsError
from segment.prompts import load_prompter
from segment.prompts.sam import SamEmbedded, SamPrompter, load_sam

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
SIDE = 64


def tiny_sam():
    from transformers import (
        SamConfig,
        SamMaskDecoderConfig,
        SamModel,
        SamPromptEncoderConfig,
        SamVisionConfig,
    )

    torch.manual_seed(0)
    vision = SamVisionConfig(
        hidden_size=16, output_channels=16, num_hidden_layers=1, num_attention_heads=2, image_size=SIDE,
        patch_size=16, global_attn_indexes=[0], mlp_dim=16, num_pos_feats=8, window_size=2,
    )  # fmt: skip
    prompt = SamPromptEncoderConfig(hidden_size=16, image_size=SIDE, patch_size=16, mask_input_channels=4)
    decoder = SamMaskDecoderConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, mlp_dim=16, iou_head_hidden_dim=16
    )
    config = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    return SamModel(config).eval()


def tiny_sam2():
    from transformers import (
        Sam2Config,
        Sam2HieraDetConfig,
        Sam2MaskDecoderConfig,
        Sam2Model,
        Sam2PromptEncoderConfig,
        Sam2VisionConfig,
    )

    torch.manual_seed(0)
    backbone = Sam2HieraDetConfig(
        hidden_size=8, image_size=[SIDE, SIDE], blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[4, 4, 4, 4], global_attention_blocks=[3],
        window_positional_embedding_background_size=[2, 2],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=16,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    prompt = Sam2PromptEncoderConfig(hidden_size=16, image_size=SIDE, patch_size=16, mask_input_channels=4)
    decoder = Sam2MaskDecoderConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, mlp_dim=16, iou_head_hidden_dim=16
    )
    config = Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    return Sam2Model(config).eval()


TINY = {"sam": tiny_sam, "sam2": tiny_sam2}


@pytest.fixture(scope="module", params=["sam", "sam2"])
def prompter(request):
    return SamPrompter(TINY[request.param](), f"tiny-{request.param}", "made for a test")


@pytest.fixture
def photo(rng):
    return rng.integers(0, 255, (40, 90, 3), dtype=np.uint8)


def test_one_click_gives_three_masks_and_more_give_one(prompter, photo):
    embedded = prompter.embed(photo)
    masks, scores = embedded(points=[(20, 10)], labels=[1])
    assert masks.dtype == bool
    assert masks.shape == (3, 40, 90)
    assert scores.dtype == np.float32
    assert scores.shape == (3,)
    assert (np.diff(scores) <= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert embedded(points=[(20, 10), (70, 30)], labels=[1, 0])[0].shape == (1, 40, 90)
    assert embedded(box=(5, 5, 60, 30))[0].shape == (1, 40, 90)
    assert embedded(points=[(20, 10)], labels=[1], box=(5, 5, 60, 30))[0].shape == (1, 40, 90)


def test_the_photo_is_embedded_once(prompter, photo, monkeypatch):
    asked = []
    embed = prompter.model.get_image_embeddings
    monkeypatch.setattr(
        prompter.model, "get_image_embeddings", lambda pixels: asked.append(1) or embed(pixels)
    )
    embedded = prompter.embed(photo)
    for x in (10, 40, 80):
        embedded(points=[(x, 20)], labels=[1])
    assert asked == [1]


def test_every_click_is_obeyed(prompter, photo):
    points, labels = [(3, 3), (85, 36), (44, 20), (46, 20)], [1, 0, 1, 0]
    masks, _ = prompter.embed(photo)(points=points, labels=labels)
    assert [bool(masks[0][y, x]) for x, y in points] == [True, False, True, False]


class Drawn:
    """In place of a network: notes the prompt, and draws a square around its first point in the square that
    the network sees."""

    def __init__(self, kind):
        part = type("Part", (), {"image_size": SIDE})
        self.config = type(
            "Config", (), {"model_type": kind, "vision_config": part, "prompt_encoder_config": part}
        )
        self.device, self.prompt = torch.device("cpu"), {}

    def get_image_embeddings(self, pixels):
        assert pixels.shape == (1, 3, SIDE, SIDE)
        assert pixels.dtype == torch.float32
        return pixels

    def __call__(self, image_embeddings, multimask_output, **prompt):
        self.prompt = prompt
        x, y = prompt["input_points"][0, 0, 0].tolist()
        cells = torch.arange(SIDE // 4) * 4 + 2.0  # a quarter of what is seen
        near = ((cells[None] - x).abs() < 8) & ((cells[:, None] - y).abs() < 8)
        logits = torch.where(near, 4.0, -4.0)[None, None, None].repeat(
            1, 1, 3 if multimask_output else 1, 1, 1
        )
        scores = torch.tensor([0.2, 1.7, float("nan")])[: logits.shape[2]]
        return type("Answer", (), {"pred_masks": logits, "iou_scores": scores[None, None]})


@pytest.mark.parametrize(
    ("kind", "size", "scale", "reach"),
    [
        ("sam", (100, 200), (0.32, 0.32), (25, 25)),  # the long side becomes 64, the rest is padding
        ("sam2", (100, 200), (0.32, 0.64), (25, 12.5)),  # stretched to the square
        ("sam", (200, 100), (0.32, 0.32), (25, 25)),
        ("sam2", (200, 100), (0.64, 0.32), (12.5, 25)),
    ],
)
def test_points_are_x_y_and_masks_come_back_to_their_place(kind, size, scale, reach):
    height, width = size
    model = Drawn(kind)
    embedded = SamPrompter(model, "drawn", "test").embed(np.zeros((height, width, 3), np.uint8))
    x, y = width * 0.7, height * 0.4
    masks, scores = embedded(points=[(x, y), (1, 2)], labels=[1, 0])
    np.testing.assert_allclose(
        model.prompt["input_points"][0, 0].numpy(), [[x * scale[0], y * scale[1]], [scale[0], 2 * scale[1]]]
    )
    assert model.prompt["input_labels"].tolist() == [[[1, 0]]]
    rows, cols = np.nonzero(masks[0])
    assert abs((cols.min() + cols.max()) / 2 - x) < 7
    assert abs((rows.min() + rows.max()) / 2 - y) < 7
    assert abs((cols.max() - cols.min()) / 2 - reach[0]) < 8
    assert abs((rows.max() - rows.min()) / 2 - reach[1]) < 8
    np.testing.assert_allclose(scores, [0.2])


def test_a_box_is_scaled_and_scores_stay_within_bounds():
    model = Drawn("sam2")
    embedded = SamPrompter(model, "drawn", "test").embed(np.zeros((100, 200, 3), np.uint8))
    embedded(points=[(100, 50)], labels=[1], box=(10, 20, 110, 70))
    np.testing.assert_allclose(model.prompt["input_boxes"].numpy(), [[[3.2, 12.8, 35.2, 44.8]]], rtol=1e-6)
    _, scores = embedded(points=[(100, 50)], labels=[1])
    np.testing.assert_allclose(scores, [1.0, 0.2, 0.0])


@pytest.mark.parametrize("size", [(48, 64), (300, 200), (64, 64)])
def test_what_is_seen_equals_the_library_s_own(size):
    """The library shrinks with a triangle filter, we by areas: a smooth photo shows no difference."""
    from transformers import Sam2ImageProcessor, SamImageProcessor

    rows, cols = np.mgrid[: size[0], : size[1]]
    photo = np.stack([rows * 255 // size[0], cols * 255 // size[1], 0 * rows + 90], 2).astype(np.uint8)
    theirs = {
        "sam": SamImageProcessor(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE}),
        "sam2": Sam2ImageProcessor(size={"height": SIDE, "width": SIDE}),
    }
    for kind, processor in theirs.items():
        seen, _ = SamPrompter(Drawn(kind), "drawn", "test").seen(photo)
        expected = processor(photo, return_tensors="pt")["pixel_values"][0].numpy().transpose(1, 2, 0)
        np.testing.assert_allclose(seen, expected, atol=0.06)


@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_masks_equal_the_library_s_own(kind, rng):
    from transformers import Sam2ImageProcessor, SamImageProcessor

    prompter = SamPrompter(Drawn(kind), "drawn", "test")
    photo = np.zeros((75, 120, 3), np.uint8)
    logits = rng.normal(size=(16, 16)).astype(np.float32)
    embedded = prompter.embed(photo)
    ours = embedded.enlarged(logits) > 0
    batch = torch.from_numpy(logits[None, None, None])
    if kind == "sam":
        processor = SamImageProcessor(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE})
        theirs = processor.post_process_masks(batch[0][None], [(75, 120)], [(40, 64)])[0]
    else:
        theirs = Sam2ImageProcessor().post_process_masks(batch, [(75, 120)])[0]
    assert (ours != theirs.reshape(75, 120).numpy()).mean() < 0.002


@pytest.mark.parametrize("name", ["sam-base", "sam2.1-tiny"])
def test_a_local_folder_is_loaded(name, tmp_path, photo):
    model = TINY["sam" if name == "sam-base" else "sam2"]()
    model.save_pretrained(tmp_path)
    prompter = load_prompter(name, weights=tmp_path, device="cpu")
    assert prompter.name == name
    assert str(tmp_path) in prompter.description
    expected = SamPrompter(model, name, "").embed(photo)(points=[(20, 10)], labels=[1])
    found = prompter.embed(photo)(points=[(20, 10)], labels=[1])
    np.testing.assert_array_equal(found[0], expected[0])
    assert load_prompter(name, weights=tmp_path, device="cpu") is prompter  # stays loaded


def test_the_published_config_says_video(tmp_path):
    """Facebook's repositories of SAM 2.1 hold the video model, of which the photo's is a part."""
    tiny_sam2().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "sam2_video"}))
    assert isinstance(load_prompter("sam2.1-small", weights=tmp_path, device="cpu").embed, object)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "expected a folder with config.json and"),
        (lambda folder: (folder / "config.json").write_text("[]"), "expected a folder with config.json"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "got 'bert'"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "cannot be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_folder_is_refused_in_one_line(spoil, message, tmp_path):
    tiny_sam2().save_pretrained(tmp_path)
    spoil(tmp_path)
    with pytest.raises(WeightsError, match=message) as caught:
        load_prompter("sam2.1-tiny", weights=tmp_path, device="cpu")
    assert "\n" not in str(caught.value)


def test_weights_that_miss_arrays_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    tiny_sam2().save_pretrained(tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    del arrays["mask_decoder.iou_token.weight"]
    save_file(arrays, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"1 arrays are missing .*iou_token"):
        load_prompter("sam2.1-tiny", weights=tmp_path, device="cpu")


def test_offline_nothing_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="REMOVAL_OFFLINE is set"):
        load_sam("sam2.1-tiny", "sam2", "somebody/not-there", device="cpu")


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(WeightsError, match=r"pip install 'removal\[transformers\]'"):
        load_sam("sam2.1-tiny", "sam2", "somebody/else", device="cpu")


def test_an_image_of_another_kind_is_refused(prompter):
    with pytest.raises(TypeError, match="uint8"):
        prompter.embed(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ValueError, match="shape"):
        prompter.embed(np.zeros((4, 4), np.uint8))


def test_a_prompt_that_says_nothing_is_refused(prompter, photo):
    embedded = prompter.embed(photo)
    assert isinstance(embedded, SamEmbedded)
    with pytest.raises(ValueError, match="at least one point on the thing"):
        embedded()
