"""A worker that dies of some files, as one does whose parser crashes. Processes that are started anew import it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from lintloss import processes
from lintloss.checking import Checked

check_group = processes._check_group


def check_or_die(names: Sequence[str]) -> list[Checked | None]:
    """Check a group of files unless one of them says `dies`."""
    if any("# dies" in Path(name).read_text() for name in names):
        os.kill(os.getpid(), signal.SIGKILL)
    return check_group(names)


def never_start(files: object, settings: object) -> None:
    """Fail as early as a worker can."""
    os._exit(1)


def check_what_changes(names: Sequence[str]) -> list[Checked | None]:
    """Check a group of files of which some go or change just before."""
    for name in map(Path, names):
        if "# goes" in name.read_text():
            name.unlink()
        elif "# changes" in name.read_text():
            name.write_text("x = 1\n")
    return check_group(names)
