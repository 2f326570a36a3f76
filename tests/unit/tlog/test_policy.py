"""Trust policies: what they accept, what they ask for, and each way of writing one wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.signing.signer import Ed25519Signer
from ledger.tlog.cosignature import CosignatureInvalid, CosignerKey, cosign
from ledger.tlog.note import VerifierKey, sign_note
from ledger.tlog.policy import (
    MAX_DEFINITIONS,
    MAX_POLICY_CHARACTERS,
    NO_POLICY,
    Agreement,
    MalformedPolicy,
    Witness,
    WitnessPolicy,
    parse_policy,
)
from tests.unit.tlog.test_cosignature import GARDEN, REMORA, SMARTIT, STAGING_LOG, STAGING_NOTE, STAGING_TIME

LOG = Ed25519Signer(bytes(range(32)))
LOG_KEY = VerifierKey.of("log.example/a", LOG.public_key)
WITNESSES = {f"w{n}": Ed25519Signer(bytes([n]) * 32) for n in range(1, 7)}
KEYS = {name: CosignerKey.of(f"{name}.example", signer.public_key) for name, signer in WITNESSES.items()}
LINES = "".join(f"witness {name} {key}\n" for name, key in KEYS.items())
TEXT = "log.example/a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def note(**times: int) -> bytes:
    return sign_note(TEXT, LOG, "log.example/a") + b"".join(
        cosign(TEXT, WITNESSES[name], KEYS[name].name, at) for name, at in times.items()
    )


def names(policy: str) -> WitnessPolicy:
    return parse_policy(LINES + policy)


# ------------------------------------------------------------------------------------------------------------ reading


def test_a_policy_names_logs_witnesses_and_addresses_and_leaves_comments_and_blanks() -> None:
    policy = parse_policy(
        f"# whom we believe\n\n\tlog {LOG_KEY.to_text()}  https://log.example/a \n  # two\n"
        f"log {STAGING_LOG}\nwitness  w1\t{KEYS['w1']} https://w1.example/\nwitness w2 {KEYS['w2']}\nquorum w1"
    )
    assert policy.logs == (LOG_KEY, VerifierKey.parse(STAGING_LOG))
    assert policy.log_urls == {LOG_KEY: "https://log.example/a"}
    assert policy.witnesses == (
        Witness(name="w1", key=KEYS["w1"], url="https://w1.example/"),
        Witness(name="w2", key=KEYS["w2"], url=None),
    )
    assert (policy.groups, policy.quorum) == ((), "w1")


def test_a_policy_of_nobody_is_no_policy() -> None:
    assert parse_policy("quorum none\n") == parse_policy(b"quorum none") == NO_POLICY
    assert NO_POLICY.agreement(note()) == Agreement(names=(), reached=True, since=None, as_of=None)


def test_a_policy_may_be_read_from_bytes_and_its_comments_are_any_bytes() -> None:
    policy = parse_policy(
        f"# \xe9\n{LINES}witness fà {REMORA}\nquorum fà\n".encode("latin-1").replace(b"\xe0", "à".encode())
    )
    assert policy.quorum == "fà"


def test_names_are_told_apart_by_their_bytes() -> None:
    policy = parse_policy(f"witness K {KEYS['w1']}\nwitness \u212a {KEYS['w2']}\nquorum K\n")
    assert policy.enough(["K"])
    assert not policy.enough(["\u212a"])


def test_two_keys_of_one_log_are_two_logs_to_accept() -> None:
    second = VerifierKey.of("log.example/a", Ed25519Signer(bytes(32)).public_key)
    assert parse_policy(f"log {LOG_KEY.to_text()}\nlog {second.to_text()}\nquorum none\n").logs == (LOG_KEY, second)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "one line `quorum NAME` or `quorum none`"),
        (f"log {LOG_KEY.to_text()}\n", "one line `quorum NAME`"),
        ("quorum\n", "line 1: the quorum is one name"),
        ("quorum none none\n", "line 1: the quorum is one name"),
        ("quorum none\nquorum none\n", "line 2: a policy has one quorum"),
        ("quorum w1\n", "line 1: no line before defines a witness or a group 'w1'"),
        (f"quorum w1\n{LINES}", "line 1: no line before"),
        ("Quorum none\n", "line 1: 'Quorum' begins no line"),
        ("quorum none\r\n", r"line 1: the character U\+000D"),
        ("# \x7f\nquorum none\n", r"line 1: the character U\+007F"),
        ("quorum none \x00", r"line 1: the character U\+0000"),
        ("log\nquorum none\n", "line 1: a log is defined by"),
        (f"log {LOG_KEY.to_text()} https://a b\nquorum none\n", "line 1: a log is defined by"),
        (f"log {LOG_KEY.to_text()} # ours\nquorum none\n", "line 1: a log is defined by"),
        ("log x\nquorum none\n", "line 1: a verifier key is spelled"),
        (f"\nlog {REMORA}\nquorum none\n", "line 2: a verifier key is spelled .* 0x01"),
        (f"log {LOG_KEY.to_text()}\nlog {LOG_KEY.to_text()}\nquorum none\n", "line 2: the key of the log"),
        (
            f"log {LOG_KEY.to_text()}\nlog {VerifierKey.of('other', LOG.public_key).to_text()}\nquorum none\n",
            "line 2: the key of the log 'other' stands in a line before",
        ),
        ("witness w1\nquorum none\n", "line 1: a witness is defined by"),
        (f"witness w1 {REMORA} https://a b\nquorum none\n", "line 1: a witness is defined by"),
        (f"witness w1 {STAGING_LOG}\nquorum none\n", "line 1: a verifier key is spelled .* 0x04"),
        (f"witness none {REMORA}\nquorum none\n", "line 1: `none` is the quorum"),
        (f"{LINES}witness w1 {REMORA}\nquorum none\n", "line 7: the name 'w1' is taken"),
        (f"{LINES}witness w7 {KEYS['w1']}\nquorum none\n", "line 7: the key of the witness 'w7'"),
        (
            f"{LINES}witness w7 {CosignerKey.of('again', WITNESSES['w1'].public_key)}\nquorum none\n",
            "line 7: the key of the witness 'w7'",
        ),
        (f"{LINES}group g any\nquorum g\n", "line 7: a group is defined by"),
        (f"{LINES}group none any w1\nquorum none\n", "line 7: `none` is the quorum"),
        (f"{LINES}group w1 any w2\nquorum none\n", "line 7: the name 'w1' is taken"),
        (f"{LINES}group g any w2\ngroup g any w1\nquorum none\n", "line 8: the name 'g' is taken"),
        (f"{LINES}group g any w7\nquorum g\n", "line 7: no line before defines a witness or a group 'w7'"),
        (f"{LINES}group g any none\nquorum g\n", "line 7: no line before defines a witness or a group 'none'"),
        (f"{LINES}group g any g\nquorum g\n", "line 7: no line before defines a witness or a group 'g'"),
        (f"{LINES}group g any w1 w1\nquorum g\n", "line 7: 'w1' is a member of a group already"),
        (f"{LINES}group g any w1\ngroup h any w2 w1\nquorum h\n", "line 8: 'w1' is a member of a group already"),
        *[
            (f"{LINES}group g {k} w1 w2\nquorum g\n", "line 7: of 2 members `all`, `any` or 1 to 2 are enough")
            for k in ("0", "3", "-1", "+1", "01", "1.0", "\u0661", "most", "99999999999999999999")
        ],
        (f"quorum none{' ' * MAX_POLICY_CHARACTERS}", "at most 65536 characters"),
        (f"witness w\ud800 {REMORA}\nquorum none\n", "line 1: names and addresses are UTF-8"),
    ],
    ids=range(45),
)
def test_what_is_no_policy_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(MalformedPolicy, match=reason):
        parse_policy(text)


def test_a_name_that_is_not_utf8_is_refused_with_its_line() -> None:
    with pytest.raises(MalformedPolicy, match="line 7: names and addresses are UTF-8"):
        parse_policy(f"{LINES}witness fa\xe0 {REMORA}\nquorum none\n".encode("latin-1"))


def test_two_keys_of_one_name_and_id_are_refused() -> None:
    # Found by search among seeds 0, 1, 2 ...: a key id has only 32 bits.
    first, second = (
        CosignerKey.of("twin.example/w", Ed25519Signer(n.to_bytes(32, "big")).public_key) for n in (10581, 73073)
    )
    with pytest.raises(MalformedPolicy, match=r"both 'twin\.example/w' with key id"):
        parse_policy(f"witness a {first}\nwitness b {second}\nquorum none\n")


def test_a_policy_has_at_most_so_many_definitions() -> None:
    made = [VerifierKey.of("log", Ed25519Signer(n.to_bytes(32, "big")).public_key) for n in range(MAX_DEFINITIONS + 1)]
    lines = [f"log {key.to_text()}\n" for key in made]
    assert len(parse_policy("".join(lines[:-1]) + "quorum none\n").logs) == MAX_DEFINITIONS
    with pytest.raises(MalformedPolicy, match=f"line {MAX_DEFINITIONS + 1}: a policy has at most {MAX_DEFINITIONS}"):
        parse_policy("".join(lines) + "quorum none\n")


@given(
    text=st.lists(
        st.lists(
            st.sampled_from(["log", "witness", "group", "quorum", "none", "w1", "g", "any", "2", str(REMORA), "#"])
        ),
        max_size=6,
    ).map(lambda lines: "\n".join(" ".join(line) for line in lines))
)
def test_any_text_is_read_or_refused_by_a_named_error(text: str) -> None:
    try:
        parse_policy(text)
    except MalformedPolicy:
        return


# ------------------------------------------------------------------------------------------------------------- quorum


@pytest.mark.parametrize(
    ("policy", "enough", "missing"),
    [
        ("quorum w1", ["w1"], ["w2 w3", ""]),
        ("group g any w1 w2\nquorum g", ["w1", "w2", "w1 w2"], ["w3", ""]),
        ("group g all w1 w2\nquorum g", ["w1 w2", "w1 w2 w3"], ["w1", "w2", ""]),
        ("group g 2 w1 w2 w3\nquorum g", ["w1 w2", "w2 w3", "w1 w3"], ["w1", "w3 w4"]),
        (
            "group x 2 w1 w2 w3\ngroup y any w4 w5 w6\ngroup both all x y\nquorum both",
            ["w1 w3 w5", "w1 w2 w3 w4 w5 w6"],
            ["w1 w2 w3", "w4 w5 w6", "w1 w4", "x y", "both"],
        ),
        ("group x all w1 w2\ngroup y 1 x w3\nquorum y\ngroup later any y", ["w3", "w1 w2"], ["w1", "later"]),
    ],
)
def test_a_quorum_is_reached_by_enough_witnesses_and_by_no_fewer(
    policy: str, enough: list[str], missing: list[str]
) -> None:
    read = names(policy)
    for each, reached in [*((who, True) for who in enough), *((who, False) for who in missing)]:
        present = {name: 1 for name in each.split() if name in KEYS}
        assert read.agreement(note(**present)).reached is reached, each


def test_the_quorum_none_is_content_with_nobody_and_names_who_is_there() -> None:
    agreement = names("quorum none").agreement(note(w3=30, w1=10))
    assert agreement == Agreement(names=("w1", "w3"), reached=True, since=30, as_of=10)


def test_since_is_when_the_last_of_the_first_quorum_had_seen_the_tree() -> None:
    policy = names("group g 2 w1 w2 w3\nquorum g")
    agreement = policy.agreement(note(w1=50, w2=20, w3=40, w4=1))
    assert (agreement.names, agreement.since, agreement.as_of) == (("w1", "w2", "w3", "w4"), 40, 40)
    assert policy.agreement(note(w1=50)) == Agreement(names=("w1",), reached=False, since=None, as_of=None)


def test_a_witness_that_cosigned_twice_counts_from_its_first_time_until_its_last() -> None:
    line = cosign(TEXT, WITNESSES["w1"], KEYS["w1"].name, 3_600)
    agreement = names("group g all w1 w2\nquorum g").agreement(note(w1=10, w2=20) + line)
    assert agreement == Agreement(names=("w1", "w2"), reached=True, since=20, as_of=20)
    assert names("quorum w1").agreement(note(w1=10) + line) == Agreement(
        names=("w1",), reached=True, since=10, as_of=3_600
    )


def test_a_time_that_has_not_come_does_not_count() -> None:
    policy = names("group g all w1 w2\nquorum g")
    both = note(w1=10, w2=20)
    assert policy.agreement(both, until=20) == policy.agreement(both)
    assert policy.agreement(note()).latest is None
    early = policy.agreement(both, until=19)
    assert early == Agreement(names=("w1",), reached=False, since=None, as_of=None)
    assert early.latest == 20
    line = cosign(TEXT, WITNESSES["w2"], KEYS["w2"].name, 3_600)
    twice = policy.agreement(both + line, until=20)
    assert twice == Agreement(names=("w1", "w2"), reached=True, since=20, as_of=10)
    assert twice.latest == 3_600


@given(times=st.dictionaries(st.sampled_from(sorted(KEYS)), st.integers(1, 9)), needed=st.integers(1, 6))
def test_since_and_as_of_are_the_nth_earliest_and_the_nth_latest_time(times: dict[str, int], needed: int) -> None:
    policy = names(f"group g {needed} {' '.join(KEYS)}\nquorum g")
    agreement = policy.agreement(note(**times))
    ordered = sorted(times.values())
    reached = len(times) >= needed
    assert agreement.reached is reached
    assert agreement.since == (ordered[needed - 1] if reached else None)
    assert agreement.as_of == (ordered[-needed] if reached else None)


def test_real_witnesses_reach_a_quorum_on_a_real_checkpoint() -> None:
    policy = parse_policy(
        f"log {STAGING_LOG}\nwitness remora {REMORA}\nwitness smartit {SMARTIT}\nwitness garden {GARDEN}\n"
        "group g 2 remora smartit garden\nquorum g\n"
    )
    assert policy.agreement(STAGING_NOTE) == Agreement(
        names=("remora", "smartit", "garden"), reached=True, since=STAGING_TIME, as_of=STAGING_TIME
    )


def test_a_false_cosignature_of_a_witness_of_the_policy_is_refused_and_one_of_a_stranger_is_not() -> None:
    false = note(w1=10).replace(b"\n0\n", b"\n1\n")
    with pytest.raises(CosignatureInvalid):
        names("quorum none").agreement(false)
    assert parse_policy("quorum none").agreement(false).names == ()
