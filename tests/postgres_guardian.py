"""Waits until a process is gone, however it went; then stops the PostgreSQL that it started and may remove the folder.

Usage: postgres_guardian.py <process> <folder> remove|keep
"""

import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_PATIENCE = 10  # seconds that the server may take to end


def main(owner: int, folder: Path, *, remove: bool) -> None:
    """Go on in a process of its own, whose id lies in the folder when this returns."""
    handle = os.pidfd_open(owner)
    child = os.fork()
    if child:
        (folder / "guardian").write_text(str(child))
        return
    os.setsid()  # no interrupt from a terminal shall reach it
    select.select([handle], [], [])
    with suppress(OSError, ValueError, IndexError):
        server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(server, signal.SIGQUIT)
        deadline = time.monotonic() + _PATIENCE
        while runs(server) and time.monotonic() < deadline:
            time.sleep(0.05)
    if remove:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()  # made for this cluster, if nothing else is in it


def runs(process: int) -> bool:
    """Whether there is such a process; a zombie holds nothing any more."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), remove=sys.argv[3] == "remove")
