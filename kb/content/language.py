"""Language tags as people write them, and a guess from the text when nobody wrote one; pure.

Promises a two-letter tag or "". Tells apart the handful of languages below by their commonest
words and by script, which is enough for a page of prose; knows nothing of dialects.
"""

from __future__ import annotations

import re

_NAMES = {
    "english": "en", "español": "es", "spanish": "es", "français": "fr", "french": "fr",
    "deutsch": "de", "german": "de", "português": "pt", "portuguese": "pt", "chinese": "zh",
    "中文": "zh", "italiano": "it", "italian": "it",
}  # fmt: skip
_TAG = re.compile(r"^([a-z]{2})(?:[-_][a-z0-9]+)*$")
# The commonest words that tell these languages apart; words that two of them share are left out.
_COMMON = {
    "en": "the and of to is you your with for that this are from can have it not be on if",
    "es": "el los las una por para con usted su del está que y si puede más cómo lo se",
    "fr": "le les des une pour avec vous votre est dans sur que pas du au ou cette et vos",
    "de": "der die das und ist sie ein eine nicht mit auf für den von zu im werden oder ihr",
    "pt": "o os uma para com você não seu sua do da em que é ou mais pode como se na",
    "it": "il gli una per con non è della che di nel sono più si questo alla dei del",
}
_WORDS = {language: words.split() for language, words in _COMMON.items()}
_OWNERS: dict[str, list[str]] = {}
for _language, _common in _WORDS.items():
    for _word in _common:
        _OWNERS.setdefault(_word, []).append(_language)
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
)
_SAMPLE = 4000  # characters; more text does not change the guess


def language_tag(written: str) -> str:
    """Return the two-letter tag for "es", "es-ES", "es_MX" or "Español"; "" if it is none."""
    plain = written.strip().casefold()
    found = _TAG.match(plain)
    return found[1] if found else _NAMES.get(plain, "")


def guess_language(text: str) -> str:
    """Return the language that `text` is most probably in, "" when there is too little to tell."""
    sample = text[:_SAMPLE]
    letters = sum(1 for character in sample if character.isalpha()) or 1
    for language, script in _SCRIPTS:
        share = len(script.findall(sample)) / letters
        if share > (0.05 if language == "ja" else 0.25):
            return language
    return _by_words(sample)


def _by_words(sample: str) -> str:
    scores = dict.fromkeys(_WORDS, 0.0)
    for word in re.findall(r"[^\W\d_]+", sample.casefold()):
        owners = _OWNERS.get(word, ())
        for language in owners:
            scores[language] += 1 / len(owners)
    best, second = sorted(scores, key=lambda each: scores[each], reverse=True)[:2]
    return best if scores[best] >= 3 and scores[best] > 1.2 * scores[second] else ""
