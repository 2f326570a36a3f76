"""A clock that is set back by an hour: the log's times go on, nothing breaks, scans answer."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

from starlette.testclient import TestClient

from ledger.adapters.home import Home
from ledger.domain.values import format_time
from ledger.founding import init
from ledger.testing.faults import FakeClock
from tests.concurrency.running import DEFINITION, row
from tests.crash.holding import check, check_times
from tests.crash.load import Load
from tests.crash.served import Served
from tests.crash.stand import Stand
from verify_api.app import create_app
from verify_api.services import open_services

HOUR = timedelta(hours=1)


def test_server_started_with_a_clock_an_hour_behind_goes_on_in_order(stand: Stand, seed: int) -> None:
    served = Served(stand)
    load = Load(served, seed=seed)
    try:
        load.begin(4, each=5)
        load.finish()
        served.stop()
        before = stand.events()
        served.environment["TESTAMUR_UNSAFE_CLOCK"] = format_time(datetime.now(UTC) - HOUR)
        served.start()
        load.begin(4, each=5)
        load.finish()
        check(stand, load)
        after = stand.events()[len(before) :]
        assert after
        latest = max(each.at for each in before)
        assert all(latest - timedelta(seconds=60) <= each.at < latest + HOUR for each in after)
        for _, receipt in load.outcomes.acknowledged.values():
            assert served.scan(receipt["code"]) == 200
        assert served.stop() == [0] * (1 + stand.workers)
        assert "Traceback" not in served.said()
        served.audit()
    finally:
        served.kill()


def test_clock_set_back_beneath_a_running_service_sets_nothing_in_the_log_back(stand: Stand) -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    clock = FakeClock(noon)
    url = stand.environment.get("TESTAMUR_DATABASE_URL")
    key = init(stand.home, "http://localhost:8000", "Test operator", clock=clock, database_url=url)
    failures: list[Exception] = []
    home = Home(stand.home, url)
    shared = url is not None
    with home.hold(shared=shared), closing(open_services(home, clock=clock, failed=failures.append)) as services:
        client = TestClient(create_app(services), headers={"Authorization": f"Bearer {key}"})

        def post(path: str, body: object) -> dict[str, str]:
            answer = client.post(f"/api/v1{path}", json=body)
            assert answer.is_success, answer.text
            told: dict[str, str] = answer.json()
            return told

        post("/issuers", {"slug": "college", "profile": {"name": "Example College"}})
        post("/achievements?issuer=college", DEFINITION)
        old = post("/credentials?issuer=college", row("before"))
        clock.at = noon - HOUR
        new = post("/credentials?issuer=college", row("after"))
        post(f"/credentials/{old['credential_id']}/suspend", {"reason": "other"})
        clock.at = noon - HOUR / 2
        post(
            f"/credentials/{new['credential_id']}/amend", {"values": {"full_name": "Ada"}, "reason": "issued_in_error"}
        )
        scans = [client.get(f"/c/{award['code']}", headers={"Accept": "application/json"}) for award in (old, new)]
        assert [(each.status_code, each.json()["verdict"]) for each in scans] == [
            (200, "suspended"),
            (200, "issuer_unrecognised"),
        ]
        assert client.get("/health/ready").status_code == 200
        events = stand.events()
        clock.at = noon + HOUR
        last = post(f"/credentials/{new['credential_id']}/revoke", {"reason": "other"})
    assert failures == []
    check_times(events)
    assert [each.at for each in events[-3:]] == [noon] * 3
    assert stand.events()[int(last["position"]) - 1].at == noon + HOUR
