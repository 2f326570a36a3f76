"""Makes the signed document of each version of an award, to be committed to by the entry that makes the version.

What a document says is decided in `ledger.vc`; here is gathered what it is made of. It is signed by the key that signs
the entry, so that a scan can check it without resolving a DID.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from ledger.application.ports import Boxes, Snapshot
from ledger.domain.award import Award, Component
from ledger.domain.definition import AchievementDefinition, Profile
from ledger.domain.events import CredentialAmended, CredentialAwarded
from ledger.domain.issuer import Issuer
from ledger.domain.types import Digest, Position, Slug, StreamId
from ledger.domain.values import Part, slug_of
from ledger.record.commitment import opens
from ledger.record.entry import Entry, parse_entry
from ledger.signing.signer import Signer
from ledger.vc.achievement_credential import Source
from ledger.vc.clr import sign_record
from ledger.vc.documents import sign_badge


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """What documents are made with."""

    base_url: str  # the beginning of the addresses in them
    profile: Callable[[Digest], Profile]
    definition: Callable[[Digest], AchievementDefinition]
    boxes: Boxes

    def make(
        self,
        event: CredentialAwarded | CredentialAmended,
        award: Award,
        *,
        stream: StreamId,
        issuer: Issuer,
        at: datetime,
        signer: Signer,
        look: Callable[[], AbstractContextManager[Snapshot]],
    ) -> bytes:
        """The signed document of the version that `event` makes.

        Args:
            at: recorded time of the event, UTC, milliseconds.
            signer: the key that is going to sign the entry.
            look: where the documents of the components lie.

        Raises:
            DocumentError: what the award says cannot be written as a document; nothing may be recorded.
            UnknownDefinition: the wording of the achievement or of the issuer was taken down.
        """
        source = Source(
            stream=stream,
            issuer=issuer.did,
            profile=self.profile(issuer.profile),
            definition=self.definition(award.achievement.digest),
            award=award,
            base_url=self.base_url,
            slug=slug_of(issuer.did) or Slug(""),
            list=event.list,
            slot=event.slot,
            made=at,
            first=isinstance(event, CredentialAwarded),
        )
        badge = sign_badge(source, signer, created=at)
        if not award.components:
            return badge
        with look() as snapshot:
            parts = [self._document(snapshot, each, issuer) for each in award.components]
        # Awards from before there were documents have none.
        return sign_record(source, badge, [each for each in parts if each], signer, created=at)

    def _document(self, snapshot: Snapshot, component: Component, issuer: Issuer) -> bytes:
        """The document of a component's version that counts now; a thief's is none.

        When a stack is awarded that is the version that is pinned. Later it may be one that was signed again.
        """
        for each in reversed(snapshot.stream(component.stream)):
            entry = parse_entry(each.raw)
            versioned = isinstance(entry.event, CredentialAwarded | CredentialAmended)
            if versioned and not issuer.disowns(entry.kid, each.position):
                return self._opened(snapshot, entry, each.position)
        return b""

    def _opened(self, snapshot: Snapshot, entry: Entry, position: Position) -> bytes:
        for stored in snapshot.parts((position,)).get(position, ()):
            if stored.part is Part.DOCUMENT:
                opening = self.boxes.open(
                    stored.key_id, stored.box, stream=entry.stream, seq=entry.seq, part=stored.part
                )
                if opening is not None and opens(Part.DOCUMENT, opening, entry.commit[Part.DOCUMENT]):
                    return opening.content
        return b""
