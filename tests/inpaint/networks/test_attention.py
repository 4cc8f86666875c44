import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from inpaint.networks.attention import AttentionRules, contextual_attention
from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.diagonals import plan_sum, sum_diagonals
from inpaint.networks.layouts import LAYOUTS

PLAIN = Path(__file__).resolve().parents[3] / "benchmarks" / "plain_deepfillv2.py"
plain_attention = runpy.run_path(str(PLAIN))["plain_attention"]

PT = AttentionRules(fuse=True, sampling="strided", invalid="zero", overlap="four")
TF = AttentionRules(fuse=False, sampling="corners", invalid="zero", overlap="four")
MMAGIC = AttentionRules(fuse=True, sampling="strided", invalid="drop", overlap="count")
RULES = [PT, TF, MMAGIC]
EVERY_RULE = pytest.mark.parametrize("rules", RULES, ids=["pt", "tf", "mmagic"])


def random_features(count: int, height: int, width: int, *, channels: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    # Small, so that the softmax weighs several keys and a mistake in one of them shows.
    return 0.2 * torch.randn(count, channels, height, width, generator=generator, dtype=torch.float64)


def no_holes(features: torch.Tensor) -> torch.Tensor:
    count, _, height, width = features.shape
    return torch.zeros(count, 1, 4 * height, 4 * width, dtype=features.dtype)


def random_holes(features: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """A rectangle in each image, another one each time."""
    masks = no_holes(features)
    generator = torch.Generator().manual_seed(seed)
    for mask in masks[:, 0]:
        top, left = (int(torch.randint(0, size // 2, (), generator=generator)) for size in mask.shape)
        mask[top : top + mask.shape[0] // 3, left : left + mask.shape[1] // 3] = 1
    return masks


def rows_budget_mb(features: torch.Tensor, rows: float) -> float:
    """The bound under which `rows` rows of scores fit (three matrices without, nine with gradients)."""
    matrices = 9 if features.requires_grad else 3
    cells = features.shape[2] * features.shape[3] // 4
    return rows * matrices * cells * features.element_size() / 2**20


@EVERY_RULE
@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 14), (14, 2), (10, 14), (18, 12)])
def test_agrees_with_the_plain_formula_at_every_size(rules, height, width):
    features = random_features(2, height, width)
    masks = random_holes(features)
    for rows in (1, 20, 1e6):
        blocks = contextual_attention(features, masks, rules, max_scores_mb=rows_budget_mb(features, rows))
        torch.testing.assert_close(blocks, plain_attention(features, masks, rules), rtol=0, atol=1e-12)


@EVERY_RULE
def test_thin_holes_and_holes_at_the_border_agree_with_the_plain_formula(rules):
    features = random_features(4, 12, 16)
    masks = no_holes(features)
    masks[0, :, 17, 3:60] = 1  # one pixel high
    masks[1, :, :, 24] = 1  # one pixel wide, on the grid that the keys are sampled at
    masks[2, :, :13, :9] = 1  # the corner
    masks[3, :, 30:, :] = 1  # the whole bottom
    blocks = contextual_attention(features, masks, rules, max_scores_mb=rows_budget_mb(features, 25))
    torch.testing.assert_close(blocks, plain_attention(features, masks, rules), rtol=0, atol=1e-12)


@EVERY_RULE
def test_each_image_of_a_batch_keeps_its_own_hole(rules):
    features = random_features(3, 12, 10)
    masks = no_holes(features)
    masks[0, :, :16, :16] = masks[1, :, 20:, 8:24] = masks[2, :, 30:, 30:] = 1
    together = contextual_attention(features, masks, rules)
    for i in range(3):
        alone = contextual_attention(features[i : i + 1], masks[i : i + 1], rules)
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-12)
    swapped = contextual_attention(features, masks.flip(0), rules)
    assert (swapped[0] - together[0]).abs().max() > 1e-3


@EVERY_RULE
def test_without_a_hole_every_key_is_valid(rules):
    features = random_features(1, 8, 8)
    masks = no_holes(features)
    answer = contextual_attention(features, masks, rules)
    torch.testing.assert_close(answer, plain_attention(features, masks, rules), rtol=0, atol=1e-12)
    assert answer.abs().max() > 0.01


@EVERY_RULE
def test_an_image_without_a_valid_key_gives_zero_and_leaves_the_others_alone(rules):
    features = random_features(2, 8, 8)
    masks = random_holes(features)
    masks[0] = 1
    answer = contextual_attention(features, masks, rules)
    assert torch.equal(answer[0], torch.zeros_like(answer[0]))
    torch.testing.assert_close(answer, plain_attention(features, masks, rules), rtol=0, atol=1e-12)
    assert answer[1].abs().max() > 0.01


def test_one_valid_key_is_pasted_everywhere():
    features = torch.arange(64.0).view(1, 1, 8, 8)
    masks = torch.zeros(1, 1, 32, 32)
    masks[:, :, 8:, :] = 1
    masks[:, :, :, 16:] = 1
    answer = contextual_attention(features, masks, MMAGIC)
    assert torch.equal(answer, torch.zeros_like(answer))  # every patch of 3 x 3 touches the hole
    masks[:, :, 8:16, :16] = 0  # now that of cell (0, 0) alone does not
    answer = contextual_attention(features, masks, MMAGIC)
    # Its 4 x 4 patch is rows -1..2 and columns -1..2 of the features, 0 outside.
    assert answer[0, 0, 0, 0] == 0.0  # reached by cell (0, 0) alone
    # (2, 2) is reached by cells (0, 0), (0, 1), (1, 0), (1, 1) with features (2, 2), (2, 0), (0, 2), (0, 0).
    assert answer[0, 0, 2, 2] == (18 + 16 + 2 + 0) / 4


@EVERY_RULE
def test_needed_cells_get_the_same_answer_and_cost_no_more(rules):
    features = random_features(2, 16, 20)
    masks = random_holes(features, seed=2)
    needed = torch.zeros(2, 8, 10, dtype=torch.bool)
    needed[0, 2:5, 3:8] = True
    needed[1, 7, 9] = needed[1, 0, 0] = True
    everything = contextual_attention(features, masks, rules)
    for rows in (1, 30, 1e6):
        bound = rows_budget_mb(features, rows)
        some = contextual_attention(features, masks, rules, needed=needed, max_scores_mb=bound)
        # Features whose four cells are all needed: those between the second and the last but one.
        inner = (slice(None), slice(6, 9), slice(8, 15))
        torch.testing.assert_close(some[0][inner], everything[0][inner], rtol=0, atol=1e-12)
        assert torch.equal(some[0][:, :3], torch.zeros(3, 3, 20, dtype=torch.float64))
        torch.testing.assert_close(some[1][:, 15, 19], everything[1][:, 15, 19], rtol=0, atol=1e-12)
        torch.testing.assert_close(some[1][:, 0, 0], everything[1][:, 0, 0], rtol=0, atol=1e-12)
    none = contextual_attention(features, masks, rules, needed=torch.zeros_like(needed))
    assert torch.equal(none, torch.zeros_like(features))


@EVERY_RULE
@pytest.mark.parametrize("rows", [1, 20, 80, 1e6])
def test_gradients_are_those_of_the_plain_formula(rules, rows):
    """One cell at a time, in tiles, image by image, all at once."""
    features = random_features(2, 8, 10)
    masks = random_holes(features, seed=1)
    masks[1] = 1 if rows == 20 else masks[1]
    weight = random_features(2, 8, 10, seed=9)
    gradients = []
    for attend in (contextual_attention, plain_attention):
        leaf = features.clone().requires_grad_()
        bound = {} if attend is plain_attention else {"max_scores_mb": rows_budget_mb(leaf, rows)}
        (attend(leaf, masks, rules, **bound) * weight).sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-10)
    assert gradients[0].abs().max() > 1e-3


@EVERY_RULE
@pytest.mark.parametrize(("rows", "fast"), [(9, True), (1e6, False)])
def test_gradients_pass_the_finite_difference_check(rules, rows, fast):
    """Tile by tile along one random direction, all at once number by number."""
    features = random_features(2, 4, 6, channels=1).requires_grad_()
    masks = no_holes(features.detach())
    masks[0, :, :9, 16:] = masks[1, :, 12:, :5] = 1
    bound = rows_budget_mb(features, rows)
    assert torch.autograd.gradcheck(
        lambda batch: contextual_attention(batch, masks, rules, max_scores_mb=bound),
        (features,),
        fast_mode=fast,
    )


@EVERY_RULE
def test_features_that_are_zero_leave_the_gradient_finite(rules):
    features = random_features(1, 8, 8)
    features[:, :, :6, :6] = 0  # as a ReLU leaves them
    masks = no_holes(features)
    masks[:, :, 20:, 20:] = 1
    features.requires_grad_()
    contextual_attention(features, masks, rules).square().sum().backward()
    assert features.grad.isfinite().all()
    assert features.grad.abs().max() > 0


class LargestTensor(TorchDispatchMode):
    """Counts the elements of the largest tensor that any operation returns."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (list, tuple)) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


@pytest.mark.parametrize("rules", [PT, TF], ids=["fused", "unfused"])
def test_the_bound_on_memory_holds(rules):
    features = random_features(2, 48, 32, channels=1).float()
    masks = torch.zeros(2, 1, 48, 32)
    cells = 24 * 16
    with LargestTensor() as whole:
        expected = contextual_attention(features, masks, rules)
    with LargestTensor() as bounded:
        answer = contextual_attention(features, masks, rules, max_scores_mb=rows_budget_mb(features, 100))
    assert whole.elements == 2 * cells * cells
    assert bounded.elements <= 101 * cells  # 100 rows, and never all the cells of both images at once
    torch.testing.assert_close(answer, expected, rtol=0, atol=1e-5)


def test_the_bound_on_memory_holds_while_going_back():
    features = random_features(1, 48, 32, channels=1).float().requires_grad_()
    masks = torch.zeros(1, 1, 48, 32)
    cells = 24 * 16

    def elements_kept_and_largest(bound: float | None) -> tuple[int, int]:
        kept = []

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            kept.append(tensor.numel())
            return tensor.detach()

        with LargestTensor() as largest:
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                answer = contextual_attention(features, masks, PT, max_scores_mb=bound)
            answer.sum().backward()
        return sum(kept), largest.elements

    kept, _ = elements_kept_and_largest(None)
    assert kept > 6 * cells * cells  # all that backward needs
    kept, largest = elements_kept_and_largest(rows_budget_mb(features, 100))
    assert kept < cells * cells  # made again, tile by tile
    assert largest <= 101 * cells


def test_half_precision_features_are_compared_in_float32_and_mixed_in_their_own():
    # Large, so that scores in half precision would pick other keys.
    features = (20 * random_features(1, 8, 8)).bfloat16()
    masks = no_holes(features.float())
    answer = contextual_attention(features, masks, PT)
    assert answer.dtype == torch.bfloat16
    exact = contextual_attention(features.float(), masks, PT)
    torch.testing.assert_close(answer.float(), exact, rtol=0.02, atol=0.02)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(contextual_attention(features, masks, PT), answer)
        assert torch.equal(contextual_attention(features.float(), masks, PT), exact)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (4, 1), (3, 4)])
def test_fused_scores_add_the_nine_neighbouring_pairs(height, width):
    cells = height * width
    scores = torch.randn(cells, cells, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def beside(cell: int, shift: int) -> int | None:
        order = cell % width * height + cell // width + shift
        return order % height * width + order // height if 0 <= order < cells else None

    def row_fused(query: int, key: int) -> float:
        pairs = [(query + d, key + d) for d in (-1, 0, 1)]
        return sum(float(scores[q, k]) for q, k in pairs if min(q, k) >= 0 and max(q, k) < cells)

    chosen = torch.arange(0, cells, 2).numpy()
    middle, columns = plan_sum(chosen, "column", (-1, 0, 1), (height, width))
    needed, lines = plan_sum(middle, "line", (-1, 0, 1), (height, width))
    fused = sum_diagonals(sum_diagonals(scores[torch.from_numpy(needed)][None], lines), columns)[0]
    for row, query in enumerate(chosen.tolist()):
        for key in range(cells):
            pairs = [(beside(query, shift), beside(key, shift)) for shift in (-1, 0, 1)]
            expected = sum(row_fused(q, k) for q, k in pairs if q is not None and k is not None)
            assert float(fused[row, key]) == pytest.approx(expected, abs=1e-12)


def test_runs_on_every_device(device):
    features = random_features(2, 16, 12).float().to(device)
    masks = random_holes(features.cpu()).to(device)
    answer = contextual_attention(features, masks, MMAGIC)
    assert answer.device.type == device
    expected = plain_attention(features.double().cpu(), masks.double().cpu(), MMAGIC)
    torch.testing.assert_close(answer.double().cpu(), expected, rtol=0, atol=1e-5)


def test_wrong_shapes_are_refused():
    features = torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match="even height and width, got 7 x 8"):
        contextual_attention(features[:, :, :7], torch.zeros(1, 1, 28, 32), PT)
    with pytest.raises(ValueError, match=r"masks of shape \(1, 1, s\*8, s\*8\), got \(1, 1, 32, 31\)"):
        contextual_attention(features, torch.zeros(1, 1, 32, 31), PT)
    needed = torch.ones(1, 8, 8, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"needed of shape \(1, 4, 4\), got \(1, 8, 8\)"):
        contextual_attention(features, torch.zeros(1, 1, 32, 32), PT, needed=needed)


@pytest.mark.parametrize("bound", [0, -1.5, float("nan")])
def test_a_bound_that_leaves_no_memory_is_refused(bound):
    features = random_features(1, 8, 8)
    words = f"max_scores_mb above 0 or None, got {bound}"
    with pytest.raises(ValueError, match=words):
        contextual_attention(features, no_holes(features), PT, max_scores_mb=bound)
    with pytest.raises(ValueError, match=words):
        DeepFillV2(LAYOUTS["nipponjo_pt"], max_scores_mb=bound)


def test_rules_are_settings_that_cannot_change():
    with pytest.raises(AttributeError):
        PT.fuse = False
    assert replace(PT, fuse=False) != PT
