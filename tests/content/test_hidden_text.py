"""What a browser hides is left out with its element, and all else stays."""

# ruff: noqa: E501 - texts stand as their authors write them

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.link_targets import Directory
from kb.content.rendering import RenderJob, render


def rendered(body: str) -> tuple[str, list[tuple[str, int | None]]]:
    done = render(RenderJob("a.md", body, "T", "en", body_line=1), Directory())
    return done.html, [(p.code, p.line) for p in done.problems]


HIDDEN = {
    "style": '<p style="display:none">zyq <b>zyq</b></p>\n\nseen',
    "in capitals": '<p STYLE="DISPLAY : NONE !important">zyq</p>\n\nseen',
    "escaped": '<p style="d\\69splay:none">zyq</p>\n\nseen',
    "with a comment": '<p style="color:red;display:/**/none">zyq</p>\n\nseen',
    "without quotes": "<p style=display:none>zyq</p>\n\nseen",
    "collapsed": '<p style="visibility:collapse">zyq</p>\n\nseen',
    "attribute": "one <span hidden>zyq **zyq**</span> seen",
    "false is true": '<p hidden="false">zyq</p>\n\nseen',
    "until found": '<p hidden="until-found">zyq</p>\n\nseen',
    "nested": "<div hidden><div>zyq</div>zyq</div>\n\nseen",
    "without an end": "seen\n\n<div hidden>zyq\n\n<p>zyq</p>",
    "ended by the next": "<p hidden>zyq<p>seen</p>",
    "row": "<table><tr hidden><td>zyq</td></tr><tr><td>seen</td></tr></table>",
    "cell": "| a | b |\n|---|---|\n| <span hidden>zyq</span> | seen |",
    "item": "<ul><li hidden>zyq<li>seen</ul>",
    "image": 'seen <img src="a.png" alt="zyq" hidden>',
    "Markdown inside": "<div hidden>\n\nzyq **zyq**\n\n</div>\n\nseen",
    "unknown element": "<x-note hidden>zyq</x-note> seen",
    "title": "<title>zyq</title>\n\nseen",
    "field": "<textarea>zyq</textarea> seen",
    "no script": "<noscript>zyq</noscript>\n\nseen",
    "closed dialog": "<dialog>zyq</dialog>\n\nseen",
    "fold": "<details hidden><summary>zyq</summary>zyq</details>\n\nseen",
    "class": '<p class="note hidden">zyq</p>\n\nseen',
    "no opacity": '<p style="opacity: 0.0">zyq</p>\n\nseen',
    "no size": '<p style="font-size:0px">zyq</p>\n\nseen',
    "kramdown's block": 'seen\n\nzyq\nzyq\n{: style="display:none"}\n',
    "kramdown's span": "seen *zyq*{: .hidden}",
    "comment without end": "seen\n\n<!-- zyq\n\nzyq",
}


@pytest.mark.parametrize("body", HIDDEN.values(), ids=HIDDEN)
def test_hidden_text_goes_with_its_element(body: str) -> None:
    """codelibs/fess#775; with mdn/content#3694 for the class."""
    html, found = rendered(body)
    assert "zyq" not in html
    assert "seen" in html
    lines = [line for code, line in found if code == "hidden-text"]
    assert lines
    assert all(body.split("\n")[line - 1].count("zyq") for line in lines if line)
    assert all(lines)


@pytest.mark.parametrize(
    "body",
    [
        '<div aria-hidden="true">seen</div>',
        '<span class="sr-only">seen</span>',
        '<div style="position:absolute;left:-9999px">seen</div>',
        '<p style="opacity:0.5">seen</p>',
        '<p style="font-size:0.8em">seen</p>',
        '<p style="color:white">seen</p>',
        '<p class="hidden md:block">seen</p>',
        '<p class="d-none d-md-block">seen</p>',
        "<details><summary>Fold</summary>seen</details>",
        "<dialog open>seen</dialog>",
        "`<p hidden>seen</p>`",
        "```\n<p hidden>seen</p>\n```",
        '<p title="hidden style=display:none">seen</p>',
        "seen <!-- without an end in a line is text",
        "*seen*{: .note}",
    ],
)
def test_what_browsers_show_stays(body: str) -> None:
    html, found = rendered(body)
    assert "seen" in html
    assert "hidden-text" not in {code for code, _ in found}


@pytest.mark.parametrize(
    "comment",
    ["<!-- zyq -->", "a <!-- zyq\nzyq --> b", "<!-- zyq\n\nzyq -->", "- a <!-- zyq -->",
     "[//]: # (zyq)", "{% comment %}zyq{% endcomment %}", "{::comment}\nzyq\n{:/comment}",
     "- Bananas\n<!--\n- zyq\n-->", "<template>zyq</template>"],
)  # fmt: skip
def test_remarks_are_not_shown(comment: str) -> None:
    """gettalong/kramdown#818, gettalong/kramdown#42, AntTheLimey/gm-apprentice#85"""
    assert "zyq" not in rendered(f"One\n\n{comment}\n\ntwo")[0]


def test_links_and_images_beside_hidden_text_stay_as_they_were() -> None:
    body = '[a](https://example.org/?a=1&b=2) <kbd>x</kbd> `<&>` <a id="here"></a> &lt;b&gt; [up](#here)'
    plain, _ = rendered(body)
    both, _ = rendered(f"{body}\n\n<p hidden>zyq</p>")
    assert both.strip() == plain.strip()


PIECES = ("<p hidden>", "<div style='display:none'>", "</p>", "</div>", "<b>", "</b>", "<table><tr>",
          "<li hidden>", "zyq", "\n\n", "<!--", "-->", "<title>", "{: .hidden}", "*", "`")  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_no_mark_that_hides_is_left(body: str) -> None:
    html, _ = rendered(body)
    assert "hidden>" not in html
    assert "<title" not in html
