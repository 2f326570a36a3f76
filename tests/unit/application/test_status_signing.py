"""Status lists for other software follow what is published: signed at a change, every six hours, and kept for ever."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from ledger.adapters.key_store import PemKeyStore
from ledger.adapters.secrets import MasterKey
from ledger.application.ports import Appended, OutcomeUnknown, StatusCredential, Store
from ledger.application.status_signing import StatusListNotSigned, StatusSigning
from ledger.bootstrap import passphrase
from ledger.domain.events import CredentialAmended, CredentialAwarded
from ledger.domain.types import Kid, ListId, Slot, StreamId
from ledger.domain.values import Reason, Role
from ledger.record.entry import parse_entry
from ledger.testing.faults import InterveningStore
from ledger.vc import status_list
from ledger.vc.reading import Json, read_document
from tests.unit.application.office import OPERATOR, Office, run

SECOND = timedelta(seconds=1)
_NO_STREAM = StreamId(UUID(int=0))


class Desk:
    """An office whose published lists are signed when a test says so."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.told: list[Exception] = []
        self.signing = self.another()

    def another(self, store: Store | None = None) -> StatusSigning:
        """One of another process, which has read no key yet."""
        ledger = self.office.ledger
        keys = PemKeyStore(ledger.home.keys, passphrase(MasterKey.load(ledger.home.master_key)))
        return StatusSigning(
            store=store or ledger.store,
            keys=keys,
            clock=self.office.clock,
            base_url="http://localhost:8000",
            published=ledger.published,
            failed=self.told.append,
        )

    def work(self, after: timedelta = SECOND, *, publish: bool = True) -> int:
        """How many lists are signed when so much time has passed."""
        self.office.clock.at += after
        if publish:
            self.office.ledger.publishing.publish()
        return self.signing.work()

    def issue(self) -> tuple[Appended, ListId, Slot]:
        appended = run(self.office.issue())
        return appended, *self.place(appended)

    def place(self, appended: Appended) -> tuple[ListId, Slot]:
        with self.office.store.snapshot() as snapshot:
            event = parse_entry(snapshot.entries(appended.position - 1, 1)[0].raw).event
        assert isinstance(event, CredentialAwarded | CredentialAmended)
        return event.list, event.slot

    def kept(self, name: ListId, at: datetime | None = None) -> StatusCredential:
        with self.office.store.snapshot() as snapshot:
            found = snapshot.status_credential(name, at)
        assert found is not None
        return found

    def is_set(self, name: ListId, slot: Slot, at: datetime | None = None) -> bool:
        """What another program finds in the last signed list."""
        document = read_document(self.kept(name, at).raw)
        entry: Json = {
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(slot),
            "statusListCredential": document["id"],
        }
        did = self.office.issuer().did
        found = status_list.check_entry(entry, document, issuer=did, now=at or self.office.clock.at)
        assert isinstance(found, bool), found
        return found

    def assert_good(self, name: ListId, *kids: str) -> None:
        """The last signed list is what its statement says, by one of these keys."""
        kept = self.kept(name)
        statuses = self.office.ledger.published.load_statuses(kept.size)
        assert statuses is not None
        keys = [Kid(kid) for kid in kids] or [Kid(kid) for kid in self.office.kids(Role.SIGNING)]
        did, bits = self.office.issuer().did, statuses.list_bits(name)
        wrong = status_list.check_own(kept.raw, issuer=did, status_list=name, bits=bits, made=kept.made_at, keys=keys)
        assert wrong is None

    def count(self) -> int:
        return self.office.count("status_credentials")


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def test_nothing_is_signed_before_anything_is_published_or_issued(desk: Desk) -> None:
    assert desk.signing.work() == 0
    assert desk.work() == 0
    assert desk.told == []


def test_list_is_signed_once_its_first_award_is_published(desk: Desk) -> None:
    _, name, slot = desk.issue()
    assert desk.work(publish=False) == 0
    assert desk.work() == 1
    desk.assert_good(name)
    kept = desk.kept(name)
    assert (kept.made_at, kept.size) == (desk.office.clock.at, desk.office.size())
    assert not desk.is_set(name, slot)


def test_lists_are_not_signed_again_while_no_bit_changes(desk: Desk) -> None:
    desk.issue()
    assert desk.work() == 1
    for _ in range(3):
        desk.issue()
        assert desk.work(timedelta(minutes=1)) == 0
    assert desk.count() == 1


def test_bits_follow_the_acts_on_an_award(desk: Desk) -> None:
    office = desk.office
    appended, name, slot = desk.issue()
    desk.work()
    changing, caller, stream = office.ledger.changing, office.registrar, appended.stream
    minute = timedelta(minutes=1)

    def after(expected: bool) -> None:
        assert desk.work(minute) == 1
        assert desk.is_set(name, slot) is expected
        desk.assert_good(name)

    run(changing.suspend(caller, stream, Reason.ASSESSMENT_INTEGRITY))
    after(True)
    run(changing.reinstate(caller, stream))
    after(False)
    amended = run(changing.amend(caller, stream, {"score": "90"}, Reason.OTHER))
    after(True)
    assert not desk.is_set(*desk.place(amended))
    run(changing.revoke(caller, stream, Reason.ISSUED_IN_ERROR))
    after(True)
    assert desk.is_set(*desk.place(amended))
    assert desk.count() == 5


