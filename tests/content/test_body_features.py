"""What authors expect beyond Markdown: tabs, folding parts, keys, captions, sizes, code in colours."""

# ruff: noqa: E501 - texts stand as their authors write them

from __future__ import annotations

import re
import struct
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.content.link_targets import Directory
from kb.content.markdown.containers import quoted_blocks
from kb.content.markdown.conversion import MAX_SIZE, highlighted
from kb.content.media import dimensions
from kb.content.rendering import Rendered, RenderJob, render

CSS = Path(__file__).resolve().parents[2] / "kb" / "static" / "site.css"
PICTURE = "0" * 32 + ".png"
DIRECTORY = Directory(
    paths={"a/one": "a/one", "b/three": "b/three"},
    sites={"a/one": "a/one", "b/three": "b/three"},
    stems={"a/one": {"en": "a/one", "es": "es/a/one"}, "b/three": {"en": "b/three"}},
    titles={"a/one": "First & best", "es/a/one": "Lo primero", "b/three": "Three"},
    media={"a/x.png": PICTURE, "a/form.pdf": "1" * 32 + ".pdf"},
    shapes={PICTURE: (800, 600)},
    weights={"1" * 32 + ".pdf": 123_456},
)


def rendered(body: str, language: str = "en") -> Rendered:
    return render(RenderJob("a/here.md", body, "Title", language), DIRECTORY)


def html(body: str, language: str = "en") -> str:
    result = rendered(body, language)
    assert result.problems == ()
    return result.html


TABS = {
    "mkdocs": '=== "Windows"\n\n    1. Open\n\n    ```sh\n    dir\n    ```\n\n=== "macOS"\n\n'
    "    Other\n",
    "docusaurus": '<Tabs groupId="os">\n  <TabItem value="w" label="Windows" default>\n\n'
    "  1. Open\n\n"
    '  ```sh\n  dir\n  ```\n\n  </TabItem>\n  <TabItem value="macOS">Other</TabItem>\n</Tabs>\n',
    "learn": "# [Windows](#tab/windows)\n\n1. Open\n\n```sh\ndir\n```\n\n"
    "# [macOS](#tab/macos)\n\nOther\n\n---\n",
    "zones": '::: zone pivot="Windows"\n\n1. Open\n\n```sh\ndir\n```\n\n::: zone-end\n\n'
    '::: zone pivot="macos"\n\nOther\n\n::: zone-end\n',
}


@pytest.mark.parametrize("dialect", TABS)
def test_tabs_are_folding_parts_of_which_the_first_is_open(dialect: str) -> None:
    page = render(RenderJob("a/x.md", TABS[dialect] + "\nAfter", "T", "en"), DIRECTORY).html
    assert page.count('<div class="tabs">') == 1
    assert re.findall(r'<details class="tab"( open="")?>', page) == [' open=""', ""]
    assert re.findall(r"<summary>(\w+)</summary>", page)[0] == "Windows"
    assert re.search(r"<li>Open</li>.*<code class=\"language-sh\">.*dir.*</code>", page, re.DOTALL)
    assert re.search(r"</details>\s*</div>\s*<p>After</p>", page)


def test_tabs_work_within_a_step_and_hold_other_blocks() -> None:
    page = html('1. Step\n\n    === "A"\n\n        !!! tip\n            Deep\n\n2. Next')
    assert page.count("<ol>") == 1
    assert re.search(
        r'<details class="tab" open="">\s*<summary>A</summary>\s*<div class="alert', page
    )
    assert "<p>Deep</p>" in page


@pytest.mark.parametrize(
    "body",
    [
        '??? note "More *now*"\n    Hidden `x`\n',
        "> [!NOTE]- More *now*\n> Hidden `x`",
        ":::details More *now*\nHidden `x`\n:::",
        "<details>\n<summary>More <em>now</em></summary>\n\nHidden `x`\n\n</details>",
    ],
)
def test_folding_parts_of_every_site(body: str) -> None:
    page = html(body + "\n\nAfter")
    assert re.search(
        r"<details class=\"[a-z -]+\">\s*<summary>(Note: )?More <em>now</em></summary>", page
    )
    assert re.search(r"<p>Hidden <code>x</code></p>\s*</details>\s*<p>After</p>", page)


