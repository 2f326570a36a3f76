"""The canonical N-Quads of badges by a compiled shape: what most share is canonicalised once, and then filled in.

A shape is a badge with marks in place of what differs from award to award. It is compiled by canonicalising that once
in the general way (`ledger.vc.rdf`) and taking the marks for slots. What blank nodes are called depends on all values,
so their labels are found anew for each badge, from their first-degree hashes, as RDFC-1.0 §4.4.3 does where those
differ. Wherever anything is not as it was when the shape was compiled, there is no answer, and the general way it is.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

import orjson

from ledger.vc.rdf import canonical_nquads
from ledger.vc.reading import Document, DocumentError, Json

_MARK: Final = "urn:uuid:x-slot-"
_SLOT: Final = re.compile(r"urn:uuid:x-slot-([0-9]+)-")
_NAMED: Final = re.compile(r"<urn:uuid:x-slot-([0-9]+)->")
_TERM: Final = r"_:[0-9A-Za-z]+|<[^>]*>"
_QUAD: Final = re.compile(rf'({_TERM}) (<[^>]*>) ({_TERM}|"(?:[^"\\]|\\.)*"(?:\^\^<[^>]*>|@[0-9A-Za-z-]+)?) \.')
# What names a thing, where nothing could be taken for a term of a context or for relative, or would be spelled anew.
_ADDRESS: Final = re.compile(r"(?:urn:uuid:|https?://)(?:[A-Za-z0-9_~!$&'()*+,;=:@?#%-]|\.(?!\.?(?:[/?#]|$))|/(?!\.))+")
_ESCAPED: Final = re.compile(r'[\x00-\x1f"\\\x7f]')
_ESCAPES: Final = str.maketrans(
    {chr(code): f"\\u{code:04X}" for code in (*range(0x20), 0x7F)}
    | {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
)


def badge_nquads(document: Document) -> bytes:
    """What `canonical_nquads` makes of an unsigned badge; raises as it does."""
    return shaped_nquads(document) or canonical_nquads(document)


def shaped_nquads(document: Document) -> bytes | None:
    """The canonical N-Quads of an unsigned badge by its shape; None where it has none."""
    values: list[str] = []
    try:
        shape = _compiled(orjson.dumps(_skeleton(document, values)), len(values))
        return None if shape is None else shape.filled(values)
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        return None  # the general way says why


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """Lines of N-Quads with `{n}` for the slots, then for the labels of blank nodes."""

    lines: str
    addresses: frozenset[int]  # the slots that hold addresses; the others hold text
    fixed: tuple[str, ...]  # first-degree hashes of the first blank nodes: no slot is near them
    near: tuple[str, ...]  # of each other blank node: the lines to be hashed

    def filled(self, values: Sequence[str]) -> bytes | None:
        """The canonical N-Quads with these values; None where they are not what slots are for."""
        if not all(_ADDRESS.fullmatch(values[slot]) for slot in self.addresses):
            return None
        cells = [value.translate(_ESCAPES) if _ESCAPED.search(value) else value for value in values]
        hashes = [*self.fixed, *(_hash(each.format(*cells).split("\n")) for each in self.near)]
        ranks = {found: rank for rank, found in enumerate(sorted(hashes))}
        lines = self.lines.format(*cells, *[f"_:c14n{ranks[found]}" for found in hashes]).split("\n")
        if len(ranks) != len(hashes) or len(set(lines)) != len(lines):
            return None  # RDFC-1.0 would look further for what tells them apart
        return _joined(lines)


def _hash(lines: list[str]) -> str:
    return sha256(_joined(lines)).hexdigest()


def _joined(lines: list[str]) -> bytes:
    lines.sort()
    return ("\n".join(lines) + "\n").encode()


def _skeleton(document: Document, values: list[str]) -> dict[str, Json]:
    """`document` with marks in place of `values`, which are added in the order of the marks; else it is the same."""
    skeleton = _marked(dict(document), ("id", "validFrom", "awardedDate", "validUntil"), values)
    _mark_each(skeleton, "evidence", "id", values)
    subject, status = document.get("credentialSubject"), document.get("credentialStatus")
    if isinstance(subject, dict):
        marked = _marked(subject.copy(), ("narrative",), values)
        _mark_each(marked, "identifier", "identityHash", values)
        _mark_each(marked, "result", "value", values)
        skeleton["credentialSubject"] = marked
    if isinstance(status, dict):
        names = ("id", "statusListIndex", "statusListCredential")
        skeleton["credentialStatus"] = _marked(status.copy(), names, values)
    return skeleton


def _marked(holder: dict[str, Json], names: Iterable[str], values: list[str]) -> dict[str, Json]:
    for name in names:
        value = holder.get(name)
        if isinstance(value, str):
            holder[name] = f"{_MARK}{len(values)}-"
            values.append(value)
    return holder


def _mark_each(holder: dict[str, Json], name: str, member: str, values: list[str]) -> None:
    each = holder.get(name)
    if isinstance(each, list):
        holder[name] = [_marked(one.copy(), (member,), values) if isinstance(one, dict) else one for one in each]


@lru_cache(maxsize=256)  # a pure function of the bytes; whoever defines more achievements at a time waits a little
def _compiled(skeleton: bytes, slots: int) -> _Shape | None:
    """The shape of all badges with this skeleton; None where it cannot be told what goes where."""
    try:
        nquads = canonical_nquads(orjson.loads(skeleton))
    except DocumentError:
        return None  # the general way says why
    quads = [_Quad(*quad.groups()) for quad in map(_QUAD.fullmatch, nquads.decode().split("\n")[:-1]) if quad]
    marks = {int(number) for quad in quads for number in _SLOT.findall(" ".join(quad))}
    if marks != set(range(slots)) or skeleton.count(_MARK.encode()) != slots:
        return None  # somebody's words contain a mark
    blanks = sorted({term for quad in quads for term in quad if term.startswith("_:")})
    around = {blank: [quad.seen_from(blank) for quad in quads if blank in quad] for blank in blanks}
    near = [blank for blank in blanks if _SLOT.search(" ".join(around[blank]))]
    fixed = [blank for blank in blanks if blank not in near]
    places = {blank: f"{{{slots + index}}}" for index, blank in enumerate((*fixed, *near))}
    shape = _Shape(
        lines="\n".join(quad.line(lambda term: places.get(term) or _slotted(term)) for quad in quads),
        addresses=frozenset(int(name[1]) for quad in quads for name in map(_NAMED.fullmatch, quad) if name),
        fixed=tuple(_hash(around[blank]) for blank in fixed),
        near=tuple(_slotted("\n".join(around[blank])) for blank in near),
    )
    # What was compiled makes of the marks what it was compiled from, or it is not used.
    return shape if shape.filled([f"{_MARK}{slot}-" for slot in range(slots)]) == nquads else None


class _Quad(NamedTuple):
    subject: str
    predicate: str
    value: str

    def line(self, spelled: Callable[[str], str]) -> str:
        return f"{spelled(self.subject)} {self.predicate} {spelled(self.value)} ."

    def seen_from(self, blank: str) -> str:
        """As it goes into the first-degree hash of `blank`, RDFC-1.0 §4.6.3."""
        return self.line(lambda term: "_:a" if term == blank else "_:z" if term.startswith("_:") else term)


def _slotted(text: str) -> str:
    return _SLOT.sub(lambda mark: f"{{{mark[1]}}}", text.replace("{", "{{").replace("}", "}}"))
