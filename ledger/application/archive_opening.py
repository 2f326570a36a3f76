"""Opens an archive: whose log it holds, as of which checkpoint, and on whose word that is believed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from ledger.application.archiving import CHECKPOINT, MANIFEST, VERSION
from ledger.domain.types import Did
from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint, CheckpointOriginMismatch, MalformedCheckpoint, open_checkpoint
from ledger.tlog.note import (
    AmbiguousVerifierKeys,
    MalformedNote,
    MalformedVerifierKey,
    NoteSignatureInvalid,
    NoteUnsigned,
    VerifierKey,
)
from ledger.tlog.policy import WitnessPolicy
from ledger.verification.log_check import agreement_by

Read = Callable[[str], bytes | None]

_UNREADABLE = (
    AmbiguousVerifierKeys,
    CheckpointOriginMismatch,
    MalformedCheckpoint,
    MalformedNote,
    MalformedVerifierKey,
)


class ArchiveUnreadable(LedgerError):
    """What lies there is no archive, or lacks something that every archive has, or was damaged."""


class ArchiveNotVouched(LedgerError):
    """Nobody whom the reader believes vouches for the archive's checkpoint, or too few do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedArchive:
    """What the rest of an archive is held against, and what its operator said with it."""

    note: bytes
    checkpoint: Checkpoint
    own_word: bool  # nobody but the archive says whose log this is
    registries: tuple[Did, ...]  # whose recognition counted for the operator
    base_url: str


def open_archive(read: Read, keys: Sequence[VerifierKey] | None) -> OpenedArchive:
    """The checkpoint of an archive.

    Args:
        keys: of the logs that the reader believes; None: those that the archive itself names.

    Raises:
        ArchiveUnreadable: it is no archive.
        ArchiveNotVouched: none of the keys signed its checkpoint.
        NoteSignatureInvalid: the checkpoint has a signature of theirs that they did not make.
    """
    manifest = _manifest(needed(read, MANIFEST))
    note = needed(read, CHECKPOINT)
    named = [] if keys is not None else _texts(manifest, "log_keys")
    registries = tuple(Did(each) for each in _texts(manifest, "registries"))
    try:
        checkpoint = _checkpoint(note, keys, named)
    except _UNREADABLE as error:
        raise ArchiveUnreadable(f"the archive's checkpoint cannot be read: {error}") from error
    base_url = str(manifest.get("base_url", ""))
    return OpenedArchive(
        note=note, checkpoint=checkpoint, own_word=keys is None, registries=registries, base_url=base_url
    )


def check_vouched(note: bytes, witnesses: WitnessPolicy, now: datetime) -> None:
    """Pass if enough of the witnesses that the reader believes vouch for an archive's checkpoint.

    Raises:
        ArchiveNotVouched: too few do, or by a clock that is ahead of the reader's.
        CosignatureInvalid: one of them did not make the cosignature in its name.
    """
    if not agreement_by(note, witnesses, now).reached:
        raise ArchiveNotVouched("too few of the witnesses of the policy vouch for the archive's checkpoint")


def needed(read: Read, path: str) -> bytes:
    """A file that every archive has.

    Raises:
        ArchiveUnreadable: it is not there.
    """
    content = read(path)
    if content is None:
        raise ArchiveUnreadable(f"there is no {path}: this is no archive, or a part of one")
    return content


def _checkpoint(note: bytes, keys: Sequence[VerifierKey] | None, named: Sequence[str]) -> Checkpoint:
    if keys is None:
        try:
            return open_checkpoint(note, *map(VerifierKey.parse, named))
        except (NoteSignatureInvalid, NoteUnsigned) as error:
            raise ArchiveUnreadable(f"the keys that the archive names did not sign its checkpoint: {error}") from error
    try:
        return open_checkpoint(note, *keys)
    except NoteUnsigned as error:
        raise ArchiveNotVouched(
            "no key that the policy names signed the checkpoint of this archive: it is of another log, or the policy "
            "needs a newer key"
        ) from error


def _manifest(raw: bytes) -> Mapping[str, object]:
    try:
        manifest = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ArchiveUnreadable(f"{MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("testamur_archive") != VERSION:
        raise ArchiveUnreadable(f"{MANIFEST} is not that of an archive of this version")
    return manifest


def _texts(manifest: Mapping[str, object], name: str) -> list[str]:
    value = manifest.get(name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ArchiveUnreadable(f"{MANIFEST} does not say what its {name} are")
    return value
