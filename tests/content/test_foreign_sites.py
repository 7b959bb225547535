"""Trees of other publishers, made small: read in place, by their own rules, with nothing lost."""

# ruff: noqa: E501 - texts stand as their authors write them

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.content.build import build_library
from kb.content.library import Library
from kb.content.markdown.dialects import plain_markdown
from kb.content.sources.source import open_source

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def published(root: Path, files: dict[str, str | bytes]) -> Library:
    """Return the library of a Git repository that holds these files."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", root, *who, *words], check=True)
    return build_library(open_source(root))


def codes(library: Library) -> set[tuple[str, str]]:
    return {(problem.path, problem.code) for problem in library.problems}


def test_a_docusaurus_site(tmp_path: Path) -> None:
    library = published(tmp_path, {
        "docusaurus.config.js": "module.exports = {}",
        "docs/01-intro.md": "---\nsidebar_position: 1\nsidebar_label: Begin\n---\n"
        "import Tabs from '@theme/Tabs';\n"
        "import {useState} from 'react'\n\nexport const x = () => (\n  <b>no</b>\n);\n\n"
        "Welcome {/* hidden */}\n\n"
        "<Highlight color=\"#25c2a0\">Kept words</Highlight> <Widget />\n\n"
        "[next](./02-guides/03-set-up.mdx#part)\n"
        "[by address](/docs/guides/install)\n",
        "docs/02-guides/_category_.json": '{"label": "Guides"}',
        "docs/02-guides/03-set-up.mdx": "---\ntitle: Set up\nid: install\n---\n## Part\n\n"
        ":::danger[Hot]\nText\n:::\n\n"
        "<img src={require('./img/my shot.png').default} alt=\"Shot\" />\n",
        "docs/02-guides/img/my shot.png": PNG,
        "docs/plain.md": "---\ntitle: Plain\nslug: /start-here\n---\nText",
        "i18n/es/docusaurus-plugin-content-docs/current/01-intro.md": "---\ntitle: Inicio\n"
        "---\nHola [más](./plain.md)",
        "versioned_docs/version-1.0/intro.md": "---\ntitle: Old\n---\nOld",
        "i18n/es/docusaurus-plugin-content-docs/version-1.0/intro.md": "---\ntitle: Old\n---\nOld",
    })  # fmt: skip
    assert sorted(library.articles) == ["es/intro", "guides/set-up", "intro", "plain"]
    intro = library.articles["intro"]
    assert intro.title == "Begin"
    assert "Kept words" in intro.html
    assert not re.search(r"import|export|hidden|useState|Highlight|Widget", intro.html)
    assert intro.html.count('href="/articles/guides/set-up') == 2
    assert "#part" in intro.html
    assert "alert-caution" in library.articles["guides/set-up"].html
    assert 'alt="Shot"' in library.articles["guides/set-up"].html
    assert "<img" in library.articles["guides/set-up"].html
    assert library.articles["es/intro"].language == "es"
    assert 'href="/articles/plain"' in library.articles["es/intro"].html
    assert library.translations["intro"] == {"en": "intro", "es": "es/intro"}
    for former in ("docs/guides/install", "docs/intro", "docs/start-here", "start-here"):
        assert library.resolve(former), former
    assert codes(library) == {("docs/01-intro.md", "jsx"), ("docs/01-intro.md", "title")}
    names = [p.message for p in library.problems if "component" in p.message]
    assert len(names) == 2


def test_a_hugo_site(tmp_path: Path) -> None:
    library = published(tmp_path, {
        "hugo.toml": "", "archetypes/default.md": "+++\ntitle = '{{ .Name }}'\n+++\n",
        "content/_index.md": "+++\ntitle = 'Home'\n+++\n",
        "content/vpn/_index.md": "+++\ntitle = 'All about the VPN'\n+++\nWhat there is.",
        "content/vpn/connect/index.md": "+++\ntitle = 'Connect'\naliases = ['/old/connect/']\n"
        "slug = 'dial-in'\n+++\n"
        "[a]({{< ref \"drops.md#why\" >}}) [b]({{< relref path=\"/vpn/drops\" >}}) [c]({{% ref \"no-such\" %}})\n\n"
        "{{< figure src=\"shot 1.png\" alt=\"Shot\" caption=\"What you see\" width=\"30\" >}}\n\n"
        "{{% notice tip \"Mind\" %}}\nInner **bold**\n\n```sh\nls {{</* ref \"x\" */>}}\n```\n"
        "{{% /notice %}}\n\n"
        "{{< highlight go \"linenos=table\" >}}\nfunc main() {}\n{{< /highlight >}}\n\n"
        "{{< tabs >}}\n{{< tab \"Windows\" >}}\nUse it\n{{< /tab >}}\n{{< tab \"macOS\" >}}\n"
        "Other\n{{< /tab >}}\n{{< /tabs >}}\n\n"
        "{{< mystery colour=\"red\" >}}Kept *words*{{< /mystery >}} {{< youtube abc-123 >}}\n",
        "content/vpn/connect/shot 1.png": PNG,
        "content/vpn/drops.md": "+++\ntitle = 'Drops'\n+++\n## Why\n\nText",
        "content/vpn/drops.es.md": "+++\ntitle = 'Se corta'\n+++\nTexto",
        "content/fr/vpn/drops.md": "+++\ntitle = 'Coupures'\n+++\nTexte",
    })  # fmt: skip
    assert "vpn/index" in library.articles
    page = library.articles["vpn/connect/index"].html
    assert 'href="/articles/vpn/drops#why"' in page
    assert 'href="/articles/vpn/drops"' in page
    assert re.search(r'<figure><img [^>]*alt="Shot"[^>]*width="30"', page)
    assert "<figcaption>What you see</figcaption>" in page
    assert re.search(
        r"alert-tip.*Tip: Mind.*<strong>bold</strong>.*ls \{\{&lt; ref.*</div>", page, re.DOTALL
    )
    assert '<code class="language-go">' in page
    assert re.findall(r"<summary>(\w+)</summary>", page) == ["Windows", "macOS"]
    assert "Kept <em>words</em>" in page
    assert 'href="https://www.youtube.com/watch?v=abc-123"' in page
    assert library.translations["vpn/drops"] == {
        "en": "vpn/drops", "es": "es/vpn/drops", "fr": "fr/vpn/drops",
    }  # fmt: skip
    for former in ("old/connect", "vpn/dial-in", "vpn", "vpn/connect"):
        assert library.resolve(former), former
    here = "content/vpn/connect/index.md"
    assert codes(library) == {(here, "shortcode"), (here, "link")}


def test_a_mkdocs_site(tmp_path: Path) -> None:
    library = published(tmp_path, {
        "mkdocs.yml": "site_name: x\nnav:\n  - Home: index.md\n  - gone.md\n",
        "docs/index.md": "# Home\n\n"
        "[a](vpn/connect.md) [b](vpn/connect/#step) ![x](img/a%20b.png)\n",
        "docs/img/a b.png": PNG,
        "docs/vpn/connect.md": "# Connect\n\n## Step\n\n=== \"Windows\"\n\n"
        "    ??? warning \"Mind\"\n\n"
        "        Text\n\n=== \"Linux\"\n\n    --8<-- \"includes/note.md\"\n\n"
        "![Size](../img/a%20b.png){ width=\"20\" }\n",
        "includes/note.md": "Shared words",
        "docs/vpn/connect.es.md": "# Conectar\n\nTexto",
    })  # fmt: skip
    assert sorted(library.articles) == ["es/vpn/connect", "index", "vpn/connect"]
    page = library.articles["vpn/connect"].html
    assert re.search(r"<summary>Windows</summary>\s*<details class=\"alert alert-warning\">", page)
    assert "Shared words" in page
    assert 'width="20"' in page
    assert library.articles["index"].html.count("/articles/vpn/connect") == 2
    assert "<img" in library.articles["index"].html
    assert {code for _, code in codes(library)} == {"title"}


def test_a_microsoft_learn_set(tmp_path: Path) -> None:
    moves = {"redirections": [
        {"source_path": "articles/old-name.md", "redirect_url": "/azure/backup/new-name#x"},
        {"source_path": "articles/gone.md", "redirect_url": "https://example.org/away"},
    ]}  # fmt: skip
    library = published(tmp_path, {
        ".openpublishing.redirection.json": json.dumps(moves),
        "articles/new-name.md": "---\ntitle: New\nms.topic: how-to\n---\n"
        "[!INCLUDE [intro](../includes/intro.md)]\n\n"
        ":::image type=\"content\" source=\"media/a b.png\" alt-text=\"Shot\":::\n\n"
        "# [Windows](#tab/w)\n\nOne\n\n# [Linux](#tab/l)\n\nTwo\n\n---\n\n"
        "::: zone pivot=\"portal\"\n\nIn the portal\n\n::: zone-end\n\n"
        ":::row:::\n:::column span=\"2\":::\nLeft\n:::column-end:::\n:::row-end:::\n\n"
        "> [!div class=\"nextstepaction\"]\n> [Next](new-name.md)\n\n"
        ":::mystery x:::\n\nSee <xref:System.String>.\n",
        "includes/intro.md": "Introduction.",
        "articles/media/a b.png": PNG,
    })  # fmt: skip
    page = library.articles["new-name"].html
    for words in ("Introduction.", 'alt="Shot"', "<summary>Linux</summary>", "<summary>Portal</summary>",
                  "In the portal", "Left", ">Next</a>", ":::mystery x:::", "System.String"):  # fmt: skip
        assert words in page, words
    assert not re.search(r":::(row|column|image)|\[!div|#tab", page)
    assert library.resolve("articles/old-name") == "new-name"
    assert codes(library) == {
        (".openpublishing.redirection.json", "redirect"), ("articles/new-name.md", "block"),
    }  # fmt: skip


def test_a_jekyll_site_with_data_and_includes(tmp_path: Path) -> None:
    library = published(tmp_path, {
        "_config.yml": "title: x", "_data/desk.yml": "phone: 5555\nhours: {from: 8}\n",
        "_includes/call.md": "Call **us**.", "_includes/x.html": "<b>no</b>",
        "help/a.md": "---\ntitle: A\nlayout: page\nredirect_from:\n  - /one/\n  - /two.html\n---\n"
        "{{ site.data.desk.phone }} from {{ site.data.desk.hours.from }}\n\n"
        "{% include call.md %}\n\n"
        "{% raw %}{{ shown }}{% endraw %}\n\n{% highlight sh %}\nls {% x %}\n{% endhighlight %}\n\n"
        "![p]({{ '/img/p.png' | relative_url }})\n\n[b]({% link help/b.md %})\n",
        "help/b.md": "---\ntitle: B\nlayout: page\n---\n{% include x.html %}Text",
        "img/p.png": PNG,
    })  # fmt: skip
    page = library.articles["help/a"].html
    for words in ("5555 from 8", "Call <strong>us</strong>.", "<img", 'href="/articles/help/b"'):
        assert words in page, words
    assert "ls" in page
    assert library.resolve("one") == library.resolve("two") == "help/a"
    assert ("help/b.md", "liquid") in codes(library)
    assert ("help/a.md", "link") not in codes(library)


def test_lists_of_redirects(tmp_path: Path) -> None:
    library = published(tmp_path, {
        "_redirects": "# comment\n/old /a/new 301\n/older /old\n/x/* /a/:splat\n"
        "/lang /a/new 302 Language=es\n/lost /nowhere\n",
        "redirects.csv": "From,To\n/hc/en-us/articles/1-a,/a/new\n/a/new,/b\n\"bad\n",
        "a/new.md": "---\ntitle: New\n---\nText [x](/old)", "b.md": "---\ntitle: B\n---\nText",
    })  # fmt: skip
    assert library.resolve("old") == library.resolve("/older/") == "a/new"
    assert library.resolve("hc/en-us/articles/1-a") == "a/new"
    assert library.resolve("a/new") == "a/new"
    assert 'href="/articles/a/new"' in library.articles["a/new"].html
    wrong = [(p.path, p.line) for p in library.problems if p.code == "redirect"]
    assert wrong == [("_redirects", 4), ("_redirects", 5), ("_redirects", 6), ("redirects.csv", 4)]


@pytest.mark.parametrize(
    "text", ["\x00", "{", '{"redirections": 3}', '{"redirections": [[1]]}', "[" * 99_999]
)
def test_a_broken_list_stops_nothing(tmp_path: Path, text: str) -> None:
    library = published(tmp_path, {
        ".openpublishing.redirection.json": text, "_redirects": text, "redirects.csv": text,
        "a.md": "---\ntitle: A\n---\nWords",
    })  # fmt: skip
    assert list(library.articles) == ["a"]


def test_components_go_and_their_words_stay() -> None:
    text, problems = plain_markdown("<b>x</b> <Kept>y</Kept> `<Z />` <Zed a={1} />")
    assert text == "<b>x</b> y `<Z />` "
    assert [problem.code for problem in problems] == ["jsx", "jsx"]


def test_numbers_in_names_stay_where_they_mean_something(tmp_path: Path) -> None:
    library = published(tmp_path, {
        "2-step-verification.md": "---\ntitle: T\n---\nx", "365-overview.md": "---\ntitle: O\n"
        "---\nx",
    })  # fmt: skip
    assert sorted(library.articles) == ["2-step-verification", "365-overview"]


PIECES = [
    "{{< a >}}", "{{< /a >}}", "{{% b x=\"y\" %}}", "{{% /b %}}", "{{< ref \"x\" >}}", "{{</* c */>}}", "{{<",
    "<Foo a={1}>", "</Foo>", "<Foo/>", "<Tabs>", "import x from 'y'", "export const a = 1", "{/* c */}",
    ":::zz", ":::", ":::row:::", "[!INCLUDE [a](b)]", "{% if %}", "{{ x }}", "`", "```", "\n"
    "", "\n\n", "    ",
    "--8<-- \"x\"", "!!! note", "=== \"x\"", "<xref:a>", "{: .a}", "[[x]]", "++a++", "# [A](#tab/a)", "> ",
]  # fmt: skip


@given(
    st.lists(
        st.one_of(st.sampled_from(PIECES), st.from_regex(r"w[0-9]{1,4} ", fullmatch=True)),
        max_size=25,
    )
)
@settings(deadline=None)
def test_any_mixture_is_read_and_keeps_its_words(pieces: list[str]) -> None:
    # Words within an import, export or comment are a program's and go with it.
    body = "".join(f"\n{p}" if p.startswith(("import", "export")) else p for p in pieces)
    text, _ = plain_markdown(body)
    assert "\x1a" not in text
    assert "\x1b" not in text
    if not re.search(r"export|import|\{/\*|<Foo|\[!INCLUDE|\{\{|:::|\{:|<xref", body):
        assert all(word in text for word in re.findall(r"w\d+", body))
