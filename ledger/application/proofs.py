"""Gives out proof files: what a scan finds of an award, with everything that proves it without this service.

Reads only, holds no signing key. What is in a file is chosen by `ledger.verification.proof_making`.
"""

from threading import Lock

from ledger.application.published_log import PublishedLog
from ledger.application.scanning import Examined, Scanning, Tree
from ledger.domain.types import Position
from ledger.errors import LedgerError
from ledger.tlog.merkle import Hash
from ledger.verification import proof_making
from ledger.verification.evidence import Placed
from ledger.verification.proof_file import ProofFileTooLarge, write_proof_file
from ledger.verification.proof_making import NothingToProve, make_proof_file
from ledger.verification.verdict import NOTHING_SHOWN, Verdict

_ATTEMPTS = 3  # at a tree that is not replaced by the next one meanwhile


class ProofError(LedgerError):
    """No proof of this award is given out."""


class NoProof(ProofError):
    """Of an award that is not shown there is no proof; the verdict says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"there is no proof of this award: {verdict.state}")
        self.verdict = verdict


class ProofPending(ProofError):
    """Something that belongs into the proof was recorded moments ago and is not published yet."""


class Proofs:
    """Proof files of awards, under the checkpoint that is served."""

    def __init__(self, *, scanning: Scanning, published: PublishedLog) -> None:
        self._scanning = scanning
        self._published = published
        self._one_at_a_time = Lock()  # statuses are shared by all who ask

    def proof(self, code_text: str, version: int) -> bytes:
        """The proof file of the award that a link code leads to.

        Args:
            version: as printed on the certificate, from 1.

        Raises:
            NoProof: there is no such award, it does not verify, or so much happened to it that no file holds it.
            ProofPending: ask again in a moment.
        """
        with self._one_at_a_time:
            for _ in range(_ATTEMPTS):
                examined = self._scanning.examine(code_text, version)
                if examined.verdict.state in NOTHING_SHOWN:
                    raise NoProof(examined.verdict)
                tree = None if examined.tree is None else self._proving(examined.tree)
                if tree is not None:
                    return _made(examined, tree, version)
        raise ProofPending("the published log was not to be read; ask again in a moment")

    def _proving(self, published: Tree) -> proof_making.Tree | None:
        """The published tree with its statement; None where it was replaced by the next one meanwhile."""
        statement, statuses = published.entry(published.size - 1), self._published.statuses(published.size)
        if statement is None or statuses is None:
            return None

        def path(position: Position) -> tuple[Hash, ...]:
            found = published.inclusion(position - 1) if position <= published.size else None
            if found is None:
                raise ProofPending("something that belongs into the proof is not published yet; ask again in a moment")
            return found

        return proof_making.Tree(
            checkpoint=published.note,
            statement=Placed(position=Position(published.size), raw=statement),
            path=path,
            statuses=statuses,
        )


def _made(examined: Examined, tree: proof_making.Tree, version: int) -> bytes:
    evidence, streams, registries = examined.evidence, examined.streams, examined.registries
    try:
        return write_proof_file(make_proof_file(evidence, streams, tree, version=version, registries=registries))
    except (ProofFileTooLarge, NothingToProve) as error:
        raise NoProof(examined.verdict) from error
