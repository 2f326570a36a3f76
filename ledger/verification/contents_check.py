"""Checks what people read: private parts against their commitments, definitions against their digests."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from ledger import canonical
from ledger.domain.award import Act, Award
from ledger.domain.definition import AchievementDefinition, read_definition
from ledger.domain.events import CredentialAmended, CredentialAwarded, CredentialReinstated, CredentialRevoked
from ledger.domain.types import Digest, Position, Seq
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening, opens
from ledger.record.entry import Entry
from ledger.record.private_parts import Facts
from ledger.verification.evidence import CredentialEvidence, PartEvidence
from ledger.verification.findings import failed, passed, unknown
from ledger.verification.verdict import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What was opened, as signed; whole only where every finding passed."""

    awards: Mapping[Seq, Award]  # of each version that is not closed
    documents: Mapping[Seq, bytes]  # signed, of each version that is given; empty of one from before there were any
    acts: Mapping[Seq, Act]  # of every entry but the first and closed ones
    definitions: Mapping[Digest, AchievementDefinition]
    findings: tuple[Finding, ...]


def open_contents(entries: tuple[Entry, ...], evidence: CredentialEvidence) -> Contents:
    """The facts of every entry and the definitions that they name."""
    findings: list[Finding] = []
    awards: dict[Seq, Award] = {}
    acts: dict[Seq, Act] = {}
    documents: dict[Seq, bytes] = {}
    for entry, each in zip(entries, evidence.stream, strict=True):
        given, withheld = evidence.parts.get(each.position, {}), evidence.withheld
        if each.position in evidence.closed and isinstance(entry.event, CredentialAwarded | CredentialAmended):
            withheld = frozenset(Part)
        elif each.position in evidence.undocumented:
            withheld |= {Part.DOCUMENT}
        opened, found = _open_parts(entry, each.position, given, withheld)
        findings += found
        if Part.DOCUMENT in opened:
            documents[entry.seq] = opened[Part.DOCUMENT].content
        if Part.FACTS not in opened:
            continue
        facts = evidence.readings.facts(opened[Part.FACTS].content)
        if facts is None or not _fits(entry, facts):
            detail = f"What was signed as the facts of the entry at position {each.position} is not what its type has."
            findings.append(failed("parts", "facts_unfit", detail))
            continue
        if facts.award is not None:
            awards[entry.seq] = facts.award
        if facts.act is not None:
            acts[entry.seq] = facts.act
    if not findings and evidence.withheld:
        detail = "Every part that is shown is the one that was signed; what only the issuer sees is not here."
        findings.append(passed("parts", detail, reason="withheld"))
    elif not findings:
        findings.append(passed("parts", "Every private part is the one that its entry was signed with."))
    definitions, defined = _definitions(awards.values(), evidence.definitions)
    return Contents(
        awards=awards, documents=documents, acts=acts, definitions=definitions, findings=(*findings, *defined)
    )


def _open_parts(
    entry: Entry, position: Position, parts: Mapping[Part, PartEvidence], withheld: frozenset[Part]
) -> tuple[dict[Part, Opening], list[Finding]]:
    opened: dict[Part, Opening] = {}
    found = []
    for part, committed in entry.commit.items():
        given = parts.get(part)
        what = f"The part “{part}” of the entry at position {position}"
        if part in withheld:
            continue
        if given is None or not given.present:
            found.append(unknown("parts", "part_missing", f"{what} is missing."))
        elif given.opening is None:
            found.append(unknown("parts", "part_unreadable", f"{what} cannot be opened."))
        elif not opens(part, given.opening, committed):
            found.append(failed("parts", "part_changed", f"{what} is not the one that was signed."))
        else:
            opened[part] = given.opening
    return opened, found


def _fits(entry: Entry, facts: Facts) -> bool:
    """Whether the facts are those of the type: an award when issued, an act when changed, both when amended."""
    issued = isinstance(entry.event, CredentialAwarded)
    if (facts.award is not None) != (issued or isinstance(entry.event, CredentialAmended)):
        return False
    if facts.act is None:
        return issued
    if issued:
        return False
    if (facts.act.mode is not None) != isinstance(entry.event, CredentialRevoked):
        return False
    return facts.act.reason is not None or isinstance(entry.event, CredentialReinstated)


def _definitions(
    awards: Iterable[Award], given: Mapping[Digest, bytes]
) -> tuple[dict[Digest, AchievementDefinition], list[Finding]]:
    found: dict[Digest, AchievementDefinition] = {}
    findings = []
    for digest in dict.fromkeys(award.achievement.digest for award in awards):
        raw = given.get(digest)
        if raw is None:
            findings.append(unknown("definition", "definition_missing", "What the award means is not on record here."))
        elif sha256(raw).digest() != digest:
            detail = "What the award means is not what the issuer signed."
            findings.append(failed("definition", "definition_changed", detail))
        else:
            definition = _read_definition(raw)
            if definition is None:
                detail = "What the issuer signed as the meaning of the award cannot be read."
                findings.append(failed("definition", "definition_malformed", detail))
            else:
                found[digest] = definition
    if found and not findings:
        findings.append(passed("definition", "What the award means is what the issuer signed."))
    return found, findings


@lru_cache(maxsize=1024)  # a pure function of the bytes, and a cohort's awards share them
def _read_definition(raw: bytes) -> AchievementDefinition | None:
    try:
        return read_definition(canonical.decode(raw))
    except LedgerError:
        return None
