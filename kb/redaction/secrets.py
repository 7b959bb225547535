"""Redaction rules for passwords, keys and tokens, by their form or by words that announce them.

By form, as their issuers document it: private keys, tokens of well-known issuers, long random runs,
product and recovery keys, a password inside a URL; names, paths, versions and GUIDs stay.

By announcement, in English and Spanish: what follows (or stands before) the announcement is hidden
when it looks like a secret; "my password is expired" stays as it is.
"""

from __future__ import annotations

import re

from kb.redaction.rule import PLACEHOLDER, RedactionRule, form

# -- Keys and tokens by their form --


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
# JSON web token. A run of its characters is tried once, from the first "eyJ" in it: if no token
# begins there, none begins later.
_JWT = re.compile(
    r"(?<![\w-])(?>[\w-]*?\b(?=eyJ))(?P<hide>eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?)"
)
_KEY_PRODUCT = re.compile(r"\b(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}\b")
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
    """Return whether a long run mixes cases and digits as no name or path does. Adjacent digits, as
    at the end of a class name, count as one number.
    """
    runs = _RUN.findall(text)
    return any(
        sum(char.isdigit() for char in run) >= 3
        and len(re.findall(r"\d+", run)) >= 2
        and any(char.islower() for char in run)
        and any(char.isupper() for char in run)
        for run in runs
    )


KEY_RULES = (
    RedactionRule(
        "key",
        "secret",
        "any",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        (form(_JWT), form(_MAKERS)),
    ),
    RedactionRule(
        "product-key",
        "secret",
        "any",
        "VK7JG-NPHTM-C97JM-9MPGT-3V66T",
        (form(_KEY_PRODUCT), form(_RECOVERY), form(_GROUPS)),
    ),
    RedactionRule("hex", "secret", "any", "d41d8cd98f00b204e9800998ecf8427e", (form(_HEX),)),
    RedactionRule(
        "address-password", "secret", "any", "https://ana:luna9@host/", (form(_USER_IN_URL),)
    ),
    RedactionRule(
        "bearer",
        "secret",
        "any",
        "Authorization: Bearer mF_9.B5f-4.1JqM",
        (form(_HEADER), form(_BEARER)),
    ),
    RedactionRule("command-password", "secret", "any", "mysql -u root -pS3cr3t", (form(_COMMAND),)),
    RedactionRule(
        "random", "secret", "any", "wJ4lrXUtnF3MIb7KMDENG9bPxRfiCY", (form(_BASE64, _random),)
    ),
)


# -- Announced passwords and keys: "my password is ...", "contraseña: ..." --


_PHRASE = (
    r"(?:passwords?|passwd|passphrase|pwd|pass|contrase(?:[nñ]|ni|nh)as?|clave|frase\s+de\s+paso)"
)
_CODES = (
    r"(?:pin(?:\s+code)?|otp|puk(?:\s+code)?|passcode|cv[vc]2?|clave\s+de\s+un\s+solo\s+uso"
    r"|(?:sms|one-time|verification|security|authenticator|mfa|2fa)\s+code"
    r"|c[oó]digo\s+(?:sms|de\s+(?:verificaci[oó]n|seguridad|acceso|la\s+reuni[oó]n|un\s+solo\s+uso)))"
)
_NAMES = (
    rf"(?:(?:wi-?fi\s+)?{_PHRASE}|{_CODES}|secret|secreto|client[ _-]secret|token"
    r"|(?:api|access|account|private|recovery|wi-?fi)[ _-]?key"
    r"|security\s+answer|respuesta\s+(?:secreta|de\s+seguridad))"
)
# A quoted value ends within 500 characters; a longer quotation is not a password.
_VALUE = r"(?P<hide>\"[^\"]{1,500}\"|'[^']{1,500}'|“[^”]{1,500}”|«[^»]{1,500}»|[^\s\"'“«]\S*)"
_IS = r"(?:is|was|are|es|era|son)"

