import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from inpaint.exemplar import bands

counted = bands.threads


@pytest.fixture(autouse=True)
def three_threads(monkeypatch):
    monkeypatch.setattr(bands, "threads", lambda: 3)
    monkeypatch.setattr(bands, "_pool", None)


@pytest.mark.parametrize(
    ("count", "least", "expected"),
    [
        (0, 1, [(0, 0)]),
        (1, 1, [(0, 1)]),
        (10, 1, [(0, 3), (3, 6), (6, 10)]),
        (10, 4, [(0, 5), (5, 10)]),
        (10, 6, [(0, 10)]),
    ],
)
def test_the_bands_cover_everything_once(count, least, expected):
    seen = []
    bands.in_bands(lambda first, last: seen.append((first, last)), count, least=least)
    assert sorted(seen) == expected


def test_the_bands_run_at_the_same_time():
    together = threading.Barrier(3, timeout=20)
    bands.in_bands(lambda first, last: together.wait(), 3, least=1)


def test_what_goes_wrong_in_a_band_is_raised():
    def work(first, last):
        if first == 2:
            raise ValueError("band 2")

    with pytest.raises(ValueError, match="band 2"):
        bands.in_bands(work, 3, least=1)


def test_more_callers_than_threads_wait_for_each_other():
    done = []
    with ThreadPoolExecutor(8) as callers:
        for _ in callers.map(
            lambda n: bands.in_bands(lambda *edge: done.append(edge), 6, least=1), range(40)
        ):
            pass
    assert sorted(done) == sorted([(0, 2), (2, 4), (4, 6)] * 40)


def test_the_environment_may_say_how_many_threads(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")
    assert counted() == 7
    monkeypatch.setenv("NUMBA_NUM_THREADS", "many")
    assert counted() == len(os.sched_getaffinity(0))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    bands.in_bands(lambda first, last: None, 3, least=1)
    child = os.fork()
    if child == 0:
        try:
            bands.in_bands(lambda first, last: None, 3, least=1)
            os._exit(3)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
