"""The page: whole, in one file, and true to the tables."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from removal.evaluation.case import Combination, combinations, slugs_of
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.pictures import ranked, ranked_by_all
from removal.evaluation.plan import EvaluationOptions
from removal.evaluation.report import DASH, Cell, Series, axis, cell, dot_plot, table, tables, ticks
from removal.evaluation.results import COLUMNS, Column, Row, photo_columns, rows_csv, sum_up
from removal.evaluation.runner import evaluate

VOID = ("meta", "img", "br", "link")


class Page(HTMLParser):
    """Notes every tag, and whether they close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def page(small_coco, tmp_path):
    (small_coco.images / "c.png").write_bytes(b"no photo")
    options = EvaluationOptions(
        small_coco.images, tmp_path / "run <&>", annotations=small_coco.folder / "instances.json",
        classes=("person",), inpainters=("telea", "navier-stokes"), refine=(True, False), judge="none",
    )  # fmt: skip
    evaluate(options)
    return (options.out / "report.html").read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_else(page):
    parsed = Page(page)
    assert parsed.open == []
    names = [tag for tag, _ in parsed.tags]
    assert not {"script", "link", "iframe"} & set(names)
    for tag, attributes in parsed.tags:
        assert not attributes.get("href")
        if tag == "img":
            assert attributes["src"].startswith("data:image/jpeg;base64,")
    assert "url(" not in page
    assert names.count("table") == 5  # masks before and after, removal, class-wise, cost
    assert names.count("svg") == 4  # none for the judge there was not
    sheets, strips = 2 * 4, 2 * (1 + 4)  # two photos are done, by four combinations each
    assert names.count("img") == sheets + strips
    assert page.count("<figcaption>annotations, refined, telea</figcaption>") == 2


def test_pictures_are_before_mask_and_after(page):
    data = re.search(r"base64,([^\"]+)", page)[1]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert picture.shape == (48, 3 * 64 + 2 * 8, 3)
    assert picture[:, 64 + 2 : 64 + 6].mean() > 245  # the gap


def test_what_was_left_out_and_what_was_not_computed_is_told(page):
    words = " ".join(Page(page).words)
    assert "c.png" in words
    assert "is not a photo" in words or "not a photo" in words
    assert "weights missing" in words or "needs 5 photos" in words
    assert "not computed: no judge was chosen" in words


def row_of(**figures):
    return Row(Combination("annotations", False, "telea", "annotations"), 2, figures, {}, {"b": "why <not>"})


def test_the_best_of_a_column_is_marked_and_a_gap_has_its_reason():
    lower, gap = Column("a", "A", "group", "lower", digits=2), Column("b", "B", "group")
    rows = [row_of(a=0.5), row_of(a=0.25)]
    reasons = []
    assert cell(lower, rows[0], rows, reasons) == Cell("0.50")
    assert cell(lower, rows[1], rows, reasons) == Cell("0.25", "best")
    assert cell(lower, rows[0], [rows[0], rows[0]], reasons) == Cell("0.50")  # a draw has no best
    assert cell(gap, rows[0], rows, reasons) == Cell(DASH, "missing", 1)
    assert reasons == ["why <not>"]
    assert table([lower, gap], rows, None).reasons == ["why <not>"]


def test_large_figures_are_written_short():
    column = Column("a", "A", "group", digits=3)
    assert cell(column, row_of(a=-15746888.5), [], []).text == "-1.57e+07"


def row_with(source, refined, photos=2, **figures):
    return Row(Combination(source, refined, "telea", source), photos, figures)


def kinds(protocol, group, rows, references=None):
    """The CSS classes of a table's cells, by row, of the columns that the first row has figures of."""
    found = next(entry for entry in tables(protocol, rows, None, references) if entry.title == group)
    places = [n for n, column in enumerate(found.columns) if column.name in rows[0].figures]
    return [[cells[n].kind for n in places] for _, _, cells in found.lines]


