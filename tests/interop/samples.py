"""A ledger with the awards of the demo and a few more, on loopback, and their documents as anyone fetches them."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ledger.vc.reading import Document, Json, read_document
from ledger.vc.status_list import bits_of, is_set
from tests.acceptance.desk import Desk, Receipt, course

BASE = "http://localhost:8765"
BEGIN, LATER, LAST = "2026-11-21T12:00:00Z", "2026-11-21T12:20:00Z", "2026-11-21T12:40:00Z"
REGISTRY = "https://registry.example/registry.json"
_PATIENCE = 90  # seconds for an answer, and until a list is signed anew; nothing is asserted about time
_RICH = Path(__file__).parent / "rich.json"  # a definition with everything that one can have


@dataclass(slots=True)
class Ledger:
    """The ledger, while it is served."""

    desk: Desk
    awards: dict[str, list[str]] = field(default_factory=dict)  # links of the demo, by what their page says

    @classmethod
    def seeded(cls, folder: Path) -> "Ledger":
        """A demo, with its server running."""
        desk = Desk(folder / "home")
        desk.run("demo", "--no-serve", "--port", str(urlsplit(BASE).port))
        ledger = cls(desk)
        for line in json.loads((desk.home / "demo.json").read_text("utf-8"))["awards"]:
            ledger.awards.setdefault(line["verdict"], []).append(urlsplit(line["url"]).path.lower())
        ledger.serve(BEGIN)
        return ledger

    def serve(self, clock: str) -> None:
        """Serve it at another time."""
        self.desk.stop()
        self.desk.serve(clock)

    def document(self, link: str) -> dict[str, Json]:
        """The signed document behind a link."""
        answer = httpx.get(f"{self.desk.url}{link}/credential.json", timeout=_PATIENCE)
        assert answer.status_code == 200, answer.text
        return read_document(answer.content)

    def get(self, url: str) -> dict[str, Json]:
        """A document that is published under the address of the ledger."""
        path = urlsplit(url).path
        answer = httpx.get(f"{self.desk.url}{path}", timeout=_PATIENCE)
        assert answer.status_code == 200, answer.text
        return read_document(answer.content)

    def published_did(self, slug: str) -> dict[str, object]:
        """What the DID of an issuer resolves to now, by the address that it has."""
        return {f"{BASE.replace('http', 'https')}/issuers/{slug}/did.json": self.get(f"/issuers/{slug}/did.json")}

    def published_list(self, document: Document) -> dict[str, object]:
        """The status list of a document as it is published now, by its address."""
        address = _entry(document)[0]
        return {address: self.get(address)}

    def judged(self, document: Document) -> str:
        """The verdict of the service on a file with this document, once it takes it: it takes so many a minute."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        content = json.dumps(document).encode()
        answer = httpx.post(f"{self.desk.url}/verify", content=content, headers=headers, timeout=_PATIENCE)
        while answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            time.sleep(int(answer.headers["Retry-After"]))
            answer = httpx.post(f"{self.desk.url}/verify", content=content, headers=headers, timeout=_PATIENCE)
        assert answer.status_code == httpx.codes.OK, answer.text
        verdict: str = answer.json()["verdict"]
        return verdict

    def until_published(self, document: Document, *, stopped: bool) -> None:
        """Wait until the list of a document says so."""
        address, index = _entry(document)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if is_set(bits_of(self.get(address)), index) is stopped:
                return
            time.sleep(0.2)
        raise AssertionError(f"the list of {document['id']} was not signed anew")

    def issuer(self, slug: str, achievement: str) -> None:
        """Register an issuer with one course."""
        self.desk.post("/issuers", {"slug": slug, "profile": {"name": f"College {slug}"}})
        self.desk.post("/achievements", course(achievement, achievement.title()), issuer=slug)

    def award(self, slug: str, achievement: str, number: str, name: str, **more: str) -> Receipt:
        """Award something."""
        row = {"student_number": number, "full_name": name, "achievement": achievement, "awarded_on": "2026-03-01"}
        return self.desk.issue(slug, {**row, "result": "Pass", **more})

    def act(self, receipt: Receipt, act: str, **body: str) -> None:
        """Do something to an award."""
        self.desk.post(f"/credentials/{receipt['credential_id']}/{act}", body)

    def rich(self) -> Receipt:
        """An award of the definition with everything."""
        self.desk.post("/achievements", json.loads(_RICH.read_text("utf-8")), issuer="maplewood")
        return self.desk.issue(
            "maplewood",
            {
                "student_number": "M-30001",
                "full_name": "김 지우 · Ζωή · غادة",
                "achievement": "everything",
                "awarded_on": "2026-09-30",
                "valid_from": "2026-10-01",
                "valid_until": "2030-12-31",
                "result": "Pass with distinction",
                "score": "93.5",
                "route": "prior-learning",
                "assessor": 'Dr. "Rosalind" <Ex\\ample> & Söhne',
                "evidence_url": "https://portfolio.example/works?of=%EA%B9%80&page=1#top",
            },
        )

    def registry(self) -> dict[str, object]:
        """A registry of issuers that lists all of this ledger, for who asks one."""
        url, headers = f"{self.desk.url}/api/v1/issuers", self.desk.authorization
        listed = httpx.get(url, headers=headers, timeout=_PATIENCE).json()["issuers"]
        return {REGISTRY: {"registry": {each["did"]: {"name": each["slug"]} for each in listed}}}


def _entry(document: Document) -> tuple[str, int]:
    """The status list of a document, and its place in it."""
    entry = document["credentialStatus"]
    assert isinstance(entry, Mapping)
    return str(entry["statusListCredential"]), int(str(entry["statusListIndex"]))
