"""What an archive says of an award, where its log holds what no honest one does."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.application.archive_opening import ArchiveNotVouched
from ledger.application.archive_reading import ArchiveReading
from ledger.application.archiving import capsule_path, definition_path
from ledger.domain import events as ev
from ledger.domain.codes import format_link_code
from ledger.domain.stacking_rule import MOST_COMPONENTS
from ledger.domain.types import LinkCode, Position, StreamId
from ledger.domain.values import Custody, Part
from ledger.record.capsule import SHOWN, Capsule, open_capsule, seal_capsule
from ledger.record.commitment import Opening
from ledger.testing.forge import Forge
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import parse_policy
from ledger.tlog.tiles import TileEdge, bundles_between, encode_bundle
from ledger.verification.verdict import State, Verdict
from tests.unit.verification.published import cosigned, policy_text, publish, vkey
from tests.unit.verification.scene import Scene


def archive_of(forge: Forge, stream: StreamId, registries: list[str]) -> dict[str, bytes]:
    """The files of an archive of the whole log, with one capsule."""
    evidence, entries = forge.evidence(stream), [sealed.entry for sealed in forge.log]
    assert evidence.code is not None
    parts: dict[Position, dict[Part, Opening]] = {
        position: {part: given.opening for part, given in each.items() if part in SHOWN and given.opening}
        for position, each in evidence.parts.items()
    }
    files = {
        "archive.json": json.dumps({"testamur_archive": 1, "registries": registries, "log_keys": [vkey(forge)]}),
        "log/checkpoint": forge.checkpoint(len(entries)).decode(),
    }
    tiles = TileEdge.empty().extend([leaf_hash(entry) for entry in entries])
    (bundle,) = bundles_between(0, len(entries))
    definitions = {**forge.authority().definitions, **evidence.definitions}
    return {
        **{path: text.encode() for path, text in files.items()},
        **{f"log/{tile.path}": content for tile, content in tiles},
        f"log/{bundle.path}": encode_bundle(entries),
        **{definition_path(digest): content for digest, content in definitions.items()},
        capsule_path(stream): seal_capsule(Capsule(parts=parts), evidence.code, bytes(12)),
    }


def test_second_registration_of_an_issuer_changes_nothing_about_it() -> None:
    scene = Scene()
    stream, forge = scene.issue(), scene.forge
    again = ev.IssuerRegistered(root=forge.kid("x"), custody=Custody.ISSUER, profile=forge.profile("x"))
    forge.append(again, stream=forge.new_stream(), by=scene.did, key="x")
    publish(forge)
    files, code = archive_of(forge, stream, [scene.body]), forge.evidence(stream).code
    assert code is not None
    verdict = ArchiveReading(files.get, keys=[VerifierKey.parse(vkey(forge))]).scan(
        format_link_code(code), 1, now=forge.at
    )
    assert isinstance(verdict, Verdict)
    assert verdict.state is State.VALID


def test_capsule_that_names_parts_without_end_is_not_followed_to_it() -> None:
    scene = Scene()
    stream, forge = scene.issue(), scene.forge
    publish(forge)
    files, code = archive_of(forge, stream, [scene.body]), forge.evidence(stream).code
    assert code is not None
    others = tuple(LinkCode(number.to_bytes(22, "big")) for number in range(3_000))
    capsule = open_capsule(files[capsule_path(stream)], code)
    files[capsule_path(stream)] = seal_capsule(replace(capsule, components=others), code, bytes(12))
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    verdict = ArchiveReading(read, keys=[VerifierKey.parse(vkey(forge))]).scan(format_link_code(code), 1, now=forge.at)
    assert isinstance(verdict, Verdict)
    assert verdict.state is State.VALID  # the award says of what it was built
    assert len([path for path in asked if path.startswith("capsules/")]) == 1 + MOST_COMPONENTS


@pytest.mark.parametrize(("ahead", "enough"), [(timedelta(), True), (timedelta(days=3650), False)])
def test_cosignature_that_is_still_to_come_vouches_for_no_archive(ahead: timedelta, enough: bool) -> None:
    scene = Scene()
    stream, forge = scene.issue(), scene.forge
    publish(forge)
    files, code = archive_of(forge, stream, [scene.body]), forge.evidence(stream).code
    assert code is not None
    files["log/checkpoint"] = cosigned(forge, files["log/checkpoint"], forge.at + ahead)
    policy = parse_policy(policy_text(forge))
    with nullcontext() if enough else pytest.raises(ArchiveNotVouched, match="too few of the witnesses"):
        archive = ArchiveReading(files.get, keys=policy.logs, witnesses=policy)
        verdict = archive.scan(format_link_code(code), 1, now=forge.at)
        assert isinstance(verdict, Verdict)
        assert verdict.state is State.VALID
