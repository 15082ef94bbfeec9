"""What a text must hold for anybody to look at it: most files are passed by for want of a word, before they are parsed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Word", "Words"]

Word = str | bytes | tuple[str | bytes, str | bytes]


@dataclass(frozen=True, slots=True)
class Words:
    """Words of which a text must hold one: plain ones first, since they cost next to nothing, then patterns, each with a plain word that it holds."""

    plain: tuple[bytes, ...]
    patterns: tuple[tuple[bytes, re.Pattern[bytes]], ...] = ()

    @classmethod
    def of(cls, words: Iterable[Word]) -> "Words":
        """Return the fewest words that say the same."""
        every = [tuple(map(_encoded, word)) if isinstance(word, tuple) else (_encoded(word),) for word in words]
        plain = {word[0] for word in every if len(word) == 1}
        fewest = sorted(word for word in plain if not any(other in word for other in plain - {word}))
        patterns = sorted({word for word in every if len(word) > 1 and not any(other in word[0] for other in fewest)})
        return cls(tuple(fewest), tuple((word[0], re.compile(word[1], re.MULTILINE)) for word in patterns))

    def occur_in(self, text: bytes) -> bool:
        """Return whether the text holds one of them."""
        for word in self.plain:
            if word in text:
                return True
        return any(word in text and pattern.search(text) for word, pattern in self.patterns)


def _encoded(word: str | bytes) -> bytes:
    return word.encode() if isinstance(word, str) else word
