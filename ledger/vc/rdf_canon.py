"""RDF Dataset Canonicalization (RDFC-1.0, SHA-256) under a bound on its work; the names are those of its section 4.

The work of the algorithm grows with the factorial of blank nodes that look alike. A library that cannot be stopped is
no place for a stranger's graph, so each hash is counted here, and a graph that asks for too many is refused.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import TypeAlias

from ledger.vc.budget import Budget
from ledger.vc.reading import DocumentError

# Subject, predicate, object and graph, as N-Quads spell them; the graph is empty for the default one.
Statement: TypeAlias = tuple[str, str, str, str]

MAX_BLANK_NODES = 5_000
MAX_WORK = 100_000  # hashes and labels, while blank nodes that look alike are told apart
MAX_CALLS = 200  # of `_Canonicaliser.hash_n_degree` inside one another

_POSITIONS = (("s", 0), ("o", 2), ("g", 3))


class TooAmbiguous(DocumentError):
    """The blank nodes of a graph look so much alike that naming them takes more work than is done for a stranger."""


def canonicalise(statements: Iterable[Statement], budget: Budget | None = None) -> bytes:
    """The canonical N-Quads of `statements`, whatever their blank nodes are called and in whatever order they come.

    Args:
        budget: of all that is read together; None where this is all.

    Raises:
        TooAmbiguous: more blank nodes than `MAX_BLANK_NODES`, or more work than `MAX_WORK` to tell them apart.
        OverBudget: so much is not left.
    """
    return _Canonicaliser(dict.fromkeys(statements), budget or Budget()).nquads()


class _Issuer:
    """Names for blank nodes, in the order in which they are asked for."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.issued: dict[str, str] = {}

    def issue(self, node: str) -> str:
        """The name of `node`, a new one if it had none."""
        return self.issued.setdefault(node, f"{self._prefix}{len(self.issued)}")

    def copy(self) -> "_Issuer":
        """Another one that gave the same names so far."""
        copy = _Issuer(self._prefix)
        copy.issued = dict(self.issued)
        return copy


class _Canonicaliser:
    """One run over one dataset."""

    def __init__(self, statements: Iterable[Statement], budget: Budget) -> None:
        self._budget = budget
        self._statements = list(statements)
        self._mentions: dict[str, list[Statement]] = defaultdict(list)
        for statement in self._statements:
            for node in dict.fromkeys((statement[0], statement[2], statement[3])):
                if node.startswith("_:"):
                    self._mentions[node].append(statement)
        if len(self._mentions) > MAX_BLANK_NODES:
            raise TooAmbiguous(f"the document has more than {MAX_BLANK_NODES} parts without an identifier")
        self._hashes = {node: self._hash_first_degree(node) for node in self._mentions}
        self._canonical = _Issuer("_:c14n")
        self._work = 0
        self._calls = 0

    def nquads(self) -> bytes:
        """Section 4.4.3: the statements with canonical names, sorted."""
        alike: dict[str, list[str]] = defaultdict(list)
        for node, digest in self._hashes.items():
            alike[digest].append(node)
        for _, nodes in sorted(alike.items()):
            if len(nodes) == 1:
                self._canonical.issue(nodes[0])
        for _, nodes in sorted(alike.items()):
            if len(nodes) > 1:
                self._tell_apart(nodes)
        names = self._canonical.issued
        # As bytes: their order is that of characters, and one wide character makes no line wider but its own.
        return b"".join(sorted([_line(statement, names).encode() for statement in self._statements]))

    def _tell_apart(self, nodes: list[str]) -> None:
        paths = []
        for node in nodes:
            if node not in self._canonical.issued:
                issuer = _Issuer("_:b")
                issuer.issue(node)
                paths.append(self._hash_n_degree(node, issuer))
        for _, issuer in sorted(paths, key=lambda path: path[0]):
            for node in issuer.issued:
                self._canonical.issue(node)

    def _hash_first_degree(self, node: str) -> str:
        """Section 4.6.3: what the statements about `node` say without the names of other blank nodes."""
        names = defaultdict(lambda: "_:z", {node: "_:a"})
        return _sha256("".join(sorted(_line(statement, names) for statement in self._mentions[node])))

    def _hash_related(self, node: str, statement: Statement, issuer: _Issuer, position: str) -> str:
        """Section 4.7.3: how `node` is related to another by one statement."""
        self._spend(1 + len(statement[1]) // 500)
        name = self._canonical.issued.get(node) or issuer.issued.get(node) or self._hashes[node]
        return _sha256(f"{position}{'' if position == 'g' else statement[1]}{name}")

    def _hash_n_degree(self, node: str, issuer: _Issuer) -> tuple[str, _Issuer]:
        """Section 4.8.3: what the statements around `node` say, by the least of all ways to name its neighbours."""
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise TooAmbiguous("the document has parts without an identifier that cannot be told apart")
        self._spend(len(self._mentions[node]))
        related: dict[str, list[str]] = defaultdict(list)
        for statement in self._mentions[node]:
            for position, place in _POSITIONS:
                other = statement[place]
                if other.startswith("_:") and other != node:
                    related[self._hash_related(other, statement, issuer, position)].append(other)
        data = ""
        for digest, nodes in sorted(related.items()):
            path, issuer = self._shortest_path(nodes, issuer)
            data += digest + path
        self._calls -= 1
        return _sha256(data), issuer

    def _shortest_path(self, nodes: list[str], issuer: _Issuer) -> tuple[str, _Issuer]:
        """The least path through `nodes` in any order, and the names given on it."""
        least, chosen = "", issuer
        for order in permutations(nodes):
            found = self._path(order, issuer, least)
            if found is not None and (not least or found[0] < least):
                least, chosen = found
        return least, chosen

    def _path(self, order: tuple[str, ...], given: _Issuer, least: str) -> tuple[str, _Issuer] | None:
        """The path through nodes in this order; None as soon as it cannot be less than `least` (if there is one)."""
        self._spend(len(order) + len(given.issued) // 16)  # copying names is that much cheaper than hashing
        issuer = given.copy()
        path = ""
        recurse = []
        for node in order:
            name = self._canonical.issued.get(node)
            if name is None:
                if node not in issuer.issued:
                    recurse.append(node)
                name = issuer.issue(node)
            path += name
            if _is_beyond(path, least):
                return None
        for node in recurse:
            digest, deeper = self._hash_n_degree(node, issuer)
            path += f"{issuer.issue(node)}<{digest}>"
            issuer = deeper
            if _is_beyond(path, least):
                return None
        return path, issuer

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise TooAmbiguous("the document has parts without an identifier that cannot be told apart")
        self._budget.tell_apart(work)


def _is_beyond(path: str, least: str) -> bool:
    return least != "" and len(path) >= len(least) and path > least


def _line(statement: Statement, names: Mapping[str, str]) -> str:
    """The statement in N-Quads, its blank nodes called by `names`."""
    subject, predicate, value, graph = statement
    if subject.startswith("_:"):
        subject = names[subject]
    if value.startswith("_:"):
        value = names[value]
    if not graph:
        return f"{subject} {predicate} {value} .\n"
    return f"{subject} {predicate} {value} {names[graph] if graph.startswith('_:') else graph} .\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
