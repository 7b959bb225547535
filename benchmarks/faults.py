"""Puts faults into a copy of the articles, each of a kind that `kb check` should find.

Each kind is a function that changes one article and says where. A fixed seed chooses which article
gets which fault; no article gets two, so that no fault hides another. The copy contains every
article several times with different titles and words, because there are more faults than articles.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SEED = 20
_CODE = re.compile(r"(`[^`]*`|\]\([^)]*\)|<[^>]*>|\S+@\S+)")
_WORDS = re.compile(r"[A-Za-zÀ-ÿ]{4,}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: one of `codes` must be reported at `path`; `mark` is text of the line to be named,
    "" when it concerns the whole file.
    """

    kind: str
    path: str
    codes: tuple[str, ...]
    mark: str = ""


Change = Callable[["Corpus", str, random.Random], Fault]
KINDS: dict[str, Change] = {}


def kind(change: Change) -> Change:
    """Register a kind of fault under its function's name."""
    KINDS[change.__name__] = change
    return change


class Corpus:
    """The files of a folder, changed in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }

    def articles(self) -> list[str]:
        """Return the paths of the articles."""
        return [p for p in self.files if p.endswith(".md") and not p.startswith("_")]

    def text(self, path: str) -> str:
        """Return a file's text."""
        return self.files[path].decode()

    def put(self, path: str, text: str) -> None:
        """Set a file's text."""
        self.files[path] = text.encode()

    def change(self, path: str, pattern: str, to: str) -> None:
        """Replace the first match of a pattern, which must be there."""
        changed, count = re.subn(pattern, to, self.text(path), count=1, flags=re.MULTILINE)
        assert count == 1, f"{path} has no {pattern}"
        self.put(path, changed)

    def add(self, path: str, paragraph: str) -> None:
        """Put a paragraph before the last section."""
        head, mark, tail = self.text(path).rpartition("\n## ")
        self.put(path, f"{head}\n{paragraph}\n{mark}{tail}")

    def write(self, folder: Path) -> None:
        """Write the files into another folder."""
        for path, data in self.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def multiplied(folder: Path, copies: int, seed: int = SEED) -> Corpus:
    """Return the articles of a folder, each `copies` times. In every copy but the first, a third of
    the long words is changed, so that no two are duplicates, and titles and questions are unique.
    """
    corpus = Corpus(folder)
    originals = corpus.articles()
    for number in range(1, copies):
        for path in originals:
            chance = random.Random(f"{seed}:{number}:{path}")
            new = f"{path.removesuffix('.md')}-{number}.md"
            corpus.put(new, _copy(corpus.text(path), number, chance))
    return corpus


def _copy(text: str, number: int, chance: random.Random) -> str:
    front, body = text.split("\n---\n", 1)
    front = re.sub(r'(?m)^(title|summary|  -)(:?) (")?(.*?)(")?$', rf"\1\2 \3\4 {number}\5", front)
    front = re.sub(r"(?m)^(translation_of): (.*)$", rf"\1: \2-{number}", front)
    lines = [_shaken(line, chance) for line in body.split("\n")]
    return f"{front}\n---\n" + "\n".join(lines)


def _shaken(line: str, chance: random.Random) -> str:
    """Change a third of the long words of a line, but not headings, code or link targets."""
    if line.startswith(("#", "> [!")):
        return line
    parts = _CODE.split(line)
    for at in range(0, len(parts), 2):
        parts[at] = _WORDS.sub(lambda w: _other_word(w[0], chance), parts[at])
    return "".join(parts)


def _other_word(word: str, chance: random.Random) -> str:
    return word[::-1].lower() if chance.random() < 1 / 3 else word


def seeded(folder: Path, number: int, copies: int = 3) -> tuple[Corpus, list[Fault]]:
    """Return a corpus with `number` faults, each in its own article and all kinds equally often."""
    corpus = multiplied(folder, copies)
    chance = random.Random(SEED)
    free = [path for path in corpus.articles() if "\n## " in corpus.text(path)]
    chance.shuffle(free)
    names = list(KINDS)
    kinds = (KINDS[names[at % len(names)]] for at in range(number))
    return corpus, [change(corpus, free.pop(), chance) for change in kinds]


def _other(corpus: Corpus, path: str) -> str:
    """Return an article of the same language and folder depth that is not the one at `path`."""
    language = re.search(r"(?m)^language: (\w+)", corpus.text(path))
    assert language
    same = [
        p for p in corpus.articles()
        if p != path and re.search(rf"(?m)^language: {language[1]}", corpus.text(p))
        and "audience: public" in corpus.text(p) and "\n## " in corpus.text(p)
    ]  # fmt: skip
    return same[len(path) * 7 % len(same)]


# -- Front matter -------------------------------------------------------------------------------


