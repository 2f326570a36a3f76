"""Names for the plain values that must not be mixed up: ids, digests, positions."""

from typing import NewType
from uuid import UUID

StreamId = NewType("StreamId", UUID)  # UUID version 8 (RFC 9562 §5.8): 48 bits of milliseconds, then 74 bits
Seq = NewType("Seq", int)  # 0, 1, 2 ... within one stream
Position = NewType("Position", int)  # 1, 2, 3 ... over all streams; leaf index = position - 1
Digest = NewType("Digest", bytes)  # 32 bytes, SHA-256
Did = NewType("Did", str)  # did:web:<host>[:issuers:<slug>], ASCII
Kid = NewType("Kid", str)  # Multikey of an Ed25519 public key, z6Mk..., 48 characters
Slug = NewType("Slug", str)  # 1 to 64 of a-z 0-9 -, neither first nor last a hyphen
ListId = NewType("ListId", bytes)  # 16 random bytes naming one status list
Slot = NewType("Slot", int)  # 0 <= slot < 131,072 within one status list
Origin = NewType("Origin", str)  # the log's name: its scheme-less URL prefix, e.g. localhost:8000/log
LinkCode = NewType("LinkCode", bytes)  # 22 bytes: 6 of milliseconds, 16 random
LearnerId = NewType("LearnerId", UUID)  # random UUID of one (issuer, student number)