def test_change_of_a_list_that_was_just_signed_waits_for_half_a_minute_and_no_longer(desk: Desk) -> None:
    appended, name, slot = desk.issue()
    desk.work()
    run(desk.office.ledger.changing.revoke(desk.office.registrar, appended.stream, Reason.ISSUED_IN_ERROR))
    assert desk.work() == 0
    assert desk.work(timedelta(seconds=28), publish=False) == 0
    assert not desk.is_set(name, slot)
    assert desk.work(publish=False) == 1
    assert desk.is_set(name, slot)


def test_list_is_signed_again_after_six_hours_although_nothing_was_published(desk: Desk) -> None:
    _, name, _ = desk.issue()
    desk.work()
    first = desk.kept(name)
    assert desk.work(timedelta(hours=6) - SECOND, publish=False) == 0
    assert desk.work(publish=False) == 1
    second = desk.kept(name)
    assert (second.made_at - first.made_at, second.size) == (timedelta(hours=6), first.size)
    desk.assert_good(name)
    assert desk.work(publish=False) == 0


def test_another_process_goes_on_from_what_was_kept(desk: Desk) -> None:
    appended, name, slot = desk.issue()
    desk.work()
    desk.signing = desk.another()
    assert desk.work() == 0
    run(desk.office.ledger.changing.revoke(desk.office.registrar, appended.stream, Reason.ISSUED_IN_ERROR))
    assert desk.work() == 0
    desk.signing = desk.another()
    assert desk.work() == 0
    assert desk.work(timedelta(seconds=30)) == 1
    assert desk.is_set(name, slot)


class LateStore(InterveningStore):
    """A store in which something is signed just before another list is kept."""

    def __init__(self, inner: Store, intervention: Callable[[], object]) -> None:
        super().__init__(inner, _NO_STREAM, intervention)

        def save(previous: datetime | None, credential: StatusCredential) -> None:
            intervention()
            inner.save_status_credential(previous, credential)

        self.save_status_credential = save


def test_of_two_processes_that_sign_at_once_one_keeps_its_list(desk: Desk) -> None:
    desk.issue()
    other = desk.another(LateStore(desk.office.store, desk.signing.work))
    desk.office.ledger.publishing.publish()
    assert other.work() == 0
    assert desk.count() == 1
    desk.office.clock.at += timedelta(seconds=2)
    assert other.work() == 0
    assert (desk.count(), desk.told) == (1, [])


def test_store_that_fails_while_a_list_is_kept_is_asked_again(desk: Desk) -> None:
    _, name, _ = desk.issue()
    answers: list[Exception | None] = [OutcomeUnknown("the store failed"), None]

    def fail() -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    desk.signing = desk.another(LateStore(desk.office.store, fail))
    with pytest.raises(OutcomeUnknown):
        desk.work()
    assert desk.work(publish=False) == 1
    desk.assert_good(name)
    assert desk.told == []


def test_clock_that_was_set_back_delays_nothing_and_times_still_grow(desk: Desk) -> None:
    appended, name, slot = desk.issue()
    desk.work()
    first = desk.kept(name)
    run(desk.office.ledger.changing.revoke(desk.office.registrar, appended.stream, Reason.ISSUED_IN_ERROR))
    assert desk.work(timedelta(hours=-3)) == 1
    assert desk.kept(name).made_at == first.made_at + timedelta(milliseconds=1)
    assert desk.is_set(name, slot, desk.kept(name).made_at)
    assert desk.work(timedelta(hours=6), publish=False) == 1
    assert desk.work(timedelta(hours=-8), publish=False) == 1  # although nothing changed
    assert desk.work(publish=False) == 0


def _compromise(desk: Desk, kid: str, *, recovery: bool = False) -> None:
    issuers, college = desk.office.ledger.issuers, desk.office.college
    run(issuers.report_compromised(OPERATOR, college, Kid(kid), None, recovery=recovery))


def test_stolen_key_has_its_lists_signed_anew_at_once_by_a_good_one(desk: Desk) -> None:
    _, name, slot = desk.issue()
    desk.work()
    (old,) = desk.office.kids(Role.SIGNING)
    desk.assert_good(name, old)
    added = run(desk.office.ledger.issuers.add_key(OPERATOR, desk.office.college, Role.SIGNING))
    _compromise(desk, old)
    assert desk.work() == 1  # within half a minute of the last
    desk.assert_good(name, added.kid)
    assert desk.is_set(name, slot)  # the thief could have made it
    assert desk.told == []


