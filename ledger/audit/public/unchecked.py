"""What a public audit cannot see, said plainly and counted."""

from ledger.audit.public.judge import Judge
from ledger.audit.report import Findings


def say_what_was_not_checked(
    judge: Judge | None, found: Findings, *, pinned: bool, given: bool, is_first: bool, witnessed: bool
) -> None:
    """Add it to the findings.

    Args:
        pinned: whether somebody ever gave a key by which the log is.
        given: whether any key was given.
        is_first: whether nothing that was seen of the log before was there to hold it against.
        witnessed: whether a policy of witnesses was given.
    """
    if not pinned:
        why = "no key was given, so the one that the log itself names was believed"
        if given:
            why = "no key that was given was seen to be this log's"
        found.skip("whether this is the log it claims to be", 1, why)
    if is_first:
        why = "nothing that was seen of it before was given, neither a state nor a checkpoint"
        found.skip("whether the log showed another history before", 1, why)
    if not witnessed:
        why = "no policy was given that names witnesses"
        found.skip("whether others are shown the same log", 1, why)
    if judge is None:
        return
    progress = judge.progress
    for what, count, why in (
        ("private parts", progress.committed, "they are not public: only the full audit of the database opens them"),
        ("how stacks are built", progress.stacks, "their components stand in private parts"),
        ("definitions and profiles", judge.wordings, "the log holds their digests alone"),
    ):
        if count:
            found.skip(what, count, why)
