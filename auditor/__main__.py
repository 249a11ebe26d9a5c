"""``auditor`` on the command line: turn errors into one sentence and a documented exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click

from auditor.base.errors import AuditorError, Stopped, StoppedError, on_one_line
from auditor.base.redaction import scrubbed
from auditor.run.storage import FULL

INTERRUPTED = 130
STOPPED = StoppedError.exit_code
# Some operations of torch take long before Python can act on a signal; files appear whole or not
# at all, so that leaving in the middle of one loses nothing that was finished.
PATIENCE = 7.0


def main() -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _stop)
    # Threads of OpenMP that wait spin by default, and so take the processor from other programs and
    # from each other. Read once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    code = run(sys.argv[1:])
    if code in (STOPPED, INTERRUPTED):
        # Taking a large process apart can last seconds, in which the one that sent it kills it.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    from auditor.cli import cli

    try:
        ended = cli.main(arguments, prog_name="auditor", standalone_mode=False)
    except click.ClickException as error:
        error.show(sys.stderr)
        return 2
    except AuditorError as error:
        return _fail(str(error), error.exit_code)
    except Stopped:
        return _fail("stopped by a signal. Run the same command again: it goes on.", STOPPED)
    except (KeyboardInterrupt, click.Abort):
        return _fail("stopped. Run the same command again: it goes on from here.", INTERRUPTED)
    except BrokenPipeError:
        return _fail("nobody reads the output any more.", INTERRUPTED)
    except OSError as error:
        if error.errno not in FULL:
            return _unexpected(error)
        # Not of the run folder, whose faults have names: a temporary file, a log, the user's code.
        place = f" for {error.filename}" if error.filename else ""
        return _fail(
            f"there is no room{place} ({error.strerror}). Make room and run the same command "
            "again: it goes on from here.",
            STOPPED,
        )
    except MemoryError:
        return _fail(
            "there is not enough memory. Free some, or set a smaller audit.batch, and run the same "
            "command again: it goes on from here.",
            STOPPED,
        )
    except Exception as error:
        return _unexpected(error)
    # What `Context.exit` was given comes back as a number.
    return ended if isinstance(ended, int) else 0


def _unexpected(error: Exception) -> int:
    if os.environ.get("AUDITOR_DEBUG"):
        click.echo(scrubbed(traceback.format_exc()), err=True)
    from auditor.base.users_lines import users_frame

    frames = traceback.extract_tb(error.__traceback__)
    place = users_frame(frames) or frames[-1]
    text = on_one_line(scrubbed(str(error)))
    return _fail(
        f"unexpected {type(error).__name__} in {place.name} ({Path(place.filename).name}"
        f":{place.lineno}): {text}. This is a fault of the auditor or of code it was given; "
        "set AUDITOR_DEBUG=1 for the full trace.",
        AuditorError.exit_code,
    )


def _fail(message: str, code: int) -> int:
    with suppress(OSError):  # where nobody can be told, the code has to do
        if "--log-json" in sys.argv:
            from auditor.cli.progress import json_line

            json_line("failed", level="error", text=message, exit_code=code)
        else:
            click.echo(f"auditor: {message}", err=True)
    return code


def _stop(number: int, frame: FrameType | None) -> None:
    late = threading.Timer(PATIENCE, os._exit, [STOPPED])
    late.daemon = True
    late.start()
    raise Stopped


if __name__ == "__main__":
    main()
