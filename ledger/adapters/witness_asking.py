"""One witness is asked over HTTP to cosign one checkpoint."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from ledger.adapters.witness_errors import (
    BadWitnessPolicy,
    WitnessAnswerTooLong,
    WitnessAnswerUnreadable,
    WitnessClaimUnproved,
    WitnessContradicts,
    WitnessCosignatureFalse,
    WitnessDoesNotKnowLog,
    WitnessError,
    WitnessRefused,
    WitnessSizeUnproved,
    WitnessTimeWrong,
    WitnessTooSlow,
    WitnessUnreachable,
)
from ledger.application.ports import Clock
from ledger.application.publishing_ports import WitnessAhead
from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import CLOCKS_DIFFER, CosignatureInvalid, cosignatures, latest_by, with_lines
from ledger.tlog.merkle import Hash
from ledger.tlog.policy import Witness
from ledger.tlog.proofs import ConsistencyNotProved, check_consistency
from ledger.tlog.witnessing import (
    MAX_ANSWER_BYTES,
    NOT_CONSISTENT,
    OTHER_SIZE,
    SIZE_TYPE,
    UNKNOWN_LOG,
    AddCheckpoint,
    MalformedWitnessAnswer,
    cosignature_in,
    parse_size,
)

_OK: Final = 200
_ADD: Final = "/add-checkpoint"
_TRIES: Final = 3  # a witness that two processes ask may have moved on between two requests
_HEADERS: Final = {"Accept-Encoding": "identity", "Content-Type": "text/plain; charset=utf-8"}


class Asked(NamedTuple):
    """What a witness that cosigned has seen last, and its line."""

    size: int
    line: bytes


def address_of(witness: Witness) -> str:
    """Where a witness takes checkpoints.

    Raises:
        BadWitnessPolicy: its address is no HTTP address.
    """
    prefix = witness.url or ""
    try:
        parts = urlsplit(prefix)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and not (parts.query or parts.fragment or parts.username) and httpx.URL(prefix).host != ""
    except (ValueError, httpx.InvalidURL):  # a port that is no number, half an IPv6 address
        good = False
    if not good:
        raise BadWitnessPolicy(
            f"the address of the witness {witness.name} is none: {prefix!a}; write https://host/path"
        )
    return f"{prefix.rstrip('/')}{_ADD}"


class Proofs(NamedTuple):
    """What the log itself knows of its checkpoints."""

    prove: Callable[[int], tuple[Hash, ...]]  # the consistency path from a smaller size to that asked about
    opened: Callable[[bytes], Checkpoint]  # the checkpoint in a note that this log signed; else a LedgerError


class Asking:
    """The questions about one checkpoint; the proofs for them are made once for each size."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        note: bytes,
        checkpoint: Checkpoint,
        of: Proofs,
        timeout: float,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._http = http
        self._note = note
        self._checkpoint = checkpoint
        self._size = checkpoint.size
        self._of = of
        self._timeout = timeout
        self._paths: dict[int, tuple[Hash, ...]] = {0: (), checkpoint.size: ()}
        # What a witness is left out for, though it may still show what more comes of it; by its name in the policy.
        self.said: dict[str, WitnessError] = {}

    async def ask(self, witness: Witness, address: str, known: int | None) -> Asked:
        """The line of a witness.

        Args:
            known: the size that it cosigned last, as far as is known here.

        Raises:
            WitnessError: there is none.
            WitnessAhead: it shows a checkpoint of this log that the one asked about does not continue.
        """
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    return await self._ask(witness, address, min(known or 0, self._size))
                except (WitnessClaimUnproved, WitnessContradicts) as error:
                    self.said[witness.name] = error
                    await self._look(witness, address)
                    raise
        except TimeoutError as error:
            slow = WitnessTooSlow(witness.name, f"did not answer within {self._timeout:g} s")
            raise self.said.get(witness.name, slow) from error

    async def _ask(self, witness: Witness, address: str, old: int) -> Asked:
        for _ in range(_TRIES):
            seen = await self._ask_once(witness, address, old)
            if isinstance(seen, bytes):
                return Asked(self._size, seen)
            if seen > self._size:
                said = f"says that it has seen {seen} entries of this log, and shows no checkpoint of ours"
                raise WitnessClaimUnproved(witness.name, f"{said}; it was asked about {self._size}")
            if seen == old:
                raise WitnessAnswerUnreadable(witness.name, "answers that it has not seen the size that it names")
            old = seen
        raise WitnessAnswerUnreadable(witness.name, "names another size each time")

    async def _look(self, witness: Witness, address: str) -> None:
        """Ask a witness for the last checkpoint that it cosigned: what it says of this log, nobody need believe it.

        Raises:
            WitnessAhead: this log signed it, and what was asked about does not continue it.
        """
        folder = sha256(self._checkpoint.origin.encode("utf-8")).hexdigest()
        try:
            status, _, shown = await self._exchange(witness, "GET", f"{address.removesuffix(_ADD)}/{folder}/checkpoint")
            if status != _OK:
                return
            seen = self._of.opened(shown)
            continues = self._continues(seen)
        except LedgerError:  # not reached, too long, no note, one that this log did not sign; or a tile is damaged here
            return
        if not continues:
            raise WitnessAhead(witness.name, shown, seen.size, self._size)

    def _continues(self, seen: Checkpoint) -> bool:
        """Whether the checkpoint that was asked about continues another one."""
        if seen.size > self._size:
            return False
        try:
            check_consistency(seen.size, seen.root, self._size, self._checkpoint.root, self._path(seen.size))
        except ConsistencyNotProved:
            return False
        return True

    async def _ask_once(self, witness: Witness, address: str, old: int) -> bytes | int:
        """The witness's line, or the size that it has seen instead."""
        try:
            path = self._path(old)
        except LedgerError as error:
            said = f"says that it saw {old} entries last, from which no proof can be made here"
            raise WitnessSizeUnproved(witness.name, f"{said}: {error}") from error
        body, asked = AddCheckpoint(old=old, path=path, note=self._note).to_bytes(), self._clock.now()
        status, kind, answer = await self._exchange(witness, "POST", address, body)
        try:
            if status == _OK:
                return self._of_now(witness, cosignature_in(self._note, answer, witness.key), asked)
            if status == OTHER_SIZE:
                return self._other_size(witness, old, kind, answer)
        except MalformedWitnessAnswer as error:
            raise WitnessAnswerUnreadable(witness.name, f"answers what cannot be read: {error}") from error
        except CosignatureInvalid as error:
            raise WitnessCosignatureFalse(witness.name, f"cosigned something else: {error}") from error
        refusal = {UNKNOWN_LOG: WitnessDoesNotKnowLog, NOT_CONSISTENT: WitnessContradicts}.get(status, WitnessRefused)
        raise refusal(witness.name, status, answer.decode("utf-8", "replace"))

    def _of_now(self, witness: Witness, line: bytes, asked: datetime) -> bytes:
        """A line that was made since the witness was asked; an older one tells nothing of what it has seen since.

        Raises:
            WitnessTimeWrong: it is of another time, clocks being as different as they may.
        """
        (found,) = cosignatures(with_lines(self._note, line), [witness.key])
        now = self._clock.now()
        if int(asked.timestamp()) - CLOCKS_DIFFER <= found.at <= latest_by(now):
            return line
        at, here = (each.isoformat(timespec="seconds").replace("+00:00", "Z") for each in (_instant(found.at), now))
        raise WitnessTimeWrong(witness.name, f"cosigned as of {at}, and it is {here} here")

    def _other_size(self, witness: Witness, old: int, kind: str, answer: bytes) -> int:
        """The size that a witness names in place of `old`.

        Raises:
            WitnessContradicts: it saw this very size. The specification asks for no body then.
            MalformedWitnessAnswer: it names none.
        """
        same = WitnessContradicts(witness.name, OTHER_SIZE, answer.decode("utf-8", "replace"))
        try:
            if kind != SIZE_TYPE:
                raise MalformedWitnessAnswer(f"it says that it saw another size as {kind!a}, not as {SIZE_TYPE}")
            seen = parse_size(answer)
        except MalformedWitnessAnswer:
            if old == self._size:
                raise same from None
            raise
        if seen == old == self._size:
            raise same
        return seen

    def _path(self, old: int) -> tuple[Hash, ...]:
        if old not in self._paths:
            self._paths[old] = self._of.prove(old)
        return self._paths[old]

    async def _exchange(self, witness: Witness, method: str, address: str, body: bytes = b"") -> tuple[int, str, bytes]:
        """Status, media type and body of an answer; redirects are not followed."""
        answer = bytearray()
        try:
            async with self._http.stream(method, address, content=body, headers=_HEADERS) as response:
                async for chunk in response.aiter_raw():  # not inflated: nothing compressed was asked for
                    answer += chunk
                    if len(answer) > MAX_ANSWER_BYTES:
                        raise WitnessAnswerTooLong(witness.name, f"answers more than {MAX_ANSWER_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise WitnessUnreachable(
                witness.name, f"cannot be reached: {str(error) or type(error).__name__}"
            ) from error
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return response.status_code, kind, bytes(answer)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
