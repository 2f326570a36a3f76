"""What strangers bring is worked on by a few threads, and not taken where too much waits."""

import asyncio
from threading import Event, current_thread

from verify_api.public.rate_limit import Limits
from verify_api.public.workbench import Busy, Workbench


def test_work_is_done_on_another_thread_and_comes_back() -> None:
    async def do() -> object:
        return await Workbench().do(current_thread)

    assert asyncio.run(do()) is not current_thread()


def test_fault_of_the_work_is_raised_and_frees_its_place() -> None:
    def fail() -> None:
        raise ValueError("x")

    async def do() -> list[object]:
        bench = Workbench()
        failures = await asyncio.gather(*(bench.do(fail) for _ in range(10)), return_exceptions=True)
        assert all(isinstance(each, ValueError) for each in failures)
        return list(await asyncio.gather(*(bench.do(lambda: 7) for _ in range(10))))

    assert asyncio.run(do()) == [7] * 10


def test_nothing_more_is_taken_while_too_much_waits() -> None:
    ends = Event()

    async def do() -> list[object]:
        bench = Workbench()
        running = [asyncio.ensure_future(bench.do(ends.wait)) for _ in range(30)]
        await asyncio.sleep(0)
        refused = await asyncio.wait_for(bench.do(lambda: 7), 60)
        ends.set()
        return [*await asyncio.gather(*running), refused]

    found = asyncio.run(do())
    assert found.count(True) == 22  # two threads, and twenty that wait for them
    assert found.count(Busy(seconds=1)) == 9


def test_client_that_brings_too_much_has_to_wait() -> None:
    bench = Workbench(limits=Limits(client_burst=2, client_per_minute=6), monotonic=lambda: 0.0)
    assert [bench.admit("192.0.2.1") for _ in range(3)] == [None, None, Busy(seconds=10)]
    assert bench.admit("192.0.2.2") is None
