"""Ports that cannot be listened on."""

import socket
from collections.abc import Iterator

import pytest

from verify_api.cli.errors import WrongUsage
from verify_api.cli.service import check_port


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_on_which_somebody_listens_is_named_in_plain_words(taken: int) -> None:
    with pytest.raises(WrongUsage) as refused:
        check_port("127.0.0.1", taken)
    told = str(refused.value)
    assert told == (
        f"cannot listen on 127.0.0.1 port {taken}: another program listens there; name another port with --port"
    )


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(WrongUsage, match="not one of this machine"):
        check_port("192.0.2.1", 0)


def test_a_free_port_is_left_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)
