import threading

import pytest
from PIL import Image

from _removal_support.pillow_limit import pillow_limit_lifted


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)


def test_it_is_lifted_for_larger_pictures_only_and_put_back():
    with pillow_limit_lifted(1000):
        assert Image.MAX_IMAGE_PIXELS == 1000

    def break_off():
        with pillow_limit_lifted(1001):
            assert Image.MAX_IMAGE_PIXELS is None
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_thread_that_is_done_does_not_take_it_from_another():
    inside, other_done = threading.Event(), threading.Event()
    seen = []

    def decode():
        with pillow_limit_lifted(5000):
            inside.set()
            assert other_done.wait(20)
            seen.append(Image.MAX_IMAGE_PIXELS)

    thread = threading.Thread(target=decode)
    thread.start()
    assert inside.wait(20)
    with pillow_limit_lifted(2000):
        pass
    with pillow_limit_lifted(500):
        pass
    other_done.set()
    thread.join()
    assert seen == [None]
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_no_limit_stays_none(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pillow_limit_lifted(5000):
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS is None
