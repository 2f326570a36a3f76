"""Whose word on a checkpoint is enough: logs, witnesses, groups of them, and a quorum (c2sp.org/tlog-policy).

A policy belongs to whoever relies on the log: an employer, an auditor, the operator who waits for witnesses. Reading
the file and asking the witnesses is for adapters; a URL is a text here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.errors import LedgerError
from ledger.tlog.cosignature import CosignerKey, cosignatures
from ledger.tlog.note import AmbiguousVerifierKeys, MalformedVerifierKey, VerifierKey, by_name_and_id

MAX_POLICY_CHARACTERS: Final = 64 * 1024
MAX_POLICY_BYTES: Final = 4 * MAX_POLICY_CHARACTERS  # in UTF-8: what is cut off after it is too long in any case
MAX_DEFINITIONS: Final = 256  # logs, witnesses and groups; the specification asks for at least 32 of each
_NONE: Final = "none"  # the quorum that asks for nobody
_BLANKS: Final = re.compile(r"[ \t]+")
# The specification: "the allowed octet values are 0x09 (tab), 0x0A (newline), 0x20-0x7E, and 0x80-0xFF".
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPED: Final = re.compile(r"[\ud800-\udfff]")  # a byte that is not UTF-8, as Python holds it
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")


class MalformedPolicy(LedgerError):
    """A text that is no trust policy; the message begins with the number of the line, if it is one line's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness as one policy names it."""

    name: str  # in this policy, nowhere else
    key: CosignerKey
    url: str | None  # before `/add-checkpoint`; nothing is known of its form


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Some witnesses and groups, of which `needed` are enough."""

    name: str
    needed: int  # 1 <= needed <= len(members)
    members: tuple[str, ...]  # names of witnesses and of groups defined before this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the cosignatures on one note come to under a policy.

    A witness whose cosignature has the time T says: at T, this is the largest tree I have seen of this log. With
    several cosignatures of one witness the earliest counts for `since` and the latest for `as_of`.
    """

    names: tuple[str, ...]  # of the witnesses that cosigned, in the policy's order
    reached: bool  # whether they are a quorum
    # Unix seconds: from then on a quorum had seen this tree; with `quorum none`, everyone in `names`. None: nobody has.
    since: int | None
    # Unix seconds: until then none of a quorum (or of `names`) had seen a larger tree. None: nobody says so.
    as_of: int | None
    # The latest time that any cosignature of a witness of the policy has, counted or not.
    latest: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPolicy:
    """Which logs are accepted, and which witnesses have to agree."""

    logs: tuple[VerifierKey, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()  # each after its members
    quorum: str | None = None  # a witness or a group; None asks for nobody
    log_urls: Mapping[VerifierKey, str] = field(default_factory=dict, hash=False)

    def agreement(self, note: bytes, *, until: int | None = None) -> Agreement:
        """What the witnesses of this policy say about a note.

        Args:
            until: Unix seconds; a cosignature of a later time counts for nothing. None: all count.

        Raises:
            MalformedNote: `note` is no signed note.
            CosignatureInvalid: it carries a false cosignature of a witness of this policy.
        """
        found = cosignatures(note, [witness.key for witness in self.witnesses])
        times: dict[str, list[int]] = {}
        for witness in self.witnesses:
            own = [each.at for each in found if each.key == witness.key and (until is None or each.at <= until)]
            if own:
                times[witness.name] = own
        return Agreement(
            names=tuple(times),
            reached=self.enough(times),
            since=self._first({name: min(each) for name, each in times.items()}),
            as_of=self._latest({name: max(each) for name, each in times.items()}),
            latest=max((each.at for each in found), default=None),
        )

    def enough(self, names: Iterable[str]) -> bool:
        """Whether these witnesses are a quorum; `quorum none` is content with nobody."""
        if self.quorum is None:
            return True
        agreeing = set(names)
        for group in self.groups:  # its members stand before it
            if sum(member in agreeing for member in group.members) >= group.needed:
                agreeing.add(group.name)
        return self.quorum in agreeing

    def _first(self, times: Mapping[str, int]) -> int | None:
        """The earliest time by which enough of those who speak have spoken."""
        if self.quorum is None:
            return max(times.values(), default=None)
        for time in sorted(set(times.values())):
            if self.enough(name for name, each in times.items() if each <= time):
                return time
        return None

    def _latest(self, times: Mapping[str, int]) -> int | None:
        """The latest time at or after which enough of those who speak have spoken."""
        first = self._first({name: -time for name, time in times.items()})
        return None if first is None else -first


NO_POLICY: Final = WitnessPolicy()  # nobody is asked, nothing is missed


def parse_policy(text: str | bytes) -> WitnessPolicy:
    """The policy that a file spells.

    Two names are the same if their bytes are. Names and addresses that are not UTF-8, which the specification advises
    against, are refused; a comment may hold any bytes.

    Raises:
        MalformedPolicy: it is none.
    """
    spelled = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    if len(spelled) > MAX_POLICY_CHARACTERS:
        raise MalformedPolicy(f"a policy has at most {MAX_POLICY_CHARACTERS} characters, and this one has more")
    reading = _Reading()
    for number, line in enumerate(spelled.split("\n"), start=1):
        control = _FORBIDDEN.search(line)
        if control:
            raise _Line(number).wrong(f"the character U+{ord(control[0]):04X} may not stand in a policy")
        words = [word for word in _BLANKS.split(line) if word]
        if words and not words[0].startswith("#"):
            if _ESCAPED.search(line):
                raise _Line(number).wrong("names and addresses are UTF-8, and a byte here is not")
            reading.take(_Line(number), words[0], words[1:])
    return reading.policy()


@dataclass(frozen=True, slots=True)
class _Line:
    number: int

    def wrong(self, reason: str) -> MalformedPolicy:
        return MalformedPolicy(f"line {self.number}: {reason}")


class _Reading:
    """What the lines read so far have defined."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._log_urls: dict[VerifierKey, str] = {}
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()  # names that a group has
        self._quorum: str | None = None

    def take(self, line: _Line, keyword: str, words: Sequence[str]) -> None:
        """Read one line."""
        if keyword == "log":
            self._log(line, words)
        elif keyword == "witness":
            self._witness(line, words)
        elif keyword == "group":
            self._group(line, words)
        elif keyword == "quorum":
            self._set_quorum(line, words)
        else:
            raise line.wrong(f"{keyword!a} begins no line of a policy; log, witness, group and quorum do")
        if len(self._logs) + len(self._witnesses) + len(self._groups) > MAX_DEFINITIONS:
            raise line.wrong(f"a policy has at most {MAX_DEFINITIONS} logs, witnesses and groups")

    def policy(self) -> WitnessPolicy:
        """The whole."""
        if self._quorum is None:
            raise MalformedPolicy("a policy has one line `quorum NAME` or `quorum none`, and here is none")
        witnesses = tuple(self._witnesses.values())
        try:
            by_name_and_id(self._logs)
            by_name_and_id([witness.key for witness in witnesses])
        except AmbiguousVerifierKeys as error:
            raise MalformedPolicy(str(error)) from error
        return WitnessPolicy(
            logs=tuple(self._logs),
            witnesses=witnesses,
            groups=tuple(self._groups.values()),
            quorum=None if self._quorum == _NONE else self._quorum,
            log_urls=self._log_urls,
        )

    def _log(self, line: _Line, words: Sequence[str]) -> None:
        if len(words) not in (1, 2):
            raise line.wrong("a log is defined by `log VKEY`, and an address after it if there is one")
        try:
            key = VerifierKey.parse(words[0])
        except MalformedVerifierKey as error:
            raise line.wrong(str(error)) from error
        # "Two vkeys are considered duplicate if they wrap the same underlying public key."
        if any(key.public_key == other.public_key for other in self._logs):
            raise line.wrong(f"the key of the log {key.name!a} stands in a line before")
        self._logs.append(key)
        if len(words) == 2:
            self._log_urls[key] = words[1]

    def _witness(self, line: _Line, words: Sequence[str]) -> None:
        if len(words) not in (2, 3):
            raise line.wrong("a witness is defined by `witness NAME VKEY`, and an address after it if there is one")
        name = self._new(line, words[0])
        try:
            key = CosignerKey.parse(words[1])
        except MalformedVerifierKey as error:
            raise line.wrong(str(error)) from error
        if any(key.public_key == other.key.public_key for other in self._witnesses.values()):
            raise line.wrong(f"the key of the witness {name!a} stands in a line before")
        self._witnesses[name] = Witness(name=name, key=key, url=words[2] if len(words) == 3 else None)

    def _group(self, line: _Line, words: Sequence[str]) -> None:
        if len(words) < 3:
            raise line.wrong("a group is defined by `group NAME`, then `all`, `any` or a number, then its members")
        name, needed, members = self._new(line, words[0]), words[1], tuple(words[2:])
        for member in members:
            self._refuse_unknown(line, member)
            # "Each defined name can be listed as a group member at most once."
            if member in self._members:
                raise line.wrong(f"{member!a} is a member of a group already")
            self._members.add(member)
        count = {"all": len(members), "any": 1}.get(needed)
        if count is None:
            count = int(needed) if _NUMBER.fullmatch(needed) else 0
        if not 1 <= count <= len(members):
            raise line.wrong(
                f"of {len(members)} members `all`, `any` or 1 to {len(members)} are enough, not {needed!a}"
            )
        self._groups[name] = Group(name=name, needed=count, members=members)

    def _set_quorum(self, line: _Line, words: Sequence[str]) -> None:
        if len(words) != 1:
            raise line.wrong("the quorum is one name, or none")
        if self._quorum is not None:
            raise line.wrong("a policy has one quorum, and a line before defines it")
        if words[0] != _NONE:
            self._refuse_unknown(line, words[0])
        self._quorum = words[0]

    def _new(self, line: _Line, name: str) -> str:
        if name == _NONE:
            raise line.wrong("`none` is the quorum that asks for nobody, and no name")
        if name in self._witnesses or name in self._groups:
            raise line.wrong(f"the name {name!a} is taken by a line before")
        return name

    def _refuse_unknown(self, line: _Line, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise line.wrong(f"no line before defines a witness or a group {name!a}")
