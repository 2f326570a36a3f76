"""Files that attack the verifier, brought to a real service: an answer each time, never *valid*, never a fault."""

import pytest

from tests.api.conftest import Api
from tests.unit.application.hostile import files

FILES = dict(files())
pytestmark = pytest.mark.usefixtures("unlimited", "closed_in")


@pytest.mark.parametrize("name", FILES)
def test_attack_is_answered_and_never_valid(api: Api, name: str) -> None:
    headers = {"Content-Type": "application/octet-stream", "Accept": "application/json"}
    answer = api.client.post("/verify", content=FILES[name], headers=headers)
    assert answer.status_code in (200, 400, 413)
    if answer.status_code == 200:
        assert answer.json()["verdict"] in ("signature_invalid", "not_checked", "status_unavailable")
        assert answer.json()["in_force"] is None
    if FILES[name].startswith(b"{"):
        body = b'{"verifiableCredential":' + FILES[name] + b"}"
        refused = api.client.post("/vc/credentials/verify", content=body, headers={"Content-Type": "application/json"})
        assert refused.status_code in (400, 413)
        assert "award" not in refused.text or refused.json()["verdict"] is None or not refused.json()["verified"]