def test_a_folding_part_may_be_open() -> None:
    assert '<details class="alert alert-note" open="">' in html("???+ note\n    x")
    assert 'open=""' in html("<details open>\n<summary>S</summary>\n\nx\n\n</details>")


def test_html_details_without_a_blank_line_stay_html() -> None:
    assert "<p>**x**</p>" in html("<details><summary>S</summary>\n<p>**x**</p>\n</details>")


@pytest.mark.parametrize(
    ("body", "kind", "title"),
    [
        ("!!! danger\n    x", "caution", "Caution"),
        ('!!! warning "Mind"\n    x', "warning", "Warning: Mind"),
        (":::tip\nx\n:::", "tip", "Tip"),
        (":::info[Good to know]\nx\n:::", "note", "Note: Good to know"),
        (":::danger Hot\nx\n:::", "caution", "Caution: Hot"),
        (
            '<Admonition type="warning" title="Mind">\n\nx\n\n</Admonition>',
            "warning",
            "Warning: Mind",
        ),
        ("> [!INFO]\n> x", "note", "Note"),
    ],
)
def test_alerts_of_every_site(body: str, kind: str, title: str) -> None:
    page = html(body)
    assert f'<div class="alert alert-{kind}" role="note">' in page
    assert f'<p class="alert-title">{title}</p>\n<p>x</p>' in page


def test_alerts_that_follow_each_other_stay_two() -> None:
    page = html("> [!NOTE]\n> one\n\n> [!TIP]\n> two\n\n> plain")
    assert page.count('role="note"') == 2
    assert page.count("<blockquote>") == 1


def test_blocks_in_blocks() -> None:
    page = html("::::note\nOuter\n\n:::tip\nInner\n:::\n\nRest\n::::\n\nAfter")
    assert re.search(
        r"Outer.*alert-tip.*Inner.*</div>\s*<p>Rest</p>\s*</div>\s*<p>After", page, re.DOTALL
    )


@pytest.mark.parametrize(
    "body", [":::note\nNever ended", "!!! note", "??? tip\nnot indented", "=== x"]
)
def test_a_block_that_is_none_stays_text(body: str) -> None:
    assert quoted_blocks(body) == body
    assert "alert" not in rendered(body).html


def test_blocks_within_code_are_code() -> None:
    body = "```md\n!!! note\n    x\n:::tip\ny\n:::\n```"
    assert quoted_blocks(body) == body
    assert "alert" not in html(body)


@given(st.lists(st.sampled_from([
    ":::note", "::::tip", ":::", "::::", '=== "A"', "    x", "??? note", "", "```", "> q", "- i", "~~~",
    "<details>", "<summary>s</summary>", "</details>", "# [A](#tab/a)", "---", "<TabItem value='x'>",
    "</TabItem>", '::: zone pivot="a"', "::: zone-end", "        deep", "!!! tip", "word",
]), max_size=30))  # fmt: skip
@settings(deadline=None)
def test_no_word_is_lost_whatever_is_opened_and_closed(lines: list[str]) -> None:
    body = "\n".join(f"w{n} w" if line == "word" else line for n, line in enumerate(lines))
    shown = re.sub(r"<[^>]+>", " ", rendered(body).html)
    assert all(word in shown for word in re.findall(r"w\d+", body))


def test_keys_are_named_as_the_keyboard_names_them() -> None:
    page = html('Press ++ctrl+alt+del++, ++f5++, ++win+"Ñ"++.')
    assert "<kbd>Ctrl</kbd>+<kbd>Alt</kbd>+<kbd>Del</kbd>" in page
    assert "<kbd>F5</kbd>" in page
    assert "<kbd>Win</kbd>+<kbd>Ñ</kbd>" in page
    assert "<kbd>Mayús</kbd>+<kbd>Supr</kbd>" in html("++shift+delete++", "es")
    assert rendered("++ctrl+c++").sections[0].text == "Ctrl+C"


