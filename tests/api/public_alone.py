"""A process that holds no key: opens the public side of a home, calls every route that it has, and tells what came.

python -m tests.api.public_alone HOME DATABASE_URL CODE SHORT_CODE STATUS_LIST     # DATABASE_URL may be empty
"""

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import sleep

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, FastAPI
from nacl.signing import SigningKey
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient

from ledger.adapters.clock import SystemClock
from ledger.adapters.home import Home
from ledger.adapters.key_store import PemKeyStore
from ledger.public_side import PublicSide, open_public_side
from ledger.signing.signer import Ed25519Signer
from ledger.tlog.checkpoint import size_of_note
from verify_api.app import create_public_app

_SECRETS = (Ed25519Signer, SigningKey, Ed25519PrivateKey, PemKeyStore)
_JSON = {"Accept": "application/json"}
_FOREIGN = Path(__file__).parent.parent / "data" / "foreign-badge.json"


def main() -> None:
    """Print one JSON object."""
    folder, url, code, short, _ = sys.argv[1:]
    opened: list[str] = []
    sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
    failures: list[str] = []
    home = Home(Path(folder), url or None)
    side = open_public_side(home, clock=SystemClock(), failed=lambda error: failures.append(repr(error)))
    with closing(side):
        size = _published(side)
        app = create_public_app(side)
        with TestClient(app, raise_server_exceptions=False) as client:
            answers = dict(_answers(app, client, code, short, size))
            verdict = client.get(f"/c/{code}", headers=_JSON).json()
        held = [type(each).__name__ for each in gc.get_objects() if isinstance(each, _SECRETS)]
    told = {
        "answers": answers,
        "failures": failures,
        "held": held,
        "keys_opened": [path for path in opened if path.endswith((".pem", "operator.key")) or "/keys/" in path],
        "place": next(each for each in verdict["findings"] if each["check"] == "log"),
        "size": size,
    }
    print(json.dumps(told))


def _published(side: PublicSide) -> int:
    """How many entries the checkpoint covers that is published here, once there is one."""
    for _ in range(300):
        note = side.scanning.checkpoint()
        if note is not None:
            return size_of_note(note) or 0
        sleep(0.1)
    raise SystemExit("nothing was published here")


def _table(routes: Sequence[BaseRoute]) -> Iterator[Route]:
    """Every route, those of the routers that were included, too."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if isinstance(included, APIRouter):
            yield from _table(included.routes)
        else:
            assert isinstance(route, Route)
            yield route


def _answers(app: FastAPI, client: TestClient, code: str, short: str, size: int) -> Iterator[tuple[str, int]]:
    """Every route with every method, and the status of the answer."""
    values = {"code": code, "version": "1", "path": f"0/000.p/{size}", "path:path": f"0/000.p/{size}"}
    values |= {"slug": "college", "status_list": sys.argv[5]}
    values["date"] = next(iter(sorted(each.name for each in Path(sys.argv[1], "log", "days").iterdir())))
    foreign = json.loads(_FOREIGN.read_bytes())
    holder = {"@context": foreign["@context"][:1], "type": "VerifiablePresentation", "verifiableCredential": foreign}
    uploads = {
        "/verify": foreign,
        "/vc/credentials/verify": {"verifiableCredential": foreign},
        "/vc/presentations/verify": {"verifiablePresentation": holder},
    }
    for route in _table(app.routes):
        path = route.path
        for name, value in values.items():
            path = path.replace("{" + name + "}", value)
        for method in route.methods or ():
            data = {"code": short} if (method, path) == ("POST", "/c") else None
            body = uploads.get(path) if method == "POST" else None
            yield f"{method} {route.path}", client.request(method, path, data=data, json=body).status_code


if __name__ == "__main__":
    main()