def test_unrefined_masks_are_shown_after_refinement_and_not_ranked():
    rows = [
        row_with("annotations", False, after_leak=0.0, after_spill=0.0),
        row_with("annotations", True, after_leak=0.01, after_spill=0.3),
        row_with("builtin", True, after_leak=0.02, after_spill=0.2),
    ]
    assert kinds("coco", "Masks after refinement", rows) == [["", ""], ["best", ""], ["", "best"]]
    assert kinds("coco", "Masks after refinement", rows[:2]) == [["", ""], ["", ""]]  # no rival


def test_the_truth_is_no_rival_of_masks_before_refinement():
    rows = [
        row_with("annotations", False, before_leak=0.0),
        row_with("builtin", False, before_leak=0.2),
        row_with("maskrcnn", False, before_leak=0.1),
    ]
    assert kinds("coco", "Masks before refinement", rows) == [[""], [""], ["best"]]


@pytest.mark.parametrize(
    ("photos", "references", "best"), [(480, 480, "best"), (479, 5000, ""), (5000, 100, "")]
)
def test_no_best_of_too_few_photos(photos, references, best):
    rows = [row_with("builtin", True, photos, patch_u_ids_held_out=value) for value in (0.49, 0.58)]
    assert kinds("coco", "Class-wise", rows, references) == [[""], [best]]
    entry = next(one for one in tables("coco", rows, None, references) if one.title == "Class-wise")
    if best:
        assert entry.too_few == ""
    else:
        assert entry.too_few == (
            f"Too few photos: {min(photos, references)} on the smaller side. Differences may be "
            "chance, so no best is marked. Photos needed on each side: patch U-IDS, held out: 480."
        )


def test_sums_of_photos():
    photos = [
        {"instances": 4, "found_before": 2, "still_found": 1, "change_outside": 0, "mask_share": 0.1},
        {"instances": 6, "found_before": 3, "still_found": 0, "change_outside": 3, "mask_share": None},
    ]
    row = sum_up("coco", None, photos, {"patch_frechet": 2.5}, {"fid_star": "weights missing"})
    assert {name: row.figures[name] for name in ("instances", "found_before", "still_found")} == {
        "instances": 10,
        "found_before": 5,
        "still_found": 1,
    }
    assert row.figures["still_found_share"] == 0.1
    assert (row.figures["change_outside"], row.figures["mask_share"]) == (3, 0.1)
    assert (row.counts["mask_share"], row.counts["instances"]) == (1, 2)
    assert row.figures["patch_frechet"] == 2.5
    assert row.reasons["fid_star"] == "weights missing"
    assert row.reasons["before_iou"] == "not defined for any of these photos"


def test_a_row_of_the_table_says_what_it_lacks():
    row = Row(
        Combination("team, a", True, "telea", "x"), 3, {"hole_l1": 0.5}, {}, {"hole_lpips": "no weights"}
    )
    header, line = rows_csv("holes", [row]).splitlines()
    assert header.startswith(
        "mask_source,refine,inpainter,photos,hole_l1,hole_mse,hole_psnr,hole_ssim,hole_lpips"
    )
    assert line.startswith('"team, a",on,telea,3,0.5,')
    assert line.endswith("hole_lpips: no weights")


def test_every_column_has_a_name_of_its_own():
    for protocol, columns in COLUMNS.items():
        names = [column.name for column in columns]
        assert len(set(names)) == len(names), protocol
    assert "patch_frechet" not in [column.name for column in photo_columns("coco")]


