"""The JSON schemas that 1EdTech publishes, bundled: a document is held against its own before it is signed."""

import json
from functools import cache
from pathlib import Path
from typing import Final, NoReturn

import jsonschema_rs

from ledger.vc.reading import Document, DocumentError

_FOLDER: Final = Path(__file__).parent / "data" / "schemas"
_BADGE: Final = "ob_v3p0_achievementcredential_schema.json"
_RECORD: Final = "clr_v2p0_clrcredential_schema.json"
_SHOWN: Final = 200  # characters of a message that may repeat much of the document


class SchemaViolated(DocumentError):
    """A document is not what the schema of its standard describes."""


def check_schema(document: Document) -> None:
    """Pass if an Open Badges 3.0 credential, signed or not, keeps the published schema; formats are checked.

    Raises:
        SchemaViolated: with the first violation and where it is.
    """
    _check(_BADGE, document)


def check_record_schema(document: Document) -> None:
    """Pass if a Comprehensive Learner Record 2.0, signed or not, keeps the published schema; formats are checked.

    Raises:
        SchemaViolated: with the first violation and where it is.
    """
    _check(_RECORD, document)


def _check(name: str, document: Document) -> None:
    error = next(_validator(name).iter_errors(document), None)
    if error is not None:
        where = "/".join(map(str, error.instance_path)) or "the document"
        raise SchemaViolated(f"{where} is not what {name} describes: {error.message[:_SHOWN]}")


@cache  # compiled once: a pure function of a bundled file
def _validator(name: str) -> jsonschema_rs.Draft201909Validator:
    schema = json.loads((_FOLDER / name).read_bytes())
    return jsonschema_rs.Draft201909Validator(schema, validate_formats=True, retriever=_never)


def _never(uri: str) -> NoReturn:
    raise LookupError(f"{uri} is not bundled, and nothing is fetched")
