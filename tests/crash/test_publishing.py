"""The server is killed at each step of publishing: every checkpoint that was ever served stays the log's beginning."""

import os
import random
import time
from collections import Counter
from pathlib import Path

from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import VerifierKey
from tests.crash.holding import check
from tests.crash.load import Load
from tests.crash.served import Served
from tests.crash.stand import Stand
from tests.crash.watched import Watched, folder_of, served_at

KILLS = int(os.environ.get("TESTAMUR_PUBLISHING_KILLS", "4"))
_CLIENTS = 4
_PATIENCE = 10.0  # seconds within which some publication has so many steps as others had, as a rule
_RECENT = 10  # publications


class Dying:
    """A server that kills itself at the step that it is told."""

    def __init__(self, folder: Path) -> None:
        self._at = folder / "die-at"
        self._notes = folder / "died"
        self._notes.touch()
        paths = [str(Path(__file__).parent / "dying"), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "DYING_AT": str(self._at),
            "DYING_NOTES": str(self._notes),
        }

    def at(self, step: int | None) -> None:
        """Die at this step of a publication that begins from now on; at none."""
        if step is None:
            self._at.unlink(missing_ok=True)
        else:
            self._at.write_text(str(step))

    def notes(self, kind: str) -> list[str]:
        """What was written of publications that ended so."""
        lines = [line.partition(" ") for line in self._notes.read_text("ascii").splitlines()]
        return [rest for word, _, rest in lines if word == kind]


def _died(served: Served, *, within: float) -> bool:
    assert served.server is not None
    deadline = time.monotonic() + within
    while served.server.poll() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


class Steps:
    """At which step to die next: each as often as another, of those that publications have."""

    def __init__(self, chance: random.Random, dying: Dying) -> None:
        self._chance = chance
        self._dying = dying
        self._left: list[int] = []

    def next(self) -> int:
        """One of them."""
        most = max(map(int, self._dying.notes("done")[-_RECENT:]))
        here = [each for each in self._left if each <= most]
        if not here:
            self._left = list(range(1, most + 1))
            here = self._left
        step = self._chance.choice(here)
        self._left.remove(step)
        return step


def test_server_killed_at_a_step_of_publishing_serves_what_goes_on_from_all_it_ever_served(
    stand: Stand, seed: int, tmp_path: Path
) -> None:
    chance, dying = random.Random(seed), Dying(tmp_path)
    served = Served(stand, environment=dying.environment)
    load, steps = Load(served, seed=seed), Steps(chance, dying)
    vkey = VerifierKey.parse(served.command("log", "vkey").stdout.splitlines()[-1])
    watched = Watched(stand.home, served.url, vkey)
    survived = 0
    try:
        for cycle in range(KILLS):
            load.begin(_CLIENTS)
            dying.at(steps.next())
            survived += not _died(served, within=_PATIENCE)
            served.kill()
            load.end()
            watched.check(folder_of(stand.home))  # whole, though nobody is there to complete it
            if cycle % 3 == 2:
                _die_at_the_start(served, dying, steps.next())
            dying.at(None)
            served.start()
            load.settle()
            check(stand, load)
            watched.check(folder_of(stand.home))
            if cycle in (0, KILLS // 2):
                _rotate(served, watched, finish=cycle > 0)
        now = _published(stand, watched, served)
        report = served.audit(served.checkpoint())
    finally:
        served.kill()
        watched.end()
    killed, seen = Counter(dying.notes("killed")), watched.checkpoints
    print(
        f"seed {seed}, {KILLS} kills, {survived} of them at no step;",
        f"publications have up to {max(map(int, dying.notes('done')))} steps;",
        f"{len(seen)} checkpoints seen up to {seen[-1].size} entries, {report['events']} events;",
        f"slowest start {max(served.waits):.1f} s",
    )
    print("\n".join(f"  {count} x {name}" for name, count in sorted(killed.items())))
    assert killed
    assert now.size == report["events"]


def _rotate(served: Served, watched: Watched, *, finish: bool) -> None:
    """Have a new key sign beside the old one; or alone, once both have signed what is published."""
    arguments = ["log", "rotate-key", *["--finish"][: int(finish)]]
    deadline = time.monotonic() + 60
    while (done := served.command(*arguments, check=False)).returncode != 0:
        assert "wait a moment" in done.stderr, done.stderr
        assert time.monotonic() < deadline, "what both keys signed is not published"
        time.sleep(0.2)
    watched.believe(VerifierKey.parse(done.stdout.splitlines()[-1]))


def _die_at_the_start(served: Served, dying: Dying, step: int) -> None:
    """Start the server, which completes what was cut off, and have it killed there, too, if it comes so far."""
    dying.at(step)
    try:
        served.start()
    except AssertionError as error:
        assert "the server has ended" in str(error)  # noqa: PT017 - before it was ready, as it should
    served.kill()


def _published(stand: Stand, watched: Watched, served: Served) -> Checkpoint:
    """What is published once everything recorded is."""
    deadline = time.monotonic() + 60
    while True:
        now = watched.check(served_at(served.url))
        if now.size == len(stand.events()):
            return now
        assert time.monotonic() < deadline, "what is recorded is not published"
        time.sleep(0.1)
