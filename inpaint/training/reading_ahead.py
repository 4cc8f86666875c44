"""Samples made by worker processes while the networks learn from those before."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from inpaint.training.batch import Sample

PREFETCHED_PER_WORKER = 4  # batches


def read_ahead(
    sample_at: Callable[[int], Sample], batches: Iterable[range], workers: int
) -> Iterator[list[Sample]]:
    """The samples at each batch of positions, in order, made by worker processes before they are asked for.

    sample_at: needs to work in another process. workers: 0 = none, and nothing is made ahead.

    The processes end with the iterator. A ValueError of `sample_at` is raised when its batch's turn comes.
    """
    if workers == 0:
        for positions in batches:
            yield [sample_at(position) for position in positions]
        return
    with warnings.catch_warnings():  # of more workers than cores: they also wait for disks
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        loader: DataLoader[Any] = DataLoader(
            _Workplace(sample_at),
            batch_sampler=batches,  # type: ignore[arg-type]  # any iterable of positions will do
            num_workers=workers,
            prefetch_factor=PREFETCHED_PER_WORKER,
            collate_fn=_as_they_are,
            worker_init_fn=_start_worker,
            generator=torch.Generator(),  # the loader would draw from the global one
        )
        ahead = iter(loader)
    for packed in ahead:
        if isinstance(packed, ValueError):
            raise packed
        yield _unpacked(*packed)


_Packed = tuple[Tensor, Tensor, Tensor, list[tuple[str, ...]]]


class _Workplace(Dataset[Any]):
    """What a worker asks for a batch. An error is handed over: one raised has a traceback in its text."""

    def __init__(self, sample_at: Callable[[int], Sample]) -> None:
        self._sample_at = sample_at

    def __getitems__(self, positions: range) -> _Packed | ValueError:
        try:
            return _packed([self._sample_at(position) for position in positions])
        except ValueError as error:
            return ValueError(str(error))


def _packed(samples: list[Sample]) -> _Packed:
    """As tensors, which travel between processes in shared memory; arrays are copied through a pipe."""
    return (
        torch.from_numpy(np.stack([sample.image for sample in samples])),
        torch.from_numpy(np.stack([sample.damaged for sample in samples])),
        torch.from_numpy(np.stack([sample.mask for sample in samples])),
        [sample.passed_over for sample in samples],
    )


def _unpacked(
    images: Tensor, damaged: Tensor, masks: Tensor, passed_over: list[tuple[str, ...]]
) -> list[Sample]:
    return [
        Sample(*sample)
        for sample in zip(images.numpy(), damaged.numpy(), masks.numpy(), passed_over, strict=True)
    ]


def _as_they_are(samples: Any) -> Any:
    return samples


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)  # the workers are the threads; torch has one in each already
