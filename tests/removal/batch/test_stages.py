import gc
import threading
import weakref

import pytest

from removal.batch.stages import Stage, overlapped

PATIENCE_S = 20


class Thing:
    """An item whose end can be watched."""

    def __init__(self, number):
        self.number = number


def test_items_go_through_all_stages_and_keep_their_order():
    late = threading.Event()

    def hold_the_first(item):
        if item == 0:
            assert late.wait(PATIENCE_S)
        if item == 5:
            late.set()
        return item

    stages = [Stage("hold", each=hold_the_first, workers=2), Stage("double", each=lambda item: 2 * item)]
    results = list(overlapped(range(20), stages, in_flight=8))
    assert [finished.item for finished in results] == [2 * number for number in range(20)]
    assert all(finished.error is None and finished.stage is None for finished in results)


def test_nothing_in_nothing_out():
    assert list(overlapped([], [Stage("only", each=lambda item: item)])) == []


def test_stages_work_at_the_same_time():
    """Each stage waits, with an item in hand, for the other one to have one too."""
    meeting = threading.Barrier(2)

    def meet(item):
        meeting.wait(PATIENCE_S)
        return item

    def first(item):
        return item if item == 0 else meet(item)

    def second(item):
        return item if item == 9 else meet(item)

    stages = [Stage("first", each=first), Stage("second", each=second)]
    results = list(overlapped(range(10), stages, in_flight=3))
    assert [finished.error for finished in results] == [None] * 10


def test_workers_of_one_stage_work_at_the_same_time():
    meeting = threading.Barrier(3)
    stage = Stage("meet", each=lambda item: meeting.wait(PATIENCE_S), workers=3)
    assert {finished.item for finished in overlapped(range(3), [stage])} == {0, 1, 2}


def test_a_batch_takes_what_is_waiting_and_no_more_than_asked():
    sizes, all_there = [], threading.Event()

    def count(items):
        assert all_there.wait(PATIENCE_S)
        sizes.append(len(items))
        return items

    def numbers():
        yield from range(9)
        all_there.set()

    assert len(list(overlapped(numbers(), [Stage("count", count, batch=4)], in_flight=16))) == 9
    assert sum(sizes) == 9
    assert max(sizes) == 4
    assert len(sizes) <= 4  # the first may have found fewer waiting


def test_one_bad_item_of_a_batch_fails_alone_and_goes_no_further():
    seen, all_there = [], threading.Event()

    def fill(items):
        assert all_there.wait(PATIENCE_S)
        if 2 in items:
            raise ValueError("two")
        return items

    def note(item):
        seen.append(item)
        return item

    def numbers():
        yield from range(5)
        all_there.set()

    stages = [Stage("fill", fill, batch=5), Stage("note", each=note)]
    results = list(overlapped(numbers(), stages, in_flight=8))
    assert [finished.item for finished in results] == [0, 1, 2, 3, 4]
    assert [str(finished.error) for finished in results if finished.error] == ["two"]
    assert results[2].stage == "fill"
    assert sorted(seen) == [0, 1, 3, 4]


def test_a_stage_that_loses_items_is_an_error_of_these_items():
    (finished,) = overlapped([1], [Stage("lose", lambda items: [])])
    assert "expected 1 results, got 0" in str(finished.error)


def test_no_more_items_are_alive_than_asked():
    alive = weakref.WeakSet()
    most = []

    def things():
        for number in range(60):
            most.append(len(alive))
            thing = Thing(number)
            alive.add(thing)
            yield thing
            del thing

    stages = [Stage(name, lambda things: things, batch=2, workers=2) for name in "abc"]
    for count, finished in enumerate(overlapped(things(), stages, in_flight=5)):
        assert finished.item.number == count
        del finished
    assert max(most) <= 5
    assert len(most) == 60


def test_closing_in_the_middle_ends_the_threads_and_starts_nothing_new():
    started = []

    def note(item):
        started.append(item)
        return item

    before = threading.active_count()
    results = overlapped(range(1000), [Stage("note", each=note), Stage("more", each=note)], in_flight=4)
    next(results)
    results.close()
    assert threading.active_count() == before
    assert len(started) <= 2 * 5


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_in_the_callers_loop_ends_the_threads(error):
    before = threading.active_count()

    def loop():
        for _ in overlapped(range(100), [Stage("pass", each=lambda item: item)], in_flight=4):
            raise error

    with pytest.raises(error):
        loop()
    gc.collect()
    assert threading.active_count() == before


def test_an_exception_of_the_input_is_the_callers():
    def numbers():
        yield 1
        raise OSError("gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="gone"):
        list(overlapped(numbers(), [Stage("pass", each=lambda item: item)], in_flight=1))
    assert threading.active_count() == before


def test_a_worker_that_dies_is_not_silent():
    def die(item):
        raise SystemExit(3)

    before = threading.active_count()
    with pytest.raises(SystemExit):
        list(overlapped(range(9), [Stage("die", each=die)]))
    assert threading.active_count() == before


def test_busy_seconds_are_collected_by_stage():
    busy = {}
    stages = [Stage("one", each=lambda item: item), Stage("two", lambda items: items)]
    list(overlapped(range(3), stages, busy=busy))
    assert set(busy) == {"one", "two"}
    assert all(seconds > 0 for seconds in busy.values())


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="workers of at least 1, got 0"):
        Stage("a", list, workers=0)
    with pytest.raises(ValueError, match="batch of at least 1, got -1"):
        Stage("a", list, batch=-1)
    for wrong in ({}, {"work": list, "each": str}, {"each": str, "batch": 2}):
        with pytest.raises(ValueError, match="expected work with a batch, or each without"):
            Stage("a", **wrong)
    with pytest.raises(ValueError, match="different names"):
        overlapped([], [Stage("a", list), Stage("a", list)])
    with pytest.raises(ValueError, match="one or more stages"):
        overlapped([], [])
    with pytest.raises(ValueError, match="in_flight of at least 1, got 0"):
        overlapped([], [Stage("a", list)], in_flight=0)
