"""The bits of one award by its public acts alone, and since when a key is disowned."""

import pytest

from ledger.domain.status import Act, ActKind, Place, act_of, bits, disowned_since
from ledger.domain.types import Kid, ListId, Position, Slot
from ledger.domain.values import Role
from tests.unit.domain.history import (
    EVENT_KEY,
    NORTH,
    ROOT,
    ROOT_2,
    SIGN,
    SIGN_2,
    added,
    begun,
    compromised,
    record,
    registered,
)

_LIST = ListId(bytes(16))


def _bits(*acts: tuple[ActKind, Kid]) -> str:
    """The bits of the versions in their order; SIGN_2 is the thief's."""
    made: list[Place] = []
    history = []
    for number, (kind, kid) in enumerate(acts, start=1):
        place: Place | tuple[None, None] = (None, None)
        if kind in ("issued", "amended"):
            made.append((_LIST, Slot(number)))
            place = made[-1]
        history.append(Act(Position(number), NORTH, kid, kind, *place))
    found = bits(history, lambda kid, _: kid == SIGN_2)
    assert list(found) == made
    return "".join(str(int(found[place])) for place in made)


_ISSUED: tuple[ActKind, Kid] = ("issued", SIGN)


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ([], ""),
        ([("revoked", SIGN)], ""),
        ([_ISSUED], "0"),
        ([_ISSUED, ("suspended", SIGN)], "1"),
        ([_ISSUED, ("suspended", SIGN), ("reinstated", SIGN)], "0"),
        ([_ISSUED, ("suspended", SIGN), ("reinstated", SIGN_2)], "1"),
        ([_ISSUED, ("suspended", SIGN_2)], "1"),
        ([_ISSUED, ("revoked", SIGN_2)], "1"),
        ([_ISSUED, ("revoked", SIGN_2), ("reinstated", SIGN)], "0"),
        ([_ISSUED, ("revoked", SIGN_2), ("reinstated", SIGN), ("revoked", SIGN)], "1"),
        ([_ISSUED, ("amended", SIGN)], "10"),
        ([_ISSUED, ("amended", SIGN), ("amended", SIGN)], "110"),
        ([_ISSUED, ("amended", SIGN), ("suspended", SIGN)], "11"),
        ([_ISSUED, ("amended", SIGN_2)], "01"),
        ([_ISSUED, ("amended", SIGN_2), ("amended", SIGN)], "110"),
        ([_ISSUED, ("amended", SIGN), ("amended", SIGN_2)], "101"),
        ([("issued", SIGN_2)], "1"),
        ([("issued", SIGN_2), ("amended", SIGN)], "11"),
        ([("issued", SIGN_2), ("suspended", SIGN), ("reinstated", SIGN)], "1"),
    ],
)
def test_the_bits_of_an_award(acts: list[tuple[ActKind, Kid]], expected: str) -> None:
    assert _bits(*acts) == expected


def test_entries_of_anything_else_are_no_acts() -> None:
    assert act_of(record(registered(), 7)) is None


def test_a_key_is_disowned_from_its_earliest_report_or_from_its_addition_by_a_stolen_key() -> None:
    brought = record(added(SIGN_2), 10, seq=2, kid=ROOT)
    rescue = record(added(ROOT_2, Role.ROOT, recovery=True), 11, seq=3, kid=EVENT_KEY)
    good = begun(brought, rescue)
    assert [disowned_since(good, kid) for kid in (SIGN, SIGN_2, ROOT, ROOT_2, EVENT_KEY)] == [None] * 5
    reported = begun(brought, rescue, record(compromised(SIGN_2, 15), 20, seq=4, kid=ROOT))
    assert [disowned_since(reported, kid) for kid in (SIGN, SIGN_2, ROOT)] == [None, 15, None]
    earlier = begun(
        brought,
        rescue,
        record(compromised(SIGN_2, 15), 20, seq=4, kid=ROOT),
        record(compromised(SIGN_2, 12), 21, seq=5, kid=ROOT),
    )
    assert disowned_since(earlier, SIGN_2) == 12
    root_reported = begun(brought, rescue, record(compromised(ROOT, 9), 20, seq=4, kid=EVENT_KEY))
    assert [disowned_since(root_reported, kid) for kid in (SIGN, SIGN_2, ROOT, ROOT_2)] == [None, 10, 9, None]
