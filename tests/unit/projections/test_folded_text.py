"""How texts are compared where people search."""

from projections.rows import folded


def test_folding_is_idempotent() -> None:
    for text in ("İstanbul ẞ ﬁ ΐ", "Ａ１", "e\u0301"):
        assert folded(folded(text)) == folded(text)
