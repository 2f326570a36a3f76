"""Makes a proof file of what a scan of the same moment was given: chooses what is shown, and proves each piece.

Whatever the page shows of the award is in the file, and nothing else: not what only the issuer sees, and no version
that bears a name which the learner gave up, nor a document of a stack that bears one in a part. Whether the award is
worth a file, its verdict said before.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledger.domain.credential import Credential, Version, fold
from ledger.domain.types import Did, Digest, Position
from ledger.domain.values import Part
from ledger.errors import LedgerError
from ledger.record.commitment import Opening
from ledger.tlog.merkle import Hash
from ledger.verification.authority_check import Authority, establish
from ledger.verification.authority_lines import AuthorityProof, read_line
from ledger.verification.evidence import AuthorityEvidence, CredentialEvidence, Placed
from ledger.verification.former_names import FormerNames, former_names
from ledger.verification.proof_file import ProofFile, ProvedAward, ProvedEntry, ProvedLine, ProvedSlot
from ledger.verification.statement import Statuses


class NothingToProve(LedgerError):
    """What is on record of the award does not verify, or may not be shown: no proof can be made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The published tree, by which each piece of a file is proved."""

    checkpoint: bytes  # the published note
    statement: Placed  # its last entry
    path: Callable[[Position], tuple[Hash, ...]]  # from an entry to its root
    statuses: Statuses  # of which the statement was made


def make_proof_file(
    evidence: CredentialEvidence,
    streams: AuthorityEvidence,
    tree: Tree,
    *,
    version: int,
    registries: tuple[Did, ...],
) -> ProofFile:
    """What shows, without a server, how an award stands under the published checkpoint.

    Args:
        evidence: of an award whose verdict shows it; every entry lies under the checkpoint.
        streams: of its issuer and of the bodies that recognised it.
        version: as printed on the certificate.
        registries: whose recognition counts for the operator.

    Raises:
        NothingToProve: the evidence does not hang together, although it was said to; or the document of a stack bears
            a name that was given up since in a part, until the stack is amended.
    """
    authority = establish(streams)
    first = evidence.readings.entry(evidence.stream[0].raw) if evidence.stream else None
    issuer = None if first is None else authority.issuers.get(first.by)
    if issuer is None or authority.operator is None:
        raise NothingToProve("the issuer of this award is not established")
    bodies = dict.fromkeys(each.by for each in issuer.recognitions if each.by in registries)
    shown = [did for did in (issuer.did, *bodies) if did in authority.issuers]
    award, *parts = [_award(each, authority, tree) for each in (evidence, *evidence.components.values())]
    issuers = tuple(_proved(streams.issuers[did], tree) for did in shown)  # whose every entry the statement knows, then
    lines = [each for did in shown for each in _lines(did, shown, authority, tree.statuses)]
    digests = {authority.issuers[did].profile for did in shown}
    wordings = [streams.definitions[digest] for digest in digests]
    wordings += [wording for _, named in (award, *parts) for wording in named]
    return ProofFile(
        origin=authority.operator.origin,
        version=version,
        registries=registries,
        checkpoint=tree.checkpoint,
        log=_proved(streams.log, tree),
        statement=_proved([tree.statement], tree)[0],
        issuers=issuers,
        authority_size=lines[0].size,
        authority=tuple(ProvedLine(line=each.line, index=each.number, path=each.path) for each in lines),
        award=award[0],
        parts=tuple(part for part, _ in parts),
        definitions=tuple(sorted(set(wordings))),
    )


def _proved(entries: Iterable[Placed], tree: Tree) -> tuple[ProvedEntry, ...]:
    return tuple(ProvedEntry(position=each.position, raw=each.raw, path=tree.path(each.position)) for each in entries)


def _lines(did: Did, shown: list[Did], authority: Authority, statuses: Statuses) -> list[AuthorityProof]:
    """The lines of every key of an issuer, and of its recognitions by those bodies."""
    keys = [statuses.authority_proof(did, kid) for kid in authority.issuers[did].keys]
    return keys + [each for each in statuses.recognition_proofs(did) if read_line(each.line).by in shown]


def _award(evidence: CredentialEvidence, authority: Authority, tree: Tree) -> tuple[ProvedAward, list[bytes]]:
    """One award with the bits of its versions, and the wording of what it shows."""
    entries = [evidence.readings.entry(each.raw) for each in evidence.stream]
    pairs = [(entry, each) for entry, each in zip(entries, evidence.stream, strict=True) if entry is not None]
    history = [entry.recorded(each.position) for entry, each in pairs]
    issuer = authority.issuers.get(history[0].by) if len(history) == len(entries) > 0 else None
    credential = None if issuer is None else fold(history, issuer.disowns)
    if issuer is None or credential is None:
        raise NothingToProve("an award that this one is made of, or itself, does not verify")
    opened, former = _opened(evidence, credential), former_names(evidence, issuer.disowns)
    if _document(evidence, evidence.stream[credential.current.seq], former) is None:
        raise NothingToProve("a part of the award has another name since: amend the award, then there is a proof again")
    award = ProvedAward(
        code=evidence.code,
        entries=_proved(evidence.stream, tree),
        facts=tuple(opening for opening, _ in opened),
        documents=tuple(
            None if opening is None else _document(evidence, each, former)
            for each, (opening, _) in zip(evidence.stream, opened, strict=True)
        ),
        slots=tuple(_slot(version, tree.statuses) for version in credential.versions),
    )
    return award, [evidence.definitions[digest] for _, digest in opened if digest is not None]


def _opened(evidence: CredentialEvidence, credential: Credential) -> list[tuple[Opening | None, Digest | None]]:
    """What opens the facts of each entry, and which wording these name; of versions of another name, nothing."""
    openings = [evidence.parts[each.position][Part.FACTS].opening for each in evidence.stream]
    facts = [None if each is None else evidence.readings.facts(each.content) for each in openings]
    awards = {seq: each.award for seq, each in enumerate(facts) if each is not None and each.award is not None}
    current, disowned = credential.current.seq, {each.seq for each in credential.versions if each.disowned}
    found: list[tuple[Opening | None, Digest | None]] = []
    for seq, opening in enumerate(openings):
        award = awards.get(seq)
        if award is None:
            found.append((opening, None))
        elif seq == current or (seq not in disowned and award.name == awards[current].name):
            found.append((opening, award.achievement.digest))
        else:
            found.append((None, None))
    return found


def _document(evidence: CredentialEvidence, placed: Placed, former: FormerNames) -> Opening | None:
    """What opens the document of an entry; None where its type has none, or it bears a former name of a part."""
    given = evidence.parts[placed.position].get(Part.DOCUMENT)
    opening = None if given is None else given.opening
    return None if former.stand_in(opening, placed.position) else opening


def _slot(version: Version, statuses: Statuses) -> ProvedSlot:
    proof = statuses.slot_proof(version.list, version.slot)
    return ProvedSlot(chunk=proof.chunk, path=proof.chunk_path, list_index=proof.number, list_path=proof.list_path)
