"""The arithmetic of fusion and confidence."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search.ranking.confidence import Evidence, confidence
from search.ranking.fusion import FusionSignals, fuse, keyword_share, meaning_share, meaning_weight

SHARES = arrays(np.float32, 12, elements=st.floats(0, 1, width=32))
UNIT = st.floats(0, 1)


@given(SHARES, SHARES, UNIT, arrays(np.int8, 12, elements=st.integers(0, 3)))
def test_more_codes_held_always_wins(words, meaning, weight, codes) -> None:  # type: ignore[no-untyped-def]
    fused = fuse(words, meaning, weight=weight, exact=codes.astype(np.float32))
    for more in range(12):
        for fewer in range(12):
            if codes[more] > codes[fewer]:
                assert fused[more] > fused[fewer]


@given(SHARES, SHARES, UNIT)
def test_better_in_both_is_never_worse(words, meaning, weight) -> None:  # type: ignore[no-untyped-def]
    fused = fuse(words, meaning, weight=weight)
    both = (words[:, None] >= words[None, :]) & (meaning[:, None] >= meaning[None, :])
    assert np.all((fused[:, None] >= fused[None, :] - 1e-6)[both])


@given(arrays(np.float32, 9, elements=st.floats(0, 50, width=32)))
def test_shares_lie_between_nothing_and_one_and_keep_the_order(scores) -> None:  # type: ignore[no-untyped-def]
    share = keyword_share(scores)
    assert share.min() >= 0
    assert share.max() <= 1
    assert np.all(np.diff(share[np.argsort(scores)]) >= 0)
    near = meaning_share(scores / 50, float(np.median(scores / 50)))
    assert near.min() >= 0
    assert near.max() <= 1


@given(UNIT, UNIT, st.floats(0, 1), st.booleans())
def test_weight_is_a_share_and_grows_as_words_cover_less(cover, less, spread, coded) -> None:  # type: ignore[no-untyped-def]
    low, high = sorted((cover, less))
    weights = [meaning_weight(FusionSignals(c, spread, coded)) for c in (low, high)]
    assert 0 <= weights[1] <= weights[0] <= 1


def test_meaning_weighs_little_beside_a_code_or_when_it_tells_nothing_apart() -> None:
    clear = meaning_weight(FusionSignals(0.8, 0.6))
    assert meaning_weight(FusionSignals(0.8, 0.6, coded=True)) < 0.5 * clear
    assert meaning_weight(FusionSignals(0.8, 0.1)) < 0.5 * clear


@given(UNIT, UNIT, UNIT, st.booleans())
def test_confidence_is_a_probability_and_grows_with_the_nearest(near, more, cover, agreed) -> None:  # type: ignore[no-untyped-def]
    low, high = sorted((near, more))
    pair = [confidence(Evidence(n, 0.1, cover, agreed)) for n in (low, high)]
    assert 0 < pair[0] <= pair[1] < 1
