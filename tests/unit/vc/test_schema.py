"""The published schemas are applied, formats and all, and nothing is fetched for them."""

import hashlib
import re
from pathlib import Path

import pytest

import ledger.vc.schema
from ledger.vc.achievement_credential import build
from ledger.vc.reading import Json
from ledger.vc.schema import SchemaViolated, check_record_schema, check_schema
from tests.unit.vc.making import SOURCE

_FOLDER = Path(ledger.vc.schema.__file__).parent / "data" / "schemas"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("validFrom", "2026-11-01", "validFrom"),
        ("validFrom", None, "validFrom"),
        ("issuer", {"type": ["Profile"]}, "issuer"),
        ("@context", ["https://www.w3.org/ns/credentials/v2", "https://x.example/"], "@context"),
        ("type", ["VerifiableCredential"], "type"),
    ],
)
def test_a_document_outside_the_schema_is_refused_with_the_place(name: str, value: Json, told: str) -> None:
    with pytest.raises(SchemaViolated, match=f"^{re.escape(told)}.* is not what ob_v3p0"):
        check_schema(build(SOURCE) | {name: value})


def test_what_is_missing_is_told_of_the_whole() -> None:
    with pytest.raises(SchemaViolated, match=r"^the document is not what clr_v2p0.*required"):
        check_record_schema({})


def test_the_files_are_the_published_ones() -> None:
    readme = (_FOLDER / "README.md").read_text("utf-8")
    for path in _FOLDER.glob("*.json"):
        assert f"`{path.name}`" in readme
        assert hashlib.sha256(path.read_bytes()).hexdigest() in readme


def test_nothing_is_fetched_for_a_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clr_v2p0_clrcredential_schema.json").write_text('{"$ref": "https://x.example/schema.json"}')
    monkeypatch.setattr(ledger.vc.schema, "_FOLDER", tmp_path)
    ledger.vc.schema._validator.cache_clear()
    with pytest.raises(ValueError, match=r"x\.example/schema\.json is not bundled"):
        check_record_schema({})
    ledger.vc.schema._validator.cache_clear()
