def test_the_list_names_models_terms_and_what_auto_takes(invoke):
    result = invoke("models")
    assert result.exit_code == 0, result.output
    for text in (
        "maskrcnn: COCO's 80 classes",
        "builtin: people",
        "[non-commercial]",
        "auto segmenter: builtin (maskrcnn: its weights are not in the cache and REMOVAL_OFFLINE is set)",
        "auto inpainter: exemplar (deepfillv2: its weights are not in the cache and REMOVAL_OFFLINE is set",
        "sam2.1-tiny: the thing under clicks or in a box",
        "weights facebook/sam2.1-hiera-tiny: not fetched, about 156 MB",
        "auto prompter: classical",
        "lama: anything, large holes and repeated structure well",
    ):
        assert text in result.stdout


def test_an_order_that_names_nothing_known_is_one_line(invoke, monkeypatch):
    monkeypatch.setenv("REMOVAL_INPAINTER", "photoshop")
    result = invoke("models")
    assert result.exit_code == 1
    assert "photoshop" in result.stderr
    assert len(result.stderr.splitlines()) == 1
