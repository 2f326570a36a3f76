"""Sealing states an event once, in a chain that begins at the log's name, under the key that the entry names."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_sign_open

from ledger.domain import events as ev
from ledger.domain.codes import stream_id
from ledger.domain.types import Did, Digest, Origin, Position, Seq, StreamId
from ledger.domain.values import Part, Role
from ledger.record.entry import parse_entry
from ledger.record.sealing import SealError, chain, genesis, possession_is_proved, seal, signature_is_good
from ledger.signing.signer import possession_message
from tests.strategies import ORIGIN, SIGNER_OF, origins, recorded, streams
from tests.unit.record.sealed import DIGEST, EXAMPLES, OTHER, PREV, SIGNER, STREAM, example, sealed
from tests.unit.record.sealed import recorded as fixed

_ELSEWHERE = stream_id(1, bytes(10))
_ADDED, _ISSUED, _REVOKED = map(example, (ev.IssuerKeyAdded, ev.CredentialIssued, ev.CredentialRevoked))


@given(origin=origins, stream=streams)
def test_a_stream_begins_at_the_digest_of_origin_and_stream(origin: Origin, stream: StreamId) -> None:
    expected = hashlib.sha256(b"testamur/genesis/v1\n" + origin.encode() + b"\n" + str(stream).encode()).digest()
    assert genesis(origin, stream) == expected


@given(first=recorded(), second=recorded())
def test_the_next_entry_holds_the_digest_of_the_previous_one_with_its_signature(
    first: ev.Recorded, second: ev.Recorded
) -> None:
    previous = seal(first, prev=PREV, signer=SIGNER_OF[first.kid]).entry
    following = parse_entry(seal(second, prev=chain(previous), signer=SIGNER_OF[second.kid]).entry)
    assert following.prev == hashlib.sha256(b"testamur/chain/v1\n" + previous).digest()
    assert following.prev != chain(previous.split(b"\n")[0] + b"\n")


@given(given_=recorded())
def test_the_signature_covers_a_prefix_and_the_body(given_: ev.Recorded) -> None:
    signer = SIGNER_OF[given_.kid]
    entry = parse_entry(seal(given_, prev=PREV, signer=signer).entry)
    message = crypto_sign_open(entry.signature + b"testamur/event/v1\n" + entry.body, signer.public_key)
    assert message == b"testamur/event/v1\n" + entry.body


def test_a_signature_by_another_key_or_over_other_bytes_is_not_good() -> None:
    entry = parse_entry(sealed(_ISSUED))
    assert signature_is_good(entry)
    for message in (entry.body, b"testamur/event/v2\n" + entry.body, b"testamur/event/v1\n" + entry.body + b"\n"):
        assert not signature_is_good(replace(entry, signature=SIGNER.sign(message)))
    assert not signature_is_good(replace(entry, signature=OTHER.sign(b"testamur/event/v1\n" + entry.body)))
    assert not signature_is_good(replace(entry, kid=OTHER.kid))


def test_the_position_is_no_part_of_the_entry() -> None:
    given_ = fixed(_ISSUED)
    moved = replace(given_, position=Position(77))
    assert seal(given_, prev=PREV, signer=SIGNER).entry == seal(moved, prev=PREV, signer=SIGNER).entry


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_everything_but_the_position_changes_the_entry(event: ev.Event) -> None:
    given_ = fixed(event)
    others = [
        replace(given_, stream=_ELSEWHERE),
        replace(given_, seq=Seq(4)),
        replace(given_, at=given_.at.replace(microsecond=251_000)),
        replace(given_, by=Did(given_.by + "x")),
    ]
    entries = {seal(each, prev=PREV, signer=SIGNER).entry for each in [given_, *others]}
    entries.add(seal(given_, prev=DIGEST, signer=SIGNER).entry)
    entries.add(seal(replace(given_, kid=OTHER.kid), prev=PREV, signer=OTHER).entry)
    assert len(entries) == 7


def test_a_signer_other_than_the_key_named_is_refused() -> None:
    with pytest.raises(SealError, match="would sign it"):
        seal(fixed(_ISSUED), prev=PREV, signer=OTHER)


@pytest.mark.parametrize(
    ("event", "parts"),
    [
        (_ISSUED, ()),
        (_ISSUED, (Part.FACTS, Part.INTERNAL)),
        (_REVOKED, (Part.DOCUMENT, Part.FACTS, Part.INTERNAL)),
        (_REVOKED, (Part.FACTS,)),
        (_ADDED, (Part.FACTS,)),
    ],
)
def test_a_missing_part_or_one_too_many_is_refused(event: ev.Event, parts: tuple[Part, ...]) -> None:
    commit: dict[Part, Digest] = dict.fromkeys(parts, DIGEST)
    with pytest.raises(SealError, match="commits to"):
        seal(replace(fixed(event), commit=commit), prev=PREV, signer=SIGNER)


def test_an_entry_of_4096_bytes_is_sealed_and_a_longer_one_refused() -> None:
    given_ = fixed(_REVOKED)
    room = 4096 - len(seal(given_, prev=PREV, signer=SIGNER).entry)
    full = replace(given_, by=Did(given_.by + "a" * room))
    assert len(seal(full, prev=PREV, signer=SIGNER).entry) == 4096
    with pytest.raises(SealError, match="4097 bytes"):
        seal(replace(full, by=Did(full.by + "a")), prev=PREV, signer=SIGNER)


def _added(stream: StreamId = STREAM, role: Role = Role.SIGNING, origin: str = ORIGIN) -> ev.IssuerKeyAdded:
    proof = OTHER.sign(possession_message(origin, str(stream), OTHER.kid, role))
    return ev.IssuerKeyAdded(key=OTHER.kid, role=role, proof=proof, recovery=False)


def test_a_key_that_signed_for_its_admission_has_proved_possession() -> None:
    message = f"testamur/possession/v1\n{ORIGIN}\n{STREAM}\n{OTHER.kid}\nsigning".encode()
    assert _added().proof == OTHER.sign(message)
    assert possession_is_proved(ORIGIN, fixed(_added()))
    assert possession_is_proved(ORIGIN, fixed(_added(role=Role.ROOT)))


def test_a_proof_for_another_log_stream_role_or_key_proves_nothing() -> None:
    added = _added()
    wrong = [
        _added(origin="localhost:9000/log"),
        _added(stream=_ELSEWHERE),
        replace(added, role=Role.ROOT),
        replace(added, key=SIGNER.kid),
        replace(added, proof=SIGNER.sign(b"x")),
        replace(added, proof=bytes(64)),
    ]
    assert [possession_is_proved(ORIGIN, fixed(event)) for event in wrong] == [False] * 6
    assert not possession_is_proved(Origin("localhost:9000/log"), fixed(added))


def test_a_checkpoint_key_proves_possession_as_such_and_in_no_other_role() -> None:
    def added(role: str) -> ev.LogKeyAdded:
        message = f"testamur/possession/v1\n{ORIGIN}\n{STREAM}\n{OTHER.kid}\n{role}".encode()
        return ev.LogKeyAdded(key=OTHER.kid, proof=OTHER.sign(message))

    assert possession_is_proved(ORIGIN, fixed(added("checkpoint")))
    assert not possession_is_proved(Origin("localhost:9000/log"), fixed(added("checkpoint")))
    for wrong in (added("root"), added("signing"), replace(added("checkpoint"), key=SIGNER.kid)):
        assert not possession_is_proved(ORIGIN, fixed(wrong))


@given(data=st.data())
def test_a_flipped_bit_of_a_proof_proves_nothing(data: st.DataObject) -> None:
    proof = bytearray(_added().proof)
    bit = data.draw(st.integers(0, 511))
    proof[bit // 8] ^= 1 << bit % 8
    assert not possession_is_proved(ORIGIN, fixed(replace(_added(), proof=bytes(proof))))


def test_other_types_have_no_possession_to_prove() -> None:
    others = [event for event in EXAMPLES if not isinstance(event, ev.IssuerKeyAdded | ev.LogKeyAdded)]
    assert all(possession_is_proved(ORIGIN, fixed(event)) for event in others)
    assert not possession_is_proved(ORIGIN, fixed(_ADDED))
