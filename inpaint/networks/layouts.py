"""The three published layouts of DeepFillv2, as data: what differs between them, and how they name their
layers.

Sources of the facts: github.com/nipponjo/deepfillv2-pytorch (`nipponjo_pt`; `nipponjo_tf`, which holds the
weights of the authors' TensorFlow release) and github.com/open-mmlab/mmagic (`mmagic`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from inpaint.networks.attention import AttentionRules
from inpaint.networks.fill_network import scaled
from inpaint.networks.gated_conv import Activation, ConvSpec, Padding

ENCODER_KERNELS = (5, 3, 3, 3, 3, 3)
ENCODER_STRIDES = (1, 2, 1, 2, 1, 1)


@dataclass(frozen=True)
class Layout:
    """One published layout. Channel counts are those after gating.

    `refiner_inputs`: 3 = the composite alone, 5 = with a channel of ones and the mask, as the coarse stage.
    `names`: for each branch of ours, the published names of its layers, in order, less the `suffix`.
    """

    name: str
    padding: Padding
    refiner_inputs: Literal[3, 5]
    decoder: tuple[int, int, int, int, int, int]
    gated_output: bool
    matching_activation: Activation
    attention: AttentionRules
    suffix: str
    names: dict[str, tuple[str, ...]]

    def branches(self, width: float = 1.0) -> dict[str, tuple[ConvSpec, ...]]:
        """The layers of each branch, `width` times the channels; all but `coarse` are the refiner's."""
        branches = {
            "coarse": encoder(24, 48, 48, 96, 96, 96)
            + dilated(96)
            + decoder(96, 96, 48, 48, 24, 12, gated_output=self.gated_output),
            "hallucination": encoder(24, 24, 48, 48, 96, 96) + dilated(96),
            "matching": encoder(24, 24, 48, 96, 96, 96, last_activation=self.matching_activation),
            "attended": (ConvSpec(96), ConvSpec(96)),
            "decoder": decoder(*self.decoder, gated_output=self.gated_output),
        }
        return {name: at_width(specs, width) for name, specs in branches.items()}

    def key_map(self) -> dict[str, str]:
        """Published parameter name -> ours, for every parameter of the generator."""
        return layer_keys(self.names, self.suffix)


def encoder(*channels: int, last_activation: Activation = "elu", gated: bool = True) -> tuple[ConvSpec, ...]:
    """Six layers to a quarter of the size."""
    activations: tuple[Activation, ...] = ("elu", "elu", "elu", "elu", "elu", last_activation)
    return tuple(
        ConvSpec(count, kernel, stride, activation=activation, gated=gated)
        for count, kernel, stride, activation in zip(
            channels, ENCODER_KERNELS, ENCODER_STRIDES, activations, strict=True
        )
    )


def dilated(channels: int, *, gated: bool = True) -> tuple[ConvSpec, ...]:
    """Four layers of growing dilation."""
    return tuple(ConvSpec(channels, dilation=dilation, gated=gated) for dilation in (2, 4, 8, 16))


def decoder(*channels: int, gated: bool = True, gated_output: bool = False) -> tuple[ConvSpec, ...]:
    """Six layers back to the full size, and the one to RGB (not yet brought to [-1, 1])."""
    layers = tuple(
        ConvSpec(count, upsample=index in (2, 4), gated=gated) for index, count in enumerate(channels)
    )
    return (*layers, ConvSpec(3, activation="none", gated=gated_output))


def at_width(specs: tuple[ConvSpec, ...], width: float) -> tuple[ConvSpec, ...]:
    """The layers with `width` times the channels; the one to RGB, which has no activation, keeps its 3."""
    return tuple(
        spec if spec.activation == "none" else replace(spec, channels=scaled(spec.channels, width))
        for spec in specs
    )


def layer_keys(names: Mapping[str, tuple[str, ...]], suffix: str) -> dict[str, str]:
    """Published parameter name -> ours, from the published names of the layers of each branch."""
    return {
        f"{published}{suffix}.{kind}": f"{branch}.{index}.{kind}"
        for branch, layers in names.items()
        for index, published in enumerate(layers)
        for kind in ("weight", "bias")
    }


def _numbered(pattern: str, numbers: range) -> tuple[str, ...]:
    return tuple(pattern.format(number) for number in numbers)