_SIGN = rf"\s*(?:{_IS}\s*)?(?:=|:(?!//))\s*"
_SIGNED = re.compile(rf"(?<![\w-]){_NAMES}{_SIGN}{_VALUE}", re.I)
_FAR_SIGNED = re.compile(rf"(?<![\w-]){_NAMES}(?:\s+[^\W\d]+){{1,4}}?{_SIGN}{_VALUE}", re.I)
# Only the first such word in a name is matched; further ones would change nothing.
_ASSIGNED = re.compile(
    r"(?<![\w.-])(?>[\w.-]*?(?:secret|token|passw(?:or)?d|passwort|pwd|api[_-]?key|access[_-]?key|accountkey"
    rf"|accesskey|private[_-]?key|contrase[nñ]a))[\w.-]*+\s?=\s?{_VALUE}",
    re.I,
)
_DIRECT = re.compile(rf"(?<![\w-]){_NAMES}\s+{_IS}\s+(?:now\s+|ahora\s+)?{_VALUE}", re.I)
_DISTANT = re.compile(rf"(?<![\w-]){_NAMES}(?:\s+[^\W\d]+){{1,4}}?\s+{_IS}\s+{_VALUE}", re.I)
_CHANGED = re.compile(rf"(?<![\w-]){_PHRASE}(?:\s+[^\W\d]+)?\s+(?:to|a|por)\s+{_VALUE}", re.I)
_PAIR = re.compile(
    rf"(?<![\w-])(?:user(?:name)?|usuario|login)\s+\S+\s+(?:and\s+|y\s+|with\s+|con\s+)?"
    rf"(?:the\s+|la\s+)?{_PHRASE}\s+{_VALUE}",
    re.I,
)
_SLASHED = re.compile(
    rf"(?<![\w-])(?:login|user(?:name)?|usuario|acceso|credentials?|credenciales|creds)"
    rf"(?:\s+{_IS}|:)?\s+\S+\s+/\s+{_VALUE}",
    re.I,
)
_BESIDE = re.compile(
    rf"(?<![\w-]){_PHRASE}(?:\s+(?:wi-?fi|vpn|temporal|provisional|nueva|antigua|vieja|number)|\s+[^\W\d]+,|,)?"
    rf"\s+{_VALUE}",
    re.I,
)
_BEFORE = re.compile(
    rf"(?<!\S){_VALUE}\s+(?:as\s+(?:my|the|a)\s+(?:new\s+)?|como\s+(?:mi\s+|la\s+|una\s+)?(?:nueva\s+)?)"
    rf"(?:{_PHRASE}|pin|passcode)\b",
    re.I,
)
# Words that follow "password" without being one.
_SAID = """
    a about above accepted again all already also always an another any asked asking at bad
    because been being below blank blocked breached broken by can case changed compromised correct
    corrupt could default different disabled displayed do does due empty enabled encrypted enough
    ever exactly expired expiring fine for forgotten from getting going good gone greyed grayed has
    have hidden how i if in incorrect insecure invalid is it just known leaked locked long longer
    lost managed me mine missing my needed never new no not nothing now ok okay old on only optional
    or out outdated over pending please prompted protected public refused rejected required
    requested reset resetting right safe same saved secure sent set shared short shown simple so
    some something stolen still stored strong synced synchronised synchronized temporary than that
    the their there they this to too unknown unset up use used valid very visible we weak what when
    where which who why with working wrong you your
    change reset update create login sign enter type log unlock remember recover access open be get
    a abierta actual al antigua anterior aún bloqueada buena caducada cambiada cambiar caduca como
    cómo comprometida con correcta corta cuál cual cuando cuándo de debe débil debil del demasiado
    desconocida diferente distinta dónde donde el ella en erronea errónea errada esta está este
    expirada firma fuerte igual incorrecta insegura invalida inválida la larga lo los las más mas mi
    mía misma mismo mucho muy necesaria ni ningún no nueva nula obligatoria olvidada otra otro para
    pedida pero por porque posible privada pública publica que qué quién rechazada requerida robada
    segura ser si siempre simple sin solo sólo su tan temporal todavía tu un una única unica vacía
    valida válida vieja visible y ya ayer hoy
    abierto antiguo bloqueado caducado cambiado correcto corto distinto erróneo erroneo expirado
    incorrecto inválido invalido largo mío necesario nuevo obligatorio olvidado robado seguro válido
    valido viejo
"""
_ORDINARY = frozenset(_SAID.split())
# Endings of adjectives and participles, which passwords hardly ever have.
_SUFFIXES = """
    ing ed able ible ados adas idos idas ado ada ido ida ente mente ly less ive ant
"""
_ENDINGS = tuple(_SUFFIXES.split())
_CODE = re.compile(
    r"0x[0-9a-f]+|kb\d{6,7}|[a-z]{2,6}-\d{3,6}|aadsts\d+|v?\d+(?:[.,]\d+)*|https?://\S+", re.I
)
# Products and standards whose names end in digits: "wifi password wpa2", "password office365".
_PRODUCT = re.compile(
    r"(?:windows|win|office|[om](?=365)|outlook|exchange|sharepoint|sql|server|excel|word|access|project|visio"
    r"|iphone|ipad|ios|android|macos|ubuntu|debian|rhel|centos|java|jdk|python|php|oracle|sap|teams"
    r"|chrome|wpa|wep|sha|md|aes|des|rsa|utf|base|oauth|saml|http|tls|ssl|ipv|usb|mp|smb|ntlmv"
    r"|vmware|acrobat|autocad|eap|ldap|pkcs|bcrypt|argon|ie|edge|zip|pdf|net|esp)"
    r"[-_ .]?v?\d+(?:[.-]\w+)*(?:id|psk)?",
    re.I,
)


