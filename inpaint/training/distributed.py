"""Several processes that train one network: `torchrun` starts them, each takes its share of every batch.

Gradients are averaged once before each update, as in stylegan3's loop: it is all that DistributedDataParallel
would do here, and unlike that stands a penalty on gradients and several backward passes for one update. The
weights start alike, from one seed, and stay so; running statistics are the leader's, which alone are kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    rank: from 0. world: how many there are. local_rank: from 0 on each machine.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by the mean over the processes."""
        if self.world == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.world
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, flag: bool) -> bool:
        """Whether it is true in any process: all must stop at the same step."""
        if self.world == 1:
            return flag
        votes = torch.tensor(float(flag), device="cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.all_reduce(votes)
        return bool(votes > 0)


@contextmanager
def processes() -> Iterator[Processes]:
    """The processes that torchrun started, joined until the end; one alone where it did not."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes()
        return
    local_rank = int(os.environ["LOCAL_RANK"])
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank)
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(int(os.environ["RANK"]), world, local_rank)
        # Nobody leaves while a thread of Gloo still lets go of a tensor, which aborts an interpreter that is
        # ending ("terminate called without an active exception", seen once in a dozen runs).
        dist.barrier()
    finally:
        dist.destroy_process_group()
