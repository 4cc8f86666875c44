"""Small networks that are saved as TorchScript in place of published ones."""

from torch import Tensor, nn


class Mean(nn.Module):
    """Checks the contract of two inputs and returns the mean colour of what is kept, in [0, 1]."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        assert image.shape[2] % 8 == 0
        assert image.shape[3] % 8 == 0
        assert float(image.min()) >= 0.0
        assert float(image.max()) <= 1.0
        assert bool(((mask == 0) | (mask == 1)).all())
        kept = 1 - mask
        mean = (image * kept).sum(dim=(2, 3), keepdim=True) / kept.sum(dim=(2, 3), keepdim=True)
        return mean.expand_as(image)
