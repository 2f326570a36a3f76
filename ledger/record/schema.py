"""The closed schema of every type: how an event is spelled in `data`, and which parts its entry commits to.

Wire names are explicit strings with a version and are never removed. A type that is not in `SCHEMAS` is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ledger.canonical import MAX_INTEGER
from ledger.domain import events as ev
from ledger.domain.types import ListId, Origin, Position, Slot
from ledger.domain.values import STATUS_LIST_SLOTS, Custody, Part, Role, slug
from ledger.errors import LedgerError
from ledger.record.encoding import from_text, to_text
from ledger.record.fields import Data, MalformedData, day, did, digest, flag, iso, kid, optional_day, text, whole

E = TypeVar("E", bound=ev.Event)
W = TypeVar(
    "W",
    ev.IssuerProfileChanged,
    ev.AchievementDefined,
    ev.AchievementRevised,
    ev.AchievementRetired,
    ev.PathwayDefined,
    ev.PathwayRevised,
    ev.PathwayRetired,
)
_LONGEST_ORIGIN = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One wire type."""

    wire: str
    event: type[object]
    fields: frozenset[str]
    parts: tuple[Part, ...]
    named: frozenset[str]  # the parts, as the keys of `commit`
    read: Callable[[Data], ev.Event]
    write: Callable[[ev.Event], Data]


def _custody(data: Data) -> Custody:
    value = text(data, "custody")
    if value not in tuple(Custody):
        raise MalformedData("custody is neither issuer nor operator")
    return Custody(value)


def _role(data: Data) -> Role:
    value = text(data, "role")
    if value not in tuple(Role):
        raise MalformedData("role is neither root nor signing")
    return Role(value)


def _origin(data: Data) -> Origin:
    value = text(data, "origin")
    if not 1 <= len(value) <= _LONGEST_ORIGIN or not all("!" <= c <= "~" and c != "+" for c in value):
        raise MalformedData("origin is not a log's name: visible ASCII without plus signs")
    return Origin(value)


def _list_id(data: Data) -> ListId:
    return ListId(from_text(text(data, "list"), 16))


def _slot(data: Data) -> Slot:
    return Slot(whole(data, "slot", 0, STATUS_LIST_SLOTS - 1))


def _schema(
    wire: str,
    event: type[E],
    fields: str,
    read: Callable[[Data], E],
    write: Callable[[E], Data],
) -> Schema:
    def checked(given: ev.Event) -> Data:
        if not isinstance(given, event):
            raise MalformedData(f"a {type(given).__name__} is not written as {wire}")
        return write(given)

    names = frozenset(fields.split())
    parts = ev.PARTS.get(event, ())
    return Schema(wire=wire, event=event, fields=names, parts=parts, named=frozenset(parts), read=read, write=checked)


def _wording(wire: str, event: type[W], low: int, high: int = MAX_INTEGER) -> Schema:
    """A type that names a version of a wording by its digest, the version from `low` to `high`."""
    return _schema(
        wire,
        event,
        "digest version",
        lambda d: event(digest=digest(d, "digest"), version=whole(d, "version", low, high)),
        lambda e: {"digest": to_text(e.digest), "version": e.version},
    )


