"""Run as a program of its own: reads Arrow streams through, whose paths are lines of its input.

Arrow checks little of what it reads, and a damaged file can end the process that does. Here that is
this one, and not the audit. The last line of the output names the file it came to.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Read every stream, and fail where one is not what it says."""
    import pyarrow as arrow

    for line in sys.stdin:
        path = line.rstrip("\n")
        print(path, flush=True)
        with arrow.memory_map(path) as source:
            for batch in arrow.ipc.open_stream(source):
                batch.validate(full=True)


if __name__ == "__main__":
    main()
