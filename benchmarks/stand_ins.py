"""Networks of published architectures with random weights: what they cost does not depend on the values.

Written from the papers' and projects' descriptions, to be timed and not to be trained.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvNormAct(nn.Sequential):
    """A convolution with reflected borders, batch normalisation, ReLU."""

    def __init__(self, inner: int, outer: int, side: int, *, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inner, outer, side, stride, padding=side // 2, padding_mode="reflect", bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(inplace=True),
        )


class FourierUnit(nn.Module):
    """A 1 x 1 convolution of the spectrum (Chi et al. 2020; LaMa, section 2.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = ConvNormAct(2 * channels, 2 * channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[-2:]
        spectrum = torch.fft.rfft2(features, norm="ortho")
        mixed = self.mix(torch.cat([spectrum.real, spectrum.imag], dim=1))
        real, imaginary = mixed.chunk(2, dim=1)
        return torch.fft.irfft2(torch.complex(real, imaginary), s=(height, width), norm="ortho")


class SpectralTransform(nn.Module):
    """The global branch: half as many channels go through the spectrum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvNormAct(channels, channels // 2, 1)
        self.fourier = FourierUnit(channels // 2)
        self.expand = nn.Conv2d(channels // 2, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        reduced = self.reduce(features)
        expanded: Tensor = self.expand(reduced + self.fourier(reduced))
        return expanded


class FastFourierConv(nn.Module):
    """Local and global features, each made from both."""

    def __init__(self, local: int, wide: int) -> None:
        super().__init__()

        def conv(inner: int, outer: int) -> nn.Conv2d:
            return nn.Conv2d(inner, outer, 3, padding=1, padding_mode="reflect", bias=False)

        self.local_local, self.local_wide, self.wide_local = (
            conv(local, local), conv(local, wide), conv(wide, local),
        )  # fmt: skip
        self.wide_wide = SpectralTransform(wide)
        self.norm_local, self.norm_wide = nn.BatchNorm2d(local), nn.BatchNorm2d(wide)

    def forward(self, local: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
        new_local = self.norm_local(self.local_local(local) + self.wide_local(wide))
        new_wide = self.norm_wide(self.local_wide(local) + self.wide_wide(wide))
        return functional.relu(new_local), functional.relu(new_wide)


class FourierBlock(nn.Module):
    def __init__(self, local: int, wide: int) -> None:
        super().__init__()
        self.first, self.second = FastFourierConv(local, wide), FastFourierConv(local, wide)

    def forward(self, local: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
        new_local, new_wide = self.second(*self.first(local, wide))
        return local + new_local, wide + new_wide


class BigLama(nn.Module):
    """LaMa's large generator, with its contract: three halvings to 512 channels, 18 blocks of Fourier
    convolutions where three quarters of the channels are global, three doublings; 51 million numbers."""

    LOCAL, WIDE, BLOCKS = 128, 384, 18

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            ConvNormAct(4, 64, 7),
            *(ConvNormAct(64 << level, 128 << level, 3, stride=2) for level in range(3)),
        )
        self.blocks = nn.ModuleList(FourierBlock(self.LOCAL, self.WIDE) for _ in range(self.BLOCKS))
        up: list[nn.Module] = []
        for level in (2, 1, 0):
            up += [
                nn.ConvTranspose2d(128 << level, 64 << level, 3, 2, padding=1, output_padding=1),
                nn.BatchNorm2d(64 << level),
                nn.ReLU(inplace=True),
            ]
        self.up = nn.Sequential(*up, nn.Conv2d(64, 3, 7, padding=3, padding_mode="reflect"), nn.Sigmoid())

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        features = self.down(torch.cat([image * (1 - mask), mask], dim=1))
        local, wide = features[:, : self.LOCAL].contiguous(), features[:, self.LOCAL :].contiguous()
        for block in self.blocks:
            local, wide = block(local, wide)
        predicted: Tensor = self.up(torch.cat([local, wide], dim=1))
        return mask * predicted + (1 - mask) * image


class SeparableConv(nn.Sequential):
    """A depthwise convolution and a pointwise one."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__(
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner), nn.Conv2d(inner, outer, 1), nn.LeakyReLU(0.2)
        )


class SmallGenerator(nn.Module):
    """An encoder and decoder of separable convolutions with MI-GAN's contract and about as many numbers, 6
    million. The published layers differ in detail."""

    CHANNELS = (64, 128, 256, 512, 512, 512, 512, 512)  # from 512 px down to 4 px

    def __init__(self) -> None:
        super().__init__()
        pairs = list(zip(self.CHANNELS, self.CHANNELS[1:], strict=False))
        self.first = nn.Conv2d(4, self.CHANNELS[0], 1)
        self.encoder = nn.ModuleList(
            nn.Sequential(SeparableConv(a, a), SeparableConv(a, b)) for a, b in pairs
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(SeparableConv(b, a), SeparableConv(a, a)) for a, b in reversed(pairs)
        )
        self.last = nn.Conv2d(self.CHANNELS[0], 3, 1)

    def forward(self, joined: Tensor) -> Tensor:
        features = self.first(joined)
        skipped = []
        for level in self.encoder:
            skipped.append(features)
            features = functional.avg_pool2d(level(features), 2)
        for level in self.decoder:
            features = functional.interpolate(features, scale_factor=2.0)
            features = level(features) + skipped.pop()
        result: Tensor = self.last(features).tanh()
        return result