_ALL = (
    _schema(
        "log.started/1",
        ev.LogStarted,
        "origin event_key checkpoint_key",
        lambda d: ev.LogStarted(
            origin=_origin(d), event_key=kid(d, "event_key"), checkpoint_key=kid(d, "checkpoint_key")
        ),
        lambda e: {"origin": e.origin, "event_key": e.event_key, "checkpoint_key": e.checkpoint_key},
    ),
    _schema(
        "log.key_added/1",
        ev.LogKeyAdded,
        "key proof",
        lambda d: ev.LogKeyAdded(key=kid(d, "key"), proof=from_text(text(d, "proof"), 64)),
        lambda e: {"key": e.key, "proof": to_text(e.proof)},
    ),
    _schema(
        "log.key_retired/1",
        ev.LogKeyRetired,
        "key",
        lambda d: ev.LogKeyRetired(key=kid(d, "key")),
        lambda e: {"key": e.key},
    ),
    _schema(
        "status.committed/1",
        ev.StatusCommitted,
        "size lists status authority",
        lambda d: ev.StatusCommitted(
            size=whole(d, "size", 1),
            lists=whole(d, "lists", 0),
            status=digest(d, "status"),
            authority=digest(d, "authority"),
        ),
        lambda e: {
            "size": e.size,
            "lists": e.lists,
            "status": to_text(e.status),
            "authority": to_text(e.authority),
        },
    ),
    _schema(
        "issuer.registered/1",
        ev.IssuerRegistered,
        "root custody profile",
        lambda d: ev.IssuerRegistered(root=kid(d, "root"), custody=_custody(d), profile=digest(d, "profile")),
        lambda e: {"root": e.root, "custody": e.custody.value, "profile": to_text(e.profile)},
    ),
    _schema(
        "issuer.key_added/1",
        ev.IssuerKeyAdded,
        "key role proof recovery",
        lambda d: ev.IssuerKeyAdded(
            key=kid(d, "key"),
            role=_role(d),
            proof=from_text(text(d, "proof"), 64),
            recovery=flag(d, "recovery"),
        ),
        lambda e: {"key": e.key, "role": e.role.value, "proof": to_text(e.proof), "recovery": e.recovery},
    ),
    _schema(
        "issuer.key_retired/1",
        ev.IssuerKeyRetired,
        "key recovery",
        lambda d: ev.IssuerKeyRetired(key=kid(d, "key"), recovery=flag(d, "recovery")),
        lambda e: {"key": e.key, "recovery": e.recovery},
    ),
    _schema(
        "issuer.key_compromised/1",
        ev.IssuerKeyCompromised,
        "key from recovery",
        lambda d: ev.IssuerKeyCompromised(
            key=kid(d, "key"), from_position=Position(whole(d, "from", 1)), recovery=flag(d, "recovery")
        ),
        lambda e: {"key": e.key, "from": e.from_position, "recovery": e.recovery},
    ),
    _schema(
        "issuer.recognised/1",
        ev.IssuerRecognised,
        "issuer scheme since until",
        lambda d: ev.IssuerRecognised(
            issuer=did(d, "issuer"),
            scheme=slug(text(d, "scheme")),
            since=day(d, "since"),
            until=optional_day(d, "until"),
        ),
        lambda e: {"issuer": e.issuer, "scheme": e.scheme, "since": e.since.isoformat(), "until": iso(e.until)},
    ),
    _schema(
        "issuer.recognition_ended/1",
        ev.IssuerRecognitionEnded,
        "issuer scheme until",
        lambda d: ev.IssuerRecognitionEnded(
            issuer=did(d, "issuer"), scheme=slug(text(d, "scheme")), until=day(d, "until")
        ),
        lambda e: {"issuer": e.issuer, "scheme": e.scheme, "until": e.until.isoformat()},
    ),
    _wording("issuer.profile_changed/1", ev.IssuerProfileChanged, 2),
    _wording("achievement.defined/1", ev.AchievementDefined, 1, 1),
    _wording("achievement.revised/1", ev.AchievementRevised, 2),
    _wording("achievement.retired/1", ev.AchievementRetired, 1),
    _wording("pathway.defined/1", ev.PathwayDefined, 1, 1),
    _wording("pathway.revised/1", ev.PathwayRevised, 2),
    _wording("pathway.retired/1", ev.PathwayRetired, 1),
    _schema(
        "credential.issued/1",
        ev.CredentialIssued,
        "link list slot",
        lambda d: ev.CredentialIssued(link=digest(d, "link"), list=_list_id(d), slot=_slot(d)),
        lambda e: {"link": to_text(e.link), "list": to_text(e.list), "slot": e.slot},
    ),
    _schema(
        "credential.stacked/1",
        ev.CredentialStacked,
        "link list slot",
        lambda d: ev.CredentialStacked(link=digest(d, "link"), list=_list_id(d), slot=_slot(d)),
        lambda e: {"link": to_text(e.link), "list": to_text(e.list), "slot": e.slot},
    ),
    _schema(
        "credential.amended/1",
        ev.CredentialAmended,
        "list slot",
        lambda d: ev.CredentialAmended(list=_list_id(d), slot=_slot(d)),
        lambda e: {"list": to_text(e.list), "slot": e.slot},
    ),
    _schema(
        "credential.suspended/1",
        ev.CredentialSuspended,
        "",
        lambda _: ev.CredentialSuspended(),
        lambda _: {},
    ),
    _schema(
        "credential.reinstated/1",
        ev.CredentialReinstated,
        "",
        lambda _: ev.CredentialReinstated(),
        lambda _: {},
    ),
    _schema(
        "credential.revoked/1",
        ev.CredentialRevoked,
        "",
        lambda _: ev.CredentialRevoked(),
        lambda _: {},
    ),
)

SCHEMAS: Mapping[str, Schema] = {schema.wire: schema for schema in _ALL}
SCHEMA_OF: Mapping[type[object], Schema] = {schema.event: schema for schema in _ALL}


def read_data(schema: Schema, data: Data) -> ev.Event:
    """The event that `data` spells.

    Raises:
        MalformedData: a field is missing, unknown, of another type or out of bounds.
    """
    if data.keys() != schema.fields:
        raise MalformedData(f"{schema.wire} has the fields {' '.join(sorted(schema.fields)) or 'none'}, no others")
    try:
        return schema.read(data)
    except LedgerError as error:
        raise MalformedData(str(error)) from error