def test_best_middle_and_worst():
    combination = Combination("annotations", False, "telea", "annotations")
    photos = [EvalPhoto(f"{number}.png", f"{number}.png", number) for number in range(5)]
    values = [(0.4, 1.0, 0.1), (0.0, 0.3, 0.5), (0.0, 0.9, 0.3), (0.9, 1.0, 0.0), (0.2, 1.0, 0.1)]
    names = ("seen_area", "seen_area_before", "mask_share")
    records = [{"figures": {combination.folder: dict(zip(names, entry, strict=True))}} for entry in values]
    order = ranked("coco", combination, photos, records)
    assert {place: (photo.image_id, value) for place, (photo, value) in order.items()} == {
        "best": (2, 0.0),  # of two without a trace that in which more was to be seen
        "middle": (4, 0.2),
        "worst": (0, 0.4),  # nothing was filled in the one with 0.9
    }
    assert ranked("coco", combination, photos[3:4], records[3:4]) == {}
    other = Combination("annotations", True, "telea", "annotations")
    for record, value in zip(records, (0.0, 1.0, 0.0, 0.0, 1.0), strict=True):
        record["figures"][other.folder] = {"seen_area": value, "mask_share": 0.1}
    by_all = ranked_by_all("coco", [combination, other], photos, records)
    assert {place: photo.image_id for place, photo in by_all.items()} == {"best": 2, "middle": 3, "worst": 4}


def test_dots_lie_where_their_values_are():
    assert axis([0.0, 1.0]) == (0.0, 1.04)
    assert axis([30.0, 31.0]) == pytest.approx((29.96, 31.04))
    assert axis([0.0]) == (0.0, 0.1)
    text = dot_plot(
        "T <1>", "lower", [Series("a & b", [0.0, 1.0], 0.5, "2 photos"), Series("none", [], 0, "")]
    )
    assert text.count('class="dot"') == 2
    assert text.count('class="mean"') == 1
    assert "a &amp; b" in text
    assert "T &lt;1&gt;" in text
    assert "none" not in text
    places = [float(x) for x in re.findall(r'cx="([\d.]+)"', text)]
    assert places == pytest.approx([20, 20 + 338 / 1.04], abs=0.06)
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', text)]
    label = float(re.search(r'y="([\d.]+)">a &amp; b', text)[1])
    assert label < min(heights)  # the name stands above, so that a phone shows the dots
    assert Page(text).open == []
    assert dot_plot("T", "", []) == ""


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1.04, [0, 0.5, 1]),
        (0, 44.3, [0, 10, 20, 30, 40]),
        (29.96, 31.04, [30, 30.5, 31]),
        (-0.3, 0.25, [-0.2, 0, 0.2]),
        (0, 0.002, [0, 0.0005, 0.001, 0.0015, 0.002]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_many_photos_are_drawn_as_an_even_choice():
    text = dot_plot("T", "", [Series("a", list(np.linspace(0, 1, 5000)), 0.5, "")])
    assert 300 < text.count('class="dot"') <= 400


def test_folders_of_sources_differ():
    assert slugs_of(["annotations", "runs/team a/", "b/team-a", "../x y.json"]) == [
        "annotations",
        "team-a",
        "team-a-2",
        "x-y-json",
    ]


def test_combinations_of_a_protocol(tmp_path):
    options = EvaluationOptions(tmp_path, tmp_path, protocol="holes", inpainters=("telea", "exemplar"))
    assert [entry.folder for entry in combinations(options)] == ["holes.asis.telea", "holes.asis.exemplar"]
    options = EvaluationOptions(tmp_path, tmp_path, protocol="pairs", refine=(True, False))
    assert [entry.title for entry in combinations(options)] == ["object, refined, auto", "object, auto"]


def test_cells_that_a_spreadsheet_would_run_are_quoted():
    from removal.evaluation.results import to_csv

    lines = [{"photo": name, "psnr": -1.5} for name in ("=1+2.jpg", "+a.jpg", "-b.jpg", "@c.jpg", "d.jpg")]
    assert to_csv(["photo", "psnr"], lines).splitlines()[1:] == [
        "'=1+2.jpg,-1.5",
        "'+a.jpg,-1.5",
        "'-b.jpg,-1.5",
        "'@c.jpg,-1.5",
        "d.jpg,-1.5",
    ]
