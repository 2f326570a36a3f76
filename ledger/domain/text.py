"""What counts as clean text: what a person may type into a name or a sentence that others will read."""

import unicodedata

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for a formula
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = frozenset("\u2028\u2029\ufeff")
_JOINERS = frozenset("\u200c\u200d")  # ZWNJ and ZWJ spell words in Persian and Indic scripts
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")  # letters of Hangul that nobody sees


def clean(text: str) -> str:
    """`text` in Unicode normal form C, without blanks at its ends."""
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()  # ASCII is in form C


def fault(text: str, longest: int, *, multiline: bool = False) -> tuple[str, str] | None:
    """Why `text` cannot stand in a record, as (code, sentence); None where it can.

    Args:
        longest: in characters (Unicode code points).
        multiline: whether a line feed may stand in it.
    """
    if len(text) > longest:
        return "too_long", f"has {len(text):,} characters; at most {longest:,} are allowed"
    if text.isprintable():  # no character of a category that begins with C, and no break: nearly every text
        return None
    for character in text:
        if character in _BIDI_CONTROLS:
            return "control_character", f"contains the text-direction control U+{ord(character):04X}; remove it"
        if character in _BREAKS or (
            unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co", "Cf")
            and character not in _JOINERS
            and not (multiline and character == "\n")
        ):
            return "control_character", f"contains the control character U+{ord(character):04X}; remove it"
    return None


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet could run `text` as a formula."""
    return text.startswith(FORMULA_STARTS)


def has_letter(text: str) -> bool:
    """Whether there is something to read: a letter of any script that can be seen."""
    return any(unicodedata.category(each)[0] == "L" and each not in _FILLERS for each in text)
