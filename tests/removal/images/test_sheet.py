import numpy as np

from removal.images.sheet import GAP_PX, PART_COLOURS, comparison_sheet


def test_before_mask_and_after_stand_side_by_side():
    before = np.full((20, 30, 3), 100, np.uint8)
    after = np.full((20, 30, 3), 50, np.uint8)
    parts = {name: np.zeros((20, 30), bool) for name in PART_COLOURS}
    parts["object"][5:10, 5:10] = True
    parts["shadow"][10:15, 5:10] = True
    parts["attached"][5:10, 15:20] = True
    sheet = comparison_sheet(before, parts, after)
    assert sheet.shape == (20, 3 * 30 + 2 * GAP_PX, 3)
    assert (sheet[:, :30] == 100).all()
    assert (sheet[:, -30:] == 50).all()
    middle = sheet[:, 30 + GAP_PX : 60 + GAP_PX]
    assert middle[7, 7].argmax() == 0  # objects are red
    assert middle[12, 7].argmax() == 2  # shadows are blue
    assert middle[7, 17].argmax() == 1  # what goes along is green
    assert (middle[0, 0] == middle[0, 0, 0]).all()


def test_large_photos_are_shrunk():
    photo = np.zeros((2048, 1024, 3), np.uint8)
    sheet = comparison_sheet(photo, {"object": np.zeros((2048, 1024), bool)}, photo)
    assert sheet.shape == (1024, 3 * 512 + 2 * GAP_PX, 3)


def test_a_legend_names_the_colours_where_there_is_more_than_the_object():
    photo = np.full((300, 400, 3), 100, np.uint8)
    parts = {name: np.zeros((300, 400), bool) for name in PART_COLOURS}
    parts["object"][50:100, 100:200] = True
    plain = comparison_sheet(photo, parts, photo)[:, 400 + GAP_PX : 800 + GAP_PX]
    assert (plain[-40:, :100] == plain[0, 0]).all()
    parts["attached"][100:120, 100:200] = True
    named = comparison_sheet(photo, parts, photo)[:, 400 + GAP_PX : 800 + GAP_PX]
    corner = named[-45:, :120].reshape(-1, 3)
    for name in ("object", "attached"):
        assert (corner == PART_COLOURS[name]).all(axis=1).any()
    assert not (corner == PART_COLOURS["shadow"]).all(axis=1).any()
    assert np.array_equal(named[:200], comparison_sheet(photo, parts, photo)[:200, 408:808])
    assert (comparison_sheet(photo, parts, photo)[:, :400] == 100).all()  # the photos carry none


def test_small_panels_carry_no_legend():
    photo = np.full((100, 400, 3), 100, np.uint8)
    part = np.zeros((100, 400), bool)
    part[40:60, 100:200] = True
    middle = comparison_sheet(photo, {"attached": part}, photo)[:, 400 + GAP_PX : 800 + GAP_PX]
    assert (middle[60:] == middle[0, 0]).all()
