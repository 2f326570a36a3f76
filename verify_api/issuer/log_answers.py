"""What is answered about the keys that sign the log's checkpoints, as it stands in the OpenAPI description."""

from pydantic import Field

from verify_api.issuer.answers import PROOF
from verify_api.issuer.definition_schemas import Model

_ID = Field(description="id of the log's own stream", examples=["019a8f3e-6c00-8abc-9def-0123456789ab"])
_REVISION = Field(description="seq of the event in that stream", examples=[7])
_POSITION = Field(description="place of the event in the log, from 1", examples=[42])
_VKEY = Field(
    description="C2SP verifier key",
    examples=["verify.college.example/log+3f1a2b4c+AZkH8jrZ2T8CqzvM9ywsxq2uPzV9wFkxfG0M4C6Z9y0h"],
)


class LogKeyReceipt(Model):
    """What adding a checkpoint key is answered with."""

    id: str = _ID
    revision: int = _REVISION
    position: int = _POSITION
    kid: str = Field(description="Multikey", examples=["z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH"])
    vkey: str = _VKEY
    proof: str | None = PROOF


class LogKeysRetired(Model):
    """What retiring the older checkpoint keys is answered with."""

    id: str = _ID
    revision: int = _REVISION
    position: int = Field(description="place of the last retirement in the log, from 1", examples=[42])
    retired: list[str] = Field(description="Multikeys, oldest first")
    kid: str = Field(description="Multikey of the key that signs on")
    vkey: str = _VKEY
    proof: str | None = PROOF


class LogKeyRecord(Model):
    """One key that signs checkpoints, or did."""

    kid: str = Field(description="Multikey")
    vkey: str = _VKEY
    added: int = Field(description="position; it signs checkpoints over as many entries, and more")
    retired: int | None = Field(description="position; it signs none over as many entries, nor more")
    held: bool = Field(description="whether its private key is here")


class LogKeyList(Model):
    """Every key that ever signed checkpoints, in the order they were added."""

    id: str = _ID
    keys: list[LogKeyRecord]
