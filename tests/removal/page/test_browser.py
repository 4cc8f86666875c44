"""The page as people use it: a real browser, the real models, the real command."""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
SCENE = ROOT / "removal" / "cli" / "demo_pictures" / "scene.jpg"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
LONG_MS = 40_000  # for what a model has to answer, on a busy machine
PERSON = (606, 293)  # in the scene, pixels


class Server:
    """`remove serve` in a process of its own."""

    def __init__(self, *arguments, port=0, inpainter="exemplar"):
        command = [sys.executable, "-m", "removal.cli.start", "serve", "--no-open", "--port", str(port)]
        self.process = subprocess.Popen(
            [*command, "--inpainter", inpainter, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        line = self.process.stdout.readline()
        self.url = re.search(r"http://\S+", line)[0]
        self.port = int(self.url.rpartition(":")[2].strip("/"))

    def kill(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield opened
        opened.close()


@pytest.fixture
def serve():
    servers = []

    def start(*arguments, **settings):
        servers.append(Server(*arguments, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.kill(signal.SIGINT)


@pytest.fixture
def visit(browser):
    """Opens a page; at the end nothing may have gone wrong in it that was not asked for."""
    contexts, faults = [], []

    def open_page(url, **settings):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | settings))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [fault for fault in faults if "Failed to load resource" not in fault] == []


def drop(page, path, name=None):
    """What a drag from the desktop does."""
    data = base64.b64encode(path.read_bytes()).decode()
    transfer = page.evaluate_handle(
        """([data, name]) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name));
          return transfer;
        }""",
        [data, name or path.name],
    )
    page.dispatch_event("#stage", "drop", {"dataTransfer": transfer})


def on_screen(page, x, y):
    """Where a pixel of the scene stands, the photo fitting the stage."""
    height, width = cv2.imread(str(SCENE)).shape[:2]
    box = page.locator("#stage").bounding_box()
    scale = min(box["width"] / width, box["height"] / height) * 0.96
    left, top = (box["width"] - width * scale) / 2, (box["height"] - height * scale) / 2
    return box["x"] + left + x * scale, box["y"] + top + y * scale


def stroke(page, *points):
    (first, *rest) = [on_screen(page, *point) for point in points]
    page.mouse.move(*first)
    page.mouse.down()
    for point in rest:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def fetched(page, button, path):
    with page.expect_download(timeout=LONG_MS) as download:
        page.click(button)
    download.value.save_as(path)
    return download.value.suggested_filename


def marked(path):
    return int((cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0).sum())


def find_person(page):
    page.wait_for_selector("#chips button", timeout=LONG_MS)


def fill(page, tries):
    page.click("#fill")
    page.wait_for_selector(f"#tries button:nth-child({tries + 1})[aria-pressed=true]", timeout=LONG_MS)


def test_a_person_goes_and_the_file_is_what_the_command_writes(serve, visit, tmp_path):
    server = serve("-o", tmp_path / "out")
    page = visit(server.url)
    drop(page, SCENE)
    find_person(page)
    page.mouse.click(*on_screen(page, *PERSON))
    page.wait_for_selector("#parts button", timeout=LONG_MS)
    assert page.get_attribute("#chips button", "aria-pressed") == "true"
    fetched(page, "#mask-down", tmp_path / "with-shadow.png")
    page.click("#parts button >> text=Shadow")
    fetched(page, "#mask-down", tmp_path / "without.png")
    assert 0 < marked(tmp_path / "without.png") < marked(tmp_path / "with-shadow.png")

    page.keyboard.press("b")
    stroke(page, (100, 560), (250, 570))
    fetched(page, "#mask-down", tmp_path / "brushed.png")
    page.keyboard.press("e")
    stroke(page, (100, 560), (150, 563))
    name = fetched(page, "#mask-down", tmp_path / "scene.png")
    assert name == "scene.mask.png"
    assert (
        marked(tmp_path / "without.png") < marked(tmp_path / "scene.png") < marked(tmp_path / "brushed.png")
    )

    fill(page, 1)
    assert fetched(page, "#download", tmp_path / "page.jpg") == "scene.removed.jpg"
    command = [sys.executable, "-m", "removal.cli.start", str(SCENE), "-o", str(tmp_path / "command.jpg")]
    subprocess.run(
        [*command, "--masks", str(tmp_path / "scene.png"), "--no-refine", "--inpainter", "exemplar"],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert (tmp_path / "page.jpg").read_bytes() == (tmp_path / "command.jpg").read_bytes()

    slide_undo_and_try_again(page)
    page.click("#save")
    page.wait_for_selector("#said:not([hidden])", timeout=LONG_MS)
    assert str(tmp_path / "out" / "scene.jpg") in page.inner_text("#said")
    assert (tmp_path / "out" / "scene.jpg").read_bytes() != (
        tmp_path / "page.jpg"
    ).read_bytes()  # the second try


def slide_undo_and_try_again(page):
    line = page.locator("#divider").bounding_box()
    page.mouse.move(line["x"] + 12, 300)
    page.mouse.down()
    page.mouse.move(640, 300, steps=4)
    page.mouse.up()
    assert 55 < int(page.get_attribute("#divider", "aria-valuenow")) < 75
    page.keyboard.press("Control+z")  # the fill
    page.wait_for_selector("#divider", state="hidden")
    page.wait_for_selector("#fill:not([disabled])")
    page.keyboard.press("Control+Shift+z")
    page.wait_for_selector("#divider", state="visible")
    page.click("#again")
    page.wait_for_selector("#tries button:nth-child(3)[aria-pressed=true]", timeout=LONG_MS)


def test_a_file_that_is_no_photo_gives_a_message_and_breaks_nothing(serve, visit, tmp_path):
    text = tmp_path / "notes.jpg"
    text.write_text("not a photo\n")
    page = visit(serve().url)
    drop(page, text)
    page.wait_for_selector("#message:not([hidden])")
    assert "notes.jpg" in page.inner_text("#message")
    drop(page, SCENE)
    find_person(page)
    assert page.is_hidden("#message")


def test_a_phone_held_in_one_hand(serve, visit, tmp_path):
    page = visit(
        serve(SCENE).url,
        viewport={"width": 360, "height": 740},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
        color_scheme="dark",
    )
    find_person(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.touchscreen.tap(*on_screen(page, *PERSON))
    page.wait_for_selector("#parts button", timeout=LONG_MS)
    action = page.locator("#fill").bounding_box()
    assert action["y"] + action["height"] <= 740  # without scrolling
    assert action["height"] >= 44
    page.tap("#fill")
    page.wait_for_selector("#tries button", timeout=LONG_MS)


SMALLEST = """() => Math.min(...[...document.querySelectorAll("body *")]
  .filter((e) => e.checkVisibility() && e.innerText?.trim())
  .map((e) => parseFloat(getComputedStyle(e).fontSize)))"""
COLOURS = """() => {
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const hasText = (e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && hasText(e))
    .map((e) => [e.id || e.textContent, getComputedStyle(e).color, behind(e)]);
}"""
UNNAMED = """() => [...document.querySelectorAll("button, select, input:not([hidden]), [role]")]
  .filter((e) => e.checkVisibility() && !["status", "alert"].includes(e.getAttribute("role")))
  .filter((e) => !(e.innerText?.trim() || e.getAttribute("aria-label")))
  .filter((e) => !e.closest("label")?.innerText.trim())
  .map((e) => e.outerHTML)"""


def contrast(first, second):
    """Of two colours "rgb(r, g, b)", by WCAG 2.2."""
    lights = []
    for colour in (first, second):
        shares = np.array([float(value) for value in re.findall(r"[\d.]+", colour)[:3]]) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(lights) / min(lights)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(serve, visit, scheme):
    page = visit(serve(SCENE).url, color_scheme=scheme)
    find_person(page)
    page.click("#chips button")
    assert page.evaluate(SMALLEST) >= 13
    assert [seen for seen in page.evaluate(COLOURS) if contrast(*seen[1:]) < 4.5] == []


def test_every_control_has_a_name(serve, visit):
    page = visit(serve(SCENE).url)
    find_person(page)
    assert page.evaluate(UNNAMED) == []


def same_picture(first, second):
    np.testing.assert_array_equal(cv2.imread(str(first)), cv2.imread(str(second)))


def test_strokes_outlive_the_server_and_what_was_removed_is_marked_again(serve, visit, tmp_path):
    first = serve(inpainter="telea")
    page = visit(first.url)
    drop(page, SCENE)
    find_person(page)
    page.keyboard.press("b")
    stroke(page, (100, 560), (250, 570))
    fetched(page, "#mask-down", tmp_path / "before.png")
    fill(page, 1)
    first.kill()
    page.wait_for_selector("#message:not([hidden])")
    assert "does not answer" in page.inner_text("#message")
    stroke(page, (100, 500), (250, 500))  # the page can still be painted on
    page.keyboard.press("Control+z")
    serve(port=first.port, inpainter="telea")
    page.wait_for_selector("#message", state="hidden", timeout=LONG_MS)
    assert "Results that were not saved are gone" in page.inner_text("#said")
    find_person(page)
    page.wait_for_selector("#divider", state="hidden")
    fetched(page, "#mask-down", tmp_path / "after.png")
    same_picture(tmp_path / "before.png", tmp_path / "after.png")
    fill(page, 1)


def test_marks_and_tries_outlive_a_reload(serve, visit, tmp_path):
    page = visit(serve(SCENE, inpainter="telea").url)
    find_person(page)
    page.keyboard.press("b")
    stroke(page, (100, 560), (250, 570))
    fill(page, 1)
    stroke(page, (100, 500), (250, 500))
    fetched(page, "#mask-down", tmp_path / "before.png")
    page.reload()
    find_person(page)
    fetched(page, "#mask-down", tmp_path / "after.png")
    same_picture(tmp_path / "before.png", tmp_path / "after.png")
    page.keyboard.press("Control+z")
    page.wait_for_selector("#divider", state="visible")  # the result is looked at, and its marks are known
    page.click("#again")
    page.wait_for_selector("#tries button:nth-child(3)[aria-pressed=true]", timeout=LONG_MS)
    assert page.is_hidden("#message")
    page.click("#tries button:nth-child(2)")
    page.wait_for_function("() => document.querySelectorAll('#tries img')[1].naturalWidth > 50")
    assert visit(page.url).is_disabled("#undo")  # another tab has marks of its own


def test_a_fill_tells_how_far_it_is_and_is_cancelled(serve, visit):
    page = visit(serve(SCENE).url)
    find_person(page)
    page.click("#chips button")
    page.wait_for_selector("#parts button", timeout=LONG_MS)
    page.click("#fill")
    page.wait_for_function(
        "() => /[1-9]/.test(document.getElementById('percent').textContent)", timeout=LONG_MS
    )
    assert page.evaluate("document.getElementById('progress').value") > 0
    page.keyboard.press("Escape")
    page.wait_for_selector("#wait", state="hidden", timeout=2000)
    assert page.locator("#tries button").count() == 0
    page.wait_for_selector("#fill:not([disabled])")  # what was marked still is
    fill(page, 1)


def test_models_are_switched_and_say_what_they_may(serve, visit):
    page = visit(serve(SCENE).url)
    find_person(page)
    page.select_option("#inpainter", "telea")
    page.wait_for_function(
        "() => document.getElementById('models').textContent.includes('telea')", timeout=LONG_MS
    )
    assert re.match("licence: .+", page.inner_text("#licence-finds"))
    assert re.match("licence: .+", page.inner_text("#licence-fills"))
    page.click("#chips button")
    fill(page, 1)


def test_a_person_is_taken_out_with_the_keyboard_alone(serve, visit):
    page = visit(serve(SCENE, inpainter="telea").url)
    find_person(page)
    page.focus("#stage")
    box = page.locator("#stage").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    across, down = (
        int(there - here) // 12 for there, here in zip(on_screen(page, *PERSON), middle, strict=True)
    )
    for count, keys in ((across, "Right Left"), (down, "Down Up")):
        for _ in range(abs(count)):
            page.keyboard.press(f"Shift+Arrow{keys.split()[count < 0]}")
    page.keyboard.press("x")
    assert page.get_attribute("#chips button", "aria-pressed") == "true"
    page.keyboard.press("Enter")
    page.wait_for_selector("#tries button:nth-child(2)[aria-pressed=true]", timeout=LONG_MS)


def test_several_photos_come_as_one_zip_and_can_be_closed(serve, visit, tmp_path):
    page = visit(serve(inpainter="telea").url)
    for number in (1, 2):
        drop(page, SCENE, f"scene{number}.jpg")
        find_person(page)
        page.keyboard.press("r")
        stroke(page, (100, 500), (160, 560))
        fill(page, 1)
    assert fetched(page, "#zip", tmp_path / "all.zip") == "removed.zip"
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.namelist() == ["scene1.jpg", "scene2.jpg"]
        assert archive.testzip() is None
    page.click("#strip .close >> nth=0")
    page.wait_for_selector("#strip div", state="detached")
    assert page.is_hidden("#zip")


def test_a_click_cuts_out_what_was_not_found_and_a_second_corrects_it(serve, visit, tmp_path):
    page = visit(serve(SCENE).url)
    find_person(page)
    page.keyboard.press("n")
    page.mouse.click(*on_screen(page, 300, 560))
    page.wait_for_selector("#message:not([hidden])")  # nothing was clicked on yet
    page.keyboard.press("p")
    page.mouse.click(*on_screen(page, 300, 560))
    page.wait_for_selector("#mask-down:enabled", timeout=LONG_MS)
    fetched(page, "#mask-down", tmp_path / "plus.png")
    page.keyboard.press("n")
    page.mouse.click(*on_screen(page, 330, 480))
    page.wait_for_function("() => !document.getElementById('wait').checkVisibility()", timeout=LONG_MS)
    fetched(page, "#mask-down", tmp_path / "minus.png")
    mask = cv2.imread(str(tmp_path / "minus.png"), cv2.IMREAD_GRAYSCALE)
    assert mask[560, 300] == 255
    assert mask[480, 330] == 0
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert page.is_disabled("#mask-down")


def test_two_tabs_do_not_disturb_each_other(serve, visit):
    server = serve(SCENE)
    one, other = visit(server.url), visit(server.url)
    find_person(one)
    find_person(other)
    one.click("#chips button")
    assert other.get_attribute("#chips button", "aria-pressed") == "false"
    one.wait_for_selector("#parts button", timeout=LONG_MS)
    fill(one, 1)
    other.wait_for_selector("#tries button")
    assert other.is_hidden("#divider")


@pytest.mark.parametrize("kind", ["HEIC", "24 megapixels"])
def test_heic_and_large_photos_are_shown(serve, visit, tmp_path, kind):
    from PIL import Image

    with Image.open(SCENE) as scene:
        if kind == "HEIC":
            pytest.importorskip("pillow_heif").register_heif_opener()
            path = tmp_path / "scene.heic"
            scene.save(path)
        else:
            path = tmp_path / "scene.jpg"
            scene.resize((6000, 4000)).save(path)
    page = visit(serve().url)
    page.set_input_files("#file", path)
    find_person(page)
    middle = page.evaluate(
        """() => {
          const canvas = document.getElementById("picture");
          return [...canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data];
        }"""
    )
    assert middle[3] == 255  # there is a picture
    assert page.evaluate("document.getElementById('picture').width") <= 1280
