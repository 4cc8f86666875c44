import torch

from inpaint.networks.autoencoder import Autoencoder


def test_its_parameters_by_hand():
    """Ours, no paper's: 4 x 4 kernels, biases, two numbers a channel to normalise but first and last."""
    down = 16 * 4 * 64 + 64
    down += sum(16 * inner * outer + 3 * outer for inner, outer in ((64, 128), (128, 256), (256, 512)))
    up = sum(16 * inner * outer + 3 * outer for inner, outer in ((512, 256), (256, 128), (128, 64)))
    up += 16 * 64 * 3 + 3
    assert sum(parameter.numel() for parameter in Autoencoder().parameters()) == down + up == 5_516_291


def test_the_middle_is_a_sixteenth_of_the_size():
    network = Autoencoder(width=0.125)
    assert network.encoder(torch.zeros(1, 4, 32, 64)).shape == (1, 64, 2, 4)
    assert [layer.conv.out_channels for layer in network.decoder] == [32, 16, 8, 3]
