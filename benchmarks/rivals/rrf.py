"""bm25s and MiniLM fused by reciprocal ranks with k = 60 (Cormack, Clarke and Büttcher 2009)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from benchmarks.rivals.base import Ask, Corpus, Rival
from benchmarks.rivals.bm25s_scores import Bm25s
from benchmarks.rivals.minilm import MiniLM

K = 60
# Articles taken from each ranking before fusing.
DEPTH = 100


class ReciprocalRanks:
    """Both indexes side by side."""

    index = "rrf"
    packages = Bm25s.packages
    parts: tuple[Rival, ...] = (Bm25s(), MiniLM())

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Build each in a folder of its own."""
        for number, part in enumerate(self.parts):
            (folder / str(number)).mkdir()
            part.build(corpus, folder / str(number))

    def open(self, folder: Path, cache: Path) -> Ask:
        """Open both."""
        sides = [part.open(folder / str(n), cache) for n, part in enumerate(self.parts)]

        def ask(text: str, limit: int) -> list[str]:
            scores: dict[str, float] = defaultdict(float)
            for side in sides:
                for rank, name in enumerate(side(text, max(DEPTH, limit)), 1):
                    scores[name] += 1 / (K + rank)
            return sorted(scores, key=lambda name: -scores[name])[:limit]

        return ask
