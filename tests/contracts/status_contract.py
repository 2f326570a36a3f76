"""What every store promises of signed status lists: they are kept for ever, one after the other."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ledger.application.ports import StaleDecision, StatusCredential, StatusListState
from tests.contracts.scribe import BEGIN, LIST, OTHER_LIST, Scribe, claim, stream
from tests.contracts.store_contract import Backend

_FIRST = StatusCredential(list=LIST, made_at=BEGIN, size=5, raw=b"\x00 first \xff")
_SECOND = StatusCredential(list=LIST, made_at=BEGIN + timedelta(seconds=30), size=5, raw=b"second")
_THIRD = StatusCredential(list=LIST, made_at=BEGIN + timedelta(hours=6), size=9, raw=b"third")
_OTHER = StatusCredential(list=OTHER_LIST, made_at=BEGIN + timedelta(days=1), size=2, raw=b"other")


class StatusContract:
    """The promises."""

    def test_store_without_signed_lists_has_none(self, backend: Backend) -> None:
        with backend.store.snapshot() as snapshot:
            assert snapshot.status_credential(LIST) is None
            assert snapshot.status_credential(LIST, BEGIN) is None
            assert snapshot.status_lists() == []
            assert snapshot.issuer_of_list(LIST) is None

    def test_last_one_is_found_and_the_one_of_any_time(self, backend: Backend) -> None:
        _keep(backend, _FIRST, _SECOND, _THIRD, _OTHER)
        for store in (backend.store, backend.reopen()):
            with store.snapshot() as snapshot:
                assert snapshot.status_credential(LIST) == _THIRD
                assert snapshot.status_credential(OTHER_LIST) == _OTHER
                assert snapshot.status_credential(LIST, BEGIN - timedelta(milliseconds=1)) is None
                assert snapshot.status_credential(LIST, BEGIN) == _FIRST
                assert snapshot.status_credential(LIST, BEGIN + timedelta(seconds=29, milliseconds=999)) == _FIRST
                assert snapshot.status_credential(LIST, _SECOND.made_at) == _SECOND
                assert snapshot.status_credential(LIST, _THIRD.made_at - timedelta(milliseconds=1)) == _SECOND
                assert snapshot.status_credential(LIST, BEGIN + timedelta(days=999)) == _THIRD

    @pytest.mark.parametrize(
        ("previous", "credential"),
        [
            (None, _THIRD),
            (BEGIN, _THIRD),
            (_THIRD.made_at, _THIRD),
            (_SECOND.made_at, replace(_SECOND, raw=b"another")),
            (_SECOND.made_at, replace(_THIRD, made_at=BEGIN + timedelta(seconds=29))),
            (_SECOND.made_at, replace(_THIRD, size=4)),
            (BEGIN, replace(_OTHER, size=9)),
        ],
    )
    def test_one_that_does_not_follow_the_last_is_refused(
        self, backend: Backend, previous: datetime | None, credential: StatusCredential
    ) -> None:
        _keep(backend, _FIRST, _SECOND)
        with pytest.raises(StaleDecision):
            backend.store.save_status_credential(previous, credential)
        with backend.store.snapshot() as snapshot:
            assert snapshot.status_credential(LIST) == _SECOND
            assert snapshot.status_credential(OTHER_LIST) is None

    def test_every_list_is_named_with_its_issuer_and_when_it_was_signed(self, backend: Backend, scribe: Scribe) -> None:
        claims = (claim(1, 1), claim(2, 1, seq=1), claim(1, 2, status_list=OTHER_LIST, issuer=901))
        backend.append([replace(scribe.proposal(1), slots=claims[:2]), replace(scribe.proposal(2), slots=claims[2:])])
        unsigned = StatusListState(list=OTHER_LIST, issuer=stream(901), made_at=None)
        with backend.store.snapshot() as snapshot:
            assert snapshot.status_lists() == [StatusListState(list=LIST, issuer=stream(900), made_at=None), unsigned]
            assert (snapshot.issuer_of_list(LIST), snapshot.issuer_of_list(OTHER_LIST)) == (stream(900), stream(901))
        _keep(backend, _FIRST, _SECOND)
        with backend.store.snapshot() as snapshot:
            signed = StatusListState(list=LIST, issuer=stream(900), made_at=_SECOND.made_at)
            assert snapshot.status_lists() == [signed, unsigned]

    def test_snapshot_does_not_see_what_is_signed_after_it(self, backend: Backend) -> None:
        _keep(backend, _FIRST)
        with backend.store.snapshot() as snapshot:
            assert snapshot.status_credential(LIST) == _FIRST
            backend.reopen().save_status_credential(_FIRST.made_at, _SECOND)
            assert snapshot.status_credential(LIST) == _FIRST


def _keep(backend: Backend, *credentials: StatusCredential) -> None:
    last = dict.fromkeys([each.list for each in credentials])
    for each in credentials:
        backend.store.save_status_credential(last[each.list], each)
        last[each.list] = each.made_at
