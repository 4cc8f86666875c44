import pytest
from click.testing import CliRunner

from removal.cli.main import cli


@pytest.fixture
def invoke(monkeypatch, tmp_path):
    """Runs the real command in an empty folder, without a network and with an empty cache of weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return lambda *args: CliRunner().invoke(cli, [str(arg) for arg in args])