@kind
def misspelt_key(corpus: Corpus, path: str, chance: random.Random) -> Fault:
    key, slip = chance.choice(
        [
            ("owner", "ownr"),
            ("summary", "sumary"),
            ("reviewed", "reveiwed"),
            ("keywords", "keyword"),
        ]
    )
    corpus.change(path, rf"^{key}:", f"{slip}:")
    return Fault("misspelt_key", path, ("key",), f"{slip}:")


@kind
def bad_yaml(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^title: .*$", "title: [not closed")
    return Fault("bad_yaml", path, ("front-matter",))


@kind
def unknown_audience(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^audience: .*$", "audience: everybody else")
    return Fault("unknown_audience", path, ("audience",), "audience:")


@kind
def impossible_day(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^reviewed: .*$", "reviewed: 2026-02-30")
    return Fault("impossible_day", path, ("date",), "reviewed:")


@kind
def no_title(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^title: .*\n", "")
    return Fault("no_title", path, ("title",))


@kind
def long_title(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^title: .*$", f"title: {'A very long title ' * 6}")
    return Fault("long_title", path, ("title-long",), "title:")


@kind
def no_summary(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^summary: .*\n", "")
    return Fault("no_summary", path, ("summary",))


@kind
def same_title(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    title = re.search(r"(?m)^title: (.*)$", corpus.text(_other(corpus, path)))
    assert title
    corpus.change(path, r"^title: .*$", f"title: {title[1]}")
    return Fault("same_title", path, ("title-twice",))


@kind
def no_owner(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^owner: .*\n", "")
    return Fault("no_owner", path, ("owner",), "review_by:")


@kind
def overdue_review(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^reviewed: .*$", "reviewed: 2020-01-01")
    corpus.change(path, r"^review_by: .*$", "review_by: 2020-02-01")
    return Fault("overdue_review", path, ("overdue",), "review_by:")


@kind
def same_question(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    question = re.search(r"(?m)^answers:\n(  - .*)$", corpus.text(_other(corpus, path)))
    assert question
    corpus.change(path, r"^answers:$", f"answers:\n{question[1]}".replace("\\", r"\\"))
    return Fault("same_question", path, ("answers-twice",))


@kind
def no_such_original(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^status: .*$", "status: published\ntranslation_of: nothing/here-at-all")
    text = corpus.text(path)
    if text.count("translation_of:") > 1:
        corpus.put(path, re.sub(r"(?m)^translation_of: (?!nothing).*\n", "", text))
    return Fault("no_such_original", path, ("translation",), "translation_of: nothing")


@kind
def claimed_address(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    other = _other(corpus, path).removesuffix(".md")
    corpus.change(path, r"^status: .*$", f"status: published\nredirect_from: /{other}")
    return Fault("claimed_address", path, ("alias-taken", "alias"), "redirect_from:")


# -- Links and images ---------------------------------------------------------------------------


@kind
def broken_link(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.add(path, "Then read [how to go on](../accounts/reset-a-forgoten-password.md).")
    return Fault("broken_link", path, ("link",), "reset-a-forgoten-password")


@kind
def broken_anchor(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    other = Path(_other(corpus, path))
    corpus.add(path, f"Then read [how to go on](/articles/{other.with_suffix('')}#resolutionn).")
    return Fault("broken_anchor", path, ("anchor",), "#resolutionn")


@kind
def link_to_draft(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.put("drafts/not-yet.md", "---\ntitle: Not yet\nsummary: S.\nstatus: draft\n---\nText.\n")
    corpus.add(path, "Then read [what comes next](../drafts/not-yet.md).")
    return Fault("link_to_draft", path, ("draft-link",), "not-yet.md")


@kind
def link_to_staff(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.change(path, r"^audience: .*$", "audience: public")
    corpus.add(path, "See [how callers are verified](../people/verify-a-callers-identity.md).")
    return Fault("link_to_staff", path, ("audience-link",), "verify-a-callers-identity")


@kind
def empty_words(corpus: Corpus, path: str, chance: random.Random) -> Fault:
    words = chance.choice(["here", "click here", "aquí", "this link", "Read more"])
    corpus.add(path, f"For more, look [{words}](https://example.org/more).")
    return Fault("empty_words", path, ("link-words",), f"[{words}]")


@kind
def plain_http(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.add(path, "See [one page](https://example.org/a) and [another](http://example.org/b).")
    return Fault("plain_http", path, ("http-link",), "http://example.org/b")


@kind
def missing_image(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.add(path, "![The dialog with both buttons](images/no-such-file.png)")
    return Fault("missing_image", path, ("image",), "no-such-file.png")


def _picture(corpus: Corpus, path: str, name: str) -> None:
    place = (Path(path).parent / name).as_posix()
    corpus.files[place] = b"\x89PNG\r\n\x1a\n" + path.encode()


@kind
def image_without_words(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    name = f"{Path(path).stem}-dialog.png"
    _picture(corpus, path, name)
    corpus.add(path, f"![]({name})")
    return Fault("image_without_words", path, ("alt",), f"![]({name})")


@kind
def image_named(corpus: Corpus, path: str, chance: random.Random) -> Fault:
    name = f"{Path(path).stem}-shot.png"
    _picture(corpus, path, name)
    words = chance.choice([name, "Screenshot 3", "IMG_2041", name.removesuffix(".png")])
    corpus.add(path, f"![{words}]({name})")
    return Fault("image_named", path, ("alt-name",), f"![{words}]")


# -- Structure ----------------------------------------------------------------------------------


@kind
def skipped_level(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.add(path, "##### A heading too deep\n\nIt says something.")
    last = corpus.text(path)
    corpus.put(path, re.sub(r"(?m)^###+ (?!A heading too deep)", "**Step** ", last))
    return Fault("skipped_level", path, ("heading-order",), "##### A heading too deep")


@kind
def second_title(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.add(path, "# Another title\n\nIt says something.")
    return Fault("second_title", path, ("heading-one",), "# Another title")


@kind
def same_heading(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.add(path, "## Before you go on\n\nOne.\n\n## Before you go on\n\nTwo.")
    return Fault("same_heading", path, ("heading-twice",), "## Before you go on")


@kind
def empty_section(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.add(path, "## What to prepare\n")
    return Fault("empty_section", path, ("section-empty",), "## What to prepare")


@kind
def open_fence(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    text = re.sub(r"(?m)^```.*$", "", corpus.text(path))
    corpus.put(path, text)
    corpus.add(path, "```bash\nsudo reboot")
    return Fault("open_fence", path, ("fence",), "```bash")


@kind
def uneven_table(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    corpus.add(path, "| Code | Meaning |\n| --- | --- |\n| 17 | Full | Odd |\n| 18 | Empty |")
    return Fault("uneven_table", path, ("table",), "| 17 | Full | Odd |")


@kind
def angle_brackets(corpus: Corpus, path: str, chance: random.Random) -> Fault:
    tag = chance.choice(["<your-name>", "<script>alert(1)</script>", "<iframe src='x'></iframe>"])
    corpus.add(path, f"Type {tag} there.")
    return Fault("angle_brackets", path, ("html",), f"Type {tag}")


# -- Words --------------------------------------------------------------------------------------


@kind
def left_over(corpus: Corpus, path: str, chance: random.Random) -> Fault:
    words = chance.choice(
        ["TO" "DO: say which menu.", "Lorem ipsum dolor sit amet.", "Ask {{ site.team }} first.",
         "Write to [insert team] first."]
    )  # fmt: skip
    corpus.add(path, words)
    return Fault("left_over", path, ("placeholder",), words)


@kind
def persons_data(corpus: Corpus, path: str, chance: random.Random) -> Fault:
    words = chance.choice(
        ["maria.lopez@acme-industries.com", "+34 612 345 678", "4111 1111 1111 1111", "12345678Z"]
    )
    corpus.add(path, f"For instance {words} works.")
    return Fault("persons_data", path, ("personal",), words)


@kind
def secret_words(corpus: Corpus, path: str, chance: random.Random) -> Fault:
    words = chance.choice(
        ["password: Winter2026!", "ghp_" + "a1B2" * 9, "AKIA" + "ABCD1234" * 2,
         "https://robot:s3cretWord@example.org/feed"]
    )  # fmt: skip
    corpus.add(path, f"Sign in with {words} then.")
    return Fault("secret_words", path, ("secret",), words)


@kind
def same_text(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    other = corpus.text(_other(corpus, path)).split("\n---\n", 1)[1]
    corpus.put(path, corpus.text(path).split("\n---\n", 1)[0] + "\n---\n" + other)
    return Fault("same_text", path, ("copy", "near-copy"))


@kind
def nearly_same_text(corpus: Corpus, path: str, chance: random.Random) -> Fault:
    other = corpus.text(_other(corpus, path)).split("\n---\n", 1)[1]
    lines = [line if chance.random() > 0.1 else line.swapcase()[::-1] for line in other.split("\n")]
    kept = [line for line in lines if not line.strip().startswith(("[", "("))]
    corpus.put(path, corpus.text(path).split("\n---\n", 1)[0] + "\n---\n" + "\n".join(kept))
    return Fault("nearly_same_text", path, ("near-copy", "copy"))


@kind
def turning_page(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    stem = Path(path).stem
    there, back = f"moved/{stem}-a.md", f"moved/{stem}-b.md"
    corpus.put(there, f"---\nredirect_to: /moved/{stem}-b\n---\n")
    corpus.put(back, f"---\nredirect_to: /moved/{stem}-a\n---\n")
    return Fault("turning_page", there, ("redirect-loop",), "redirect_to")


@kind
def former_address(corpus: Corpus, path: str, _chance: random.Random) -> Fault:
    other = _other(corpus, path)
    former = f"old/{Path(path).stem}"
    corpus.change(other, r"^status: .*$", f"status: published\nredirect_from: /{former}")
    corpus.add(path, f"Then read [how to go on](/{former}).")
    return Fault("former_address", path, ("moved-link",), f"(/{former})")
