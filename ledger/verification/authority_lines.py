"""Who may sign and who is recognised, as lines of canonical JSON under one root: made from issuers, and proved.

docs/spec/status.md says what is hashed: one line for each key and for each recognition that counts, sorted by bytes.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from ledger import canonical
from ledger.canonical import Json
from ledger.domain.events import (
    IssuerEvent,
    IssuerKeyCompromised,
    IssuerProfileChanged,
    Recorded,
    StatusCommitted,
)
from ledger.domain.issuer import Issuer, KeyRecord, Recognition, evolve, permit
from ledger.domain.status import disowned_since
from ledger.domain.types import Did, Kid, Position, Slug, StreamId
from ledger.domain.values import Role, slug
from ledger.errors import LedgerError
from ledger.record import fields as read
from ledger.tlog.changing_tree import ChangingTree
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.proofs import InclusionNotProved, check_inclusion
from ledger.verification.status_lists import StatusNotProved

_KEY = frozenset(("by", "kid", "role", "added"))
_RECOGNITION = frozenset(("by", "issuer", "scheme", "since"))


class MalformedLine(LedgerError):
    """The bytes are no line of an authority tree, or not in its one spelling."""


class LineUnknown(LedgerError):
    """The authority tree has no such line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One key of an issuer, as far as was known at the statement."""

    by: Did  # the issuer
    kid: Kid
    role: Role
    added: Position
    retired: Position | None
    disowned_from: Position | None  # what it signed from there on is disowned

    def to_bytes(self) -> bytes:
        """Its one spelling."""
        line: dict[str, Json] = {"by": self.by, "kid": self.kid, "role": self.role.value, "added": self.added}
        if self.retired is not None:
            line["retired"] = self.retired
        if self.disowned_from is not None:
            line["from"] = self.disowned_from
        return canonical.encode_unchecked(line)

    def in_force(self, role: Role, position: Position) -> bool:
        """Whether the key could sign in that role at a position, and what it signed there counts."""
        return (
            self.role is role
            and self.added < position
            and (self.retired is None or self.retired >= position)
            and (self.disowned_from is None or self.disowned_from > position)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionLine:
    """That a body recognised an issuer, as far as was known at the statement."""

    by: Did  # the body
    issuer: Did
    scheme: Slug
    since: date
    until: date | None  # the last day

    def to_bytes(self) -> bytes:
        """Its one spelling."""
        line: dict[str, Json] = {
            "by": self.by,
            "issuer": self.issuer,
            "scheme": self.scheme,
            "since": self.since.isoformat(),
        }
        if self.until is not None:
            line["until"] = self.until.isoformat()
        return canonical.encode_unchecked(line)

    def holds(self, day: date) -> bool:
        """Whether the body recognised the issuer on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


def read_line(raw: bytes) -> KeyLine | RecognitionLine:
    """What a line says.

    Raises:
        MalformedLine: it is not canonical, or has other fields or values.
    """
    try:
        fields = canonical.decode(raw)
        if type(fields) is dict and fields.keys() - {"until"} == _RECOGNITION:
            return _recognition_of(fields)
        if type(fields) is dict and fields.keys() - {"retired", "from"} == _KEY:
            return _key_of(fields)
    except LedgerError as error:
        raise MalformedLine(f"the line cannot be read: {error}") from error
    raise MalformedLine("the line has neither the fields of a key nor those of a recognition")


def _key_of(fields: read.Data) -> KeyLine:
    role = read.text(fields, "role")
    if role not in tuple(Role):
        raise MalformedLine("role is neither root nor signing")
    return KeyLine(
        by=read.did(fields, "by"),
        kid=read.kid(fields, "kid"),
        role=Role(role),
        added=Position(read.whole(fields, "added", 1)),
        retired=Position(read.whole(fields, "retired", 1)) if "retired" in fields else None,
        disowned_from=Position(read.whole(fields, "from", 1)) if "from" in fields else None,
    )


