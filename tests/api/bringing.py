"""How a file is brought to the service, and what is said of it."""

import json
from uuid import UUID

import httpx

from ledger.domain.types import StreamId
from ledger.domain.values import Part
from ledger.vc.reading import Json
from ledger.verification.authority_check import Authority
from ledger.verification.evidence import CredentialEvidence
from tests.api.conftest import Api

Document = dict[str, Json]
WANTS_JSON = {"Accept": "application/json"}


def recorded(api: Api, receipt: dict[str, str]) -> list[bytes]:
    """The documents of an award's versions."""
    found: list[bytes] = []

    def find(evidence: CredentialEvidence, _: Authority) -> None:
        for placed in evidence.stream:
            part = evidence.parts.get(placed.position, {}).get(Part.DOCUMENT)
            if part is not None and part.opening is not None:
                found.append(part.opening.content)

    assert api.services.scanning.scan_found(StreamId(UUID(receipt["credential_id"])), find) is None
    return found


def bring(api: Api, content: bytes, kind: str = "application/json") -> httpx.Response:
    answer: httpx.Response = api.client.post("/verify", content=content, headers={"Content-Type": kind, **WANTS_JSON})
    return answer


def verdict(api: Api, content: bytes | Document) -> tuple[str, list[str]]:
    """The state, and the reasons of what did not pass."""
    answer = bring(api, content if isinstance(content, bytes) else json.dumps(content).encode())
    assert answer.status_code == 200, answer.text
    said = answer.json()
    if said["verdict"] in ("signature_invalid", "not_checked"):
        assert said["award"] is None
    return said["verdict"], [each["reason"] for each in said["findings"] if each["outcome"] != "passed"]
