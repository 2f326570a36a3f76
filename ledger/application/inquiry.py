"""What judging one request may take: work on its documents, and what others are asked, each address once.

A stranger decides what is asked, and how often: by the credentials brought, their proofs and their lists. So there is
one of these for all that is brought at once.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

from ledger.errors import LedgerError
from ledger.vc.budget import Budget
from ledger.vc.did import ControllerDocument, DidNotResolved, read_controller_document, web_address
from ledger.vc.upload import UnreadableUpload, Upload, read_upload

MOST_ASKED: Final = 6  # addresses
SECONDS: Final = (
    3.0  # after the first was asked, no other is; each answers within two or is given up, so all within five
)


class NotFetched(LedgerError):
    """What stands at an address cannot be had, or may not be asked for."""


class Fetcher(Protocol):
    """Gets what stands at an address. The one way out; there is none unless the operator allows it."""

    def get(self, url: str) -> bytes:
        """What an https URL answers.

        Raises:
            NotFetched.
        """
        ...


class Inquiry:
    """One request while it is judged. Mutable; for one thread at a time."""

    def __init__(self, fetcher: Fetcher | None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked yet.

        Args:
            fetcher: None where nobody may be asked.
            monotonic: seconds that only grow.
        """
        self.budget = Budget()
        self._fetcher = fetcher
        self._monotonic = monotonic
        self._until: float | None = None
        self._answers: dict[str, bytes | NotFetched] = {}
        self._controllers: dict[str, ControllerDocument | DidNotResolved] = {}
        self._read: dict[str, Upload | UnreadableUpload] = {}
        self.signed: dict[str, bool] = {}  # by address: whether its issuer signed what stands there

    @property
    def asks(self) -> bool:
        """Whether anybody may be asked."""
        return self._fetcher is not None

    def get(self, url: str) -> bytes:
        """What stands at an address.

        Raises:
            NotFetched: nobody may be asked, too many were, or it took too long.
        """
        answer = self._answers.get(url)
        if answer is None:
            answer = self._ask(url)
            if len(self._answers) < MOST_ASKED:
                self._answers[url] = answer
        if isinstance(answer, NotFetched):
            raise answer
        return answer

    def read(self, url: str) -> Upload:
        """The credential that stands at an address.

        Raises:
            NotFetched: as `get`.
            UnreadableUpload: something else stands there.
        """
        found = self._read.get(url)
        if found is None:
            raw = self.get(url)
            try:
                found = read_upload(raw)
            except UnreadableUpload as error:
                found = error
            self._read[url] = found
        if isinstance(found, UnreadableUpload):
            raise found
        return found

    def controller(self, did: str) -> ControllerDocument:
        """The keys of a `did:web`.

        Raises:
            DidNotResolved.
        """
        found = self._controllers.get(did)
        if found is None:
            found = self._controllers[did] = self._controller(did)
        if isinstance(found, DidNotResolved):
            raise found
        return found

    def _controller(self, did: str) -> ControllerDocument | DidNotResolved:
        try:
            return read_controller_document(self.get(web_address(did)), did)
        except NotFetched as error:
            return DidNotResolved(f"the keys of the issuer cannot be had: {error}")
        except DidNotResolved as error:
            return error

    def _ask(self, url: str) -> bytes | NotFetched:
        now = self._monotonic()
        self._until = now + SECONDS if self._until is None else self._until
        if self._fetcher is None:
            return NotFetched("nothing is fetched here")
        if len(self._answers) == MOST_ASKED:
            return NotFetched(f"no more than {MOST_ASKED} addresses are asked at once")
        if now > self._until:
            return NotFetched("others took too long to answer")
        try:
            return self._fetcher.get(url)
        except NotFetched as error:
            return error
