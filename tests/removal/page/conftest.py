"""The page's server with models that answer at once: one object, found where it was drawn."""

import time
import warnings
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from removal.options import RunOptions
from removal.page.server import build_app
from segment import Detections

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer releases of Starlette want a fork of httpx
    from starlette.testclient import TestClient

HOST = "127.0.0.1:8723"
TOKEN = "the-token-of-this-start"
OBJECT = (slice(10, 30), slice(20, 40))


def drawn() -> np.ndarray:
    """A photo of 48 x 64 pixels, uint8 RGB."""
    pixels = np.full((48, 64, 3), 90, np.uint8)
    pixels[OBJECT] = (200, 30, 30)
    return pixels


def encoded(pixels: np.ndarray, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, pixels[..., ::-1])[1].tobytes()


class Models:
    """Stands for a pipeline: one person with two shadows and a bag that is carried; holes become their seed's
    grey."""

    segmenter = SimpleNamespace(name="builtin", description="a finder for tests")

    def __init__(self, seed: int = 0):
        self.inpainter = Filler(seed)

    def detect(self, images):
        mask = np.zeros(images[0].shape[:2], bool)
        mask[OBJECT] = True
        return [Detections.from_masks([mask], ["person"], [0.9])]

    def hole(self, image, found, *, chosen):
        shadow, bag = np.zeros((2, *image.shape[:2]), bool)
        shadow[30:33, 20:40] = shadow[43:46, 50:60] = True
        bag[20:30, 40:44] = True
        carried = Detections.from_masks([bag], ["handbag"], [0.8])
        parts = {"object": found.mask(0) & bool(chosen), "shadow": shadow, "attached": bag}
        return SimpleNamespace(parts=parts, attached=carried, mask=parts["object"] | shadow | bag)


class Filler:
    name = "exemplar"
    description = "a filler for tests"

    def __init__(self, seed):
        self.seed = seed

    def __call__(self, image, mask, protect=None):
        filled = image.copy()
        filled[mask] = 100 + self.seed
        return filled


class Session:
    """A client of the API that carries the token, and what stands behind it."""

    def __init__(self, client, studio):
        self.client, self.studio = client, studio
        self.headers = {"x-removal-token": TOKEN, "content-type": "application/octet-stream"}

    def get(self, path):
        return self.client.get(path, headers={"x-removal-token": TOKEN})

    def post(self, path, body=None):
        return self.client.post(path, json=body or {}, headers={"x-removal-token": TOKEN})

    def open(self, data=None, name="a.png", **headers):
        data = encoded(drawn()) if data is None else data
        query = {"name": name}
        return self.client.post("/api/v1/photos", params=query, content=data, headers=self.headers | headers)

    def done(self, answer):
        """The record of a job at its end."""
        assert answer.status_code == 202, answer.text
        until = time.monotonic() + 20
        while time.monotonic() < until:
            record = self.get(f"/api/v1/jobs/{answer.json()['job']}").json()
            if record["state"] not in ("queued", "running"):
                return record
            time.sleep(0.01)
        raise AssertionError(f"the job does not end: {record}")


@pytest.fixture
def models(monkeypatch):
    monkeypatch.setattr("removal.models.build_removal", lambda options, say: Models(options.seed))
    monkeypatch.setattr("removal.models.build_inpainter", lambda options, say: Filler(options.seed))
    monkeypatch.setattr("removal.models.build_bystanders", lambda inpainter: None)


@pytest.fixture
def session(models, tmp_path):
    options = RunOptions(max_megapixels=1, output=tmp_path / "out")
    app, studio, _ = build_app(
        options, [], hosts=frozenset({HOST}), token=TOKEN, open_page=True, say=lambda text: None
    )
    with TestClient(app, base_url=f"http://{HOST}") as client:
        yield Session(client, studio)
