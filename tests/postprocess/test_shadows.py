import cv2
import numpy as np
import pytest

from postprocess.shadows import find_shadow


def drawn(
    *, darkness: float = 0.45, blur_px: float = 1.0, noise: float = 3.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A post on a plain floor with the shadow it throws to the right: photo, object, shadow."""
    rng = np.random.default_rng(seed)
    floor = np.full((200, 300, 3), (150, 145, 135), np.float32)
    post = np.zeros((200, 300), bool)
    post[40:140, 120:150] = True
    cast = np.zeros((200, 300), np.uint8)
    cv2.fillConvexPoly(cast, np.array([[121, 136], [149, 139], [235, 158], [225, 166]]), 1)
    hidden = cv2.GaussianBlur(cast.astype(np.float32), (0, 0), blur_px)
    light = 1 - (1 - darkness) * hidden
    photo = floor * light[..., None]
    photo[post] = (40, 60, 140)
    photo += noise * rng.standard_normal(photo.shape)
    return photo.clip(0, 255).astype(np.uint8), post, (hidden > 0.12) & ~post


@pytest.mark.parametrize("blur_px", [0.8, 3.0])
def test_a_shadow_on_a_plain_floor_is_found_whole(blur_px: float) -> None:
    photo, post, cast = drawn(blur_px=blur_px)
    found = find_shadow(photo, post)
    assert (found.mask & cast).sum() > 0.85 * cast.sum()
    assert (found.mask & ~cast).sum() < 0.35 * cast.sum()
    assert not (found.mask & post).any()


def test_nothing_is_added_where_there_is_no_shadow() -> None:
    photo, post, _ = drawn(darkness=1.0)
    assert not find_shadow(photo, post).mask.any()


def test_what_stays_is_left_out() -> None:
    photo, post, _ = drawn()
    others = np.zeros_like(post)
    others[:, 200:] = True
    found = find_shadow(photo, post, others=others)
    assert not (found.mask & others).any()


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (12, 12)])
def test_tiny_photos_and_empty_masks(shape: tuple[int, int]) -> None:
    photo = np.full((*shape, 3), 90, np.uint8)
    for value in (False, True):
        found = find_shadow(photo, np.full(shape, value))
        assert found.mask.shape == shape
        assert not found.mask.any()
        assert found.confidence == 0.0


def test_errors_name_what_was_expected_and_received() -> None:
    photo, post, _ = drawn()
    with pytest.raises(TypeError, match="uint8"):
        find_shadow(photo.astype(np.float32), post)
    with pytest.raises(TypeError, match="bool"):
        find_shadow(photo, post.astype(np.uint8))
    with pytest.raises(ValueError, match="image's shape"):
        find_shadow(photo, post[:-1])
    with pytest.raises(ValueError, match="image's shape"):
        find_shadow(photo, post, others=post[:, 1:])
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        find_shadow(photo[..., 0], post)
    with pytest.raises(ValueError, match="least_confidence"):
        find_shadow(photo, post, least_confidence=1.5)
