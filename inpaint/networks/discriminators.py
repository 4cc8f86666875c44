"""The networks that judge: each answers with unbounded numbers, higher = more like a real photo."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from inpaint.networks.autoencoder import halving
from inpaint.networks.conv_norm import LEAK, Activation, ConvNorm, draw_normal
from inpaint.networks.fill_network import check_width, fresh_weights, scaled


class ContextDiscriminator(nn.Module):
    """Sees the missing part (context encoder, Pathak et al. 2016, arXiv 1604.07379; released code, netD).

    size_px: height and width of that part, 64 (released for the central box), 128 (for any region) or 256.
    width: multiplies the channels. Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for another size or a width outside (0, 4].
    """

    def __init__(
        self, *, size_px: int = 64, width: float = 1.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_width(width)
        channels = {64: (64,), 128: (64, 64), 256: (64, 64, 64)}
        if size_px not in channels:
            raise ValueError(f"expected a size_px of 64, 128 or 256, got {size_px}")
        self.size_px = size_px
        counts = [scaled(count, width) for count in (*channels[size_px], 128, 256, 512)]
        with fresh_weights(generator):
            self.layers = halving(3, counts)
            self.judge = nn.Conv2d(counts[-1], 1, 4)
            draw_normal(self)

    def forward(self, parts: Tensor) -> Tensor:
        """float32 (N, 3, size, size) in [-1, 1] -> logits (N,)."""
        _check_size("parts", parts, 3, self.size_px)
        result: Tensor = self.judge(self.layers(parts)).flatten()
        return result


class GLCICDiscriminator(nn.Module):
    """Global and local judge, one verdict (Iizuka et al. 2017, section 3.4, table 2).

    size_px: height and width of the images, 256 in the paper; the local patch is half that, about the hole.
    width: multiplies the channels. Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a size that is no multiple of 64 or a width outside (0, 4].
    """

    def __init__(
        self, *, size_px: int = 256, width: float = 1.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_width(width)
        _check_multiple(size_px, 64)
        self.size_px = size_px
        features = scaled(1024, width)
        with fresh_weights(generator):
            self.whole = _Judge((64, 128, 256, 512, 512, 512), features, size_px, width)
            self.local = _Judge((64, 128, 256, 512, 512), features, size_px // 2, width)
            self.verdict = nn.Linear(2 * features, 1)
            draw_normal(self)

    def forward(self, images: Tensor, patches: Tensor) -> Tensor:
        """Images float32 (N, 3, size, size) in [-1, 1], patches of half that size -> logits (N,)."""
        _check_size("images", images, 3, self.size_px)
        _check_size("patches", patches, 3, self.size_px // 2)
        features = torch.cat([self.whole(images), self.local(patches)], dim=1)
        result: Tensor = self.verdict(F.relu(features)).flatten()
        return result


class DeepFillV1Critics(nn.Module):
    """Global and local Wasserstein critics (Yu et al. 2018, arXiv 1801.07892, section 3; authors' code).

    No normalisation across the batch, which the gradient penalty would not stand.
    size_px: height and width of the images, 256 in the paper; the local patch is half that, about the hole.
    width: multiplies the channels. Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a size that is no multiple of 32 or a width outside (0, 4].
    """

    def __init__(
        self, *, size_px: int = 256, width: float = 1.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_width(width)
        _check_multiple(size_px, 32)
        self.size_px = size_px
        plain: Activation = "leaky_relu"
        with fresh_weights(generator):
            self.whole = _Judge((64, 128, 256, 256), 1, size_px, width, norm=False, activation=plain)
            self.local = _Judge((64, 128, 256, 512), 1, size_px // 2, width, norm=False, activation=plain)
            draw_normal(self)

    def forward(self, images: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Images float32 (N, 3, size, size), patches half that -> verdicts of both critics, each (N,)."""
        _check_size("images", images, 3, self.size_px)
        _check_size("patches", patches, 3, self.size_px // 2)
        return self.whole(images).flatten(), self.local(patches).flatten()


class SNPatchDiscriminator(nn.Module):
    """SN-PatchGAN (Yu et al. 2019, arXiv 1806.03589, section 3.3; authors' code): a verdict at each point.

    Six 5 x 5 convolutions of stride 2, spectrally normalised, each with leaky ReLU; any size.
    in_channels: 4 = image and mask; with 1 more, a sketch.
    width: multiplies the channels. Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a width outside (0, 4].
    """

    def __init__(
        self, *, in_channels: int = 4, width: float = 1.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_width(width)
        self.in_channels = in_channels
        layers: list[nn.Module] = []
        with fresh_weights(generator):
            for count in (64, 128, 256, 256, 256, 256):
                conv = nn.Conv2d(in_channels, scaled(count, width), 5, 2, 2)
                nn.init.kaiming_normal_(conv.weight, LEAK)
                nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
                layers += [spectral_norm(conv), nn.LeakyReLU(LEAK)]
                in_channels = scaled(count, width)
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Images and masks, float32 (N, in_channels, H, W) -> verdicts (N, channels, ceil(H / 64), ...)."""
        if images.ndim != 4 or images.shape[1] != self.in_channels:
            raise ValueError(
                f"expected images of shape (N, {self.in_channels}, H, W), got {tuple(images.shape)}"
            )
        # In float32 on a processor: with AMX instructions torch 2.14's bfloat16 gradients of the first
        # convolution are NaN now and then (they are read before they are written).
        with torch.autocast("cpu", enabled=False):
            result: Tensor = self.layers(images.float() if images.device.type == "cpu" else images)
            return result


class PatchDiscriminator(nn.Module):
    """70 x 70 PatchGAN: a verdict for each patch of 70 px (Isola et al. 2017, arXiv 1611.07004), of edges.

    As EdgeConnect has it (Nazeri et al. 2019, arXiv 1901.00212, section 3.1): C64-2, C128-2, C256-2, C512-1,
    C1-1, 4 x 4 convolutions spectrally normalised; the three in the middle with instance normalisation, which
    the paper names and its released code leaves out.
    in_channels: 2 = grey photo and edges.
    width: multiplies the channels. Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a width outside (0, 4].
    """

    def __init__(
        self, *, in_channels: int = 2, width: float = 1.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_width(width)
        self.in_channels = in_channels
        layers: list[nn.Module] = []
        with fresh_weights(generator):
            for count, stride in ((64, 2), (128, 2), (256, 2), (512, 1), (1, 1)):
                first, last = not layers, count == 1
                out_channels = count if last else scaled(count, width)
                layers.append(
                    ConvNorm(
                        in_channels,
                        out_channels,
                        kernel=4,
                        stride=stride,
                        norm=not (first or last),
                        instance=True,
                        spectral=True,
                        activation="none" if last else "leaky_relu",
                    )
                )
                in_channels = out_channels
            self.layers = nn.Sequential(*layers)
            draw_normal(self)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Grey photos and edges, float32 (N, in_channels, H, W) of at least 32 px -> what each layer answers.

        The last are the verdicts, (N, 1, H / 8 - 2, W / 8 - 2); feature matching compares them all.
        """
        if images.ndim != 4 or images.shape[1] != self.in_channels or min(images.shape[-2:]) < 32:
            raise ValueError(
                f"expected images of shape (N, {self.in_channels}, H, W), H and W at least 32, "
                f"got {tuple(images.shape)}"
            )
        answers = [images]
        for layer in self.layers:
            answers.append(layer(answers[-1]))
        return tuple(answers[1:])


class _Judge(nn.Module):
    """5 x 5 convolutions of stride 2, then one fully connected layer."""

    def __init__(
        self,
        channels: Sequence[int],
        answers: int,
        size_px: int,
        width: float,
        *,
        norm: bool = True,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        layers = []
        in_channels = 3
        for count in channels:
            count = scaled(count, width)
            layers.append(ConvNorm(in_channels, count, kernel=5, stride=2, norm=norm, activation=activation))
            in_channels = count
        self.layers = nn.Sequential(*layers)
        self.answer = nn.Linear(in_channels * (size_px // 2 ** len(channels)) ** 2, answers)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.answer(self.layers(images).flatten(1))
        return result


def _check_multiple(size_px: int, grid_px: int) -> None:
    if size_px < grid_px or size_px % grid_px:
        raise ValueError(f"expected a size_px that is a multiple of {grid_px}, got {size_px}")


def _check_size(name: str, batch: Tensor, channels: int, size_px: int) -> None:
    expected = (channels, size_px, size_px)
    if batch.ndim != 4 or tuple(batch.shape[1:]) != expected:
        raise ValueError(
            f"expected {name} of shape (N, {', '.join(map(str, expected))}), got {tuple(batch.shape)}"
        )
