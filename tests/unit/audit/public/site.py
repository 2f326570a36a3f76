"""Forged logs as somebody publishes them: folders of tiles, bundles and a checkpoint; and the audit of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from ledger.adapters.bundle_workers import bundle_workers
from ledger.adapters.folder_log import FolderLog
from ledger.adapters.public_audit_file import open_state
from ledger.audit.public.follow import Asked, PublicReport, audit_published
from ledger.audit.public.log import PublishedLog
from ledger.audit.public.state import AuditState, Seen
from ledger.domain import events as ev
from ledger.domain.codes import link_digest, new_link_code, stream_of
from ledger.domain.types import Did, ListId, Slot, StreamId
from ledger.signing import multikey
from ledger.testing.forge import HONEST, Forge, How
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import VerifierKey
from ledger.tlog.tiles import FULL_WIDTH, TileEdge, bundles_between, encode_bundle


class Log(Forge):
    """A forged log whose operator states how everything stands."""

    @classmethod
    def after(cls, forge: Forge) -> "Log":
        """What was forged, to be gone on with."""
        log = cls(origin=forge.origin)
        vars(log).update(vars(forge))
        return log

    def fork(self) -> Self:
        """A copy that goes on for itself."""
        return deepcopy(self)

    def vkey(self, name: str = "operator/checkpoint") -> VerifierKey:
        """The verifier key of a key of this log."""
        return VerifierKey.of(self.origin, multikey.decode(self.kid(name)))

    def fill(self, awards: int, how: How = HONEST) -> list[StreamId]:
        """A college, and so many awards of it."""
        did = next((did for did in self.issuers if did.endswith(":college")), None) or self.register("college")
        award = self.award(self.define(did, how=how))
        return [self.issue(did, award, how=how) for _ in range(awards)]

    def issue_at(
        self, did: Did, slot: int, status_list: bytes = bytes(16), *, stream: StreamId | None = None, how: How = HONEST
    ) -> StreamId:
        """An award with that slot; in its own stream, or in another one."""
        code = new_link_code(self._milliseconds(), self._drawn(16))
        event = ev.CredentialIssued(link=link_digest(code), list=ListId(status_list), slot=Slot(slot))
        place = stream or stream_of(code)
        parts = dict.fromkeys(ev.PARTS[ev.CredentialIssued], b"")
        self.append(event, stream=place, by=did, key=f"{did.rsplit(':', 1)[-1]}/signing", parts=parts, how=how)
        return place


def publish(log: Forge, folder: Path, size: int | None = None, *, note: bytes | None = None) -> None:
    """Show the first `size` entries, all by default, in a folder: every tile and bundle that this tree has."""
    entries = [sealed.entry for sealed in log.log[:size]]
    for tile, content in TileEdge.empty().extend([leaf_hash(entry) for entry in entries]):
        _write(folder / tile.path, content)
    for bundle in bundles_between(0, len(entries)):
        begin = bundle.number * FULL_WIDTH
        _write(folder / bundle.path, encode_bundle(entries[begin : begin + bundle.width]))
    _write(folder / "checkpoint", note or log.checkpoint(size))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@dataclass(slots=True)
class Auditor:
    """Somebody who audits a log again and again, with a state, and keeps what is given as evidence."""

    state: Path | None
    asked: Asked = field(default_factory=Asked)
    evidence: dict[str, bytes] = field(default_factory=dict)
    jobs: int = 1

    def audit(self, log: Path | PublishedLog) -> PublicReport:
        """What the audit says of a log."""
        with self.opened() as state:
            return audit_published(
                FolderLog(log) if isinstance(log, Path) else log,
                state,
                self.asked,
                hiring=partial(bundle_workers, self.jobs),
                keep_note=self._keep,
                timer=lambda: 0.0,
            )

    @contextmanager
    def opened(self) -> Iterator[AuditState]:
        """The state."""
        with open_state(self.state) as state:
            yield state

    def _keep(self, note: Seen) -> str:
        name = f"{note.size}-{note.root.hex()[:8]}"
        self.evidence[name] = note.note
        return name


def told(report: PublicReport) -> list[tuple[int, str]]:
    """Position and check of every problem."""
    return [(problem.position, problem.check.value) for problem in report.report.problems]
