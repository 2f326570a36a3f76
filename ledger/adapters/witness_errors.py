"""Why a witness was left out of a gathering. Each is told to whoever runs the log; none keeps others from counting."""

from ledger.adapters.home import BadSettings
from ledger.errors import LedgerError

_TOLD = 200  # characters of what a witness says for itself


class BadWitnessPolicy(BadSettings):
    """The policy file cannot be read, or asks for what can never be had."""


class WitnessError(LedgerError):
    """A witness did not cosign, and is left out."""

    def __init__(self, witness: str, reason: str) -> None:
        super().__init__(f"the witness {witness} {reason}")
        self.witness = witness  # its name in the policy


class WitnessUnreachable(WitnessError):
    """There is no way to it, or the connection broke."""


class WitnessTooSlow(WitnessError):
    """It did not answer in time."""


class WitnessAnswerTooLong(WitnessError):
    """It answered more than any witness has to say."""


class WitnessAnswerUnreadable(WitnessError):
    """It answered what is neither cosignatures nor a size."""


class WitnessCosignatureFalse(WitnessError):
    """It answered with a cosignature of its own key that does not verify."""


class WitnessTimeWrong(WitnessError):
    """It answered with a cosignature of another time than now: its clock is wrong, or an old answer was sent again."""


class WitnessClaimUnproved(WitnessError):
    """It says that it has seen more of this log than it was asked about, and shows no checkpoint that says so.

    Anybody between can say that; so it is left out, and nobody halts for it.
    """


class WitnessSizeUnproved(WitnessError):
    """It names a size that it saw last, from which no proof can be made here: a tile is damaged, or it names any."""


class WitnessRefused(WitnessError):
    """It answered another status than one that leads to a cosignature."""

    def __init__(self, witness: str, status: int, said: str) -> None:
        words = " ".join(said.split())[:_TOLD]
        super().__init__(witness, f"answers {status}" + (f": {words!a}" if words else ""))
        self.status = status


class WitnessDoesNotKnowLog(WitnessRefused):
    """It answered 404: whoever runs it has not been given the log's key, or the address is not a witness's."""


class WitnessContradicts(WitnessRefused):
    """It answered 422, or 409 to the very size that it saw last: two histories of this log exist, if it is right."""

    def __init__(self, witness: str, status: int, said: str) -> None:
        super().__init__(witness, status, said)
        self.args = (f"{self}; so it saw another history of this log",)
