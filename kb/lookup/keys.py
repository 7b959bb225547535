"""Keys and tokens by their form: no word needs to announce them.

Promises to find what programs issue (private keys, tokens of well-known makers, long random runs,
product and recovery keys, a password inside an address) and to leave names, paths, versions and
GUIDs alone. Forms are those that the makers document. Knows no person.
"""

from __future__ import annotations

import re

from kb.lookup.rule import Rule, form

_MAKERS = re.compile(
    r"""
    -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | \b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b             # Amazon
    | \bgh[opsur]_\w{20,} | \bgithub_pat_\w{20,} | \bgl(?:pat|dt|rt|ptt|cbt)-[\w-]{16,}
    | \bxox[abeoprs]-[\w-]{10,} | \bxapp-[\w-]{20,}       # Slack
    | \b[spr]k_(?:live|test)_\w{10,} | \bwhsec_\w{20,}    # Stripe
    | \bsk-[\w-]{20,} | \bhf_[A-Za-z]{20,} | \bnpm_[A-Za-z0-9]{30,} | \bpypi-[\w-]{40,}
    | \bAIza[\w-]{30,} | \bya29\.[\w-]{20,} | \bGOCSPX-[\w-]{20,}     # Google
    | \bSG\.[\w-]{16,}\.[\w-]{30,} | \bdo[opr]_v1_[0-9a-f]{40,}
    | \b\d{8,10}:AA[\w-]{30,}                             # Telegram
    """,
    re.VERBOSE | re.DOTALL,
)
# JSON web token. A run of its signs is looked at once, from the first "eyJ" in it: where that does
# not begin a token, no later one does.
_JWT = re.compile(
    r"(?<![\w-])(?>[\w-]*?\b(?=eyJ))(?P<hide>eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?)"
)
_PRODUCT = re.compile(r"\b(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}\b")
_RECOVERY = re.compile(r"\b(?:\d{6}-){7}\d{6}\b")
_GROUPS = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])(?:[A-Z0-9]{4}-){5}[A-Z0-9]{4}\b")
_HEADER = re.compile(r"\bauthorization:?\s+(?:bearer|basic)\s+(?P<hide>[\w+/.~=-]{12,})", re.I)
_BEARER = re.compile(r"\b(?:bearer|basic)\s+(?P<hide>(?=\S*[\d=])[\w+/.~=-]{12,})", re.I)
_USER_IN_URL = re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)")
_HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")
_BASE64 = re.compile(r"(?<![\w+/-])[\w+/-]{24,}={0,2}(?![\w+/=-])")
_RUN = re.compile(r"[A-Za-z0-9+]{20,}")
_COMMAND = re.compile(r"\b(?:mysql\w*|mariadb|sshpass)\b[^\n]{0,80}?\s-p(?P<hide>[^\s-]\S{2,})")


def _random(text: str) -> bool:
    """Return whether a long run mixes cases and digits as no name or path does: digits that come
    together, as at the end of a class's name, are a number.
    """
    runs = _RUN.findall(text)
    return any(
        sum(char.isdigit() for char in run) >= 3
        and len(re.findall(r"\d+", run)) >= 2
        and any(char.islower() for char in run)
        and any(char.isupper() for char in run)
        for run in runs
    )


RULES = (
    Rule(
        "key",
        "secret",
        "any",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        (form(_JWT), form(_MAKERS)),
    ),
    Rule(
        "product-key",
        "secret",
        "any",
        "VK7JG-NPHTM-C97JM-9MPGT-3V66T",
        (form(_PRODUCT), form(_RECOVERY), form(_GROUPS)),
    ),
    Rule("hex", "secret", "any", "d41d8cd98f00b204e9800998ecf8427e", (form(_HEX),)),
    Rule("address-password", "secret", "any", "https://ana:luna9@host/", (form(_USER_IN_URL),)),
    Rule(
        "bearer",
        "secret",
        "any",
        "Authorization: Bearer mF_9.B5f-4.1JqM",
        (form(_HEADER), form(_BEARER)),
    ),
    Rule("command-password", "secret", "any", "mysql -u root -pS3cr3t", (form(_COMMAND),)),
    Rule("random", "secret", "any", "wJ4lrXUtnF3MIb7KMDENG9bPxRfiCY", (form(_BASE64, _random),)),
)
