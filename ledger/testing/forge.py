"""A tiny log in memory, forged event by event: honest by default, and wrong in any way that a test asks for.

    forge = Forge()                                       # log.started stands at position 1
    body = forge.register("board")                        # keys "board/root" and "board/signing"
    did = forge.register("college")
    forge.recognise(did, body)
    stream = forge.issue(did, forge.award(forge.define(did)))
    forge.revoke(stream)
    forge.suspend(stream, how=How(key="thief"))           # anything may be recorded, in any order, by anybody
    authority, evidence = forge.authority(), forge.evidence(stream)

Every key has a name, and the name makes the key: `forge.key("college/signing")`. Positions are given in the order of
the calls; `forge.log[position - 1]` is the entry with what was recorded. Each entry is one second younger than the one
before; set `forge.at` to move on. Nothing is random: the same calls make the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import cast
from uuid import UUID

from ledger import canonical
from ledger.domain import events as ev
from ledger.domain.award import AchievementRef, Act, ActInternal, Award, AwardInternal, Component
from ledger.domain.codes import link_digest, new_link_code, stream_of
from ledger.domain.definition import AchievementDefinition, Profile, read_definition, read_profile, to_json
from ledger.domain.types import Did, Digest, LearnerId, LinkCode, ListId, Position, Slot, StreamId
from ledger.domain.values import Custody, Mode, Part, Reason, Role, issuer_did, slug
from ledger.record.private_parts import Facts, write_facts, write_internal
from ledger.signing.signer import possession_message
from ledger.testing.forged_log import BEGIN, HONEST, OPERATOR, ORIGIN, ForgedLog, How, Liar

__all__ = ["AN_ACT", "BEGIN", "DAY", "HONEST", "OPERATOR", "ORIGIN", "RECOVERY", "Forge", "How", "Liar"]

DAY = date(2026, 11, 21)  # of BEGIN; awards are dated and acts take effect on this day
AN_ACT = Act(reason=Reason.OTHER, mode=None, effective=DAY, text=None)


class Forge(ForgedLog):
    """The log so far, and a method for each type of event. Each method returns the position or the new stream."""

    # ---- issuers

    def register(self, name: str, *, custody: Custody = Custody.OPERATOR, how: How = HONEST) -> Did:
        """An issuer with that slug, with the root key `<slug>/root` and the signing key `<slug>/signing`."""
        did = issuer_did(OPERATOR, slug(name))
        stream = self.new_stream()
        self.issuers[did] = stream
        registered = ev.IssuerRegistered(root=self.kid(f"{name}/root"), custody=custody, profile=self.profile(name))
        self.append(registered, stream=stream, by=did, key=f"{name}/root", how=how)
        self.add_key(did, f"{name}/signing")
        return did

    def profile(self, name: str, /, **changed: str | None) -> Digest:
        """The digest of a profile that is now among the definitions."""
        plain: dict[str, canonical.Json] = {"name": f"{name.title()} Institute", "language": "en"}
        plain |= {"url": f"https://{name}.example", "email": f"office@{name}.example", "description": None}
        return self._store(read_profile({**plain, **changed}))

    def change_profile(self, did: Did, *, version: int = 2, how: How = HONEST, **changed: str) -> Position:
        """The issuer describes itself anew."""
        event = ev.IssuerProfileChanged(digest=self.profile(_slug(did), **changed), version=version)
        return self._of_issuer(did, event, "signing", how)

    def add_key(
        self, did: Did, name: str, role: Role = Role.SIGNING, how: How = HONEST, *, prover: str | None = None
    ) -> Position:
        """The key of that name may sign; `prover` names the key that proves possession, if not itself."""
        message = possession_message(self.origin, str(self.issuers[did]), self.kid(name), role)
        proof = self.key(prover or name).sign(message)
        recovery = how.by == OPERATOR
        added = ev.IssuerKeyAdded(key=self.kid(name), role=role, proof=proof, recovery=recovery)
        return self._of_issuer(did, added, "root", how)

    def retire_key(self, did: Did, name: str, how: How = HONEST) -> Position:
        """The key of that name signs nothing from here on."""
        event = ev.IssuerKeyRetired(key=self.kid(name), recovery=how.by == OPERATOR)
        return self._of_issuer(did, event, "root", how)

    def compromise(self, did: Did, name: str, from_position: int, how: How = HONEST) -> Position:
        """The key of that name was in other hands from a position on. `RECOVERY` makes the operator say so."""
        event = ev.IssuerKeyCompromised(
            key=self.kid(name), from_position=Position(from_position), recovery=how.by == OPERATOR
        )
        return self._of_issuer(did, event, "root", how)

    def recognise(
        self, did: Did, body: Did, *, since: date = DAY, until: date | None = None, how: How = HONEST
    ) -> Position:
        """`body` recognises the issuer under the scheme `quality`."""
        event = ev.IssuerRecognised(issuer=did, scheme=slug("quality"), since=since, until=until)
        return self.append(event, stream=self.issuers[did], by=body, key=f"{_slug(body)}/signing", how=how)

    def end_recognition(self, did: Did, body: Did, *, until: date = DAY, how: How = HONEST) -> Position:
        """`body` no longer recognises the issuer after that day."""
        event = ev.IssuerRecognitionEnded(issuer=did, scheme=slug("quality"), until=until)
        return self.append(event, stream=self.issuers[did], by=body, key=f"{_slug(body)}/signing", how=how)

    # ---- achievements and awards

    def definition(self, title: str = "Welding Basics") -> Digest:
        """The digest of a definition that is now among the definitions."""
        plain: dict[str, canonical.Json] = {"slug": "welding", "name": title, "description": "What welders do."}
        plain["competencies"] = [{"statement": "Can weld a corner joint"}]
        plain["assessments"] = [{"type": "examination"}]
        return self._store(read_definition(plain))

    def define(self, did: Did, title: str = "Welding Basics", how: How = HONEST) -> AchievementRef:
        """Version 1 of an achievement, in a stream of its own."""
        stream, digest = self.new_stream(), self.definition(title)
        defined = ev.AchievementDefined(digest=digest, version=1)
        self.append(defined, stream=stream, by=did, key=f"{_slug(did)}/signing", how=how)
        return AchievementRef(stream=stream, version=1, digest=digest)

    def revise(self, did: Did, last: AchievementRef, title: str, how: How = HONEST) -> AchievementRef:
        """The next version of an achievement."""
        ref = AchievementRef(stream=last.stream, version=last.version + 1, digest=self.definition(title))
        event = ev.AchievementRevised(digest=ref.digest, version=ref.version)
        self.append(event, stream=ref.stream, by=did, key=f"{_slug(did)}/signing", how=how)
        return ref

    def retire(self, did: Did, last: AchievementRef, how: How = HONEST) -> Position:
        """Nothing is awarded on the achievement any more."""
        event = ev.AchievementRetired(digest=last.digest, version=last.version)
        return self.append(event, stream=last.stream, by=did, key=f"{_slug(did)}/signing", how=how)

    def define_pathway(
        self,
        did: Did,
        parts: Sequence[str] = ("welding",),
        *,
        name: str = "welder",
        least: int | None = None,
        how: How = HONEST,
    ) -> AchievementRef:
        """Version 1 of a pathway of these achievements: all of them, or at least so many."""
        plain: dict[str, canonical.Json] = {"slug": name, "name": "Certified Welder", "description": "Welds anything."}
        plain["competencies"] = [{"statement": "Can work in a welding shop"}]
        plain["rule"] = {"all_of": list(parts)} if least is None else {"n_of": {"n": least, "of": list(parts)}}
        stream, digest = self.new_stream(), self._store(read_definition(plain))
        defined = ev.PathwayDefined(digest=digest, version=1)
        self.append(defined, stream=stream, by=did, key=f"{_slug(did)}/signing", how=how)
        return AchievementRef(stream=stream, version=1, digest=digest)

    def pin(self, stream: StreamId, seq: int | None = None) -> Component:
        """The pin of an award as it stands now, or as it stood after its entry `seq`."""
        last = self.log[self.streams[stream][-1 if seq is None else seq] - 1]
        digest = Digest(sha256(last.entry).digest())
        return Component(origin=self.origin, stream=stream, seq=last.recorded.seq, entry=digest)

    def stack(self, did: Did, ref: AchievementRef, components: Sequence[Component], how: How = HONEST) -> StreamId:
        """The award of a pathway, built from these awards: `forge.pin(stream)`."""
        award = replace(self.award(ref), components=tuple(components))
        code = new_link_code(self._milliseconds(), self._drawn(16))
        event = ev.CredentialStacked(link=link_digest(code), list=ListId(bytes(16)), slot=Slot(len(self.log)))
        return self._begin_award(did, code, event, award, how)

    def award(self, ref: AchievementRef, name: str = "Ada Example") -> Award:
        """Facts of an award, without an end; `dataclasses.replace` makes others of it."""
        return Award(
            achievement=ref,
            name=name,
            language="en",
            awarded_on=DAY,
            valid_from=None,
            valid_until=None,
            result="Pass",
            score=None,
            route=None,
            assessor="R. Marker",
            evidence=None,
        )

    def issue(self, did: Did, award: Award, how: How = HONEST) -> StreamId:
        """An award in a stream of its own; its link code is `forge.codes[stream]`."""
        code = new_link_code(self._milliseconds(), self._drawn(16))
        event = ev.CredentialIssued(link=link_digest(code), list=ListId(bytes(16)), slot=Slot(len(self.log)))
        return self._begin_award(did, code, event, award, how)

    def amend(self, stream: StreamId, award: Award, act: Act = AN_ACT, how: How = HONEST) -> Position:
        """A new version of the award."""
        event = ev.CredentialAmended(list=ListId(bytes(16)), slot=Slot(len(self.log)))
        return self._of_award(stream, event, self._award_parts(stream, Facts(award=award, act=act)), how)

    def suspend(self, stream: StreamId, how: How = HONEST, *, act: Act = AN_ACT) -> Position:
        """The award is on hold."""
        return self._of_award(stream, ev.CredentialSuspended(), _act_parts(act), how)

    def reinstate(self, stream: StreamId, how: How = HONEST) -> Position:
        """The award is in force again."""
        return self._of_award(stream, ev.CredentialReinstated(), _act_parts(replace(AN_ACT, reason=None)), how)

    def revoke(self, stream: StreamId, how: How = HONEST, *, act: Act | None = None) -> Position:
        """The award is withdrawn, prospectively unless `act` says otherwise."""
        contents = _act_parts(act or replace(AN_ACT, mode=Mode.PROSPECTIVE))
        return self._of_award(stream, ev.CredentialRevoked(), contents, how)

    # ---- inside

    def _begin_award(self, did: Did, code: LinkCode, event: ev.CredentialAwarded, award: Award, how: How) -> StreamId:
        stream = stream_of(code)
        self.codes[stream] = code
        contents = self._award_parts(stream, Facts(award=award, act=None))
        self.append(event, stream=stream, by=did, key=f"{_slug(did)}/signing", parts=contents, how=how)
        return stream

    def _of_issuer(self, did: Did, event: ev.IssuerEvent, role: str, how: How) -> Position:
        return self.append(event, stream=self.issuers[did], by=did, key=f"{_slug(did)}/{role}", how=how)

    def _of_award(self, stream: StreamId, event: ev.CredentialEvent, parts: Mapping[Part, bytes], how: How) -> Position:
        owner = self.log[self.streams[stream][0] - 1].recorded.by
        return self.append(event, stream=stream, by=owner, key=f"{_slug(owner)}/signing", parts=parts, how=how)

    def _award_parts(self, stream: StreamId, facts: Facts) -> dict[Part, bytes]:
        internal = AwardInternal(
            actor="registrar",
            learner=LearnerId(UUID(int=7)),
            student_number="A-1001",
            email="ada@example.org",
            code=self.codes[stream],
            short_code="0000000000000",
            notes=None,
        )
        return {Part.DOCUMENT: b"", Part.FACTS: write_facts(facts), Part.INTERNAL: write_internal(internal)}

    def _store(self, thing: AchievementDefinition | Profile) -> Digest:
        return self.keep(canonical.encode(cast("canonical.Json", to_json(thing))))


RECOVERY = How(by=OPERATOR, key="operator")  # the operator states it in the issuer's stead


def _act_parts(act: Act) -> dict[Part, bytes]:
    internal = ActInternal(actor="registrar", notes=None)
    return {Part.FACTS: write_facts(Facts(award=None, act=act)), Part.INTERNAL: write_internal(internal)}


def _slug(did: Did) -> str:
    return did.rsplit(":", 1)[-1]
