"""Width and height of an image, from its first bytes; pure.

Promises pixels for PNG, GIF, JPEG and WebP, so that a page keeps an image's place before it is
loaded, and None for bytes that do not say or claim what no screen shows. Decodes nothing.
"""

from __future__ import annotations

Size = tuple[int, int]
_LARGEST = 20_000  # pixels a side; more is a fault or an attack on who believes it
# JPEG's markers of a frame; C4, C8 and CC in that range are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def dimensions(data: bytes) -> Size | None:
    """Return (width, height) in pixels, None when the bytes do not tell."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        found = _big(data, 16, 4), _big(data, 20, 4)
    elif data[:6] in (b"GIF87a", b"GIF89a"):
        found = _little(data, 6, 2), _little(data, 8, 2)
    elif data.startswith(b"\xff\xd8"):
        found = _jpeg(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = _webp(data)
    else:
        return None
    return found if all(0 < side <= _LARGEST for side in found) else None


def _jpeg(data: bytes) -> Size:
    """Walk the segments to the first frame (ITU T.81, B.2.2: height before width)."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        if marker == 0xFF:  # fill
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without a length
            at += 2
        else:
            at += 2 + max(2, _big(data, at + 2, 2))
    return 0, 0


def _webp(data: bytes) -> Size:
    """The three forms of RFC 9649, section 2: lossy, lossless, extended."""
    form = data[12:16]
    if form == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
    if form == b"VP8L" and data[20:21] == b"\x2f":
        bits = _little(data, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8X":
        return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
    return 0, 0


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
