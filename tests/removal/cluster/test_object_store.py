"""The same paths on a stand-in of S3: runs where s3fs and moto[server] are installed (docs/scaling.md)."""

from importlib.util import find_spec

import pytest

if find_spec("s3fs") is None or find_spec("moto") is None:
    pytest.skip("needs s3fs and moto[server]", allow_module_level=True)

from removal.batch.jobs import Job, Outcome
from removal.cluster.paths import copy_here, delete, fetch, files_below, path_from, photos_below, store
from removal.cluster.record import RemoteManifest

pytestmark = pytest.mark.filterwarnings("default")  # of botocore and werkzeug


@pytest.fixture(scope="module")
def bucket():
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "x")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        s3fs.S3FileSystem().mkdir("photos")
        yield path_from("s3://photos")
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_files_of_a_bucket(bucket, tmp_path):
    for name in ("in/a.jpg", "in/sub/b.PNG", "in/notes.txt", "in/out/c.jpg"):
        store(name.encode(), bucket / name)
    found = photos_below(bucket / "in", leave_out=bucket / "in/out")
    assert [str(path) for path in found] == ["s3://photos/in/a.jpg", "s3://photos/in/sub/b.PNG"]
    fetch(found[0], tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == b"in/a.jpg"
    assert (tmp_path / "a.jpg").stat().st_mtime_ns == (bucket / "in/a.jpg").stat().st_mtime_ns
    assert (bucket / "in").is_dir()
    assert not (bucket / "in/none.jpg").exists()
    here = copy_here(bucket / "in", tmp_path)
    assert sorted(str(file.relative_to(here)) for file in here.rglob("*.*")) == [
        "a.jpg",
        "notes.txt",
        "out/c.jpg",
        "sub/b.PNG",
    ]
    delete(bucket / "in/a.jpg")
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: 's3://photos/in/a\.jpg'"):
        (bucket / "in/a.jpg").read_bytes()
    with pytest.raises(FileNotFoundError, match=r"s3://nowhere/a\.jpg"):
        store(b"x", path_from("s3://nowhere/a.jpg"))


def test_a_record_in_a_bucket(bucket, tmp_path):
    (tmp_path / "a.png").write_bytes(b"photo")
    job = Job(tmp_path / "a.png", bucket / "out/a.png")
    for missing in ([job], []):
        manifest = RemoteManifest(bucket / "out", {"seed": 0}, {}, overwrite=False)
        assert manifest.open(create=True)
        assert manifest.is_done(job) == (not missing)
        manifest.begin({})
        manifest.start(missing, overwrite=True)
        for one in missing:
            store(b"result", one.target)
            manifest.ended(Outcome(one, "done"))
        manifest.close()
    assert [path.name for path in files_below(bucket / "out")] == ["a.png", "removal.jsonl"]
