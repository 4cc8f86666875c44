"""DeepFillv2 written plainly, attention with whole score matrices: what ours is held to and timed against."""

import torch
import torch.nn.functional as F  # noqa: N812

from inpaint.networks.attention import AttentionRules
from inpaint.networks.deepfillv2 import DeepFillV2


def plain_forward(
    network: DeepFillV2, images: torch.Tensor, masks: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(coarse, refined) with the weights of `network`; H and W multiples of 8."""
    layout = network.layout
    ones = torch.ones_like(masks)
    coarse = torch.tanh(_run(network.coarse, torch.cat([images * (1 - masks), ones, masks], dim=1)))
    inputs = coarse * masks + images * (1 - masks)
    if layout.refiner_inputs == 5:
        inputs = torch.cat([inputs, ones, masks], dim=1)
    attended = plain_attention(_run(network.matching, inputs), masks, layout.attention)
    features = torch.cat([_run(network.hallucination, inputs), _run(network.attended, attended)], dim=1)
    return coarse, torch.tanh(_run(network.decoder, features))


def _run(layers, features):
    for layer in layers:
        spec = layer.spec
        if spec.upsample:
            features = F.interpolate(features, scale_factor=2)
        reach = spec.dilation * (spec.kernel // 2)
        if layer.padding == "reflect":
            features = F.pad(features, [reach] * 4, mode="reflect")
        elif layer.padding == "same" and spec.stride == 2:
            features = F.pad(features, (0, 1, 0, 1))
        else:
            features = F.pad(features, [reach] * 4)
        features = F.conv2d(features, layer.weight, layer.bias, spec.stride, 0, spec.dilation)
        if spec.gated:
            features, gate = features.chunk(2, dim=1)
        if spec.activation != "none":
            features = getattr(F, spec.activation)(features)
        if spec.gated:
            features = features * torch.sigmoid(gate)
    return features


def plain_attention(features: torch.Tensor, masks: torch.Tensor, rules: AttentionRules) -> torch.Tensor:
    """What `contextual_attention` says, image by image; nothing of it is shared with the package."""
    return torch.cat([_one(features[i : i + 1], masks[i : i + 1], rules) for i in range(len(features))])


def _one(features, masks, rules):
    height, width = features.shape[2] // 2, features.shape[3] // 2
    small = _subsample(features, height, width, rules)
    hidden = _subsample(masks, height, width, rules)
    keys = F.unfold(small, 3, padding=1)[0]  # (9C, L)
    valid = F.unfold(hidden, 3, padding=1)[0].sum(dim=0) == 0
    unit = keys / keys.norm(dim=0).clamp_min(1e-4)
    scores = unit.T @ keys  # (keys, queries)
    if rules.fuse:
        scores = _diagonal_sum(scores)
        scores = _transposed_maps(_diagonal_sum(_transposed_maps(scores, height, width)), width, height)
    if rules.invalid == "zero":
        weights = torch.softmax(scores * valid[:, None] * rules.softmax_scale, dim=0) * valid[:, None]
    elif valid.any():
        hidden_keys = torch.where(valid, 0.0, -torch.inf).to(scores)[:, None]
        weights = torch.softmax(scores * rules.softmax_scale + hidden_keys, dim=0)
    else:
        weights = torch.zeros_like(scores)
    patches = F.unfold(features, 4, stride=2, padding=1)[0]  # (16C, L)
    answer = F.fold((patches @ weights)[None], features.shape[2:], 4, stride=2, padding=1)
    if rules.overlap == "four":
        return answer / 4
    ones = torch.ones(1, 16, height * width, dtype=features.dtype)
    return answer / F.fold(ones, features.shape[2:], 4, stride=2, padding=1)


def _diagonal_sum(scores):
    padded = F.pad(scores, (1, 1, 1, 1))
    return padded[:-2, :-2] + scores + padded[2:, 2:]


def _transposed_maps(scores, height, width):
    """Keys and queries counted column by column instead of row by row."""
    maps = scores.view(height, width, height, width).permute(1, 0, 3, 2)
    return maps.reshape(height * width, height * width)


def _subsample(batch, height, width, rules):
    if rules.sampling == "strided":
        return batch[:, :, :: batch.shape[2] // height, :: batch.shape[3] // width]
    rows, columns = (
        torch.floor(torch.linspace(0, length - 1, count) + 0.5).long()
        for length, count in ((batch.shape[2], height), (batch.shape[3], width))
    )
    return batch[:, :, rows][:, :, :, columns]
