"""The same commands over HTTP with authentication: processor time of a server in a process of its own.

64 connections that are kept open each ask for an award, wait for its receipt, and ask for the next. The reference is
the bar itself; the time of one Ed25519 signature on this machine, at this moment, is printed beside it.

    python scripts/bench/http_commands.py [--rounds 3] [--commands 640]
"""

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from statistics import median, quantiles
from time import perf_counter, process_time

from harness import Result, arguments, conclude, cpu_of, table, throwaway_home
from nacl.signing import SigningKey
from serving import Running, server

CLIENTS = 64
BAR = 1.5  # milliseconds of server processor time a command


async def _ask(running: Running, key: str, numbers: Iterator[int], took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    for number in numbers:
        body = json.dumps(
            {
                "student_number": f"S-{number:07}",
                "full_name": "Amara Okafor",
                "achievement": "wound-care",
                "awarded_on": "2026-01-05",
                "email": f"s{number}@learners.example",
            }
        ).encode("ascii")
        head = (
            "POST /api/v1/credentials?issuer=north-college HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: bench-{number}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = perf_counter()
        writer.write(head.encode("ascii") + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        text = await reader.readexactly(length)
        took.append((perf_counter() - began) * 1e3)
        if not answer.startswith(b"http/1.1 201"):
            raise SystemExit(f"an unexpected answer: {answer + text!r}")
    writer.close()
    await writer.wait_closed()


def commands(running: Running, key: str, numbers: range) -> tuple[float, float, list[float]]:
    """Milliseconds of the server's processor time a command, commands a second, and each one's latency."""
    took: list[float] = []
    todo = iter(numbers)

    async def everybody() -> None:
        await asyncio.gather(*(_ask(running, key, todo, took) for _ in range(CLIENTS)))

    before, began = cpu_of(running.pid), perf_counter()
    asyncio.run(everybody())
    seconds = perf_counter() - began
    return (cpu_of(running.pid) - before) / len(numbers) * 1e3, len(numbers) / seconds, took


def signature() -> float:
    """Microseconds that one Ed25519 signature takes here now: what other machines can be compared by."""
    key, began = SigningKey(bytes(32)), process_time()
    for _ in range(500):
        key.sign(bytes(700))
    return (process_time() - began) / 500 * 1e6


def main() -> None:
    """Measure, and print what came of it."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--commands", type=int, default=640, help="commands in a round")
    asked = parser.parse_args()
    spent, rates, unit, latencies = [], [], [], list[float]()
    first = count(0, asked.commands)
    with throwaway_home() as home, server("home", str(home.folder)) as running:
        key = home.operator_key.read_text("ascii").strip()
        for turn in range(-1, asked.rounds):
            start = next(first)
            used, rate, took = commands(running, key, range(start, start + asked.commands))
            unit.append(signature())
            if turn >= 0:
                spent.append(used)
                rates.append(rate)
                latencies += took
    mine, p99 = median(spent), quantiles(latencies, n=100)[98]
    row = ("an award", f"{mine:.2f} ms", f"{median(rates):,.0f}", f"{median(latencies):.1f} ms", f"{p99:.1f} ms")
    table(("", "server processor time", "commands/s", f"p50 at {CLIENTS}", "p99"), [row])
    print(f"one Ed25519 signature takes {median(unit):.0f} us here")
    conclude(
        Result(
            job="http_commands",
            ours=mine,
            reference=BAR,
            unit="ms of server processor time a command",
            bar=f"<= {BAR} ms",
            met=mine <= BAR,
        )
    )


if __name__ == "__main__":
    main()
