"""Use cases on issuers: register, describe, add and retire and report keys, recognise."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger import canonical
from ledger.application.desk import Desk
from ledger.application.draft import Draft
from ledger.application.ports import Appended, Caller, Name, NameTaken, VersionConflict
from ledger.domain.definition import AchievementDefinition, Profile, read_profile, to_json
from ledger.domain.events import (
    IssuerEvent,
    IssuerKeyAdded,
    IssuerKeyCompromised,
    IssuerKeyRetired,
    IssuerProfileChanged,
    IssuerRecognised,
    IssuerRecognitionEnded,
    IssuerRegistered,
)
from ledger.domain.issuer import Issuer, IssuerError, KeyUnknown, evolve, permit
from ledger.domain.types import Did, Digest, Kid, Position, Seq, Slug, StreamId
from ledger.domain.values import Custody, Role, issuer_did
from ledger.signing.signer import Signer, possession_message

ISSUERS = "issuer"  # scope of issuers' short names


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAdded:
    """Which key was added, and where."""

    kid: Kid
    appended: Appended


def wording(thing: Profile | AchievementDefinition) -> tuple[Digest, bytes]:
    """The canonical JSON of a definition or profile, with its digest."""
    content = canonical.encode(canonical.parse(canonical.encode_unchecked(_json(thing))))
    return Digest(hashlib.sha256(content).digest()), content


def _json(thing: Profile | AchievementDefinition) -> canonical.Json:
    value: canonical.Json = to_json(thing)  # type: ignore[assignment]
    return value


class Issuers:
    """Commands on issuers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def register(
        self, caller: Caller, slug: Slug, profile: object, *, idempotency_key: str | None = None
    ) -> Appended:
        """Admit an issuer with a root key and a first signing key, both held here.

        Raises:
            Refused: the profile has problems.
            NameTaken: another issuer has this slug.
        """
        read = read_profile(profile)
        digest, content = wording(read)
        request = canonical.parse(content)
        idempotency = self._desk.idempotency(caller.issuer, idempotency_key, "issuer.register", [slug, request])
        did = issuer_did(self._desk.operator.did, slug)
        made: list[Signer] = []

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            with self._desk.store.snapshot() as snapshot:
                if snapshot.name(ISSUERS, slug) is not None:
                    raise NameTaken(f"an issuer with the short name “{slug}” is registered already")
            if not made:
                made.extend(self._desk.keys.create(self._desk.entropy.bytes(32)) for _ in range(2))
            root, signing = made
            stream = draft.new_stream()
            registered = IssuerRegistered(root=root.kid, custody=Custody.OPERATOR, profile=digest)
            permit(None, registered, by=did)
            first = draft.record(registered, stream=stream, by=did, signer=root, issuers_known={})
            state = evolve(None, first)
            second = self._record_key(draft, state, signing, Role.SIGNING, root, recovery=False)
            draft.definitions.append((digest, content))
            draft.names.append(Name(scope=ISSUERS, name=slug, stream=stream))
            return stream, second

        return await self._desk.commit(decide, idempotency=idempotency)

    async def change_profile(
        self,
        caller: Caller,
        stream: StreamId,
        profile: object,
        *,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Describe the issuer anew."""
        digest, content = wording(read_profile(profile))
        fields: canonical.Json = [str(stream), canonical.parse(content)]
        idempotency = self._desk.idempotency(caller.issuer, idempotency_key, "issuer.change-profile", fields)

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            issuer = draft.issuer(stream)
            check_revision(issuer.head, if_revision)
            event = IssuerProfileChanged(digest=digest, version=issuer.profile_version + 1)
            draft.definitions.append((digest, content))
            return self._record(draft, issuer, event, Role.SIGNING)

        return await self._desk.commit(decide, idempotency=idempotency)

    async def add_key(
        self,
        caller: Caller,
        stream: StreamId,
        role: Role,
        *,
        recovery: bool = False,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> KeyAdded:
        """Make a key and let it sign from the next position on."""
        fields: canonical.Json = [str(stream), role.value, recovery]
        idempotency = self._desk.idempotency(caller.issuer, idempotency_key, "issuer.key.add", fields)
        made: list[Signer] = []

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            issuer = draft.issuer(stream)
            check_revision(issuer.head, if_revision)
            if not made:
                made.append(self._desk.keys.create(self._desk.entropy.bytes(32)))
            seq = self._record_key(draft, issuer, made[0], role, self._root(draft, issuer, recovery), recovery=recovery)
            return stream, seq

        appended = await self._desk.commit(decide, idempotency=idempotency)
        return KeyAdded(kid=self._added(appended), appended=appended)

    async def retire_key(
        self,
        caller: Caller,
        stream: StreamId,
        kid: Kid,
        *,
        recovery: bool = False,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Let a key sign nothing more; what it signed stands."""
        idempotency = self._desk.idempotency(
            caller.issuer, idempotency_key, "issuer.key.retire", [str(stream), kid, recovery]
        )

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            issuer = draft.issuer(stream)
            check_revision(issuer.head, if_revision)
            return self._record_by_root(draft, issuer, IssuerKeyRetired(key=kid, recovery=recovery), recovery)

        return await self._desk.commit(decide, idempotency=idempotency)

    async def report_compromised(
        self,
        caller: Caller,
        stream: StreamId,
        kid: Kid,
        from_position: Position | None,
        *,
        recovery: bool = False,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """Disown what a key signed from a position on; without one, from when the key was added."""
        idempotency = self._desk.idempotency(
            caller.issuer, idempotency_key, "issuer.key.compromised", [str(stream), kid, from_position, recovery]
        )

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            issuer = draft.issuer(stream)
            check_revision(issuer.head, if_revision)
            record = issuer.keys.get(kid)
            if record is None:
                raise KeyUnknown(f"{issuer.did} has no key {kid}")
            start = record.added if from_position is None else from_position
            event = IssuerKeyCompromised(key=kid, from_position=start, recovery=recovery)
            return self._record_by_root(draft, issuer, event, recovery)

        return await self._desk.commit(decide, idempotency=idempotency)

    async def recognise(
        self,
        caller: Caller,
        stream: StreamId,
        body: StreamId,
        scheme: Slug,
        since: date,
        until: date | None,
        *,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """State, in the name of a recognising body, that it recognises an issuer."""
        fields: canonical.Json = [str(stream), str(body), scheme, str(since), str(until)]
        idempotency = self._desk.idempotency(caller.issuer, idempotency_key, "issuer.recognise", fields)

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            issuer = draft.issuer(stream)
            check_revision(issuer.head, if_revision)
            event = IssuerRecognised(issuer=issuer.did, scheme=scheme, since=since, until=until)
            return self._record_by_body(draft, issuer, body, event)

        return await self._desk.commit(decide, idempotency=idempotency)

    async def end_recognition(
        self,
        caller: Caller,
        stream: StreamId,
        body: StreamId,
        scheme: Slug,
        until: date,
        *,
        if_revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Appended:
        """State, in the name of a recognising body, the last day on which it recognises an issuer."""
        fields: canonical.Json = [str(stream), str(body), scheme, str(until)]
        idempotency = self._desk.idempotency(caller.issuer, idempotency_key, "issuer.end-recognition", fields)

        def decide(draft: Draft) -> tuple[StreamId, Seq]:
            issuer = draft.issuer(stream)
            check_revision(issuer.head, if_revision)
            event = IssuerRecognitionEnded(issuer=issuer.did, scheme=scheme, until=until)
            return self._record_by_body(draft, issuer, body, event)

        return await self._desk.commit(decide, idempotency=idempotency)

    def _record(self, draft: Draft, issuer: Issuer, event: IssuerEvent, role: Role) -> tuple[StreamId, Seq]:
        permit(issuer, event, by=issuer.did, at=draft.position)
        signer = self._desk.signer(issuer, role, draft.position)
        known = {issuer.did: issuer}
        recorded = draft.record(event, stream=issuer.stream, by=issuer.did, signer=signer, issuers_known=known)
        return issuer.stream, recorded.seq

    def _record_by_root(self, draft: Draft, issuer: Issuer, event: IssuerEvent, recovery: bool) -> tuple[StreamId, Seq]:
        permit(issuer, event, by=issuer.did, at=draft.position)
        signer = self._root(draft, issuer, recovery)
        by = self._desk.operator.did if recovery else issuer.did
        known = {issuer.did: issuer}
        recorded = draft.record(event, stream=issuer.stream, by=by, signer=signer, issuers_known=known)
        return issuer.stream, recorded.seq

    def _record_by_body(self, draft: Draft, issuer: Issuer, body: StreamId, event: IssuerEvent) -> tuple[StreamId, Seq]:
        recogniser = draft.issuer(body)
        permit(issuer, event, by=recogniser.did, at=draft.position)
        signer = self._desk.signer(recogniser, Role.SIGNING, draft.position)
        known = {recogniser.did: recogniser}
        recorded = draft.record(event, stream=issuer.stream, by=recogniser.did, signer=signer, issuers_known=known)
        return issuer.stream, recorded.seq

    def _record_key(
        self, draft: Draft, issuer: Issuer, new: Signer, role: Role, signer: Signer, *, recovery: bool
    ) -> Seq:
        operator = self._desk.operator
        proof = new.sign(possession_message(operator.origin, str(issuer.stream), new.kid, role))
        event = IssuerKeyAdded(key=new.kid, role=role, proof=proof, recovery=recovery)
        permit(issuer, event, by=issuer.did, at=draft.position)
        by = operator.did if recovery else issuer.did
        known: Mapping[Did, Issuer] = {issuer.did: issuer}
        return draft.record(event, stream=issuer.stream, by=by, signer=signer, issuers_known=known).seq

    def _root(self, draft: Draft, issuer: Issuer, recovery: bool) -> Signer:
        if recovery:
            return self._desk.keys.signer(self._desk.operator.event_key)
        return self._desk.signer(issuer, Role.ROOT, draft.position)

    def _added(self, appended: Appended) -> Kid:
        stream = self._desk.store.load(appended.stream)
        event = None if stream is None else stream.recorded[appended.revision].event
        if not isinstance(event, IssuerKeyAdded):
            raise IssuerError("the idempotency key belongs to another kind of command")
        return event.key


def check_revision(head: Seq, if_revision: int | None) -> None:
    """Pass if the record stands at the revision the caller named.

    Raises:
        VersionConflict.
    """
    if if_revision is not None and head != if_revision:
        raise VersionConflict(f"this record is at revision {head}, not {if_revision}: look at it again, then decide")
