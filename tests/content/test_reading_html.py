"""The quick ways of reading HTML and Markdown give what the thorough ways give."""

from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st
from markdown import Markdown

from kb.content.html.tokens import HtmlToken, read_tokens
from kb.content.markdown.conversion import GitHubExtension, to_html

_PIECES = (
    "<p>", "</p>", "<br>", "<br />", '<a href="/x?a=1&amp;b=2">', "</a>",
    '<img alt="&quot;" src="x"/>',
    "<pre><code>", "</code></pre>", '<details open="">', "<details open>", "<P CLASS=a>", "</p x>",
    '<a title="&copy=1">', "<script>", "</script>", "<style>", "</style>",
    "<!-- c -->", "<!doctype",
    "<![CDATA[", "<?x?>", "&amp;", "&lt", "&copy;", "&#65;", "a < b", "<", ">", '"', "'", "/", " ",
    "words", "é\n", "<svg/>", "<svg>", "</svg>", "<a\nb='c'>", '<a b="c"d="e">', "</", "<a", "\x00",
)  # fmt: skip
_MARKS = (
    "*", "**", "_", "`", "~~", "++ctrl+c++", "[[a]]", "[a](b)", "![a](b)",
    "[^1]", "\n\n[^1]: x\n\n",
    "<user>", "<b>", "</b>", "https://a.org", "<https://a.org>", "<a@b.org>", "&amp;", "&", "\\*",
    "  \n", "\n", "\n\n", "- ", "1. ", "> ", "# ", "| a | b |\n|---|---|\n", "```\n", "words", "é",
    "!", "[ ] ", ": ", "    ", "\x02", "\x03", "{width=3}", "[!NOTE]\n",
)  # fmt: skip


class _Thorough(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tokens: list[HtmlToken] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tokens.append(HtmlToken("start", tag, {name: value or "" for name, value in attrs}))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.tokens.append(HtmlToken("end", tag))

    def handle_data(self, data: str) -> None:
        self.tokens.append(HtmlToken("text", data))


@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=12).map("".join))
@example('<p>One &amp; <span class="hl-k">two</span><br /></p>')
def test_html_written_plainly_has_the_tokens_that_the_parser_reads(html: str) -> None:
    parser = _Thorough()
    parser.feed(html)
    parser.close()
    assert read_tokens(html) == parser.tokens


@given(st.lists(st.sampled_from(_MARKS) | st.text(max_size=5), max_size=12).map("".join))
def test_text_without_marks_is_spared_the_patterns_and_nothing_else_changes(text: str) -> None:
    extensions = ["tables", "footnotes", "def_list", "sane_lists", GitHubExtension("en")]
    thorough = Markdown(
        extensions=extensions,
        extension_configs={
            "tables": {"use_align_attribute": True},
            "footnotes": {"BACKLINK_TITLE": "Jump back to footnote {} in the text"},
        },
    )
    thorough.treeprocessors.deregister("plain")
    assert to_html(text) == thorough.convert(text)
