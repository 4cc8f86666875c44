import numpy as np

from removal.sheet import GAP_PX, PART_COLOURS, comparison_sheet


def test_before_mask_and_after_stand_side_by_side():
    before = np.full((20, 30, 3), 100, np.uint8)
    after = np.full((20, 30, 3), 50, np.uint8)
    parts = {name: np.zeros((20, 30), bool) for name in PART_COLOURS}
    parts["object"][5:10, 5:10] = True
    parts["shadow"][10:15, 5:10] = True
    sheet = comparison_sheet(before, parts, after)
    assert sheet.shape == (20, 3 * 30 + 2 * GAP_PX, 3)
    assert (sheet[:, :30] == 100).all()
    assert (sheet[:, -30:] == 50).all()
    middle = sheet[:, 30 + GAP_PX : 60 + GAP_PX]
    assert middle[7, 7].argmax() == 0  # objects are red
    assert middle[12, 7].argmax() == 2  # shadows are blue
    assert (middle[0, 0] == middle[0, 0, 0]).all()


def test_large_photos_are_shrunk():
    photo = np.zeros((2048, 1024, 3), np.uint8)
    sheet = comparison_sheet(photo, {"object": np.zeros((2048, 1024), bool)}, photo)
    assert sheet.shape == (1024, 3 * 512 + 2 * GAP_PX, 3)
