"""Gives out the signed documents of awards, as a scan finds them: byte for byte what was made with the version.

A version that bears a name which the learner gave up is not given out, nor one that a thief made. Of a stack the
versions do that are older than the name of one of its parts: they hold the documents of the parts.
"""

import json
from dataclasses import dataclass

from ledger.application.scanning import Examined, Scanning
from ledger.domain.award import Award
from ledger.domain.events import CredentialAmended, CredentialAwarded
from ledger.domain.types import Position
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.record.entry import parse_entry
from ledger.vc.clr import credentials_inside, is_record
from ledger.vc.reading import MalformedDocument, read_document
from ledger.verification.former_names import FormerNames, former_names
from ledger.verification.verdict import NOTHING_SHOWN, Verdict


class NoCredentialFile(LedgerError):
    """No document of this version is given out; where no award is shown, its verdict says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"there is no credential file of this version: {verdict.state}")
        self.verdict = verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFile:
    """What is given out of one version."""

    document: bytes | None  # as signed: an OpenBadgeCredential, or a ClrCredential; None: it bears a former name
    badge: bytes  # the OpenBadgeCredential of the award: the document itself, or the one inside


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    position: Position
    document: Opening | None
    award: Award | None  # what it says, if that can be read
    disowned: bool  # by a thief: what a document of it says was compared with nothing


class CredentialFiles:
    """The documents of awards. Reads only; holds no signing key."""

    def __init__(self, scanning: Scanning) -> None:
        self._scanning = scanning

    def file(self, code_text: str, version: int) -> CredentialFile:
        """The document of the award that a link code leads to.

        Args:
            version: as printed on the certificate, from 1. Of one that was signed again since, and says the same as
                the current one, it is the current document: other verifiers refuse the old one.

        Raises:
            NoCredentialFile: there is no such award or version, it does not verify, or it has no document to be shown.
        """
        examined = self._scanning.examine(code_text, version)
        verdict = examined.verdict
        if verdict.state in NOTHING_SHOWN or verdict.current_version is None:
            raise NoCredentialFile(verdict)
        versions = _versions(examined)
        shown = _shown(versions[version - 1], versions[verdict.current_version - 1])
        # The verdict, which compared every part with its commitment and checked the document, lets it be shown.
        if shown is None or shown.document is None or not shown.document.content:
            raise NoCredentialFile(verdict)
        document = shown.document.content
        former = _former_names(examined).stand_in(shown.document, shown.position)
        return CredentialFile(document=None if former else document, badge=badge_of(document))


def badge_of(document: bytes) -> bytes:
    """The OpenBadgeCredential of an award: its document, or the first one inside a learner record.

    Raises:
        MalformedDocument: it is no document of an award.
    """
    read = read_document(document)
    if not is_record(read):
        return document
    inside = credentials_inside(read)
    if not inside:
        raise MalformedDocument("the learner record holds no badge")
    return json.dumps(inside[0], ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _versions(examined: Examined) -> list[_Version]:
    """The versions of an award that its verdict shows, in their order."""
    evidence, found = examined.evidence, []
    for placed, line in zip(evidence.stream, examined.verdict.history, strict=True):
        entry = evidence.readings.entry(placed.raw)
        if entry is None or not isinstance(entry.event, CredentialAwarded | CredentialAmended):
            continue
        parts = evidence.parts[placed.position]
        facts = parts[Part.FACTS].opening
        read = None if facts is None else evidence.readings.facts(facts.content)
        award = None if read is None else read.award
        document = parts[Part.DOCUMENT].opening
        found.append(_Version(position=placed.position, document=document, award=award, disowned=line.disowned))
    return found


def _former_names(examined: Examined) -> FormerNames:
    """The names in the parts of an award that its verdict shows: so its issuer is established."""
    first = parse_entry(examined.evidence.stream[0].raw)
    return former_names(examined.evidence, examined.authority.issuers[first.by].disowns)


def _shown(asked: _Version, current: _Version) -> _Version | None:
    """Which version's document is given out where one is asked for; None where none is."""
    if asked.disowned or asked.award is None or current.award is None or asked.award.name != current.award.name:
        return None
    return current if asked.award == current.award else asked
