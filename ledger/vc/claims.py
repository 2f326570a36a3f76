"""What only the ledger may say: which documents claim to be an award, a record of awards, or a status list.

Asked of a document's RDF, where a type has one spelling: the same word may be written as a term of a context or as an
address, and stand on any object.
"""

from typing import Final

_TYPE: Final = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_OB: Final = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
_CLR: Final = "https://purl.imsglobal.org/spec/vc/clr/vocab.html#"
_STATUS: Final = "https://www.w3.org/ns/credentials/status#"
RESERVED: Final = {
    f"{_OB}{name}": name for name in ("OpenBadgeCredential", "AchievementCredential", "AchievementSubject")
} | {
    f"{_CLR}{name}": name for name in ("ClrCredential", "ClrSubject")
} | {
    f"{_STATUS}{name}": name for name in ("BitstringStatusListCredential", "BitstringStatusList")
}  # fmt: skip
AWARDS: Final = frozenset(name for name in RESERVED.values() if not name.startswith("Bitstring"))


def reserved_types(nquads: bytes) -> frozenset[str]:
    """The types, by their short names, that a document itself has and that only the ledger may state.

    Args:
        nquads: of the whole document. What another credential inside it says lies in a graph of its own, and is not
            looked at.
    """
    found = set()
    for line in nquads.decode("utf-8", "replace").split("\n"):
        # In N-Quads blanks stand between terms alone, but for those of literals; a type is no literal.
        pieces = line.split(" ")
        if len(pieces) == 4 and pieces[1] == _TYPE and pieces[2][1:-1] in RESERVED:
            found.add(RESERVED[pieces[2][1:-1]])
    return frozenset(found)
