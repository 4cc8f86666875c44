from tools.finder.splits import boxes_splits, coco_more_split, coco_split, empty_split, set_split


def test_coco_is_split_by_the_id():
    assert [coco_split(number) for number in range(5)] == ["test", "train", "train", "train", "test"]
    assert [coco_more_split(number) for number in range(4)] == ["test", "validation", "train", "train"]


def test_a_hundred_boxed_photos_are_for_the_test_and_sixty_for_validation():
    names = [f"{i:012}" for i in range(300)]
    splits = boxes_splits(names)
    assert [list(splits.values()).count(s) for s in ("test", "validation", "train")] == [100, 60, 140]
    assert boxes_splits(reversed(names)) == splits


def test_photos_without_people_stay_in_their_split_when_others_come():
    counts = [empty_split(f"animals/{i}.jpg") for i in range(1000)]
    assert 60 < counts.count("test") < 140
    assert 60 < counts.count("validation") < 140
    assert empty_split("animals/7.jpg") == counts[7]


def test_of_the_other_sets_a_tenth_the_end_of_the_film_and_the_cameras_of_the_test_are_kept_apart():
    assert [set_split("ccp", i, 30) for i in (0, 1, 10)] == ["test", "train", "test"]
    assert [set_split("camvid", i, 8) for i in (5, 6)] == ["train", "test"]
    assert set_split("sbi", 3, 40) == "test"
    assert set_split("pelota", 0, 40) == "train"
