"""Folders for files on their way: gone when the work ends, and swept by the next one if their process was killed."""

import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

_HERE = re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())


@contextmanager
def scratch_folder(prefix: str, beside: Path | None = None) -> Iterator[Path]:
    """A new folder for its owner alone, removed at the end; those of this kind that dead processes left go first.

    Args:
        prefix: of its name, which also tells who made it.
        beside: in which folder; None: where the system keeps temporary files.

    Raises:
        OSError.
    """
    within = beside or Path(gettempdir())
    kind = kind_swept(prefix, within)
    with TemporaryDirectory(prefix=f"{kind}{os.getpid()}-", dir=within) as folder:
        yield Path(folder)


def kind_swept(prefix: str, within: Path) -> str:
    """How the names of what a process here makes on the way begin, before its id; what dead ones left is removed."""
    kind = f"{prefix}{_HERE}-"  # the folder may be one that machines share: whose process is dead only its own knows
    for left in within.glob(f"{kind}*"):
        pid = left.name.removeprefix(kind).partition("-")[0]
        if pid.isascii() and pid.isdigit() and not _lives(int(pid)):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
    return kind


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # somebody else's
    return True