def _recognition_of(fields: read.Data) -> RecognitionLine:
    return RecognitionLine(
        by=read.did(fields, "by"),
        issuer=read.did(fields, "issuer"),
        scheme=slug(read.text(fields, "scheme")),
        since=read.day(fields, "since"),
        until=read.day(fields, "until") if "until" in fields else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityProof:
    """That a line lay under the authority root of a statement.

    The statement does not say how many lines there were. It need not: whatever size is claimed, the hashes of leaves
    and of inner nodes cannot be mistaken for each other, so that a path from a line to the root shows the line there.
    """

    line: bytes
    number: int  # from 0, in the order of bytes
    size: int  # number of lines
    path: tuple[Hash, ...]


def check_authority_line(proof: AuthorityProof, statement: StatusCommitted) -> KeyLine | RecognitionLine:
    """What the line says that the proof finds under the statement's authority root.

    Raises:
        StatusNotProved: the proof does not lead to that root, or what it leads to is no line.
    """
    try:
        check_inclusion(leaf_hash(proof.line), proof.number, proof.size, Hash(statement.authority), proof.path)
        return read_line(proof.line)
    except (InclusionNotProved, MalformedLine) as error:
        raise StatusNotProved(f"the line does not lie under the authority root of the statement: {error}") from error


def key_line(issuer: Issuer, key: KeyRecord) -> KeyLine:
    """The line of one key of an issuer."""
    return KeyLine(
        by=issuer.did,
        kid=key.kid,
        role=key.role,
        added=key.added,
        retired=key.retired,
        disowned_from=disowned_since(issuer, key.kid),
    )


def recognition_line(issuer: Issuer, recognition: Recognition) -> RecognitionLine:
    """The line of one recognition of an issuer."""
    return RecognitionLine(
        by=recognition.by,
        issuer=issuer.did,
        scheme=recognition.scheme,
        since=recognition.since,
        until=recognition.until,
    )


class AuthorityLines:
    """Issuers folded in the order of positions, and the tree over their lines."""

    def __init__(self) -> None:
        """No issuer yet."""
        self.issuers: dict[Did, Issuer] = {}
        self._did_of: dict[StreamId, Did] = {}
        self._stale: set[Did] = set()  # issuers whose lines are not up to date
        self._lines_of: dict[Did, set[bytes]] = {}
        self._lines: list[bytes] = []  # all of them, sorted
        self._tree = ChangingTree()

    def restore(self, issuers: Mapping[Did, Issuer]) -> None:
        """The issuers of a tree that was folded before; instead of taking what brought them about."""
        self.issuers = dict(issuers)
        self._did_of = {issuer.stream: did for did, issuer in issuers.items()}
        self._stale = set(issuers)

    def take(self, recorded: Recorded) -> Mapping[Kid, Position]:
        """The next entry. What the rules do not permit does not count.

        Returns:
            The keys of which more is disowned from now on, and from which position.
        """
        event = recorded.event
        if not isinstance(event, IssuerEvent) or isinstance(event, IssuerProfileChanged):
            return {}
        did = self._did_of.get(recorded.stream)
        before = None if did is None else self.issuers[did]
        if before is None and recorded.by in self.issuers:
            return {}  # registered in another stream
        try:
            permit(before, event, by=recorded.by, at=recorded.position)
        except LedgerError:
            return {}
        after = evolve(before, recorded)
        self.issuers[after.did] = after
        self._did_of[recorded.stream] = after.did
        self._stale.add(after.did)
        if before is None:
            return {}
        if isinstance(event, IssuerKeyCompromised):  # what it stated as a recognising body may no longer count
            self._stale.update(did for did, issuer in self.issuers.items() if issuer.recognitions)
        found = {kid: since for kid in after.keys if (since := disowned_since(after, kid)) is not None}
        return {kid: since for kid, since in found.items() if since != disowned_since(before, kid)}

    def disowns(self, by: Did, kid: Kid, position: Position) -> bool:
        """Whether what an issuer's key signed at a position is disowned, by all that is known."""
        issuer = self.issuers.get(by)
        return issuer is not None and issuer.disowns(kid, position)

    def root(self) -> Hash:
        """Over all lines."""
        self._settle()
        return self._tree.root()

    def lines(self) -> tuple[bytes, ...]:
        """All lines, as the root is made over them."""
        self._settle()
        return tuple(self._lines)

    def key_proof(self, by: Did, kid: Kid) -> AuthorityProof:
        """The line of a key.

        Raises:
            LineUnknown: the issuer has no such key.
        """
        issuer = self.issuers.get(by)
        if issuer is None or kid not in issuer.keys:
            raise LineUnknown(f"{by} has no key {kid}")
        return self._proof(key_line(issuer, issuer.keys[kid]).to_bytes())

    def recognition_proofs(self, issuer: Did) -> tuple[AuthorityProof, ...]:
        """The lines of all recognitions of an issuer that count; none where it has none."""
        known = self.issuers.get(issuer)
        return () if known is None else tuple(self._proof(line) for line in sorted(set(self._recognitions(known))))

    def _proof(self, line: bytes) -> AuthorityProof:
        self._settle()
        number = bisect_left(self._lines, line)
        return AuthorityProof(line=line, number=number, size=len(self._lines), path=self._tree.path(number))

    def _recognitions(self, issuer: Issuer) -> Iterator[bytes]:
        for recognition in issuer.recognitions:
            # What a thief stated for the body does not count; what a thief ended has ended.
            if not self.disowns(recognition.by, recognition.kid, recognition.position):
                yield recognition_line(issuer, recognition).to_bytes()

    def _settle(self) -> None:
        """Bring lines and tree up to date, from the first line on that is another one."""
        first = len(self._lines)
        for did in self._stale:
            issuer = self.issuers[did]
            lines = {key_line(issuer, key).to_bytes() for key in issuer.keys.values()} | set(self._recognitions(issuer))
            before = self._lines_of.get(did, set())
            self._lines_of[did] = lines
            for line in before - lines:  # a line names its issuer, so that no other issuer has it too
                at = bisect_left(self._lines, line)
                del self._lines[at]
                first = min(first, at)
            for line in lines - before:
                at = bisect_left(self._lines, line)
                self._lines.insert(at, line)
                first = min(first, at)
        if self._stale:
            self._tree.replace_from(first, (leaf_hash(line) for line in self._lines[first:]))
        self._stale.clear()
