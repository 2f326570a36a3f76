"""A forged log in a real database file, and the audit of it: what the tests of the audit share."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ledger import canonical
from ledger.adapters.sqlite.audit_source import open_audit_source
from ledger.adapters.sqlite.schema import create
from ledger.audit.replay import audit
from ledger.audit.report import AuditReport, Problem
from ledger.audit.source import PartOpener
from ledger.domain import events as ev
from ledger.domain.authority import operator_of
from ledger.domain.definition import read_definition
from ledger.domain.status import Act, act_of
from ledger.domain.types import Did, ListId, Seq, StreamId
from ledger.domain.values import Part, Role, format_time, slug, slug_of
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.testing.forge import RECOVERY, Forge
from ledger.tlog.merkle import CompactRange, leaf_hash
from ledger.tlog.note import VerifierKey
from ledger.vc.data_integrity import sign
from ledger.vc.jcs import canonical_json
from ledger.vc.status_list import address_of, build
from ledger.verification.statement import Statuses

KEY_ID = bytes(range(16))


class FakeBoxDamaged(LedgerError):
    """The fake box does not open."""


def fake_box(opening: Opening, stream: StreamId, seq: int, part: Part) -> bytes:
    """A box that hides nothing, yet is tied to its place as the real ones are."""
    return f"{stream}/{seq}/{part}\n".encode() + opening.salt + opening.content


def open_fake_box(stream: StreamId, seq: Seq, part: Part, key_id: bytes, box: bytes) -> Opening | None:
    """What a fake box holds; None for a key that nobody has."""
    place = f"{stream}/{seq}/{part}\n".encode()
    if key_id != KEY_ID:
        return None
    if not box.startswith(place):
        raise FakeBoxDamaged("the fake box belongs elsewhere")
    plain = box.removeprefix(place)
    return Opening(salt=plain[:32], content=plain[32:])


def everything() -> Forge:
    """A log with every type of event, in which nothing is wrong: the board recognises the college, which awards."""
    forge = Forge()
    board, college = forge.register("board"), forge.register("college")
    forge.recognise(college, board)
    ref = forge.define(college)
    streams = [forge.issue(college, forge.award(ref)) for _ in range(4)]
    forge.amend(streams[0], forge.award(ref, "Ada Newname"))
    forge.suspend(streams[1])
    forge.reinstate(streams[1])
    forge.revoke(streams[2])
    ref = forge.revise(college, ref, "Welding, Revised")
    forge.amend(streams[1], forge.award(ref))
    forge.change_profile(college, description="Welders since 1912")
    forge.add_key(college, "college/next", Role.SIGNING)
    forge.add_key(college, "college/root2", Role.ROOT)
    forge.retire_key(college, "college/next")
    stolen = len(forge.log) + 1
    forge.issue(college, forge.award(ref))
    forge.compromise(college, "college/signing", stolen, how=RECOVERY)
    forge.add_key(college, "college/fresh", Role.SIGNING)
    forge.end_recognition(college, board)
    fresh = replace(RECOVERY, by=None, key="college/fresh")
    forge.retire(college, ref, how=fresh)
    forge.revoke(streams[3], how=fresh)
    forge.state()
    forge.add_checkpoint_key("operator/next")
    forge.state()
    forge.retire_checkpoint_key("operator/checkpoint")
    forge.state()
    return forge


def statuses_at(forge: Forge, size: int) -> Statuses:
    """How everything stands after the first so many entries."""
    acts: dict[StreamId, list[Act]] = {}
    for each in forge.log:
        act = act_of(each.recorded)
        if act is not None:
            acts.setdefault(each.recorded.stream, []).append(act)
    signed = [each.recorded for each in forge.log if act_of(each.recorded) is not None]
    statuses = Statuses(
        operator_of(forge.log[0].recorded),
        lambda streams: {stream: acts[stream] for stream in streams},
        lambda kid, since: [each.stream for each in signed if each.kid == kid and each.position >= since],
    )
    statuses.take(each.recorded for each in forge.log[:size])
    return statuses


def signed_list(
    forge: Forge, did: Did, name: ListId, size: int, *, key: str, made: datetime, bits: bytes | None = None
) -> tuple[bytes, str, int, bytes]:
    """The row of a signed status list.

    Args:
        key: name of the key that signs.
        bits: that it publishes; None: those of that size.
    """
    signer = forge.key(key)
    address = address_of("http://localhost:8000", slug_of(did) or slug("nobody"), name)
    held = statuses_at(forge, size).list_bits(name) if bits is None else bits
    document = build(address=address, issuer=did, bits=held, made=made)
    raw = canonical_json(sign(document, signer=signer, method=f"{did}#{signer.kid}", created=made))
    return name, format_time(made), size, raw


def put_everything(path: Path) -> "Database":
    """`everything` in a new database, with the status list of the college signed at each statement."""
    database = put(everything(), path)
    forge, college = database.forge, did_of(database.forge, "college")
    awarded = next(each.recorded.event for each in forge.log if isinstance(each.recorded.event, ev.CredentialAwarded))
    with sqlite3.connect(path, isolation_level=None) as connection:
        for each in forge.log:
            if isinstance(each.recorded.event, ev.StatusCommitted):
                made, size = each.recorded.at, each.recorded.position
                row = signed_list(forge, college, awarded.list, size, key="college/fresh", made=made)
                connection.execute("INSERT INTO status_credentials VALUES (?,?,?,?)", row)
    connection.close()
    return database


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database that a forged log was put into, and what an auditor would have outside it."""

    path: Path
    forge: Forge

    def change(self, statement: str, *parameters: object) -> None:
        """Change it as somebody who owns the file can: the triggers are gone, and nothing is in the way."""
        with sqlite3.connect(self.path, isolation_level=None) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute(statement, parameters)
        connection.close()

    def rows(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """What a query gives."""
        with sqlite3.connect(self.path, isolation_level=None) as connection:
            found = connection.execute(statement, parameters).fetchall()
        connection.close()
        return found

    def loosen(self, table: str) -> None:
        """Rebuild a table without types and constraints, so that its columns take anything, and rows may repeat."""
        self.change(f"CREATE TABLE loose AS SELECT * FROM {table}")
        with sqlite3.connect(self.path, isolation_level=None) as connection:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        connection.close()
        self.change(f"DROP TABLE {table}")
        self.change(f"CREATE TABLE {table}({', '.join(columns)})")
        self.change(f"INSERT INTO {table} SELECT * FROM loose")
        self.change("DROP TABLE loose")

    @property
    def vkey(self) -> VerifierKey:
        """The log's key, as the auditor knows it."""
        return VerifierKey.of(self.forge.origin, self.forge.key("operator/checkpoint").public_key)

    def audit(
        self,
        *,
        vkey: VerifierKey | str | None = "the log's",
        kept: bytes | str | None = "whole",
        own: bytes | None = None,
        opener: PartOpener | None = open_fake_box,
        views: Callable[[], Iterable[Problem]] | None = tuple,
    ) -> AuditReport:
        """The audit with all that an auditor can have; less, where a test says so."""
        with open_audit_source(self.path) as source:
            return audit(
                source,
                vkey=self.vkey if isinstance(vkey, str) else vkey,
                kept_checkpoint=self.forge.checkpoint() if isinstance(kept, str) else kept,
                own_checkpoint=own,
                opener=opener,
                view_check=views,
                timer=lambda: 0.0,
            )

    def first(self, **given: object) -> tuple[int, str] | None:
        """Position and check of the first bad entry; None where all is sound."""
        return place_of(self.audit(**given))  # type: ignore[arg-type]


def place_of(report: AuditReport) -> tuple[int, str] | None:
    """Position and check of the first problem."""
    assert report.sound is (report.first_bad is None)
    return None if report.first_bad is None else (report.first_bad.position, report.first_bad.check.value)


def put(forge: Forge, path: Path, *, checkpoints: Iterable[int] | None = None) -> Database:
    """The log in a new database, with all that a writer puts beside it; a checkpoint per entry, or of these sizes."""
    create(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    for sealed in forge.log:
        _entry(connection, forge, sealed.recorded, sealed.type, sealed.entry)
    latest = max(sealed.recorded.at for sealed in forge.log)
    connection.execute("UPDATE log_head SET size = ?, at = ?", (len(forge.log), format_time(latest)))
    connection.executemany("INSERT INTO definitions VALUES (?,?)", forge.definitions.items())
    for size in range(1, len(forge.log) + 1) if checkpoints is None else checkpoints:
        tree = CompactRange.empty().extended(leaf_hash(sealed.entry) for sealed in forge.log[:size])
        connection.execute("INSERT INTO checkpoints VALUES (?,?,?)", (size, forge.checkpoint(size), tree.to_bytes()))
    connection.execute("COMMIT")
    connection.close()
    return Database(path=path, forge=forge)


def _entry(connection: sqlite3.Connection, forge: Forge, recorded: ev.Recorded, wire: str, raw: bytes) -> None:
    stream, position = recorded.stream, recorded.position
    place = next(name for name, positions in forge.streams.items() if position in positions)
    row = (position, place.hex, recorded.seq, wire, raw)
    connection.execute("INSERT INTO stored_events VALUES (?,?,?,?,?)", row)
    for part, opening in forge.openings[position].items():
        box = fake_box(opening, stream, recorded.seq, part)
        connection.execute("INSERT INTO private_parts VALUES (?,?,?,?)", (position, part.value, KEY_ID, box))
    event = recorded.event
    if isinstance(event, ev.IssuerRegistered):
        connection.execute("INSERT OR IGNORE INTO names VALUES (?,?,?)", ("issuer", slug_of(recorded.by), stream.hex))
    if isinstance(event, ev.AchievementDefined | ev.PathwayDefined):
        slug = _slug_of_definition(forge, event)
        scope = f"achievement/{forge.issuers[recorded.by].hex}"
        connection.execute("INSERT OR IGNORE INTO names VALUES (?,?,?)", (scope, slug, stream.hex))
    if isinstance(event, ev.CredentialAwarded | ev.CredentialAmended):
        issuer = forge.issuers.get(recorded.by, StreamId(forge.operator_stream))
        _slot(connection, recorded, event, issuer)
    if isinstance(event, ev.CredentialStacked):
        connection.execute("INSERT INTO stacks VALUES (?,?)", (position.to_bytes(8), stream.hex))
    if isinstance(event, ev.CredentialAwarded):
        connection.execute("INSERT INTO short_codes VALUES (?,?)", (position.to_bytes(8), stream.hex))


def _slug_of_definition(forge: Forge, event: ev.AchievementDefined | ev.PathwayDefined) -> str:
    return read_definition(canonical.decode(forge.definitions[event.digest])).slug


def _slot(
    connection: sqlite3.Connection,
    recorded: ev.Recorded,
    event: ev.CredentialAwarded | ev.CredentialAmended,
    issuer: StreamId,
) -> None:
    row = (event.list, event.slot, recorded.stream.hex, recorded.seq)
    connection.execute("INSERT OR IGNORE INTO status_slots VALUES (?,?,?,?)", row)
    connection.execute(
        "INSERT INTO status_lists VALUES (?,?,1) ON CONFLICT(list) DO UPDATE SET used = used + 1",
        (event.list, issuer.hex),
    )


def did_of(forge: Forge, name: str) -> Did:
    """The DID of the issuer with this slug."""
    return next(did for did in forge.issuers if did.endswith(f":{name}"))