@pytest.mark.parametrize("text", ["C++ and D++", "i++ + j++", "a++b++c", "++ x ++", "`++ctrl++`"])
def test_pluses_that_are_no_keys_stay(text: str) -> None:
    assert "kbd" not in html(text)


def test_a_name_between_angles_is_shown_unless_html_has_it() -> None:
    page = html(
        "ssh <user>@<Host> <b>x</b> `<z>` <my-tag>y</my-tag>\n\n    Set-Group <name>\n\n- <mailbox> -x"
    )
    for words in ("ssh &lt;user&gt;@&lt;Host&gt; <b>x</b>", "<code>&lt;z&gt;</code>", " y</p>"):
        assert words in page, words
    assert "Set-Group &lt;name&gt;\n</code>" in page
    assert "<li>&lt;mailbox&gt; -x</li>" in page


def test_a_link_by_slug_takes_the_title_or_the_words_given() -> None:
    assert '<a href="/articles/a/one" rel="noopener noreferrer">First &amp; best</a>' in html(
        "[[a/one]]"
    )
    assert ">Three</a>" in html("[[three]]")
    assert ">so</a>" in html("[[b/three|so]]")
    assert ">so</a></td>" in html("| A |\n|---|\n| [[b/three\\|so]] |")
    assert "[[b/three]]" in html("\\[[b/three]]")
    assert 'href="/articles/b/three#part"' in html("[x](kb:b/three#part)")
    assert 'href="/articles/es/a/one"' in html("[[a/one]]", "es")
    assert ("title", "kb:a/one", "First & best") in rendered("[[a/one]]").references


def test_a_link_by_slug_that_leads_nowhere_keeps_its_words() -> None:
    result = rendered("See [[gone/away]] now")
    assert "See gone/away now" in result.html
    assert [(p.code, p.line) for p in result.problems] == [("link", 1)]
    assert "[[ -f x ]]" in html("If [[ -f x ]]; then")


def test_an_image_keeps_its_place_and_may_have_a_caption_and_a_size() -> None:
    assert 'width="800" height="600"' in html("![A](x.png)")
    assert 'width="400" height="300"' in html("![A](x.png){width=400}")
    assert 'width="400" height="300"' in html('![A](x.png){: height="300" .wide}')
    assert 'width="4" height="9"' in html("![A](x.png){width=4px height=9}")
    page = html('![A](x.png "What *it* shows"){width=400}\n\nAfter')
    assert re.search(r"<figure><img [^>]+><figcaption>What .*it.* shows</figcaption>", page)
    assert "<figure" not in html('Within ![A](x.png "Tip") a line')
    assert 'loading="lazy"' in page


def test_a_file_is_offered_with_its_kind_and_size() -> None:
    page = html("[The form](form.pdf)")
    assert (
        f'<a href="/media/{"1" * 32}.pdf" rel="noopener noreferrer">The form (PDF, 123 KB)</a>'
        in page
    )


# Colours


@given(st.text(alphabet="ab \n\t#\"'<>&(){}=1-+\\$", max_size=200))
@settings(deadline=None)  # the first call loads Pygments
def test_colours_change_no_character(code: str) -> None:
    code = code.rstrip("\n")
    for language in ("python", "sh", "json", "no-such-language"):
        assert unescape(re.sub(r"<[^>]+>", "", highlighted(code, language))) == code


def test_code_has_the_classes_of_its_words() -> None:
    page = html("```python\ndef f():  # why\n    return 'x'\n```")
    for name, word in (("k", "def"), ("n", "f"), ("c", "# why"), ("s", "&#39;x&#39;|'x'")):
        assert re.search(rf'<span class="hl-{name}">({word})', page), name
    assert "<span" not in html("```text\ndef f\n```")
    assert "<span" not in highlighted("x = 1\n" * MAX_SIZE, "python")
    assert '<span class="hl-i">+a' in html("```diff\n-b\n+a\n```")


