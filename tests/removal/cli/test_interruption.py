import signal
import subprocess
import sys

import pytest

from removal.cli import interruption


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    monkeypatch.setattr(interruption, "_received", False)
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_remembered_where_python_drops_it():
    interruption.check()
    interruption.listen()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interruption.check()


def test_a_second_ctrl_c_does_not_wait_for_what_is_at_hand():
    code = (
        "import signal, time; from removal.cli import interruption; interruption.listen()\n"
        "try: signal.raise_signal(signal.SIGINT)\n"
        "finally: signal.raise_signal(signal.SIGINT); time.sleep(60)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=50, text=True)
    assert ended.returncode == 130
    assert ended.stderr.splitlines() == ["Interrupted: left at once; what is written is whole."]
