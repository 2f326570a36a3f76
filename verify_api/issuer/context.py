"""What every route of the issuer's API shares: the services, the look-ups, and how a change is answered."""

from starlette.responses import Response

from ledger.application.awards import AwardRecord, Receipt
from ledger.application.ports import Appended, Caller
from ledger.domain.credential import CredentialNotIssued
from ledger.domain.types import Kid, Seq, StreamId
from verify_api.issuer import answers, showing
from verify_api.issuer.register import Register
from verify_api.services import Services

REPLAYED = "Idempotent-Replayed"  # header of an answer that an earlier request caused


class Context:
    """The services as the routes use them."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.ledger = services.ledger
        self.register = Register(services.ledger.desk)

    def receipt(
        self, caller: Caller, appended: Appended, response: Response, known: Receipt | None = None
    ) -> answers.ReceiptModel:
        """The receipt of a change of an award: the one that is known, or read back."""
        mark(response, appended)
        return showing.receipt(known or self.ledger.awards.receipt(caller, appended), self.services.base_url)

    def issuer_receipt(self, appended: Appended, response: Response) -> answers.IssuerReceipt:
        """The receipt of a change of an issuer."""
        mark(response, appended)
        issuer = self.register.issuer(appended.stream)
        return answers.IssuerReceipt(
            id=str(appended.stream),
            revision=appended.revision,
            position=appended.position,
            did=issuer.did,
            slug=self.register.slug(issuer),
        )

    def key_receipt(self, appended: Appended, kid: Kid, response: Response) -> answers.KeyReceipt:
        """The receipt of a change of an issuer's keys."""
        return answers.KeyReceipt(kid=kid, **self.issuer_receipt(appended, response).model_dump())

    def achievement_receipt(self, appended: Appended, response: Response) -> answers.AchievementReceipt:
        """The receipt of a change of an achievement, as it was after it."""
        mark(response, appended)
        state = self.register.achievement(appended.stream, Seq(appended.revision))
        return answers.AchievementReceipt(
            id=str(appended.stream),
            revision=appended.revision,
            position=appended.position,
            slug=self.ledger.desk.definition(state.digest).slug,
            version=state.version,
        )

    def credential(self, caller: Caller, reference: str) -> StreamId:
        """The award with this id, code or short code, if it is the caller's.

        Raises:
            CredentialNotIssued: there is none, or it is another issuer's; which of both is not told.
        """
        return self.award(caller, reference).credential.stream

    def award(self, caller: Caller, reference: str) -> AwardRecord:
        """As `credential`, with everything its issuer may see."""
        try:
            return self.ledger.awards.load(caller, reference)
        except CredentialNotIssued as error:
            raise CredentialNotIssued("there is no award of yours with this id or code") from error


def mark(response: Response, appended: Appended) -> None:
    """Say which revision was made, and whether an earlier request made it."""
    response.headers["ETag"] = f'"{appended.revision}"'
    if appended.replayed:
        response.headers[REPLAYED] = "true"
