"""Hostile markup through all of rendering: read back with a parser, nothing active is left."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.html.sanitise import RESERVED_IDS, sanitise
from kb.content.link_targets import Directory
from kb.content.rendering import RenderJob, render

ADDRESSES = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)",
    "&#106;avascript:alert(1)", "&#x6A;avascript&colon;alert(1)", "\x01javascript:alert(1)",
    "vbscript:msgbox(1)", "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=", "data:image/svg+xml,<svg onload=alert(1)>",
    "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+", "file:///etc/passwd",
    "blob:https://x/1", "java\nscript:alert(1)", "javascript&NewLine;:alert(1)",
    "feed:javascript:1",
    "//evil.example/x", "\\\\evil.example", "https://[::1", "http:/\\/x", "ms-settings:x",
]  # fmt: skip
PLACES = [
    '<a href="{}">x</a>', "<a href='{}'>x</a>", "[x]({})", "[x](<{}>)", "![x]({})",
    "[x][r]\n\n[r]: {}", '<img src="{}">', '<img srcset="{} 1x">', '<form action="{}">',
    '<iframe src="{}"></iframe>', '<object data="{}"></object>', '<embed src="{}">',
    '<svg><a xlink:href="{}"><text>x</text></a></svg>', '<base href="{}">', '<link href="{}">',
    '<meta http-equiv=refresh content="0;url={}">', '<video poster="{}">', "<{}>",
    '<blockquote cite="{}">x</blockquote>', '<input type=image src="{}">', '# <a href="{}">T</a>',
]  # fmt: skip
WHOLE = [
    "<script>alert(1)</script>", "<SCRIPT SRC=//x></SCRIPT>", "<scr<script>ipt>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "<img/src=x/onerror=alert(1)//", "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>", "<math><mi//xlink:href='data:x,<script>'>",
    "<body onload=alert(1)>", "<details open ontoggle=alert(1)>", "<p style='x:expression(1)'>",
    "<style>@import 'javascript:alert(1)'</style>", "<noscript><p title='</noscript><img src=x"
    " onerror=alert(1)>'>", "<template><script>alert(1)</script></template>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=1'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='x' onclick=alert(1)>x</a>", "<b onmouseover=alert(1)>x</b>", "<isindex action=x>",
    "<!--><img src=x onerror=alert(1)>-->", "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?php echo 1 ?><img src=x onerror=alert(1)>", "<a\x00href=javascript:alert(1)>x</a>",
    "```\"><script>alert(1)</script>\nx\n```", "`<script>alert(1)</script>`",
    "```x\" onmouseover=\"alert(1)\ny\n```", "[x](y \"' onmouseover='alert(1)\")",
    "![x\" onerror=\"alert(1)](y.png)", "| <script>alert(1)</script> |\n|---|\n| <img onerror=1> |",
    "> [!NOTE] <script>alert(1)</script>", "[^1]\n\n[^1]: <img src=x onerror=alert(1)>",
    "<h1 onclick=alert(1) id='x\" onclick=\"y'>T</h1>", "## T {#x\"onclick=alert(1)}",
    "## T {: onclick=\"alert(1)\" }", "wzxhzdk:0", "\x02wzxhzdk:0\x03", "<x onclick=alert(1)>y</x>",
    "<textarea><script>alert(1)</script></textarea>", "<title><img src=x onerror=1></title>",
    "<xmp><script>alert(1)</script></xmp>", "<plaintext><script>alert(1)</script>",
    "<frameset onload=alert(1)>", "<marquee onstart=alert(1)>x</marquee>", "<input autofocus"
    " onfocus=alert(1)>", "<button formaction=javascript:alert(1)>x</button>",
    "<audio src onloadstart=alert(1)>", "<keygen autofocus onfocus=1>", "<a id=location>x</a>",
    "<div class='alert-evil hidden'>x</div>", "<img name=getElementById>", "&lt;script&gt;1",
]  # fmt: skip
PAYLOADS = [place.replace("{}", address) for place, address in product(PLACES, ADDRESSES)] + WHOLE
# Written out again rather than imported: what a browser may be given, whatever the sanitiser says.
TAGS = """
    p br hr h2 h3 h4 h5 h6 a strong em b i u s del ins sub sup mark kbd samp var code pre
    blockquote ul ol li dl dt dd table caption thead tbody tfoot tr th td img figure figcaption
    div span details summary abbr cite q small time
"""
ATTRIBUTES = """
    href title id class src alt width height loading start type value align colspan rowspan
    scope role datetime open lang dir rel tabindex
"""
HARMLESS = set(TAGS.split())
PLAIN_ATTRIBUTES = set(ATTRIBUTES.split())


class Inspector(HTMLParser):
    """Collects everything in a page that should not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HARMLESS:
            self.found.append(tag)
        for name, value in attrs:
            if name not in PLAIN_ATTRIBUTES:
                self.found.append(f"{tag} {name}")
            self._attribute(tag, name, value or "")
        if tag == "a" and dict(attrs).get("href") and "noopener" not in (dict(attrs)["rel"] or ""):
            self.found.append("a without rel")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        plain = re.sub(r"[\x00-\x20]", "", value).casefold()
        if name == "href" and not re.match(r"https?://|mailto:|/(?![/\\])|#|$", plain):
            self.found.append(f"href {value}")
        if name == "src" and not re.fullmatch(r"/media/[0-9a-f]{32}\.(png|jpg|gif|webp)", value):
            self.found.append(f"src {value}")
        if name == "id":
            self.ids.append(value)

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"declaration {decl}")

    def handle_pi(self, data: str) -> None:
        self.found.append(f"instruction {data}")


def inspect(html: str) -> Inspector:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector


def page(body: str) -> str:
    return render(RenderJob("a/b.md", body, "Title", "en"), Directory()).html


def test_there_are_hundreds_of_payloads() -> None:
    assert len(set(PAYLOADS)) >= 500


@pytest.mark.parametrize("before", ["", "Words ", "- item\n  ", "> quote "])
def test_nothing_active_is_left_of_any_payload(before: str) -> None:
    left = {payload: inspect(page(before + payload)).found for payload in PAYLOADS}
    assert {payload: found for payload, found in left.items() if found} == {}


@given(
    st.lists(st.sampled_from([*WHOLE, *ADDRESSES, *"<>\"'=`&;/ \n", "<a ", "href="]), max_size=8)
)
def test_nothing_active_is_left_of_payloads_cut_and_joined(pieces: list[str]) -> None:
    assert inspect(page("".join(pieces))).found == []


@given(st.text(alphabet="<>/\"'= abimgsrcponlx:#&;`*[]()!\n-|", max_size=120))
def test_nothing_active_is_left_of_noise(text: str) -> None:
    assert inspect(page(text)).found == []


@given(st.lists(st.sampled_from(WHOLE), max_size=4))
def test_sanitising_again_changes_nothing(pieces: list[str]) -> None:
    html = page("\n\n".join(pieces))
    assert sanitise(html) == html


def test_ids_of_the_page_itself_cannot_be_taken() -> None:
    names = sorted(RESERVED_IDS)
    body = "\n\n".join(f"## {name}\n\n<span id='{name}'>x</span>" for name in names)
    found = inspect(page(body))
    assert set(found.ids).isdisjoint(names)
    assert len(found.ids) == len(set(found.ids)) == len(names)


def test_the_words_of_refused_markup_stay() -> None:
    assert "Kept" in page("<form><button>Kept</button></form>")
    assert "alert" not in page("<script>alert(1)</script>")
