"""Searches with hostile input: `python -m benchmarks.adversarial DIR [COUNT]` (10,000 queries).

Asks the whole engine over the set in DIR the same seeded queries each time. Prints how many raised,
how many were answered without meaning, and the percentiles and the slowest in milliseconds. Returns
1 when one raised.
"""

from __future__ import annotations

import random
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

from search.engine import Engine, EngineSettings
from search.evaluate import _default_cache, index_of
from search.evaluation.judged import read_set
from search.evaluation.measures import percentile
from search.index.opened import Generation
from search.semantic.runtime import open_runtime
from search.types import Mode, Query

COUNT = 10_000
SHOWN = 8
SEED = 7
OPERATORS = ["AND", "OR", "NOT", "-", "+", "*", "?", "~", "^", ":", "(", ")", "[", "]", "{", "}"]
SYNTAX = [
    "title:", "keywords:", "body_en:", "'; DROP TABLE articles; --", "<script>alert(1)</script>",
    "(a+)+$", "(?:.*)*", "[[a TO b]]", "{a TO}", "%s%n", "${jndi:ldap://x}", "../../etc/passwd",
    "\\", "\"", "''", "`", "&amp;", "\r\n", "0x", "#", "C:\\", "\\\\?\\", "--", "@", "://",
]  # fmt: skip
LITTLE = ["the", "of", "a", "to", "in", "is", "it", "my", "how", "do", "I", "who", "what", "on"]
STRANGE = "\u200d\u200b\u202e\u2066\ufeff\u00ad\x00\x1b\u0301\u0489\ufe0f\ud800\udfff\U000e0041"
Maker = Callable[[random.Random, Sequence[str]], str]


def letters(dice: random.Random, _words: Sequence[str]) -> str:
    """One character, up to 10,000 times."""
    return dice.choice("aéß日ก😀0-_.:\\*\"' ") * dice.choice([1, 24, 200, 10_000])


def stars(dice: random.Random, words: Sequence[str]) -> str:
    """Beginnings of words, each with an asterisk."""
    short = [dice.choice(words)[: dice.randint(1, 4)] + "*" for _ in range(dice.randint(1, 26))]
    return dice.choice([" ", " OR ", " -", " title:"]).join(short)


def operators(dice: random.Random, words: Sequence[str]) -> str:
    """Words and operators in any order."""
    pool = [*OPERATORS, *SYNTAX, *dice.sample(words, 8)]
    return dice.choice(["", " "]).join(dice.choices(pool, k=dice.randint(1, 60)))


def nested(dice: random.Random, words: Sequence[str]) -> str:
    """Brackets and quotes that are seldom closed."""
    depth = dice.randint(1, 90)
    return dice.choice(["(", "[", "{", '"', "«"]) * depth + dice.choice(words) + ")" * (depth // 2)


def marks(dice: random.Random, words: Sequence[str]) -> str:
    """Invisible and combining characters between the letters of a word."""
    filling = "".join(dice.choices(STRANGE, k=dice.choice([1, 5, 2_000])))
    return filling.join(dice.choice(words))


def blocks(dice: random.Random, _words: Sequence[str]) -> str:
    """Characters of one block of Unicode, some unassigned."""
    start = dice.randrange(0, 0x110000, 128)
    return "".join(chr(dice.randrange(start, start + 128)) for _ in range(dice.randint(1, 60)))


def common(dice: random.Random, words: Sequence[str]) -> str:
    """The commonest words of the corpus, as many as a query may have."""
    return " ".join(dice.sample(words[:200], 24))


def stops(dice: random.Random, _words: Sequence[str]) -> str:
    """Only stop words."""
    return " ".join(dice.choices(LITTLE, k=24))


def numbers(dice: random.Random, _words: Sequence[str]) -> str:
    """Long numbers and long texts that look like codes."""
    digits = "".join(dice.choices("0123456789", k=dice.choice([3, 40, 200])))
    parts = dice.choices(["srv", "0x", "KB", "v", digits[:6], ".", "-", "_", ":", "@"], k=40)
    return dice.choice([digits, ".".join(digits), "-".join(digits), "".join(parts)])


def phrases(dice: random.Random, words: Sequence[str]) -> str:
    """Quoted phrases of common words, alone and as conditions."""
    quoted = [f'"{" ".join(dice.choices(words[:60], k=dice.randint(2, 6)))}"' for _ in range(4)]
    return dice.choice([" ", " -", " OR ", " title:"]).join(quoted)


def misspelt(dice: random.Random, words: Sequence[str]) -> str:
    """As many unknown words as a query may have."""
    found = dice.choices(words, k=24)
    return " ".join(word[:3] + dice.choice("aeioxz") + word[3:] for word in found)


def mixed(dice: random.Random, words: Sequence[str]) -> str:
    """Several scripts and words in one line."""
    scripts = ["日本語", "пароль", "كلمة", "รหัส", "비밀번호", "कंप्यूटर", "Ωmega", "ﬁ", "Ⅷ", "①", "🖨️"]
    return dice.choice(["", " "]).join(dice.choices([*scripts, *words[:40]], k=20))


MAKERS: tuple[Maker, ...] = (
    letters, stars, operators, nested, marks, blocks, common, stops, numbers, phrases, misspelt,
    mixed,
)  # fmt: skip


def commonest(generation: Generation) -> list[str]:
    """Return the words of the corpus, those in most articles first."""
    held = generation.lexicon
    rows = [
        (-int(held.sizes[number]), word)
        for language in held.languages
        for word, number in zip(*held.words(language), strict=True)
    ]
    return [word for _, word in sorted(rows)]


def shown(text: str) -> str:
    """Return the beginning of a query in printable characters."""
    known = (c if unicodedata.category(c)[0] in "LNPSZ" else "·" for c in text[:60])
    return "".join(known).encode("utf-8", "replace").decode()


def main(folder: Path, count: int) -> int:
    """Print the figures; return 1 when a query raised."""
    cache = _default_cache()
    judged = read_set(folder)
    loader = partial(open_runtime, cache)
    engine = Engine(
        index_of(judged, cache),
        encoder_loader=loader,
        settings=EngineSettings(Mode.HYBRID, 120.0, 60.0),
    )
    engine.warm()
    engine.search(Query("warm up"))
    words, dice = commonest(engine.generation), random.Random(SEED)
    times: list[tuple[float, str, str]] = []
    raised = without = 0
    for number in range(count):
        maker = MAKERS[number % len(MAKERS)]
        text = maker(dice, words)
        began = perf_counter()
        try:
            without += bool(engine.search(Query(text)).degraded)
        except Exception as error:
            raised += 1
            print(f"{type(error).__name__} of {maker.__name__}: {shown(text)}")
        times.append(((perf_counter() - began) * 1000, maker.__name__, text))
    took = [row[0] for row in times]
    print(f"{count} queries over {len(judged.documents)} articles: {raised} raised, "
          f"{without} without meaning; p50 {percentile(took, 0.5):.1f} ms, "
          f"p99 {percentile(took, 0.99):.1f} ms, slowest {max(took):.1f} ms")  # fmt: skip
    for milliseconds, name, text in sorted(times, reverse=True)[:SHOWN]:
        print(f"{milliseconds:7.1f} ms  {name}: {shown(text)}")
    return int(raised > 0)


if __name__ == "__main__":
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    sys.exit(main(Path(sys.argv[1]), limit))
