"""Positions of a log, marked in few bytes."""


class Marks:
    """A set of positions in few bytes, however many they are."""

    def __init__(self) -> None:
        self._words: dict[int, int] = {}

    def add(self, position: int) -> None:
        """Mark one."""
        self._words[position >> 9] = self._words.get(position >> 9, 0) | 1 << (position & 511)

    def update(self, other: "Marks") -> None:
        """Mark all that the other has."""
        for word, bits in other._words.items():
            self._words[word] = self._words.get(word, 0) | bits

    def __contains__(self, position: int) -> bool:
        """Whether it is marked."""
        return bool(self._words.get(position >> 9, 0) >> (position & 511) & 1)

    def __bool__(self) -> bool:
        """Whether any is marked."""
        return bool(self._words)
