"""The command as a client of the API."""

import json

import httpx

from verify_api.cli.client import Changing, Client


def test_a_line_of_an_answer_ends_with_a_line_feed_and_with_nothing_else() -> None:
    told = [{"reason": "“w\u2028c” and “w\u0085c”"}, {"done": 1}]
    body = "\n".join(json.dumps(each, ensure_ascii=False) for each in told).encode()
    pieces = iter([body[:20], body[20:21], body[21:]])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=pieces))
    with httpx.Client(transport=transport, base_url="http://service.test") as http:
        found = Client(http, "the service").lines("/rows", b"", "text/csv", query={}, changing=Changing())
        assert list(found) == told
