import os
import pickle
from pathlib import Path

import pytest

fsspec = pytest.importorskip("fsspec")

from _removal_support.files import is_part  # noqa: E402
from removal.batch.jobs import plan_jobs  # noqa: E402
from removal.batch.lists import read_list  # noqa: E402
from removal.cluster.paths import (  # noqa: E402
    RemotePath,
    copy_here,
    delete,
    fetch,
    files_below,
    path_from,
    photos_below,
    store,
)


@pytest.fixture
def folder(tmp_path):
    """A folder that only fsspec opens, though it is on this machine: `tmp_path/there`."""
    return path_from(f"local://{tmp_path}/there")


@pytest.mark.parametrize(
    "text",
    ["s3://bucket/a/b.jpg", "simplecache::s3://bucket/a", "memory:///a/b", "local:///a", "sftp://host/a b"],
)
def test_the_text_of_a_remote_path_is_its_url(text):
    path = path_from(text)
    assert isinstance(path, RemotePath)
    assert str(path) == text
    assert str(path / "x/y.png") == f"{text}/x/y.png"
    assert str((path / "x/y.png").relative_to(path)) == "x/y.png"
    assert path.absolute() == path.resolve() == path


def test_files_and_names_are_local_paths():
    assert path_from("file:///a/b") == Path("/a/b")
    for text in ("a/b", "/a/b", "C:/a", "s3:/a", "file://a"):
        assert not isinstance(path_from(text), RemotePath)


@pytest.mark.parametrize("text", ["s3://", "s3:///key", "gs:///a"])
def test_a_url_without_a_bucket_is_refused(text):
    with pytest.raises(ValueError, match=f"expected a bucket or host after .*, got '{text}'"):
        path_from(text)


def test_what_was_stored_is_there_whole(folder):
    store(b"one", folder / "a/b.png")
    store(b"two", folder / "a/b.png")
    assert (folder / "a/b.png").read_bytes() == b"two"
    assert [str(file.relative_to(folder)) for file in files_below(folder)] == ["a/b.png"]
    assert (folder / "a").is_dir()
    assert (folder / "a/b.png").is_file()
    assert (folder / "a/b.png").stat().st_size == 3
    delete(folder / "a/b.png")
    assert not (folder / "a/b.png").exists()


def test_a_failing_store_leaves_what_was_there(folder, monkeypatch):
    store(b"one", folder / "a.png")

    def full(self, path, value, **options):
        Path(path).write_bytes(value[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(fsspec.filesystem("local")), "pipe_file", full)
    with pytest.raises(OSError, match="No space left on device"):
        store(b"two", folder / "a.png")
    assert [file.name for file in files_below(folder)] == ["a.png"]
    assert (folder / "a.png").read_bytes() == b"one"


def test_an_object_store_is_written_to_under_the_name_itself(monkeypatch):
    moved = []
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "mv", lambda *paths: moved.append(paths))
    path = path_from("memory:///shop/a.png")
    store(b"one", path)
    assert path.read_bytes() == b"one"
    assert moved == []


def test_a_fetched_file_has_the_time_of_the_other(folder, tmp_path):
    store(b"one", folder / "a.png")
    os.utime(tmp_path / "there/a.png", (1000, 1000))
    fetch(folder / "a.png", tmp_path / "here/a.png")
    assert (tmp_path / "here/a.png").read_bytes() == b"one"
    assert (
        (tmp_path / "here/a.png").stat().st_mtime_ns == (folder / "a.png").stat().st_mtime_ns == 1000 * 10**9
    )
    with pytest.raises(FileNotFoundError, match="No such file"):
        fetch(folder / "b.png", tmp_path / "here/b.png")
    assert os.listdir(tmp_path / "here") == ["a.png"]


def test_photos_are_found_below_hidden_ones_and_the_results_are_not(folder):
    for name in ("b.jpg", "a/c.PNG", "a/notes.txt", ".d.png", ".hidden/e.png", "out/b.jpg"):
        store(b"123", folder / name)
    found = photos_below(folder, leave_out=folder / "out")
    assert [str(path.relative_to(folder)) for path in found] == ["a/c.PNG", "b.jpg"]
    assert [path.listed.st_size for path in found] == [3, 3]
    assert photos_below(folder / "nowhere") == []


def test_what_a_listing_said_is_not_asked_again_even_after_a_journey(folder):
    store(b"123", folder / "a.png")
    (path,) = photos_below(folder)
    delete(folder / "a.png")
    travelled = pickle.loads(pickle.dumps(path))
    assert travelled == path
    assert travelled.stat() == path.stat()
    assert travelled.exists()
    path.listed, path.absent = None, True
    assert not pickle.loads(pickle.dumps(path)).exists()


def test_a_copy_here_follows_the_folder_there(folder, tmp_path):
    for name in ("a.png", "sub/b.png"):
        store(name.encode(), folder / name)
    here = copy_here(folder, tmp_path)
    assert (here / "sub/b.png").read_bytes() == b"sub/b.png"
    kept = (here / "a.png").stat().st_ino
    delete(folder / "sub/b.png")
    store(b"new", folder / "c.png")
    assert copy_here(folder, tmp_path) == here
    assert sorted(os.listdir(here)) == ["a.png", "c.png", "sub"]
    assert os.listdir(here / "sub") == []
    assert (here / "a.png").stat().st_ino == kept
    single = copy_here(folder / "a.png", tmp_path)
    assert single.read_bytes() == b"a.png"


def test_errors_are_one_line_that_names_the_cause():
    with pytest.raises(OSError, match=r"Protocol not known: nowhere: 'nowhere://a/b'"):
        path_from("nowhere://a/b").exists()
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: 'memory:///no/a.png'"):
        path_from("memory:///no/a.png").read_bytes()


def test_halves_are_known_by_their_names():
    assert is_part(Path("out/.photo.png.0123abcd.part"))
    assert not is_part(Path("out/photo.png.0123abcd.part"))


def test_jobs_are_planned_for_folders_elsewhere(folder, tmp_path):
    for name in ("in/a.png", "in/sub/b.png"):
        store(b"123", folder / name)
    out = folder / "out"
    jobs = plan_jobs([folder / "in"], out, extras=("mask",))
    assert [str(job.source.relative_to(folder)) for job in jobs] == ["in/a.png", "in/sub/b.png"]
    assert [str(job.target.relative_to(folder)) for job in jobs] == ["out/a.png", "out/sub/b.png"]
    assert jobs[1].mask == out / "sub/b.mask.png"
    assert all(isinstance(job.target, RemotePath) for job in jobs)
    (tmp_path / "list").write_text(f"{folder}/in/a.png\n")
    assert read_list(tmp_path / "list") == [folder / "in/a.png"]
    (job,) = plan_jobs([], tmp_path / "out", lists=[tmp_path / "list"])
    assert job.target == tmp_path / "out" / str(tmp_path)[1:] / "there/in/a.png"
    (job,) = plan_jobs([folder / "in/none.png"], out)
    assert job.problem == f"{folder}/in/none.png: No such file or directory"


def test_a_name_in_a_store_that_leads_out_of_its_folder_is_refused(tmp_path):
    """Copies go by these names, and a store takes any text as one."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pipe_file("/there/a.png", b"a")
    store.store["/there/../../strayed.png"] = store.store["/there/a.png"]
    with pytest.raises(OSError, match=r"leads out of it.*strayed\.png"):
        copy_here(path_from("memory:///there"), tmp_path)
    assert not list(tmp_path.parent.rglob("strayed.png"))
    store.store.clear()
