"""The canonical N-Quads of badges by a compiled shape: what most share is canonicalised once, and then filled in.

A shape is a badge with marks in place of what differs from award to award. It is compiled by canonicalising that once
in the general way (`ledger.vc.rdf`) and taking the marks for slots. What blank nodes are called depends on all values,
so their labels are found anew for each badge, from their first-degree hashes, as RDFC-1.0 §4.4.3 does where those
differ. Wherever anything is not as it was when the shape was compiled, there is no answer, and the general way it is.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from operator import itemgetter
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
_ADDRESS: Final = re.compile(
    r"(?:urn:uuid:|https?://)(?:[A-Za-z0-9_~!$&'()*+,;=:@?#%-]++|\.(?!\.?(?:[/?#]|$))|/(?!\.))++"
)
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
    except (_NotFitting, orjson.JSONEncodeError, UnicodeEncodeError):
        return None  # the general way says why


class _NotFitting(DocumentError):
    """A document has values that its shape was not made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """Sorted lines of N-Quads with cells left open."""

    template: str  # for the operator %
    pick: Callable[[Sequence[str]], object] | None  # which cells, in their order; None: there are none
    ordered: bool  # whether the lines are sorted, and different, whatever the cells hold

    def filled(self, cells: Sequence[str]) -> str:
        """The sorted lines; raises `_NotFitting` where two turn out to be the same."""
        text = self.template if self.pick is None else self.template % self.pick(cells)
        if self.ordered:
            return text
        lines = text.split("\n")  # the last is empty, and stands first when sorted
        lines.sort()
        if len(set(lines)) != len(lines):
            raise _NotFitting("two statements are the same")
        return "\n".join(lines[1:]) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What the badges with one skeleton have in common. The cells are the slots, then the labels of blank nodes."""

    addresses: tuple[int, ...]  # the slots that hold addresses; the others hold text
    fixed: tuple[bytes, ...]  # first-degree hashes of the first blank nodes: no slot is near them
    near: tuple[_Text, ...]  # what is hashed of each other blank node
    told: Mapping[str, bytes]  # subjects, and the lines about them, that have no cells
    groups: tuple[tuple[_Text, _Text], ...]  # every other subject, and the lines about it

    def filled(self, values: Sequence[str]) -> bytes:
        """The canonical N-Quads with these values; raises `_NotFitting` where they are not what slots are for."""
        for slot in self.addresses:
            if _ADDRESS.fullmatch(values[slot]) is None:
                raise _NotFitting("an address may be read in another way than it is written")
        cells = [value.translate(_ESCAPES) if _ESCAPED.search(value) else value for value in values]
        hashes = [*self.fixed, *[sha256(each.filled(cells).encode()).digest() for each in self.near]]
        ranks = {found: rank for rank, found in enumerate(sorted(hashes))}
        cells += [f"_:c14n{ranks[found]}" for found in hashes]
        groups = dict(self.told)
        for subject, lines in self.groups:
            groups[subject.filled(cells)] = lines.filled(cells).encode()  # each alone: most are ASCII, which is fast
        if len(ranks) != len(hashes) or len(groups) != len(self.told) + len(self.groups):
            raise _NotFitting("RDFC-1.0 would look further for what tells two nodes apart")
        return b"".join([groups[subject] for subject in sorted(groups)])


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
    cells = {blank: f"{_MARK}{slots + index}-" for index, blank in enumerate((*fixed, *near))}
    about: dict[str, list[str]] = {}
    for quad in quads:
        about.setdefault(cells.get(quad.subject, quad.subject), []).append(quad.line(cells))
    texts = [(_text([subject]), _text(lines, subject)) for subject, lines in about.items()]
    shape = _Shape(
        addresses=tuple(sorted({int(name[1]) for quad in quads for name in map(_NAMED.fullmatch, quad) if name})),
        fixed=tuple(
            sha256("".join(f"{line}\n" for line in sorted(around[blank])).encode()).digest() for blank in fixed
        ),
        near=tuple(_text(around[blank]) for blank in near),
        told={subject.template: lines.template.encode() for subject, lines in texts if lines.pick is None},
        groups=tuple(each for each in texts if each[1].pick is not None),
    )
    # What was compiled makes of the marks what it was compiled from, or it is not used.
    try:
        return shape if shape.filled([f"{_MARK}{slot}-" for slot in range(slots)]) == nquads else None
    except _NotFitting:
        return None


class _Quad(NamedTuple):
    subject: str
    predicate: str
    value: str

    def line(self, names: Mapping[str, str]) -> str:
        """As N-Quads, its blank nodes by these names."""
        return f"{names.get(self.subject, self.subject)} {self.predicate} {names.get(self.value, self.value)} ."

    def seen_from(self, blank: str) -> str:
        """As it goes into the first-degree hash of `blank`, RDFC-1.0 §4.6.3."""
        names = {term: "_:a" if term == blank else "_:z" for term in self if term.startswith("_:")}
        return self.line(names)


def _text(lines: Sequence[str], beginning: str = "") -> _Text:
    """The text of lines in which marks stand for cells; they all begin with `beginning`, which sorts none of them."""
    split = [_SLOT.split(line) for line in sorted(lines)]
    tails = [_SLOT.split(line.removeprefix(beginning)) for line in sorted(lines)]
    cells = [int(number) for parts in split for number in parts[1::2]]
    template = "".join("%s".join(part.replace("%", "%%") for part in parts[::2]) + "\n" for parts in split)
    return _Text(
        template=template if cells else template % (),
        pick=itemgetter(*cells) if cells else None,
        ordered=all(_settled(one, other) for one, other in pairwise(tails)),
    )


def _settled(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two lines are sorted whatever their cells hold: different before the first cell, or the same, with none.

    The same are several values of one property, seen from the blank node that has them.
    """
    alike = one[0].startswith(other[0]) or other[0].startswith(one[0])
    return not alike or (len(one) == 1 and one == other)
