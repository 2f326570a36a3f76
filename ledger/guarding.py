"""Makes the guard of a home that has none outside, or has lost it: what the store and the home hold now is what counts.

Nobody can tell any more whether that is all that was published: so it is done only for who asks for it.
"""

from contextlib import closing

from ledger.adapters.fence import Fence
from ledger.adapters.home import BadSettings, Home
from ledger.application.published_check import check_published
from ledger.bootstrap import engine_of, read_operator
from ledger.publication import Outside
from ledger.tlog.checkpoint import size_of_note


def make_guard(home: Home) -> int:
    """Begin the guard outside a home with the largest checkpoint that store and home hold; how many entries it covers.

    Raises:
        BadSettings: no such guard is named, or it is there.
        LogRolledBack: the store is behind the checkpoint that the home serves, or differs from it.
        LedgerError: the home cannot be read, or the guard not be written.
    """
    if not home.guarded_outside:
        raise BadSettings("there is no guard to be made: name its file in TESTAMUR_GUARD_FILE, on another disk")
    settings, outside = home.settings(), Outside.of(home)
    if outside.guard.note() is not None:
        raise BadSettings(f"the guard {home.guard} is there already: leave out --new-guard, which is for one start")
    engine = engine_of(home, read_only=True)
    with closing(engine.open(Fence())) as store:
        read_operator(store, settings.origin)
        log = outside.check(store, home, engine.described, guarded=False)
        with store.snapshot() as snapshot:
            signed = snapshot.checkpoint()
        kept = (None if signed is None else signed.note, outside.served.note())
        notes = [note for note in kept if note is not None]
        for note in notes:
            check_published(store, log, note)
            outside.guard.keep(note)
    return max((size_of_note(note) or 0 for note in notes), default=0)
