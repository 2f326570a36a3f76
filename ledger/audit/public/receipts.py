"""Whether the proof in a receipt is of the entry that is published where it says, in one history with what was read."""

from ledger.audit.public.heads import keys_of
from ledger.audit.public.history import NOT_SHOWN
from ledger.audit.public.log import LogNotReached, LogNotReadable, PublishedLog
from ledger.audit.public.state import AuditState
from ledger.audit.public.watched import Receipt
from ledger.domain.log import Log, checkpoint_keys
from ledger.errors import LedgerError
from ledger.record.entry import parse_entry
from ledger.tlog.checkpoint import open_checkpoint, size_of_note
from ledger.tlog.proof_file import parse_tlog_proof
from ledger.tlog.proofs import (
    ConsistencyNotProved,
    InclusionNotProved,
    Node,
    check_consistency,
    check_inclusion,
)
from ledger.tlog.tile_reader import TileReader
from ledger.verification.evidence import Placed
from ledger.verification.log_keys import establish_log


class ProvesReceipts:
    """Holds proofs of receipts against the log as far as it was read."""

    def __init__(self, log: PublishedLog, state: AuditState) -> None:
        """Nothing is asked before there is a receipt with a proof."""
        self._log = log
        self._state = state
        self._reader: TileReader | None = None
        self._own: Log | None = None

    def __call__(self, receipt: Receipt) -> str | None:
        """What is wrong with the proof of a receipt whose entry was read; None where nothing is.

        Raises:
            LogNotReached, LogNotReadable.
        """
        progress = self._state.progress()
        if receipt.proof is None or progress is None:
            return None
        reader = self._reader = self._reader or TileReader(progress.size, progress.tree.root(), self._log.fetch)
        try:
            return self._fault(receipt, receipt.proof, reader)
        except (LogNotReached, LogNotReadable):
            raise
        except NOT_SHOWN as error:
            return f"the log does not show what would prove it: {error}"
        except (ConsistencyNotProved, InclusionNotProved) as error:
            return f"its proof is of another entry, or of another history, than what is published: {error}"
        except LedgerError as error:
            return f"its proof cannot be used: {error}"

    def _fault(self, receipt: Receipt, raw: bytes, reader: TileReader) -> str | None:
        proof, index = parse_tlog_proof(raw), receipt.position - 1
        log = self._own = self._own or establish_log(self._log_entries())
        keys = keys_of(log, checkpoint_keys(log, size_of_note(proof.checkpoint) or 0))
        checkpoint = open_checkpoint(proof.checkpoint, *keys)
        if proof.index != index:
            return f"its proof is of position {proof.index + 1}"
        if checkpoint.size > reader.size:
            return f"its proof is under a checkpoint of {checkpoint.size} entries, and the log shows {reader.size}"
        (leaf,) = reader.nodes([Node(0, index)])
        check_inclusion(leaf, index, checkpoint.size, checkpoint.root, proof.path)
        path = reader.consistency(checkpoint.size)
        check_consistency(checkpoint.size, checkpoint.root, reader.size, reader.root, path)
        return None

    def _log_entries(self) -> list[Placed]:
        """The log's own entries, statements left out."""
        placed = [Placed(position=position, raw=raw) for position, raw in self._state.others()]
        own = parse_entry(placed[0].raw).stream if placed else None
        return [each for each in placed if parse_entry(each.raw).stream == own]