def test_lists_signed_by_a_retired_key_stand_and_the_next_is_signed_by_another(desk: Desk) -> None:
    appended, name, _ = desk.issue()
    desk.work()
    (old,) = desk.office.kids(Role.SIGNING)
    added = run(desk.office.ledger.issuers.add_key(OPERATOR, desk.office.college, Role.SIGNING))
    run(desk.office.ledger.issuers.retire_key(OPERATOR, desk.office.college, Kid(old)))
    assert desk.work(timedelta(minutes=1)) == 0
    run(desk.office.ledger.changing.revoke(desk.office.registrar, appended.stream, Reason.ISSUED_IN_ERROR))
    assert desk.work(timedelta(minutes=1)) == 1
    desk.assert_good(name, added.kid)


def test_without_a_good_key_nothing_is_signed_and_it_is_told_once(desk: Desk) -> None:
    _, name, _ = desk.issue()
    desk.work()
    (old,) = desk.office.kids(Role.SIGNING)
    _compromise(desk, old)
    for _ in range(3):
        assert desk.work(timedelta(minutes=2)) == 0
    (told,) = desk.told
    assert isinstance(told, StatusListNotSigned)
    assert desk.office.issuer().did in str(told)
    assert desk.signing.unsigned() == [desk.office.issuer().did]
    assert desk.count() == 1
    added = run(desk.office.ledger.issuers.add_key(OPERATOR, desk.office.college, Role.SIGNING))
    assert desk.work() == 1
    assert desk.signing.unsigned() == []
    desk.assert_good(name, added.kid)


def test_list_that_another_process_signed_is_not_told_to_be_unsigned(desk: Desk) -> None:
    office = desk.office
    desk.issue()
    other, desk.signing = desk.signing, desk.another()
    (kid,) = office.kids(Role.SIGNING)
    path = office.ledger.home.keys / f"{kid}.pem"
    away = path.rename(path.with_suffix(".away"))
    assert desk.work() == 0
    assert desk.signing.unsigned() == [office.issuer().did]
    away.rename(path)
    assert other.work() == 1
    away = path.rename(away)
    assert desk.work(timedelta(minutes=2), publish=False) == 0
    assert desk.signing.unsigned() == []
    away.rename(path)


def test_key_that_is_kept_elsewhere_or_cannot_be_read_holds_up_nobody_else(desk: Desk) -> None:
    office = desk.office
    _, name, _ = desk.issue()
    desk.signing = desk.another()
    (kid,) = office.kids(Role.SIGNING)
    path = office.ledger.home.keys / f"{kid}.pem"
    pem = path.read_bytes()
    path.unlink()
    path.write_bytes(b"garbled")
    path.chmod(0o600)
    assert desk.work() == 0
    path.unlink()
    assert desk.work(timedelta(minutes=1), publish=False) == 0
    assert [type(each) for each in desk.told] == [StatusListNotSigned] * 2
    path.write_bytes(pem)
    path.chmod(0o600)
    assert desk.work(timedelta(minutes=1), publish=False) == 1
    desk.assert_good(name)


def test_of_several_keys_one_that_is_held_here_signs(desk: Desk) -> None:
    (old,) = desk.office.kids(Role.SIGNING)
    added = run(desk.office.ledger.issuers.add_key(OPERATOR, desk.office.college, Role.SIGNING))
    (desk.office.ledger.home.keys / f"{added.kid}.pem").unlink()
    _, name, _ = desk.issue()
    assert desk.work() == 1
    desk.assert_good(name, old)
    assert desk.told == []


def test_key_that_came_later_than_what_is_published_signs_nothing_yet(desk: Desk) -> None:
    _, name, _ = desk.issue()
    desk.office.ledger.publishing.publish()
    (old,) = desk.office.kids(Role.SIGNING)
    run(desk.office.ledger.issuers.add_key(OPERATOR, desk.office.college, Role.SIGNING))
    assert desk.work(publish=False) == 1
    desk.assert_good(name, old)


def test_list_that_was_kept_damaged_is_signed_anew(desk: Desk) -> None:
    _, name, _ = desk.issue()
    desk.office.ledger.publishing.publish()
    made = desk.office.clock.at
    desk.office.store.save_status_credential(None, StatusCredential(list=name, made_at=made, size=1, raw=b"{"))
    assert desk.work() == 1
    desk.assert_good(name)


def test_lists_as_they_were_are_found_by_their_time(desk: Desk) -> None:
    appended, name, slot = desk.issue()
    desk.work()
    before = desk.office.clock.at
    run(desk.office.ledger.changing.suspend(desk.office.registrar, appended.stream, Reason.ASSESSMENT_INTEGRITY))
    desk.work(timedelta(hours=1))
    assert not desk.is_set(name, slot, before)
    assert not desk.is_set(name, slot, desk.office.clock.at - SECOND)
    assert desk.is_set(name, slot, desk.office.clock.at)
