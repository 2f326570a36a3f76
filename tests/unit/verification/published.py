"""Logs with a statement, a checkpoint and a witness, and the proof files made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ledger.domain.authority import operator_of
from ledger.domain.events import StatusCommitted
from ledger.domain.status import Act, act_of
from ledger.domain.types import Did, LinkCode, Position, StreamId
from ledger.record.entry import parse_entry
from ledger.signing import multikey
from ledger.testing.forge import HONEST, OPERATOR, ORIGIN, Forge, How
from ledger.tlog.cosignature import CosignerKey, cosign, with_lines
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import WitnessPolicy, parse_policy
from ledger.tlog.proofs import inclusion_path, node_reader
from ledger.verification.evidence import Placed
from ledger.verification.proof_check import check_proof_file
from ledger.verification.proof_file import ProofFile, write_proof_file
from ledger.verification.proof_making import Tree, make_proof_file
from ledger.verification.statement import Statuses
from ledger.verification.verdict import Verdict
from tests.unit.verification.stacks import Workshop

WITNESS = "witness.example/w1"


def statuses_of(forge: Forge) -> Statuses:
    """What is to be stated after all that the log holds."""
    acts: dict[StreamId, list[Act]] = {}
    for sealed in forge.log:
        act = act_of(sealed.recorded)
        if act is not None:
            acts.setdefault(sealed.recorded.stream, []).append(act)

    def history(streams: Sequence[StreamId]) -> Mapping[StreamId, Sequence[Act]]:
        return {stream: acts[stream] for stream in streams}

    first = parse_entry(forge.log[0].entry).recorded(Position(1))
    operator = operator_of(first)
    statuses = Statuses(
        operator,
        history,
        lambda kid, since: [
            stream for stream, each in acts.items() if any(act.kid == kid and act.position >= since for act in each)
        ],
    )
    statuses.take(sealed.recorded for sealed in forge.log)
    return statuses


def publish(forge: Forge, stated: StatusCommitted | None = None, *, key: str = "operator", how: How = HONEST) -> Tree:
    """State how all stands, or what is given, and sign a checkpoint over that, with a witness's cosignature."""
    statuses = statuses_of(forge)
    event = stated or statuses.statement()
    position = forge.append(event, stream=forge.operator_stream, by=OPERATOR, key=key, how=how)
    return tree_of(forge, position, statuses)


def tree_of(forge: Forge, size: int, statuses: Statuses) -> Tree:
    """The tree of that size, whatever its last entry is."""
    read = node_reader([leaf_hash(sealed.entry) for sealed in forge.log[:size]])
    last = forge.log[size - 1]
    return Tree(
        checkpoint=cosigned(forge, forge.checkpoint(size), last.recorded.at + timedelta(seconds=5)),
        statement=Placed(position=Position(size), raw=last.entry),
        path=lambda position: inclusion_path(position - 1, size, read),
        statuses=statuses,
    )


def cosigned(forge: Forge, note: bytes, at: datetime, *, key: str = "witness") -> bytes:
    """The note with the cosignature of the witness."""
    text = note.decode().partition("\n\n")[0] + "\n"
    return with_lines(note, cosign(text, forge.key(key), WITNESS, int(at.timestamp())))


def vkey(forge: Forge, key: str = "operator/checkpoint", *, origin: str = ORIGIN) -> str:
    """The verifier key of a key that signs checkpoints."""
    return VerifierKey.of(origin, multikey.decode(forge.kid(key))).to_text()


def policy_text(forge: Forge, *, log: str | None = None, quorum: str = "w1") -> str:
    """Whom an employer believes, as a file: the log and one witness."""
    witness = CosignerKey.of(WITNESS, forge.key("witness").public_key)
    return f"log {log or vkey(forge)}\nwitness w1 {witness}\nquorum {quorum}\n"


def policy_of(forge: Forge, *, log: str | None = None, quorum: str = "w1") -> WitnessPolicy:
    """Whom an employer believes: the log and one witness."""
    return parse_policy(policy_text(forge, log=log, quorum=quorum))


class Desk(Workshop):
    """A college whose awards can be proved."""

    def file(
        self,
        stream: StreamId,
        tree: Tree | None = None,
        *,
        version: int = 1,
        parts: Sequence[StreamId] = (),
        registries: tuple[Did, ...] | None = None,
    ) -> ProofFile:
        """The proof of an award under a tree, else under one that is published now."""
        published = tree or publish(self.forge)
        evidence = replace(self.evidence(stream, parts), code=self.forge.codes[stream])
        streams = self.forge.authority()
        own = tuple(each for each in streams.log if b"status.committed" not in each.raw)  # as the store gives them
        return make_proof_file(
            evidence,
            replace(streams, log=own),
            published,
            version=version,
            registries=(self.body,) if registries is None else registries,
        )

    def check(
        self,
        file: ProofFile | bytes,
        *,
        policy: WitnessPolicy | str | None = "",
        days: int = 0,
        registries: tuple[Did, ...] | None = None,
        asked: tuple[LinkCode, int] | None = None,
    ) -> Verdict:
        """The verdict of this moment or of some days later; by the policy that believes log and witness."""
        return check_proof_file(
            file if isinstance(file, bytes) else write_proof_file(file),
            policy_of(self.forge) if isinstance(policy, str) else policy,
            now=self.forge.at + timedelta(days=days),
            registries=registries,
            asked=asked,
        )