_PT_DOWN = (
    "down_block1.conv1_downsample",
    "down_block1.conv2",
    "down_block2.conv1_downsample",
    "down_block2.conv2",
)
_PT_UP = (
    "up_block1.conv1_upsample.conv",
    "up_block1.conv2",
    "up_block2.conv1_upsample.conv",
    "up_block2.conv2",
)

NIPPONJO_PT = Layout(
    name="nipponjo_pt",
    padding="zeros",
    refiner_inputs=3,
    decoder=(96, 96, 48, 48, 24, 12),
    gated_output=False,
    matching_activation="relu",
    attention=AttentionRules(fuse=True, sampling="strided", invalid="zero", overlap="four"),
    suffix=".conv",
    names={
        "coarse": tuple(
            f"stage1.{name}"
            for name in ("conv1", *_PT_DOWN, *_numbered("conv_bn{}", range(1, 8)), *_PT_UP, "conv_to_rgb")
        ),
        "hallucination": tuple(
            f"stage2.conv_{name}" for name in ("conv1", *_PT_DOWN, *_numbered("conv_bn{}", range(1, 6)))
        ),
        "matching": tuple(f"stage2.ca_{name}" for name in ("conv1", *_PT_DOWN, "conv_bn1")),
        "attended": ("stage2.ca_conv_bn4", "stage2.ca_conv_bn5"),
        "decoder": tuple(f"stage2.{name}" for name in ("conv_bn6", "conv_bn7", *_PT_UP, "conv_to_rgb")),
    },
)

_TF_ENCODER = ("conv1", "conv2_downsample", "conv3", "conv4_downsample", "conv5", "conv6")
_TF_DILATED = _numbered("conv{}_atrous", range(7, 11))
_TF_DECODER = (
    "conv11",
    "conv12",
    "conv13_upsample.conv",
    "conv14",
    "conv15_upsample.conv",
    "conv16",
    "conv17",
)

NIPPONJO_TF = Layout(
    name="nipponjo_tf",
    padding="same",
    refiner_inputs=3,
    decoder=(96, 96, 48, 48, 24, 12),
    gated_output=False,
    matching_activation="relu",
    attention=AttentionRules(fuse=False, sampling="corners", invalid="zero", overlap="four"),
    suffix=".conv",
    names={
        "coarse": (*_TF_ENCODER, *_TF_DILATED, *_TF_DECODER),
        "hallucination": tuple(f"x{name}" for name in (*_TF_ENCODER, *_TF_DILATED)),
        "matching": tuple(f"pm{name}" for name in _TF_ENCODER),
        "attended": ("pmconv9", "pmconv10"),
        "decoder": tuple(f"all{name}" for name in _TF_DECODER),
    },
)

_MM_ENCODER = _numbered("enc{}", range(1, 7))
_MM_DILATED = _numbered("dilation_neck.dilation_convs.{}", range(4))
_MM_DECODER = _numbered("decoder.dec{}", range(1, 8))

# The same in DeepFillv1 and DeepFillv2.
MMAGIC_NAMES = {
    "coarse": tuple(
        f"stage1.{name}"
        for name in (*(f"encoder.{layer}" for layer in _MM_ENCODER), *_MM_DILATED, *_MM_DECODER)
    ),
    "hallucination": tuple(
        f"stage2.{name}" for name in (*(f"encoder_conv.{layer}" for layer in _MM_ENCODER), *_MM_DILATED)
    ),
    "matching": tuple(f"stage2.encoder_attention.{layer}" for layer in _MM_ENCODER),
    "attended": tuple(f"stage2.contextual_attention_neck.conv{number}" for number in (1, 2)),
    "decoder": tuple(f"stage2.{name}" for name in _MM_DECODER),
}
MMAGIC_ATTENTION = AttentionRules(fuse=True, sampling="strided", invalid="drop", overlap="count")

MMAGIC = Layout(
    name="mmagic",
    padding="reflect",
    refiner_inputs=5,
    decoder=(128, 128, 64, 64, 32, 16),
    gated_output=True,
    matching_activation="elu",
    attention=MMAGIC_ATTENTION,
    suffix=".conv.conv",
    names=MMAGIC_NAMES,
)

LAYOUTS = {layout.name: layout for layout in (NIPPONJO_PT, NIPPONJO_TF, MMAGIC)}
