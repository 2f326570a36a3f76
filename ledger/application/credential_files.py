"""Gives out the signed documents of awards, as a scan finds them: byte for byte what was made with the version.

A version that bears a name which the learner gave up is not given out, nor one that a thief made.
"""

import json
from dataclasses import dataclass

from ledger.application.scanning import Examined, Scanning
from ledger.domain.award import Award
from ledger.domain.events import CredentialAmended, CredentialAwarded
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.vc.clr import credentials_inside, is_record
from ledger.vc.reading import MalformedDocument, read_document
from ledger.verification.verdict import NOTHING_SHOWN, Verdict


class NoCredentialFile(LedgerError):
    """No document of this version is given out; where no award is shown, its verdict says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"there is no credential file of this version: {verdict.state}")
        self.verdict = verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFile:
    """What is given out of one version."""

    document: bytes  # as signed: an OpenBadgeCredential, or a ClrCredential
    badge: bytes  # the OpenBadgeCredential of the award: the document itself, or the one inside


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
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
        document = b"" if shown is None or shown.document is None else shown.document.content
        if not document:
            raise NoCredentialFile(verdict)
        return CredentialFile(document=document, badge=badge_of(document))


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
        found.append(_Version(document=parts[Part.DOCUMENT].opening, award=award, disowned=line.disowned))
    return found


def _shown(asked: _Version, current: _Version) -> _Version | None:
    """Which version's document is given out where one is asked for; None where none is."""
    if asked.disowned or asked.award is None or current.award is None or asked.award.name != current.award.name:
        return None
    return current if asked.award == current.award else asked
