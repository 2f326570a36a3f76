"""What the public pages need from the rest of the system, and what they say about the service itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.vc.upload import Upload
from ledger.verification.moment import Moment
from ledger.verification.presentation import Asked, Presented, Shown
from ledger.verification.verdict import Verdict


class CredentialFile(Protocol):
    """The signed document of one version, and the badge in it."""

    @property
    def document(self) -> bytes | None:
        """Byte for byte as it was signed; None where it bears a name that the learner gave up in a part."""
        ...

    @property
    def badge(self) -> bytes:
        """The OpenBadgeCredential of the award: the document itself, or the one inside a learner record."""
        ...


class Scanner(Protocol):
    """Answers from one snapshot of the store each time. Never writes, never signs, never connects outwards.

    Calls are short (well under a millisecond of work) and are made on the event loop.
    """

    def scan(self, code_text: str, version: int | None) -> Verdict:
        """The verdict on the award that a link code leads to.

        Args:
            code_text: a code in any spelling that `ledger.domain.codes.parse_link_code` reads; any other text,
                the empty text too, is answered *not found*.
            version: as printed; None is version 1. A version that was never recorded is answered *not found*.
        """
        ...

    def scan_short(self, short: str) -> Verdict:
        """The verdict on the award with this short code (13 characters, canonical), in its current version."""
        ...

    def moment(self) -> Moment | None:
        """Now, with what tells whether an answer that was made before is still the answer; None: it is not told."""
        ...

    def proof(self, code_text: str, version: int | None) -> bytes | Verdict | None:
        """The proof file of the award that a link code leads to, in the version given; None is version 1.

        Returns:
            The file. Or the verdict on an award of which there is none. Or None: ask again in a moment.
        """
        ...

    def credential_file(self, code_text: str, version: int | None) -> CredentialFile | Verdict:
        """The signed document of the award that a link code leads to, in the version given; None is version 1.

        Returns:
            The document, of a withdrawn award too. Or the verdict on an award of which none is to be shown: where the
            verdict shows the award, that version has no document.
        """
        ...

    def ready(self) -> list[str]:
        """What is missing before this process can answer; empty when it can."""
        ...

    def missing_besides(self) -> list[str]:
        """What is missing, and no scan needs it."""
        ...


class Examiner(Protocol):
    """Judges credentials that somebody brings. Never writes, never signs; connects outwards only if that is allowed.

    What a method does itself is short, reads the store, and is done on the event loop. What it returns may take a
    while, and is called on any thread.
    """

    def prepare(self, upload: Upload) -> Callable[[], Verdict]:
        """What gives the verdict on a credential."""
        ...

    def prepare_presentation(self, shown: Shown, asked: Asked) -> Callable[[], Presented]:
        """What judges a presentation and the credentials in it."""
        ...


class LogFiles(Protocol):
    """The published log as it lies in files. Any thread may ask."""

    def read(self, path: str) -> bytes | None:
        """A file by its path below /log/, such as `checkpoint` or `tile/0/x001/234`; None where there is none."""
        ...

    def list(self, prefix: str) -> Sequence[str]:
        """The paths of all files below a folder such as `days`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the pages say about the service that shows them."""

    base_url: str  # printed in every QR code; the Host header is never used
    operator: str | None = None  # name of whoever runs the service
    registries: tuple[str, ...] = ()  # names of the recognising bodies that the operator believes
