"""The JSON of the private parts `facts` and `internal`, each a closed schema with its version `v`.

`document` is the signed credential, byte for byte; it is the empty string until documents are made.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from ledger import canonical
from ledger.canonical import Json
from ledger.domain.award import AchievementRef, Act, ActInternal, Award, AwardInternal, Component
from ledger.domain.codes import format_link_code, parse_link_code
from ledger.domain.types import LearnerId, LinkCode, Origin, Seq, StreamId
from ledger.domain.values import BadValue, Mode, Reason, Route, parse_date
from ledger.errors import LedgerError
from ledger.record.encoding import to_text
from ledger.record.fields import Data, digest, iso, optional_day, text, whole

VERSION = 1
_AWARD = frozenset(
    "achievement name language awarded_on valid_from valid_until "  # noqa: SIM905
    "result score route assessor evidence components".split()
)
_FACTS = (frozenset(("v", "award")), frozenset(("v", "act")), frozenset(("v", "award", "act")))
_REFERENCE = frozenset(("stream", "version", "digest"))
_COMPONENT = frozenset(("origin", "stream", "seq", "entry"))
_ACT = frozenset(("reason", "mode", "effective", "text"))
_is_uuid = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_AWARD_INTERNAL = frozenset(("v", "actor", "learner", "student_number", "email", "code", "short_code", "notes"))


class MalformedPart(LedgerError):
    """A private part is not of its closed schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The part `facts`: an award when issued, an act when changed, both when amended."""

    award: Award | None
    act: Act | None


def write_facts(facts: Facts) -> bytes:
    """The canonical JSON of `facts`."""
    value: dict[str, Json] = {"v": VERSION}
    if facts.award is not None:
        value["award"] = _write_award(facts.award)
    if facts.act is not None:
        act = facts.act
        value["act"] = {
            "reason": None if act.reason is None else act.reason.value,
            "mode": None if act.mode is None else act.mode.value,
            "effective": act.effective.isoformat(),
            "text": act.text,
        }
    return canonical.encode_unchecked(value)


def read_facts(raw: bytes) -> Facts:
    """What `raw` spells.

    Raises:
        MalformedPart: not canonical, or not of the schema.
    """
    fields = _object(raw)
    if fields.keys() not in _FACTS:
        raise MalformedPart("facts hold an award, an act or both, and nothing else")
    try:
        award = _read_award(_member(fields, "award", _AWARD)) if "award" in fields else None
        act = _read_act(_member(fields, "act", _ACT)) if "act" in fields else None
    except MalformedPart:
        raise
    except (LedgerError, ValueError) as error:
        raise MalformedPart(f"facts: {error}") from error
    return Facts(award=award, act=act)


def write_internal(internal: AwardInternal | ActInternal) -> bytes:
    """The canonical JSON of `internal`."""
    if isinstance(internal, ActInternal):
        return canonical.encode_unchecked({"v": VERSION, "actor": internal.actor, "notes": internal.notes})
    return canonical.encode_unchecked(
        {
            "v": VERSION,
            "actor": internal.actor,
            "learner": str(internal.learner),
            "student_number": internal.student_number,
            "email": internal.email,
            "code": format_link_code(internal.code),
            "short_code": internal.short_code,
            "notes": internal.notes,
        }
    )


def read_internal(raw: bytes) -> AwardInternal | ActInternal:
    """What `raw` spells.

    Raises:
        MalformedPart: not canonical, or not of the schema.
    """
    fields = _object(raw)
    try:
        if fields.keys() == {"v", "actor", "notes"}:
            return ActInternal(actor=text(fields, "actor"), notes=_optional(fields, "notes"))
        if fields.keys() != _AWARD_INTERNAL:
            raise MalformedPart("internal has other fields than its schema")
        return AwardInternal(
            actor=text(fields, "actor"),
            learner=LearnerId(_uuid(fields, "learner")),
            student_number=text(fields, "student_number"),
            email=_optional(fields, "email"),
            code=_code(fields),
            short_code=text(fields, "short_code"),
            notes=_optional(fields, "notes"),
        )
    except MalformedPart:
        raise
    except LedgerError as error:
        raise MalformedPart(f"internal: {error}") from error


def _object(raw: bytes) -> Data:
    try:
        fields = canonical.decode(raw)
    except canonical.NotCanonical as error:
        raise MalformedPart(f"the part is {error}") from error
    if type(fields) is not dict or fields.get("v") != VERSION or fields["v"] is True:
        raise MalformedPart(f"the part is not an object of version {VERSION}")
    return fields


def _member(fields: Data, name: str, names: frozenset[str]) -> Data:
    member = fields[name]
    if type(member) is not dict or member.keys() != names:
        raise MalformedPart(f"{name} has other fields than its schema")
    return member


def _optional(fields: Data, name: str) -> str | None:
    return None if fields[name] is None else text(fields, name)


def _code(fields: Data) -> LinkCode:
    spelled = text(fields, "code")
    code = parse_link_code(spelled)
    if format_link_code(code) != spelled:
        raise BadValue("code is not in the one spelling of a link code")
    return code


def _uuid(fields: Data, name: str) -> UUID:
    spelled = text(fields, name)
    if not _is_uuid(spelled):
        raise BadValue(f"{name} is not a UUID in its one spelling")
    return UUID(spelled)


@lru_cache(maxsize=4096)  # a pure function; most awards of a ledger name one of a few achievements
def _reference(stream: str, version: int, spelled: str) -> AchievementRef:
    fields: Data = {"stream": stream, "digest": spelled}
    return AchievementRef(stream=StreamId(_uuid(fields, "stream")), version=version, digest=digest(fields, "digest"))


def _write_award(award: Award) -> Json:
    ref = award.achievement
    components: list[Json] = [
        {"origin": part.origin, "stream": str(part.stream), "seq": part.seq, "entry": to_text(part.entry)}
        for part in award.components
    ]
    return {
        "achievement": {"stream": str(ref.stream), "version": ref.version, "digest": to_text(ref.digest)},
        "name": award.name,
        "language": award.language,
        "awarded_on": award.awarded_on.isoformat(),
        "valid_from": iso(award.valid_from),
        "valid_until": iso(award.valid_until),
        "result": award.result,
        "score": award.score,
        "route": None if award.route is None else award.route.value,
        "assessor": award.assessor,
        "evidence": award.evidence,
        "components": components,
    }


def _read_award(fields: Data) -> Award:
    ref = _member(fields, "achievement", _REFERENCE)
    listed = fields["components"]
    if type(listed) is not list:
        raise MalformedPart("components is not a list")
    route = _optional(fields, "route")
    return Award(
        achievement=_reference(text(ref, "stream"), whole(ref, "version", 1), text(ref, "digest")),
        name=text(fields, "name"),
        language=text(fields, "language"),
        awarded_on=parse_date(text(fields, "awarded_on")),
        valid_from=optional_day(fields, "valid_from"),
        valid_until=optional_day(fields, "valid_until"),
        result=_optional(fields, "result"),
        score=_optional(fields, "score"),
        route=None if route is None else Route(route),
        assessor=_optional(fields, "assessor"),
        evidence=_optional(fields, "evidence"),
        components=tuple(_read_component(each) for each in listed),
    )


def _read_component(value: Json) -> Component:
    fields = _member({"component": value}, "component", _COMPONENT)
    return Component(
        origin=Origin(text(fields, "origin")),
        stream=StreamId(_uuid(fields, "stream")),
        seq=Seq(whole(fields, "seq", 0)),
        entry=digest(fields, "entry"),
    )


def _read_act(fields: Data) -> Act:
    reason, mode = _optional(fields, "reason"), _optional(fields, "mode")
    return Act(
        reason=None if reason is None else Reason(reason),
        mode=None if mode is None else Mode(mode),
        effective=parse_date(text(fields, "effective")),
        text=_optional(fields, "text"),
    )
