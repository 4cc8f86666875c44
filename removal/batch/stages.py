"""Work in stages that overlap: each stage has its own threads, so that the slowest one sets the pace."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

WAKE_S = 0.5  # a wait without an end cannot be interrupted on every system


@dataclass(frozen=True)
class Stage:
    """One step of the work.

    Exactly one of the two is given. each: called with one item, returns one. work: called with a list of 1 to
    `batch` items, returns as many, in their order. With several workers it is called by several threads at
    once. batch: the most items of one call; a worker takes what is waiting and never waits for more, so
    batches are full exactly where the stage is the slowest one.
    """

    name: str
    work: Callable[[list[Any]], list[Any]] | None = None
    each: Callable[[Any], Any] | None = None
    batch: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        if (self.work is None) == (self.each is None) or (self.each is not None and self.batch != 1):
            raise ValueError(
                f"stage {self.name!r}: expected work with a batch, or each without, and not both"
            )
        for name in ("batch", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"stage {self.name!r}: expected {name} of at least 1, got {getattr(self, name)}"
                )


@dataclass(frozen=True, eq=False)
class Finished:
    """What became of one item.

    item: what the last stage returned, or where one failed what that stage was given. error: what it raised,
    None = all went well. stage: the name of the stage that failed.
    """

    item: Any
    error: Exception | None = None
    stage: str | None = None


def overlapped(
    items: Iterable[Any],
    stages: Sequence[Stage],
    *,
    in_flight: int | None = None,
    weight: Callable[[Any], float] | None = None,
    capacity: float = float("inf"),
    busy: dict[str, float] | None = None,
) -> Generator[Finished, None, None]:
    """Puts every item through all stages, many at once, and gives them back in their order.

    items: iterated in the caller's thread, no faster than results are taken. in_flight: the most items that
    are alive at once, the one the caller has included; None = twice what the stages can hold. weight: of an
    item before the first stage, such as its megapixels; those of the items alive add up to no more than
    `capacity`, or there is only one. busy: the seconds each stage worked are added to it by name, those of
    its workers summed.

    An item that raises an Exception comes back with it and goes no further; where it was one of a batch, the
    others are tried again one by one. Closing the iterator, or an exception in the caller such as
    KeyboardInterrupt, lets the calls under way end and starts no others. Anything else raised in a stage
    (SystemExit) is raised here. Raises ValueError for no stages, two of one name, or in_flight below 1.
    """
    names = [stage.name for stage in stages]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected one or more stages of different names, got {names}")
    if in_flight is None:
        in_flight = 2 * sum(stage.batch * stage.workers for stage in stages)
    if in_flight < 1:
        raise ValueError(f"expected in_flight of at least 1, got {in_flight}")
    load = _Load(in_flight, weight, capacity)
    return _overlapped(iter(items), _Line(stages, {} if busy is None else busy), load)


def _overlapped(source: Iterator[Any], line: _Line, load: _Load) -> Generator[Finished, None, None]:
    fed = 0
    held: list[Any] = []  # the next item, until there is room for it
    more = True
    try:
        line.start()
        while True:
            while more and load.items < load.in_flight:
                try:
                    held = held or [next(source)]
                except StopIteration:
                    more = False
                    break
                if not load.admits(held[0]):
                    break
                line.put(0, [(fed, Finished(held.pop()))])
                fed += 1
            if load.items == 0:
                return
            yield line.take(fed - load.items)
            load.remove_first()
    finally:
        line.stop()


class _Load:
    """What is alive between the input and the caller."""

    def __init__(self, in_flight: int, weight: Callable[[Any], float] | None, capacity: float):
        self.in_flight, self.weight, self.capacity = in_flight, weight, capacity
        self.weights: deque[float] = deque()

    @property
    def items(self) -> int:
        return len(self.weights)

    def admits(self, item: Any) -> bool:
        """Adds the item, unless it would be too much."""
        weight = 0.0 if self.weight is None else self.weight(item)
        if self.weights and sum(self.weights) + weight > self.capacity:
            return False
        self.weights.append(weight)
        return True

    def remove_first(self) -> None:
        self.weights.popleft()


def _attempt(stage: Stage, items: list[Any]) -> list[Finished]:
    """The stage's results; where a batch fails, of each item by itself."""
    try:
        if stage.each is not None:
            return [Finished(stage.each(item)) for item in items]
        assert stage.work is not None
        results = stage.work(items)
        if len(results) != len(items):
            raise ValueError(f"stage {stage.name!r}: expected {len(items)} results, got {len(results)}")
        return [Finished(result) for result in results]
    except Exception as error:
        if len(items) == 1:
            return [Finished(items[0], error, stage.name)]
    return [_attempt(stage, [item])[0] for item in items]


class _Line:
    """The threads of all stages and what waits between them; one lock guards it all."""

    def __init__(self, stages: Sequence[Stage], busy: dict[str, float]):
        self.stages, self.busy = list(stages), busy
        self.lock = threading.Lock()
        self.waiting: list[deque[tuple[int, Finished]]] = [deque() for _ in stages]
        self.filled = [threading.Condition(self.lock) for _ in stages]
        self.done: dict[int, Finished] = {}
        self.ended = threading.Condition(self.lock)
        self.stopping = False
        self.fatal: BaseException | None = None
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        for number, stage in enumerate(self.stages):
            for worker in range(stage.workers):
                name = f"{stage.name}-{worker}"
                thread = threading.Thread(target=self.run, args=(number,), name=name, daemon=True)
                self.threads.append(thread)
                thread.start()

    def run(self, number: int) -> None:
        """One worker of one stage."""
        try:
            while self.run_batch(number):
                pass
        except BaseException as error:
            with self.lock:
                self.fatal = self.fatal or error
                self.ended.notify_all()

    def run_batch(self, number: int) -> bool:
        """One call of the stage's work; False where there will be no more. (Nothing of the batch is kept.)"""
        stage, waiting = self.stages[number], self.waiting[number]
        with self.lock:
            while not waiting and not self.stopping:
                self.filled[number].wait()
            if self.stopping:
                return False
            batch = [waiting.popleft() for _ in range(min(stage.batch, len(waiting)))]
        started = time.perf_counter()
        indices = [index for index, _ in batch]
        items = [finished.item for _, finished in batch]
        del batch
        results = _attempt(stage, items)
        with self.lock:
            self.busy[stage.name] = self.busy.get(stage.name, 0.0) + time.perf_counter() - started
        self.put(number + 1, list(zip(indices, results, strict=True)))
        return True

    def put(self, number: int, entries: list[tuple[int, Finished]]) -> None:
        """Hands items on to a stage, or out where it was the last one or they failed."""
        with self.lock:
            for index, finished in entries:
                if finished.error is not None or number == len(self.stages):
                    self.done[index] = finished
                    self.ended.notify()
                else:
                    self.waiting[number].append((index, finished))
                    self.filled[number].notify()

    def take(self, index: int) -> Finished:
        """Waits for the item of this number."""
        with self.lock:
            while index not in self.done and self.fatal is None:
                self.ended.wait(WAKE_S)
            if self.fatal is not None:
                raise self.fatal
            return self.done.pop(index)

    def stop(self) -> None:
        """Ends all threads, each after the call it is in."""
        with self.lock:
            self.stopping = True
            for waiting, filled in zip(self.waiting, self.filled, strict=True):
                waiting.clear()
                filled.notify_all()
        for thread in self.threads:
            thread.join()
