"""Pictures with a known shadow."""

import numpy as np
import pytest

from tools.shadow_network import composites
from tools.shadow_network.composites import Composer
from tools.shadow_network.framing import UNKNOWN, Sample
from tools.shadow_network.sources import Cut
from tools.shadow_network.window import HEIGHT_PX, WIDTH_PX


@pytest.fixture
def composer() -> Composer:
    rng = np.random.default_rng(3)
    cover = np.zeros((100, 40), np.float32)
    cover[2:98, 8:32] = 1
    people = [Cut(rng.integers(0, 256, (100, 40, 3), np.uint8), cover, whole=True)] * 4
    views = [np.full((200, 300, 3), level, np.uint8) for level in (120, 160, 200)]
    return Composer(people, people, views)


def drawn(composer: Composer, monkeypatch: pytest.MonkeyPatch, kind: str, count: int = 30) -> list[Sample]:
    monkeypatch.setattr(composites, "KINDS", {kind: 1.0})
    rng = np.random.default_rng(5)
    return [composer.sample(rng) for _ in range(count)]


def test_samples_have_the_size_of_the_window(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    for sample in drawn(composer, monkeypatch, "thrown", 5):
        assert sample.image.shape == (HEIGHT_PX, WIDTH_PX, 3)
        assert sample.planes.shape == (HEIGHT_PX, WIDTH_PX, 2)
        assert sample.shadow.shape == (HEIGHT_PX // 2, WIDTH_PX // 2)
        assert {sample.image.dtype, sample.planes.dtype, sample.shadow.dtype} == {np.dtype(np.uint8)}
        assert (sample.planes[..., 0] > 127).any()


def test_without_a_shadow_there_is_nothing_to_find(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sample in drawn(composer, monkeypatch, "none"):
        assert not (sample.shadow == 1).any()
        assert (sample.shadow == 0).any()


def test_thrown_shadows_are_darker_than_the_ground(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    darker = []
    for sample in drawn(composer, monkeypatch, "thrown"):
        shadow = sample.shadow == 1
        if shadow.sum() < 40:
            continue
        light = sample.image[::2, ::2].mean(axis=2)
        open_ground = (sample.shadow == 0) & (sample.planes[::2, ::2, 0] < 20)
        darker.append(np.median(light[shadow]) < np.median(light[open_ground]) - 5)
    assert len(darker) > 8
    assert np.mean(darker) > 0.85


def test_the_object_itself_does_not_count(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    for sample in drawn(composer, monkeypatch, "soft", 10):
        inside = sample.planes[::2, ::2, 0] > 250
        assert (sample.shadow[inside] == UNKNOWN).mean() > 0.6


def test_the_same_seed_draws_the_same(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (drawn(composer, monkeypatch, "mirror", 3) for _ in range(2))
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left.image, right.image)
        np.testing.assert_array_equal(left.shadow, right.shadow)
