"""How far work is, told to who watches."""

import threading

import pytest

from _removal_support.progress import in_turn, watched


def test_portions_are_told_by_their_cost():
    told = []
    with watched(told.append):
        assert list(in_turn("ab", [1, 3])) == ["a", "b"]
    assert told == [0, 0.25, 1]


def test_portions_inside_a_portion_are_shares_of_it():
    told = []
    with watched(told.append):
        for _ in in_turn(range(2)):
            list(in_turn(range(2)))
    assert told == [0, 0, 0.25, 0.5, 0.5, 0.5, 0.75, 1, 1]


def test_nobody_watching_changes_nothing():
    assert list(in_turn([3, 4], [0, 0])) == [3, 4]
    told = []
    with watched(told.append):
        pass
    list(in_turn(range(3)))
    assert told == []


def test_no_cost_and_nothing_to_do_are_taken():
    told = []
    with watched(told.append):
        list(in_turn("ab", [0, 0]))
        list(in_turn([]))
    assert told == [0, 0, 1, 1]


def test_who_watches_may_stop_the_work():
    done = []

    def stop(share):
        if share >= 0.5:
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"), watched(stop):
        done.extend(in_turn(range(4)))
    assert done == [0, 1]
    list(in_turn(range(4)))  # nobody is told any more


def test_another_thread_is_not_watched():
    told = []
    with watched(told.append):
        thread = threading.Thread(target=lambda: list(in_turn(range(3))))
        thread.start()
        thread.join()
    assert told == []
