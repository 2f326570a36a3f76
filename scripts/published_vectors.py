"""Run the test vectors that the W3C publishes beside its specifications, from checkouts of those repositories.

    python scripts/published_vectors.py --rdf-canon DIR --eddsa DIR --ecdsa DIR

The directories are checkouts of w3c/rdf-canon, w3c/vc-di-eddsa and w3c/vc-di-ecdsa; their files are not copied into
this repository. Exits with 1 if a vector does not come out as published, apart from those that use what is not done
here, which are listed: SHA-384, P-384, contexts that are not bundled, an older type of proof.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from base58 import b58decode
from pyoxigraph import DefaultGraph, Quad, RdfFormat, Triple, parse

from ledger.signing.signer import Ed25519Signer
from ledger.vc import data_integrity
from ledger.vc.did import resolve_key
from ledger.vc.rdf import TooAmbiguous, canonical_nquads
from ledger.vc.rdf_canon import Statement, canonicalise
from ledger.vc.reading import read_document

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOT_DONE = {
    "unknown_cryptosuite",
    "unsupported_key",
    "unknown_context",
    "unknown_proof_type",
}  # reasons: nothing is said of these
Outcome = tuple[str, str]  # the vector's name; "ok", "not done: …" or "WRONG: …"


class Entry(TypedDict, total=False):
    """One line of the manifest."""

    id: str
    type: str
    action: str
    result: str
    hashAlgorithm: str


def rdf_canon(folder: Path) -> Iterator[Outcome]:
    """Evaluation tests give the published statements; the poisonous one is refused."""
    entries: list[Entry] = json.loads((folder / "tests/manifest.jsonld").read_bytes())["entries"]
    for entry in entries:
        name, kind = f"rdf-canon {entry['id']}", entry["type"]
        if kind == "rdfc:RDFC10MapTest" or "hashAlgorithm" in entry:
            yield name, "not done: another hash, or the map of names instead of the statements"
            continue
        given = (folder / "tests" / entry["action"]).read_bytes()
        try:
            found = canonicalise([_statement(quad) for quad in parse(given, RdfFormat.N_QUADS)])
        except TooAmbiguous:
            yield name, "ok" if kind == "rdfc:RDFC10NegativeEvalTest" else "WRONG: refused"
            continue
        due = (folder / "tests" / entry["result"]).read_bytes() if "result" in entry else None
        yield name, "ok" if found == due else "WRONG: other statements"


def _statement(quad: Quad | Triple) -> Statement:
    graph = quad.graph_name if isinstance(quad, Quad) else DefaultGraph()
    name = "" if isinstance(graph, DefaultGraph) else str(graph)
    return str(quad.subject), str(quad.predicate), str(quad.object), name


def proofs(name: str, folder: Path) -> Iterator[Outcome]:
    """Every signed document under TestVectors verifies."""
    for path in sorted((folder / "TestVectors").glob("**/signed*.json")):
        label = f"{name} {path.relative_to(folder / 'TestVectors')}"
        document = read_document(path.read_bytes())
        found = data_integrity.check(document, resolve_key, now=NOW)
        bad = sorted({f"{each.cryptosuite}: {each.reason}" for each in found if each.outcome != "passed"})
        known = {each.reason for each in found if each.outcome != "passed"} <= NOT_DONE
        yield label, ("not done: " if known else "WRONG: ") + ", ".join(bad) if bad or not found else "ok"


def making(folder: Path) -> Iterator[Outcome]:
    """The published key makes the published proof, by the published hashes."""
    vectors = folder / "TestVectors"
    pair = json.loads((vectors / "keyPair.json").read_bytes())
    signer = Ed25519Signer(b58decode(pair["privateKeyMultibase"][1:])[2:])
    signed = read_document((vectors / "eddsa-rdfc-2022/signedDataInt.json").read_bytes())
    proof = signed.pop("proof")
    if not isinstance(proof, dict):
        yield "eddsa making", "WRONG: the vector has no proof"
        return
    created = datetime.fromisoformat(str(proof["created"]))
    made = data_integrity.sign(signed, signer=signer, method=str(proof["verificationMethod"]), created=created)
    yield "eddsa making the proof", "ok" if made["proof"] == proof else "WRONG: another proof"
    statements = (vectors / "eddsa-rdfc-2022/canonDocDataInt.txt").read_bytes()
    yield "eddsa statements", "ok" if canonical_nquads(signed) == statements else "WRONG: other statements"


def main() -> None:
    """Run what was given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("rdf-canon", "eddsa", "ecdsa"):
        parser.add_argument(f"--{name}", type=Path, metavar="DIR")
    given = parser.parse_args()
    outcomes: list[Outcome] = []
    if given.rdf_canon:
        outcomes += rdf_canon(given.rdf_canon)
    if given.eddsa:
        outcomes += [*proofs("eddsa", given.eddsa), *making(given.eddsa)]
    if given.ecdsa:
        outcomes += proofs("ecdsa", given.ecdsa)
    for name, outcome in outcomes:
        if outcome != "ok":
            print(f"{name}: {outcome}")
    wrong = sum(outcome.startswith("WRONG") for _, outcome in outcomes)
    good = sum(outcome == "ok" for _, outcome in outcomes)
    print(f"{good} as published, {len(outcomes) - good - wrong} not done, {wrong} wrong")
    sys.exit(1 if wrong or not outcomes else 0)


if __name__ == "__main__":
    main()
