"""Whether a log is by the key that its auditor knows: nobody else can say which log it is."""

from collections.abc import Collection
from dataclasses import replace

from ledger.audit.public.heads import is_vouched_for, keys_of
from ledger.audit.public.state import AuditState, Identity
from ledger.audit.report import Check, Findings
from ledger.domain.log import Log
from ledger.tlog.note import VerifierKey


def confirm(
    state: AuditState, identity: Identity, log: Log, keys: Collection[VerifierKey], found: Findings
) -> Identity:
    """The identity, pinned if the log names a key that was given, and that key signed something that was seen of it.

    A key that is none of the log's is reported; also later, while nobody gives one that is.

    Args:
        keys: that the auditor gives.
    """
    strangers, given, own = state.strangers(), frozenset(keys), frozenset(keys_of(log))
    if given and not given & own:
        found.report(Check.LOG, 1, "the log names other keys of checkpoints than the one given")
        if not identity.pinned:
            state.meet(sorted({*strangers, *(key.to_text() for key in given)}))
            state.save()
    elif not identity.pinned and any(is_vouched_for(each.note, given & own) for each in reversed(state.seen())):
        identity = replace(identity, pinned=True)
        state.identify(identity)
        state.meet(())
        state.save()
    elif strangers:
        reason = (
            f"a key was given before that is none of this log's, {strangers[0]}: if it was mistaken, give the right one"
        )
        found.report(Check.LOG, 1, reason)
    return identity
