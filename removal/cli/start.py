"""The console script's first step: from here on Ctrl-C is one line, even while the rest is being imported."""

import os
import signal


def main() -> None:
    """Take over Ctrl-C, then import and run the command line, which takes it over in turn."""
    signal.signal(signal.SIGINT, _stop)
    from removal.cli.main import main as run

    run()


def _stop(number: int, frame: object) -> None:
    os.write(2, b"Interrupted: nothing was done.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
