"""How long spelling correction takes: `python -m benchmarks.search_spelling [WORDS]` (60,000 by
default).

Prints the seconds to make a Speller over a made-up vocabulary and the milliseconds of `correct` for
queries with one unknown word and with as many as a query may have. Needs no data.
"""

from __future__ import annotations

import random
import string
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np

from search.evaluation.measures import percentile
from search.index.postings import Collected, merged, plain
from search.text.lexicon import Lexicon
from search.text.spelling import Speller

ARTICLES = 10_000
QUERIES = 300


def main(size: int) -> None:
    """Print the figures for a vocabulary of `size` words."""
    dice = random.Random(1)
    words = sorted({made(dice) for _ in range(size)})
    held = Collected()
    for word in words:
        for article in dice.sample(range(ARTICLES), dice.randint(1, 9)):
            held.add(article, 0, language="en", terms=[word])
    counts = merged(held)
    texts = [held.texts[key] for key in counts.terms.tolist()]
    postings, allowed = plain(counts), np.ones(ARTICLES, bool)
    began = perf_counter()
    known = {"en": frozenset({"printer"})}
    speller = Speller(Lexicon(texts, postings, postings, model_words=known), allowed)
    print(f"{len(words)} words: made in {perf_counter() - began:.2f} s")
    for name, count in (("one unknown word", 1), ("as many as fit", 24)):
        queries = [
            " ".join(wrong(dice.choice(words), dice) for _ in range(count)) for _ in range(QUERIES)
        ]
        times = [timed(lambda text=text: speller.correct(text)) for text in queries]
        print(f"{name}: p50 {percentile(times, 0.5):.2f} ms, p95 {percentile(times, 0.95):.2f} ms")


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds of some work."""
    began = perf_counter()
    work()
    return (perf_counter() - began) * 1000


def made(dice: random.Random) -> str:
    """Return a word of 4 to 14 letters in which vowels and consonants alternate."""
    length = min(14, max(4, round(dice.gauss(8, 2.5))))
    return "".join(dice.choice("aeiou" if n % 2 else "bcdfghklmnprstvw") for n in range(length))


def wrong(word: str, dice: random.Random) -> str:
    """Return the word with one letter replaced."""
    at = dice.randrange(len(word))
    return word[:at] + dice.choice(string.ascii_lowercase) + word[at + 1 :]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60_000)
