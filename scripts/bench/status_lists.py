"""A status list of 131,072 places after a change: made from the bits, canonicalised, signed, spelled; processor time.

There is no peer: the reference is the bar. Half of the bits of the worst list are set at random, which no gzip makes
smaller; of a usual one a few hundred are.

    python scripts/bench/status_lists.py [--rounds 9]
"""

import random
from datetime import UTC, datetime
from statistics import median

from harness import Result, arguments, conclude, spend, table

from ledger.domain.types import Did
from ledger.domain.values import STATUS_LIST_SLOTS
from ledger.signing.signer import Ed25519Signer
from ledger.vc import status_list
from ledger.vc.data_integrity import sign
from ledger.vc.jcs import canonical_json

BAR = 50  # ms
_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
_DID = Did("did:web:college.example:issuers:maplewood")
_ADDRESS = "https://college.example/status/maplewood/AAECAwQFBgcICQoLDA0ODw"


def bits(chance: random.Random, set_bits: int) -> bytes:
    """A list with as many bits set, of the half of its places that are used."""
    listed = bytearray(STATUS_LIST_SLOTS // 8)
    for slot in chance.sample(range(STATUS_LIST_SLOTS), set_bits):
        listed[slot // 8] |= 0x80 >> slot % 8
    return bytes(listed)


def publish(listed: bytes, signer: Ed25519Signer) -> bytes:
    """The signed list, as whoever signs lists makes it."""
    document = status_list.build(address=_ADDRESS, issuer=_DID, bits=listed, made=_AT)
    return canonical_json(sign(document, signer=signer, method=f"{_DID}#{signer.kid}", created=_AT))


def main() -> None:
    """Measure, and print what came of it."""
    asked = arguments(__doc__, rounds=9).parse_args()
    chance, signer = random.Random(1), Ed25519Signer(bytes(32))
    rows, worst = [], 0.0
    for set_bits in (0, 300, STATUS_LIST_SLOTS // 2):
        listed = bits(chance, set_bits)
        size = len(publish(listed, signer))
        taken = 1000 * median(spend(lambda listed=listed: publish(listed, signer)).cpu for _ in range(asked.rounds))  # type: ignore[misc]
        rows.append((f"{set_bits:,}", f"{size:,}", f"{taken:.1f} ms"))
        worst = max(worst, taken)
    table(("bits set", "bytes", "processor"), rows)
    conclude(
        Result(
            job="status_list_signed",
            ours=worst,
            reference=BAR,
            unit="ms of processor time",
            bar=f"<= {BAR} ms",
            met=worst <= BAR,
        )
    )


if __name__ == "__main__":
    main()
