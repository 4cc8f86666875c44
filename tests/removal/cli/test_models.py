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
    assert result.stderr.startswith("Error: REMOVAL_INPAINTER: expected names out of deepfillv2, lama, ")
    assert result.stderr.endswith("got photoshop\n")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_the_order_of_the_settings_file_is_followed_and_named(invoke, monkeypatch, tmp_path):
    settings = tmp_path / "mine.toml"
    settings.write_text('[removal]\ninpainter = ["mi-gan", "torchscript", "telea"]\n')
    monkeypatch.setenv("REMOVAL_CONFIG", str(settings))
    result = invoke("models")
    assert result.exit_code == 0, result.output
    assert (
        "auto inpainter: telea (mi-gan: its weights are not in the cache and REMOVAL_OFFLINE is set; "
        "torchscript: it needs weights of your own)" in result.stdout
    )
    assert f"order of {settings}: mi-gan, torchscript, telea" in result.stdout
    assert "order of the default: maskrcnn" in result.stdout
    settings.write_text("[removal]\nfiller = []\n")
    result = invoke("models")
    assert result.exit_code == 1
    assert "got filler" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_is_cached_and_what_is_not_installed_is_said(invoke, monkeypatch, tmp_path):
    import inpaint.record

    monkeypatch.setattr(inpaint.record, "find_spec", lambda name: None)
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "big-lama.pt").write_bytes(b"")
    result = invoke("models")
    for text in (
        "weights lama: in the cache, 206 MB, Apache-2.0 code",
        "weights mi-gan: not fetched, size not published, MIT",
        "cannot run yet: diffusers and transformers not installed: pip install 'removal[diffusers]'",
        "CreativeML OpenRAIL-M: its use restrictions",
        "memory: 1900 MB for a photo of 12 megapixels",
        "auto inpainter: lama (deepfillv2: its weights are not in the cache",
    ):
        assert text in result.stdout, text