def _bare(value: str) -> str:
    return value.strip("\"'“”«».,;:!?()").casefold()


def _not_ordinary(value: str) -> bool:
    """Return whether the value is not a word that people use about passwords."""
    word = _bare(value)
    if not any(map(str.isalnum, word)) or _told(value) or word in _ORDINARY:
        return False
    return not (word.isalpha() and len(word) > 4 and word.endswith(_ENDINGS))


def _looks_secret(value: str) -> bool:
    """Return whether the value is quoted, or has digits or symbols inside as no plain word does."""
    if value[0] in "\"'“«":
        return True
    word = value.strip(".,;:!?()")
    plain = word.replace("-", "").replace("'", "").replace("’", "").replace("/", "").isalpha()
    return any(map(str.isalnum, word)) and not (plain or _told(value))


def _mixed(value: str) -> bool:
    """Return whether the value mixes letters and digits as passwords do and products do not."""
    word = value.strip(".,;:?()\"'“”«»")
    if len(word) < 6 or _told(value) or "/" in word or "\\" in word:
        return False
    return any(map(str.isalpha, word)) and any(map(str.isdigit, word)) and not _coded(word)


def _coded(word: str) -> bool:
    """Return whether the word is formed like a code: capitals, then digits or underscores."""
    return bool(re.fullmatch(r"[A-Z]{2,10}[\d_-][\dA-Z_-]*|[A-Z\d]+(?:_[A-Z\d]+)+", word))


def _told(value: str) -> bool:
    """Return whether the value is a placeholder, an error code, a version, a product or a URL."""
    word = value.strip(".,;:!?()\"'“”«»")
    if PLACEHOLDER.fullmatch(word):
        return True
    return bool(_PRODUCT.fullmatch(word)) or bool(_CODE.fullmatch(word) and not word.isdigit())


PASSWORD_RULES = (
    RedactionRule(
        "password",
        "secret",
        "en, es",
        "my password is sunflower",
        (
            form(_PAIR, _looks_secret),
            form(_SLASHED, _looks_secret),
            form(_SIGNED, _not_ordinary),
            form(_FAR_SIGNED, _looks_secret),
            form(_ASSIGNED, _not_ordinary),
            form(_DIRECT, _not_ordinary),
            form(_DISTANT, _looks_secret),
            form(_CHANGED, _looks_secret),
            form(_BESIDE, _mixed),
            form(_BEFORE, _mixed),
        ),
        announced=True,
    ),
    RedactionRule(
        "code",
        "secret",
        "en, es",
        "el código sms 204817",
        tuple(
            form(re.compile(part, re.I))
            for part in (
                rf"(?<![\w-]){_CODES}(?:\s+(?:number|n[uú]mero))?\s+(?P<hide>\d{{4,10}})(?![\w.])",
                rf"(?<![\w-])(?:my|mi)\s+(?:[^\W\d]+\s+)?(?:code|c[oó]digo)\s+{_IS}\s+"
                r"(?P<hide>\d{4,8})(?![\w.])",
                r"(?<![\w-])cv[vc]2?\s+(?P<hide>\d{3,4})(?![\w.])",
            )
        ),
        announced=True,
    ),
)
