"""Cosignatures: real ones of the public witness network, every refusal, and tampering."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.cosignature import (
    MAX_TIME,
    Cosignature,
    CosignatureInvalid,
    CosignatureTimeImpossible,
    CosignerKey,
    cosign,
    cosignatures,
    with_lines,
)
from ledger.tlog.note import (
    MAX_NOTE_BYTES,
    AmbiguousVerifierKeys,
    MalformedNote,
    MalformedVerifierKey,
    NoteUnsigned,
    VerifierKey,
    open_note,
    sign_note,
)

# A checkpoint of a public staging log of certificates, and three of the witnesses that cosigned it on 2026-05-23.
STAGING_NOTE = (
    "arche2025h1.staging.ct.transparency.dev\n1432088532\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n"
    "— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIg"
    "IpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n"
    "— arche2025h1.staging.ct.transparency.dev "
    "ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "— transparency.dev/DEV:witness-little-garden "
    "2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==\n"
    "— witness1.smartit.nu/witness1 "
    "pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n"
    "— remora.n621.de "
    "2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n"
    "— witness.stagemole.eu "
    "Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n"
).encode()
STAGING_LOG = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
REMORA = CosignerKey.parse("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2")
SMARTIT = CosignerKey.parse("witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO")
GARDEN = CosignerKey.parse(
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM"
)
STAGING_TIME = 1779573024  # as every line says

LOG = Ed25519Signer(bytes(range(32)))
WITNESS = Ed25519Signer(bytes(range(1, 33)))
KEY = CosignerKey.of("witness.example/w1", WITNESS.public_key)
TEXT = "log.example/a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
NOTE = sign_note(TEXT, LOG, "log.example/a")
LINE = cosign(TEXT, WITNESS, KEY.name, 1_800_000_000)

times = st.integers(1, MAX_TIME)


def raw_line(key: CosignerKey, signature: bytes) -> bytes:
    return f"— {key.name} {base64.b64encode(key.key_id + signature).decode()}\n".encode()


# ---------------------------------------------------------------------------------------------------- published ones


def test_published_cosignatures_of_three_witnesses_verify_with_their_times() -> None:
    found = cosignatures(STAGING_NOTE, [REMORA, SMARTIT, GARDEN])
    assert found == tuple(Cosignature(key=key, at=STAGING_TIME) for key in (GARDEN, SMARTIT, REMORA))
    assert open_checkpoint(STAGING_NOTE, VerifierKey.parse(STAGING_LOG)).size == 1432088532


def test_published_witness_keys_spell_as_they_were_read() -> None:
    spelled = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
    assert (str(REMORA), REMORA.to_text()) == (spelled, spelled)


@pytest.mark.parametrize("key", [REMORA, SMARTIT, GARDEN], ids=["remora", "smartit", "garden"])
def test_published_cosignatures_over_another_size_are_refused(key: CosignerKey) -> None:
    with pytest.raises(CosignatureInvalid, match=key.name):
        cosignatures(STAGING_NOTE.replace(b"\n1432088532\n", b"\n1432088533\n"), [key])


# --------------------------------------------------------------------------------------------------------------- keys


def test_one_public_key_is_another_key_as_log_and_as_witness() -> None:
    log = VerifierKey.of("same", WITNESS.public_key)
    witness = CosignerKey.of("same", WITNESS.public_key)
    assert log.key_id != witness.key_id
    assert len({log.to_text(), witness.to_text()}) == 2


def test_a_log_key_is_no_witness_key_and_the_other_way_round() -> None:
    with pytest.raises(MalformedVerifierKey, match="base64 of 0x04 and an Ed25519 public key"):
        CosignerKey.parse(STAGING_LOG)
    with pytest.raises(MalformedVerifierKey, match="base64 of 0x01 and an Ed25519 public key"):
        VerifierKey.parse(str(REMORA))


# ------------------------------------------------------------------------------------------------------------ signing


@given(at=times, seed=st.binary(min_size=32, max_size=32))
def test_a_cosignature_is_found_again_with_its_time_by_its_key(at: int, seed: bytes) -> None:
    signer = Ed25519Signer(seed)
    key = CosignerKey.of("w", signer.public_key)
    cosigned = with_lines(NOTE, cosign(TEXT, signer, "w", at))
    assert cosignatures(cosigned, [KEY, key]) == (Cosignature(key=key, at=at),)
    assert open_note(cosigned, [VerifierKey.of("log.example/a", LOG.public_key)]).text == TEXT


@pytest.mark.parametrize("at", [-1, 0, MAX_TIME + 1, 2**64])
def test_nothing_is_cosigned_at_an_impossible_time(at: int) -> None:
    with pytest.raises(CosignatureTimeImpossible, match=str(at)):
        cosign(TEXT, WITNESS, KEY.name, at)


def test_nothing_is_cosigned_under_a_name_that_names_no_key() -> None:
    with pytest.raises(MalformedVerifierKey, match="cannot name a key"):
        cosign(TEXT, WITNESS, "a b", 1)


# ------------------------------------------------------------------------------------------------------------ reading


def test_cosignatures_of_unknown_keys_are_ignored() -> None:
    assert cosignatures(STAGING_NOTE, [KEY]) == ()
    assert cosignatures(NOTE, []) == ()


def test_a_cosignature_alone_does_not_sign_the_note_for_the_log() -> None:
    alone = TEXT.encode() + b"\n" + LINE
    assert [each.key for each in cosignatures(alone, [KEY])] == [KEY]
    with pytest.raises(NoteUnsigned):
        open_checkpoint(alone, VerifierKey.of("log.example/a", LOG.public_key))


def test_every_time_at_which_a_witness_cosigned_is_found_once() -> None:
    later = cosign(TEXT, WITNESS, KEY.name, 1_800_003_600)
    several = NOTE + LINE + later + LINE
    assert [each.at for each in cosignatures(several, [KEY])] == [1_800_000_000, 1_800_003_600]


@given(place=st.integers(0, 75), bit=st.integers(0, 7))
def test_any_flipped_bit_of_key_id_time_or_signature_is_refused_or_another_key(place: int, bit: int) -> None:
    blob = bytearray(base64.b64decode(LINE.split(b" ")[2]))
    blob[place] ^= 1 << bit
    note = NOTE + b"\xe2\x80\x94 witness.example/w1 " + base64.b64encode(blob) + b"\n"
    if place < 4:
        assert cosignatures(note, [KEY]) == ()
    else:
        with pytest.raises(CosignatureInvalid, match=r"'witness\.example/w1'"):
            cosignatures(note, [KEY])


@given(place=st.integers(0, len(TEXT) - 1), other=st.integers(0x20, 0x7E))
def test_any_changed_byte_of_the_text_is_refused(place: int, other: int) -> None:
    text = bytearray(TEXT.encode())
    if text[place] in (other, 0x0A):
        return
    text[place] = other
    with pytest.raises(CosignatureInvalid):
        cosignatures(bytes(text) + b"\n" + LINE, [KEY])


@pytest.mark.parametrize("length", [1, 64, 71, 73, 136])
def test_a_cosignature_of_another_length_is_refused(length: int) -> None:
    blob = (base64.b64decode(LINE.split(b" ")[2])[4:] * 2)[:length]
    with pytest.raises(CosignatureInvalid):
        cosignatures(NOTE + raw_line(KEY, blob), [KEY])


@pytest.mark.parametrize("at", [0, MAX_TIME + 1, 2**63 - 1, 2**63])
def test_a_cosignature_that_was_really_made_for_an_impossible_time_is_refused(at: int) -> None:
    signature = WITNESS.sign(f"cosignature/v1\ntime {at}\n{TEXT}".encode())
    with pytest.raises(CosignatureInvalid):
        cosignatures(NOTE + raw_line(KEY, at.to_bytes(8, "big") + signature), [KEY])


def test_a_plain_signature_by_a_witness_is_no_cosignature() -> None:
    with pytest.raises(CosignatureInvalid):
        cosignatures(NOTE + raw_line(KEY, bytes(7) + b"\x01" + WITNESS.sign(TEXT.encode())), [KEY])


def test_a_false_cosignature_of_a_known_witness_is_refused_beside_a_good_one() -> None:
    false = raw_line(KEY, bytes(72))
    for lines in (LINE + false, false + LINE):
        with pytest.raises(CosignatureInvalid):
            cosignatures(NOTE + lines, [KEY])


def test_two_witnesses_of_one_name_and_id_are_refused() -> None:
    # Found by search among seeds 0, 1, 2 ...: a key id has only 32 bits.
    twins = [CosignerKey.of("twin.example/w", Ed25519Signer(n.to_bytes(32, "big")).public_key) for n in (10581, 73073)]
    assert twins[0].key_id == twins[1].key_id
    with pytest.raises(AmbiguousVerifierKeys):
        cosignatures(NOTE, twins)


@given(raw=st.binary(max_size=80))
def test_any_bytes_are_refused_by_a_named_error(raw: bytes) -> None:
    with pytest.raises(MalformedNote):
        cosignatures(raw, [KEY])


# ------------------------------------------------------------------------------------------------------- adding lines


def test_a_later_cosignature_takes_the_place_of_an_earlier_one() -> None:
    other = Ed25519Signer(bytes(32))
    both = with_lines(NOTE, LINE + cosign(TEXT, other, "w2", 5))
    later = cosign(TEXT, WITNESS, KEY.name, 1_800_003_600)
    assert with_lines(both, later) == both.replace(LINE, later)


def test_no_line_is_no_line_to_add() -> None:
    with pytest.raises(MalformedNote, match="one or more signature lines"):
        with_lines(NOTE, b"")


@pytest.mark.parametrize(
    "lines",
    [LINE[:-1], b"\n" + LINE, LINE + b"\n", LINE + b"\n" + LINE, b"x\n" + LINE, LINE + b"\xff\n", b"hello\n"],
    ids=range(7),
)
def test_what_is_no_signature_line_is_not_added(lines: bytes) -> None:
    with pytest.raises(MalformedNote):
        with_lines(NOTE, lines)


def test_a_note_takes_a_hundred_lines_and_no_more() -> None:
    ninety_nine = b"".join(raw_line(CosignerKey.of(f"w{n}", WITNESS.public_key), b"x") for n in range(99))
    full = with_lines(NOTE, ninety_nine)
    assert len(full.split(b"\n\n")[1].splitlines()) == 100
    assert with_lines(full, ninety_nine) == full
    with pytest.raises(MalformedNote, match="at most 100 signature lines, and this one would have more"):
        with_lines(full, LINE)


def test_a_note_does_not_grow_beyond_its_limit() -> None:
    long = sign_note("x" * (MAX_NOTE_BYTES - 300) + "\n", LOG, "log.example/a")
    with_lines(long, raw_line(KEY, bytes(20)))
    with pytest.raises(MalformedNote, match="bytes"):
        with_lines(long, raw_line(KEY, bytes(200)))
