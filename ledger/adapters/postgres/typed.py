"""Parameters whose types never change, so that a statement is prepared once.

Left alone, psycopg sends a number as the smallest type that holds it, and an empty list as none in particular: a call
with thirty lists would be prepared in thousands of spellings. Encoding whole columns at once also takes a fraction of
the time that it takes item by item.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryDumper

from ledger.adapters.postgres.connections import Connection

# PostgreSQL, src/backend/utils/adt/arrayfuncs.c: array_recv. Dimensions, whether any is null, type of an item; then
# for the one dimension its length and where it begins; then each item behind its length.
_EMPTY: Final = Struct(">iiI")
_HEAD: Final = Struct(">iiIii")
_LENGTH: Final = Struct(">i")
_BIGINT: Final = Struct(">iq")
_INT8, _BYTEA, _TEXT, _UUID = 20, 17, 25, 2950  # src/include/catalog/pg_type.dat


class BigInts(bytes):
    """A `bigint[]`."""


class Blobs(bytes):
    """A `bytea[]`."""


class Texts(bytes):
    """A `text[]`."""


class Uuids(bytes):
    """A `uuid[]`."""


def bigints(values: Sequence[int]) -> BigInts:
    """Numbers as an array."""
    pack = _BIGINT.pack
    return BigInts(_array(_INT8, len(values), [pack(8, value) for value in values]))


def blobs(values: Sequence[bytes]) -> Blobs:
    """Byte strings as an array."""
    return Blobs(_array(_BYTEA, len(values), _behind_lengths(values)))


def texts(values: Sequence[str]) -> Texts:
    """Texts as an array; PostgreSQL has none with a NUL, and says so."""
    return Texts(_array(_TEXT, len(values), _behind_lengths([value.encode("utf-8") for value in values])))


def uuids(values: Sequence[UUID]) -> Uuids:
    """UUIDs as an array."""
    return Uuids(_array(_UUID, len(values), _behind_lengths([value.bytes for value in values])))


def _behind_lengths(values: Iterable[bytes]) -> Iterable[bytes]:
    pack = _LENGTH.pack
    for value in values:
        yield pack(len(value))
        yield value


def _array(item: int, count: int, pieces: Iterable[bytes]) -> bytes:
    if not count:
        return _EMPTY.pack(0, 0, item)
    return b"".join([_HEAD.pack(1, 0, item, count, 1), *pieces])


class _AsIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> Buffer:
        return obj


class _BigIntsDumper(_AsIs):
    oid = 1016


class _BlobsDumper(_AsIs):
    oid = 1001


class _TextsDumper(_AsIs):
    oid = 1009


class _UuidsDumper(_AsIs):
    oid = 2951


def prepare_types(connection: Connection) -> None:
    """Let a connection send every number as `bigint`, and the arrays of this module as what they are."""
    register = connection.adapters.register_dumper
    register(int, Int8BinaryDumper)
    register(BigInts, _BigIntsDumper)
    register(Blobs, _BlobsDumper)
    register(Texts, _TextsDumper)
    register(Uuids, _UuidsDumper)