def test_an_author_cannot_borrow_other_classes() -> None:
    assert "class" not in html('<span class="skip hl-zz">x</span>')
    assert (
        html('<details class="panel tab">\n<summary>x</summary>y</details>').count('class="tab"')
        == 1
    )


def _luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2, definition of relative luminance)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_of_code_can_be_read_in_both_themes() -> None:
    themes = re.findall(r"\{[^{}]*--code:[^{}]*\}", CSS.read_text())
    assert len(themes) == 3  # light, dark by the system's wish, dark by choice
    for theme in themes:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", theme))
        ground = _luminance(colours["code"])
        for name in ("hl-k", "hl-s", "hl-c", "hl-n", "hl-m", "hl-v", "bad", "ink"):
            light, dark = sorted((ground, _luminance(colours[name])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, name


# Sizes of images


def test_the_size_of_each_kind_of_image() -> None:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480)
    jpeg = (
        b"\xff\xd8\xff\xe0\0\x10JFIF"
        + b"\0" * 10
        + b"\xff\xc0\0\x11\x08"
        + struct.pack(">HH", 480, 640)
    )
    webp = b"RIFF\0\0\0\0WEBP"
    assert dimensions(png) == (640, 480)
    assert dimensions(b"GIF89a" + struct.pack("<HH", 640, 480)) == (640, 480)
    assert dimensions(jpeg + b"\0" * 9) == (640, 480)
    lossy = webp + b"VP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480)
    assert dimensions(lossy) == (640, 480)
    assert dimensions(webp + b"VP8L\0\0\0\0\x2f" + struct.pack("<I", 639 | 479 << 14)) == (640, 480)
    extended = webp + b"VP8X\0\0\0\0\0\0\0\0" + b"\x7f\x02\0" + b"\xdf\x01\0"
    assert dimensions(extended) == (640, 480)


# A quarter turn.
TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def riff(form: bytes, body: bytes) -> bytes:
    chunk = form + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


WHOLE = {
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBBI", 640, 480, 8, 6, 0, 0, 0, 0),
    "gif": b"GIF87a" + struct.pack("<HHBBB", 640, 480, 0, 0, 0) + b";",
    "jpeg": b"\xff\xd8" + segment(0xE1, TURNED) + segment(0xE2, bytes(65_533)) * 9 + b"\xff\xff"
    + segment(0xC2, struct.pack(">BHHB", 8, 480, 640, 3) + bytes(9)) + segment(0xDA, bytes(10)),
    "lossy": riff(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480)),
    "scaled": riff(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640 | 1 << 14, 480 | 2 << 14)),
    "lossless": riff(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14 | 1 << 28)),
    "extended": riff(b"VP8X", b"\x08\0\0\0" + b"\x7f\x02\0" + b"\xdf\x01\0"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "end"), [*((kind, 20) for kind in WHOLE if kind != "gif"), ("gif", 9)]
)
def test_a_whole_image_tells_its_size_and_a_torn_one_none(kind: str, end: int) -> None:
    assert dimensions(WHOLE[kind]) == (640, 480), "as it is stored, whatever turn its EXIF asks for"
    assert dimensions(WHOLE[kind][:end]) is None


@pytest.mark.parametrize(
    "other",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' width='640' height='480'/>",
        b"<?xml version='1.0'?><svg width='640' height='480'/>",
        b"BM" + bytes(16) + struct.pack("<ii", 640, 480) + bytes(40),
        b"P6 640 480 255 ",
        b"http://example.com/a.png",
    ],
)
def test_kinds_that_are_not_shown_have_no_size(other: bytes) -> None:
    assert dimensions(other) is None


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"GIF89a", b"\xff\xd8\xff", b"RIFF....WEBPVP8X",
                        b"\xff\xd8\xff\xe0", b"RIFF....WEBPVP8L", b""]), st.binary(max_size=80))  # fmt: skip
def test_any_bytes_give_a_size_that_fits_or_none(head: bytes, rest: bytes) -> None:
    found = dimensions(head + rest)
    assert found is None or all(0 < side <= 20_000 for side in found)
