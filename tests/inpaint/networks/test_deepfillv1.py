import pytest
import torch

from inpaint.checkpoints import load_network
from inpaint.networks.deepfillv1 import KEY_MAP, DeepFillV1
from tests import published


@pytest.mark.parametrize("case", ["square", "wide"])
def test_gives_what_the_published_code_gives(case):
    network = load_network(published.state_dict("deepfillv1"), "deepfillv1")
    images, masks = published.inputs(case)
    with torch.no_grad():
        coarse, refined = network(images, masks)
        filled = network.fill(images, masks)
    assert published.difference("deepfillv1", case, "stage1", coarse) < 1e-4
    assert published.difference("deepfillv1", case, "stage2", refined) < 1e-4
    assert published.difference("deepfillv1", case, "stage2", filled, masks.bool()) < 1e-4


def test_the_names_are_those_of_the_published_file():
    shapes = published.shapes("deepfillv1")
    state = DeepFillV1().state_dict()
    assert {name: list(state[key].shape) for name, key in KEY_MAP.items()} == shapes
    assert set(KEY_MAP.values()) == set(state)


def conv(kernel: int, inner: int, *outers: int) -> int:
    """Parameters of convolutions one after another, biases included."""
    total = 0
    for outer in outers:
        total += kernel**2 * inner * outer + outer
        inner = outer
    return total


def test_has_as_many_parameters_as_published():
    """Channels as in mmagic's DeepFillEncoder, GLDilationNeck and DeepFillDecoder."""
    dilated = conv(3, 128, 128, 128, 128, 128)
    first = conv(5, 5, 32)
    coarse = first + conv(3, 32, 64, 64, 128, 128, 128) + dilated + conv(3, 128, 128, 128, 64, 64, 32, 16, 3)
    hallucination = first + conv(3, 32, 32, 64, 64, 128, 128) + dilated
    matching = first + conv(3, 32, 32, 64, 128, 128, 128) + conv(3, 128, 128, 128)
    decoder = [conv(3, inner, 128, 128, 64, 64, 32, 16, 3) for inner in (128, 256)]
    full, plain = DeepFillV1(), DeepFillV1(attention=False)
    count = [sum(parameter.numel() for parameter in each.parameters()) for each in (full, plain)]
    assert count == [coarse + hallucination + matching + decoder[1], coarse + hallucination + decoder[0]]
    assert count == [3_601_542, 2_758_118]


def test_without_attention_hole_only_gives_the_same_in_the_hole():
    network = DeepFillV1(attention=False, width=0.25).eval()
    images = torch.rand(1, 3, 80, 344, generator=torch.Generator().manual_seed(1)) * 2 - 1
    masks = torch.zeros(1, 1, 80, 344)
    masks[..., 20:50, 10:40] = 1
    hole = masks.bool().expand_as(images)
    with torch.no_grad():
        whole, part = network(images, masks), network(images, masks, hole_only=True)
    for one, two in zip(whole, part, strict=True):
        torch.testing.assert_close(one[hole], two[hole], rtol=0, atol=1e-5)
        assert torch.equal(two[~hole], images[~hole])
    assert network.summary == "attention False, width 0.25"


def test_avoided_places_are_not_copied_from():
    network = DeepFillV1(width=0.25).eval()
    images = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1
    masks, avoid = torch.zeros(1, 1, 96, 96), torch.zeros(1, 1, 96, 96)
    masks[..., 30:60, 30:60] = 1
    avoid[..., :24] = 1
    with torch.no_grad():
        assert not torch.equal(network.fill(images, masks), network.fill(images, masks, avoid=avoid))
