"""The client that gathers cosignatures, against witnesses on loopback that answer well, wrongly, too much or never."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from threading import Event
from typing import NamedTuple

import pytest

from ledger.adapters.witness_errors import (
    BadWitnessPolicy,
    WitnessAnswerTooLong,
    WitnessAnswerUnreadable,
    WitnessClaimUnproved,
    WitnessContradicts,
    WitnessCosignatureFalse,
    WitnessDoesNotKnowLog,
    WitnessError,
    WitnessRefused,
    WitnessSizeUnproved,
    WitnessTimeWrong,
    WitnessTooSlow,
    WitnessUnreachable,
)
from ledger.adapters.witnesses import MOST_ASKED, WitnessClient
from ledger.application.publishing_ports import WitnessAhead
from ledger.testing.faults import FakeClock
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.cosignature import CosignatureInvalid, cosignatures, with_lines
from ledger.tlog.merkle import Hash
from ledger.tlog.note import MalformedNote
from ledger.tlog.policy import NO_POLICY, WitnessPolicy, parse_policy
from ledger.tlog.proofs import check_consistency, tree_root
from ledger.tlog.tiles import TileMissing
from ledger.tlog.witnessing import MAX_ANSWER_BYTES, AddCheckpoint
from tests.witnesses import NOW, Reply, SampleLog, Script, answering, size_reply

LOG = SampleLog()
T = int(NOW.timestamp())
Answer = Callable[[Script, AddCheckpoint], Reply]


def ours(note: bytes) -> Checkpoint:
    return open_checkpoint(note, LOG.key)


def good(script: Script, request: AddCheckpoint) -> Reply:
    return script.cosigned(request)


def having_seen(size: int) -> Answer:
    """A witness that has seen so much, and keeps to the protocol from there on."""

    def answer(script: Script, request: AddCheckpoint) -> Reply:
        nonlocal size
        if request.old != size:
            return size_reply(size)
        size = open_checkpoint(request.note, LOG.key).size
        return script.cosigned(request)

    return answer


class Waits(NamedTuple):
    """Seconds; long where a test is about something else."""

    timeout: float = 30.0
    patience: float = 30.0
    grace: float = 30.0


LONG = Waits()


class Gathering:
    """A client and what it complained of."""

    def __init__(self, *scripts: Script, quorum: str = "none", groups: str = "", waits: Waits = LONG) -> None:
        lines = "".join(f"witness {each.name} {each.key} {each.url}\n" for each in scripts)
        self.policy = parse_policy(f"{lines}{groups}\nquorum {quorum}\n")
        self.clock = FakeClock(NOW)
        self.failures: list[WitnessError] = []
        self.client = WitnessClient(
            self.policy,
            clock=self.clock,
            failed=self.failures.append,
            timeout=waits.timeout,
            patience=waits.patience,
            grace=waits.grace,
        )

    def gather(self, size: int, note: bytes | None = None) -> bytes:
        return self.client.gather(LOG.note(size) if note is None else note, LOG.prove(size), ours)

    def names(self, note: bytes) -> tuple[str, ...]:
        return self.policy.agreement(note).names


@contextmanager
def gathering(*scripts: Script, quorum: str = "none", groups: str = "", waits: Waits = LONG) -> Iterator[Gathering]:
    with answering(*scripts):
        made = Gathering(*scripts, quorum=quorum, groups=groups, waits=waits)
        try:
            yield made
        finally:
            made.client.close()


# ------------------------------------------------------------------------------------------------------- who agrees


def test_all_witnesses_are_asked_and_their_lines_stand_on_the_note() -> None:
    first, second = Script("w1", good, at=T + 100), Script("w2", good, at=T - 200)
    with gathering(first, second, quorum="g", groups="group g all w1 w2") as made:
        note = made.gather(7)
        assert made.client.reached(note)
        assert not made.client.reached(LOG.note(7))
    assert note.startswith(LOG.note(7))
    assert open_checkpoint(note, LOG.key).size == 7
    assert {each.at for each in cosignatures(note, [first.key, second.key])} == {T + 100, T - 200}
    assert first.paths == second.paths == ["/add-checkpoint"]
    assert made.failures == []


def test_the_address_of_a_witness_may_have_a_path() -> None:
    script = Script("w1", good)
    with answering(script):
        script.url += "/some/where/"
        made = Gathering(script)
        assert made.names(made.gather(7)) == ("w1",)
        made.client.close()
    assert script.paths == ["/some/where/add-checkpoint"]


def test_a_later_checkpoint_is_proved_from_what_the_witness_cosigned_last() -> None:
    script = Script("w1", having_seen(0))
    with gathering(script) as made:
        for size in (7, 7, 12, 31):
            assert made.names(made.gather(size)) == ("w1",)
    assert [each.old for each in script.asked] == [0, 7, 7, 12]
    assert script.asked[1].path == ()
    check_consistency(12, tree_root(12, LOG.reader()), 31, tree_root(31, LOG.reader()), script.asked[-1].path)


def test_a_witness_that_saw_another_size_is_asked_again_with_a_proof_from_there() -> None:
    script = Script("w1", having_seen(9))
    with gathering(script) as made:
        assert made.names(made.gather(12)) == ("w1",)
    assert [each.old for each in script.asked] == [0, 9]
    assert script.asked[1].path == LOG.prove(12)(9)


def test_a_note_that_has_a_line_of_a_witness_tells_what_it_saw_and_gets_a_younger_one() -> None:
    script = Script("w1", having_seen(12))
    note = with_lines(LOG.note(12), script.line(LOG.note(12), 1_400))
    with gathering(script) as made:
        again = made.gather(12, note)
    assert [each.old for each in script.asked] == [12]
    assert again == with_lines(LOG.note(12), script.line(LOG.note(12), T))


def test_lines_that_a_note_has_stay_where_their_witness_does_not_answer() -> None:
    script = Script("w1", lambda *_: Reply(500))
    note = with_lines(LOG.note(12), script.line(LOG.note(12), 1_400))
    with gathering(script) as made:
        assert made.gather(12, note) == note


def test_a_witness_from_whose_size_nothing_can_be_proved_is_left_out_and_the_others_count() -> None:
    def prove(old: int) -> tuple[Hash, ...]:
        if old == 3:
            raise TileMissing("there is no tile/0/000")
        return LOG.prove(10)(old)

    scripts = [Script("w1", lambda *_: size_reply(3)), Script("w2", having_seen(9)), Script("w3", having_seen(9))]
    with gathering(*scripts, quorum="g", groups="group g 2 w1 w2 w3") as made:
        note = made.client.gather(LOG.note(10), prove, ours)
        assert made.client.reached(note)
        assert made.names(note) == ("w2", "w3")
    assert [type(each) for each in made.failures] == [WitnessSizeUnproved]
    assert "w1 says that it saw 3 entries last" in str(made.failures[0])


def test_more_witnesses_than_a_note_has_lines_for_are_refused_at_once() -> None:
    def policy(count: int) -> WitnessPolicy:
        scripts = [Script(f"w{number}", good) for number in range(count)]
        lines = [f"witness {each.name} {each.key} http://127.0.0.1:9/" for each in scripts]
        return parse_policy("\n".join([*lines, "quorum w1", ""]))

    WitnessClient(policy(MOST_ASKED), clock=FakeClock(NOW), failed=print).close()
    with pytest.raises(BadWitnessPolicy, match=f"at most {MOST_ASKED} are asked"):
        WitnessClient(policy(MOST_ASKED + 1), clock=FakeClock(NOW), failed=print)


def test_one_proof_is_made_for_all_witnesses_that_saw_the_same() -> None:
    made_for: list[int] = []

    def prove(old: int) -> tuple[Hash, ...]:
        made_for.append(old)
        return LOG.prove(12)(old)

    scripts = [Script(f"w{n}", having_seen(9)) for n in range(3)]
    with gathering(*scripts) as made:
        assert len(made.names(made.client.gather(LOG.note(12), prove, ours))) == 3
    assert made_for == [9]


# -------------------------------------------------------------------------------------------------- the store is behind


def claiming(size: int, shows: bytes | None = None, status: int = 200) -> Script:
    """A witness that says that it has seen so much, and shows a note."""
    return Script("w2", having_seen(size), shows=lambda: Reply(404) if shows is None else Reply(status, shows))


@pytest.mark.parametrize("other", [good, lambda *_: Reply(404)], ids=["good", "bad"])
def test_a_witness_that_shows_a_larger_log_of_ours_stops_everything(other: Answer) -> None:
    ahead = claiming(13, with_lines(LOG.note(13), Script("w2", good).line(LOG.note(13))))
    with gathering(Script("w1", other), ahead) as made:
        with pytest.raises(WitnessAhead, match="shows a checkpoint over 13 entries that this log signed") as raised:
            made.gather(12)
        assert (raised.value.size, raised.value.shown) == (13, ahead.shows().body)
        assert made.names(raised.value.note) == (("w1",) if other is good else ())
        assert made.names(made.gather(13)) == (("w1", "w2") if other is good else ("w2",))
    assert ahead.paths[:2] == ["/add-checkpoint", f"/{sha256(LOG.origin.encode()).hexdigest()}/checkpoint"]


STRANGERS = SampleLog(seed=9)  # calls itself as our log does
OTHERS = SampleLog("log.example/b")


@pytest.mark.parametrize(
    "shows",
    [None, b"", b"no note", STRANGERS.note(13), OTHERS.note(13), LOG.note(12), LOG.note(3), b"x" * 99_999],
    ids=["404", "empty", "no note", "not ours", "of another log", "ours, as asked", "ours, older", "too much"],
)
def test_a_witness_that_says_it_saw_more_and_does_not_show_it_is_left_out(shows: bytes | None) -> None:
    others = [Script(name, good) for name in ("w1", "w3", "w4")]
    with gathering(*others, claiming(2**62, shows), quorum="g", groups="group g 2 w1 w2 w3 w4") as made:
        note = made.gather(12)
        assert made.client.reached(note)
    assert made.names(note) == ("w1", "w3", "w4")
    assert [type(each) for each in made.failures] == [WitnessClaimUnproved]
    with pytest.raises(WitnessClaimUnproved, match="w2 says that it has seen 4611686018427387904 entries"):
        raise made.failures[0]


def test_a_checkpoint_of_ours_under_another_status_than_200_shows_nothing() -> None:
    with gathering(Script("w1", good), claiming(13, LOG.note(13), status=404)) as made:
        assert made.names(made.gather(12)) == ("w1",)


@pytest.mark.parametrize("shown", [LOG.note(12, fork=True), LOG.note(9, fork=True), LOG.note(20, fork=True)])
@pytest.mark.parametrize("reply", [Reply(422), size_reply(12), size_reply(13)], ids=["422", "409", "larger"])
def test_a_witness_that_shows_another_history_of_ours_stops_everything(shown: bytes, reply: Reply) -> None:
    forked = Script("w2", lambda *_: reply, shows=lambda: Reply(200, shown))
    with gathering(Script("w1", good), forked) as made, pytest.raises(WitnessAhead, match="w2 shows") as raised:
        made.gather(12, with_lines(LOG.note(12), forked.line(LOG.note(12))))
    assert raised.value.shown == shown


def test_of_two_witnesses_that_are_ahead_what_is_shown_counts_and_what_is_said_does_not() -> None:
    liar = Script("w1", having_seen(2**62))
    ahead = claiming(13, LOG.note(13))
    with gathering(liar, ahead) as made, pytest.raises(WitnessAhead, match="over 13 entries"):
        made.gather(12)
    assert [each.witness for each in made.failures] == ["w1"]


@pytest.mark.parametrize("waits", [Waits(timeout=3.0), Waits(grace=3.0)], ids=["one", "grace"])
def test_a_claim_is_told_although_what_should_show_it_never_comes(waits: Waits) -> None:
    told = Event()

    def never() -> Reply:
        told.wait(60)
        return Reply(500)

    slow = Script("w2", having_seen(13), shows=never)
    with answering(well := Script("w1", good), slow):
        made = Gathering(well, slow, quorum="w1", waits=waits)
        try:
            assert made.names(made.gather(12)) == ("w1",)
            assert not made.client.heard
        finally:
            told.set()
            made.client.close()
    assert [type(each) for each in made.failures] == [WitnessClaimUnproved]


def heard(made: Gathering) -> bool:
    return made.client.heard


def test_before_a_quorum_was_heard_a_claim_without_proof_keeps_it_from_being_heard_and_later_it_does_not() -> None:
    seen = [13]

    def answer(script: Script, request: AddCheckpoint) -> Reply:
        return size_reply(seen[0]) if request.old != seen[0] else script.cosigned(request)

    with gathering(Script("w1", good), Script("w2", answer), quorum="w1") as made:
        assert made.client.reached(made.gather(12))
        assert heard(made) is False
        assert not made.client.due(NOW + timedelta(seconds=9))
        assert made.client.due(NOW + timedelta(seconds=10))  # as while there are too few
        seen[0] = 12
        made.gather(12)
        assert heard(made) is True
        seen[0] = 13
        made.gather(12)
        assert heard(made) is True
        assert not made.client.due(NOW + timedelta(minutes=9))


def test_a_claim_stands_while_its_witness_is_silent() -> None:
    replies = [size_reply(13), Reply(500)]
    with gathering(Script("w1", good), Script("w2", lambda *_: replies.pop(0)), quorum="w1") as made:
        for _ in range(2):
            made.gather(12)
            assert not made.client.heard


# ---------------------------------------------------------------------------------------------- who does not cosign

STRANGER = Script("stranger", good)
SIZE = {"Content-Type": "text/x.tlog.size"}
BAD: list[tuple[str, Answer, type[WitnessError], str]] = [
    ("404", lambda *_: Reply(404, b"who?\n"), WitnessDoesNotKnowLog, "bad answers 404: 'who\\?'"),
    ("422", lambda *_: Reply(422, b"no\n"), WitnessContradicts, "bad answers 422: 'no'"),
    ("403", lambda *_: Reply(403), WitnessRefused, "bad answers 403$"),
    ("400", lambda *_: Reply(400, b"\xff\x00" * 500), WitnessRefused, "bad answers 400: '.{200,2000}'$"),
    ("500", lambda *_: Reply(500, b"a\r\n b\x1b[1m"), WitnessRefused, r"bad answers 500: 'a b\\x1b\[1m'"),
    ("204", lambda *_: Reply(204), WitnessRefused, "bad answers 204"),
    (
        "redirect",
        lambda script, _: Reply(307, headers={"Location": f"{script.url}/elsewhere"}),
        WitnessRefused,
        "bad answers 307",
    ),
    ("nothing", lambda *_: Reply(200), WitnessAnswerUnreadable, "answered no signature lines"),
    ("garbage", lambda *_: Reply(200, b"\xff\xfe" * 99), WitnessAnswerUnreadable, "answered no signature lines"),
    ("page", lambda *_: Reply(200, b"<!doctype html>\n"), WitnessAnswerUnreadable, "answered no signature lines"),
    (
        "compressed",
        lambda script, request: Reply(200, gzip.compress(script.cosigned(request).body), {"Content-Encoding": "gzip"}),
        WitnessAnswerUnreadable,
        "answered no signature lines",
    ),
    (
        "another's",
        lambda _, request: STRANGER.cosigned(request),
        WitnessAnswerUnreadable,
        "without a line of its own key",
    ),
    (
        "wrong",
        lambda script, _: Reply(200, script.line(LOG.note(11))),
        WitnessCosignatureFalse,
        "bad cosigned something else: the cosignature by 'bad.example'",
    ),
    ("too much", lambda *_: Reply(200, b"x" * (MAX_ANSWER_BYTES + 1)), WitnessAnswerTooLong, "more than 65536 bytes"),
    ("endless size", lambda *_: Reply(409, b"1" * (MAX_ANSWER_BYTES + 1)), WitnessAnswerTooLong, "more than"),
    ("409 as text", lambda *_: Reply(409, b"9\n", {"Content-Type": "text/plain"}), WitnessAnswerUnreadable, "t/plain"),
    ("409 garbage", lambda *_: Reply(409, b"nine\n", SIZE), WitnessAnswerUnreadable, "does not spell it"),
    ("409 no newline", lambda *_: Reply(409, b"9", SIZE), WitnessAnswerUnreadable, "does not spell it"),
    ("409 same size", lambda _, request: size_reply(request.old), WitnessAnswerUnreadable, "the size that it names"),
    ("409 for ever", lambda _, request: size_reply(request.old + 1), WitnessAnswerUnreadable, "another size each time"),
    ("hangs up", lambda *_: Reply(0), WitnessUnreachable, "bad cannot be reached: "),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "error", "said"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_a_witness_that_answers_wrongly_is_left_out_and_named_and_the_others_count(
    answer: Answer, error: type[WitnessError], said: str
) -> None:
    bad, well = Script("bad", answer), Script("well", good)
    with gathering(bad, well, quorum="well") as made:
        note = made.gather(12)
        assert made.client.reached(note)
    assert made.names(note) == ("well",)
    assert note == with_lines(LOG.note(12), well.line(LOG.note(12)))
    assert "/elsewhere" not in bad.paths
    assert [type(each) for each in made.failures] == [error]
    assert made.failures[0].witness == "bad"
    with pytest.raises(error, match=said):
        raise made.failures[0]


@pytest.mark.parametrize("off", [-301, 301, -30 * 365 * 86_400, 10 * 365 * 86_400])
def test_a_line_of_another_time_is_none_of_now_and_nobody_was_heard(off: int) -> None:
    with gathering(Script("w1", good, at=T + off), quorum="w1") as made:
        assert made.gather(12) == LOG.note(12)
        assert not made.client.heard
    assert [type(each) for each in made.failures] == [WitnessTimeWrong]
    with pytest.raises(WitnessTimeWrong, match=r"w1 cosigned as of \S+Z, and it is 2027-03-01T09:00:00Z here"):
        raise made.failures[0]


@pytest.mark.parametrize("off", [-300, 300])
def test_clocks_may_differ_by_five_minutes(off: int) -> None:
    with gathering(Script("w1", good, at=T + off), quorum="w1") as made:
        assert made.client.reached(made.gather(12))
        assert made.client.heard


@pytest.mark.parametrize(
    "reply",
    [size_reply(12), Reply(409, b"another root\n"), Reply(409, b"twelve\n", SIZE), Reply(422)],
    ids=["the size", "words", "no size", "422"],
)
def test_a_witness_that_saw_another_root_of_this_size_is_said_to_contradict(reply: Reply) -> None:
    first = [size_reply(12)]  # which it says to who does not know what it saw
    bad = Script("bad", lambda *_: first.pop() if first else reply)
    with gathering(bad, Script("well", good), quorum="well") as made:
        assert made.names(made.gather(12)) == ("well",)
    assert [each.old for each in bad.asked] == [0, 12]
    assert [type(each) for each in made.failures] == [WitnessContradicts]


def test_a_witness_where_nobody_listens_is_left_out() -> None:
    gone, well = Script("gone", good), Script("well", good)
    with answering(gone):
        pass  # now nobody listens at that address any more
    with answering(well):
        made = Gathering(gone, well)
        assert made.names(made.gather(12)) == ("well",)
        made.client.close()
    assert [type(each) for each in made.failures] == [WitnessUnreachable]


@pytest.mark.parametrize(
    ("waits", "said"),
    [
        (Waits(timeout=3.0), "silent did not answer within 3 s"),  # in which the other one has to answer
        (Waits(patience=3.0), "silent was not waited for any longer"),
        (Waits(grace=0.3), "silent was not waited for any longer"),
    ],
    ids=["one", "all", "grace"],
)
def test_a_witness_that_never_answers_is_not_waited_for(waits: Waits, said: str) -> None:
    told = Event()

    def never(*_: object) -> Reply:
        told.wait(60)
        return Reply(500)

    silent, well = Script("silent", never), Script("well", good)
    with answering(silent, well):
        made = Gathering(silent, well, quorum="well", waits=waits)
        try:
            assert made.names(made.gather(12)) == ("well",)
        finally:
            told.set()
            made.client.close()
    assert [(type(each), str(each)) for each in made.failures] == [(WitnessTooSlow, f"the witness {said}")]


def test_a_witness_that_the_quorum_needs_is_waited_for_beyond_the_grace() -> None:
    told = Event()

    def late(script: Script, request: AddCheckpoint) -> Reply:
        told.wait(0.4)
        return script.cosigned(request)

    with gathering(Script("late", late), Script("well", good), quorum="late", waits=Waits(grace=0.0)) as made:
        assert made.client.reached(made.gather(12))


def test_the_same_failure_is_told_again_after_ten_minutes_only_and_another_at_once() -> None:
    statuses = [404, 404, 500, 500, 200, 500, 500]
    script = Script(
        "w1", lambda script, request: Reply(statuses[0]) if statuses[0] != 200 else script.cosigned(request)
    )
    told = []
    with gathering(script) as made:
        for minutes in (0, 1, 1, 9, 1, 1, 10):
            made.clock.at += timedelta(minutes=minutes)
            script.at = int(made.clock.at.timestamp())
            made.gather(12)
            told.append(len(made.failures))
            statuses.pop(0)
    assert told == [1, 1, 2, 2, 2, 3, 4]


def test_a_failure_of_our_own_proof_is_no_witness_s_failure() -> None:
    class Broken(Exception):
        pass

    def broken(_: int) -> tuple[Hash, ...]:
        raise Broken

    with gathering(Script("w1", having_seen(9)), Script("w2", good)) as made:
        with pytest.raises(Broken):
            made.client.gather(LOG.note(12), broken, ours)
        assert made.failures == []
        assert made.names(made.gather(12)) == ("w1", "w2")


# --------------------------------------------------------------------------------------------- when to gather again


def test_what_was_cosigned_is_due_again_after_an_hour_and_what_lacks_somebody_sooner() -> None:
    fine = [True]
    script = Script("w1", lambda script, request: script.cosigned(request) if fine[0] else Reply(500))

    def due_after(made: Gathering) -> timedelta:
        made.gather(12)
        waits = [timedelta(seconds=10), timedelta(minutes=10), timedelta(hours=1)]
        begun = made.clock.now()
        assert not made.client.due(begun)
        assert made.client.due(begun - timedelta(seconds=1))  # a clock that was set back
        found = [each for each in waits if made.client.due(begun + each)]
        assert not made.client.due(begun + found[0] - timedelta(seconds=1))
        return found[0]

    with gathering(script, Script("w2", good), quorum="w1") as made:
        assert made.client.due(NOW)
        assert due_after(made) == timedelta(hours=1)
        fine[0] = False
        assert due_after(made) == timedelta(seconds=10)
        fine[0] = True
        assert due_after(made) == timedelta(hours=1)
    with gathering(script, Script("w2", lambda *_: Reply(500)), quorum="w1") as made:
        assert due_after(made) == timedelta(minutes=10)


def test_nobody_is_asked_where_nobody_has_an_address() -> None:
    client = WitnessClient(NO_POLICY, clock=FakeClock(NOW))
    without = parse_policy(f"witness w1 {STRANGER.key}\nquorum none\n")
    for each in (client, WitnessClient(without, clock=FakeClock(NOW))):
        assert not each.asked
        assert not each.due(NOW)
        assert each.gather(LOG.note(3), LOG.prove(3), ours) == LOG.note(3)
        assert each.reached(LOG.note(3))
        each.close()


# ------------------------------------------------------------------------------------------------------- wrong input


def test_a_quorum_that_cannot_be_reached_over_addresses_is_refused_at_once() -> None:
    policy = parse_policy(f"witness w1 {STRANGER.key}\nwitness w2 {Script('w2', good).key} http://h\nquorum w1\n")
    with pytest.raises(BadWitnessPolicy, match="more witnesses need an address"):
        WitnessClient(policy, clock=FakeClock(NOW))


@pytest.mark.parametrize(
    "url",
    [
        "w.example", "ftp://w.example/", "http://", "http:///x", "http://w.example:x", "http://w.example:99999",
        "http://w.example:0/", "http://[::1", "https://w.example/?q", "https://w.example/#f", "https://u:p@w.example/",
        "http://w\u2028.example", "http://-\u00e9-.example:80\u0661/",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(BadWitnessPolicy, match="the address of the witness w1 is none"):
        WitnessClient(parse_policy(f"witness w1 {STRANGER.key} {url}\nquorum none\n"), clock=FakeClock(NOW))


def test_a_note_that_is_none_or_has_a_false_line_is_not_asked_about() -> None:
    script = Script("w1", good)
    with gathering(script) as made:
        with pytest.raises(MalformedNote):
            made.gather(12, b"no note")
        false = with_lines(LOG.note(12), script.line(LOG.note(11)))
        with pytest.raises(CosignatureInvalid):
            made.gather(12, false)
        assert not made.client.reached(false)
        assert not made.client.reached(b"no note")
    assert script.asked == []


def test_a_client_may_be_closed_twice_and_used_again() -> None:
    with gathering(Script("w1", good)) as made:
        for _ in range(2):
            assert made.names(made.gather(12)) == ("w1",)
            made.client.close()
            made.client.close()


def test_a_policy_without_quorum_is_always_reached() -> None:
    assert WitnessPolicy().enough([])
