"""Front matter: any text gives an answer, faults are told with their line, nothing is expanded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.frontmatter.parsing import MAX_SIZE, YamlFault, parse, read_front_matter, read_yaml

YAML_PIECES = st.lists(
    st.sampled_from(
        ["---", "\n", "a", ":", " ", "- ", "[", "]", "{", "}", "&x", "*x", "<<", "!t", "|", ">",
         '"', "'", "#", "?", "\t", "é", "\u2028", "2026-02-30", "no", "\x00", "%", "@", ","]
    ),
    max_size=60,
).map("".join)  # fmt: skip


@given(
    st.one_of(
        st.text(),
        YAML_PIECES,
        YAML_PIECES.map("---\n{}\n---\nBody".format),
        YAML_PIECES.map("+++\n{}\n+++\n".format),
    )
)
def test_any_text_gives_a_mapping_a_body_and_findings(text: str) -> None:
    values, body, problems = parse(text)
    assert isinstance(values, dict)
    assert isinstance(body, str)
    assert all(problem.message and problem.hint for problem in problems)
    assert not (values and any(problem.refused for problem in problems))


@given(st.binary(max_size=300))
def test_any_bytes_that_decode_are_read(data: bytes) -> None:
    values, _, _ = parse(data.decode("utf-8", "replace"))
    assert isinstance(values, dict)


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,10}", fullmatch=True), st.text("ab é1", max_size=9))
)
def test_quoted_text_comes_back_as_written(facts: dict[str, str]) -> None:
    lines = "".join(f'{key}: "{value}"\n' for key, value in facts.items())
    assert parse(f"---\n{lines}---\nBody")[:2] == (facts, "Body")


def test_the_body_and_the_lines_of_keys() -> None:
    read = read_front_matter("---\ntitle: A\n\nsummary: B\n---\nFirst\n")
    assert read.values == {"title": "A", "summary": "B"}
    assert read.lines == {"title": 2, "summary": 4}
    assert (read.body, read.body_line) == ("First\n", 6)


def test_toml_as_hugo_writes_it() -> None:
    read = read_front_matter('+++\ntitle = "A"\ndate = 2026-01-02\ntags = ["x"]\n+++\nBody\n')
    assert read.values == {"title": "A", "date": "2026-01-02", "tags": ["x"]}
    assert read.lines == {"title": 2, "date": 3, "tags": 4}
    assert (read.body, read.body_line) == ("Body\n", 6)


@pytest.mark.parametrize(
    "text", ["+++\ntitle = A\n+++\nB", "+++\ntitle = 'A'\n", "+++\na = [[[\n+++\n"]
)
def test_broken_toml_is_refused(text: str) -> None:
    values, _, (problem,) = parse(text)
    assert values == {}
    assert problem.refused


@pytest.mark.parametrize("start", ["\ufeff---\r\n", "---  \r\n", "---\n"])
def test_byte_order_mark_and_line_ends_do_not_matter(start: str) -> None:
    assert parse(f"{start}title: A\r\n---\r\nB")[:2] == ({"title": "A"}, "B")


@pytest.mark.parametrize(
    "text", ["No front matter", "", "---\n\nA ruler on top\n", "# Title\n---\n"]
)
def test_text_without_front_matter_is_all_body(text: str) -> None:
    values, body, problems = parse(text)
    assert values == {}
    assert problems == ()
    assert body in (text, text.removeprefix("---\n"))


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("---\ntitle: A: B\n---\n", 2, "not readable"),
        ("---\ntitle: A\ntitle: B\n---\n", 3, "twice"),
        ("---\ntitle: &a A\n---\n", 2, "Anchors"),
        ("---\na: 1\nb: *a\n---\n", 3, "aliases"),
        ("---\nx:\n  <<: {a: 1}\n---\n", 3, "Merge"),
        ("---\ntitle: !!python/object:os.system x\n---\n", 2, "Tags"),
        ("---\n- a\n- b\n---\n", 2, "key: value"),
        ("---\ntitle: A\nNo end", 1, "no end"),
        ("---\ntitle: [a\n---\n", 3, "not readable"),
        ("---\ntitle: " + "[" * 40 + "]" * 40 + "\n---\n", 2, "deeply"),
    ],
)
def test_a_fault_is_refused_with_its_line(text: str, line: int, word: str) -> None:
    values, _, (problem,) = parse(text)
    assert values == {}
    assert problem.refused
    assert problem.line == line
    assert word in problem.message


def test_bombs_are_refused_before_they_are_built() -> None:
    merge = "a0: &a0 {k: v}\n" + "".join(
        f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
    )
    for bomb in (merge, "x: " + "[" * 30_000, "a: b\n" * 30_000, "- " * 30_000):
        _, _, problems = parse(f"---\n{bomb}\n---\n")
        assert problems[0].refused


def test_too_much_front_matter_is_refused() -> None:
    with pytest.raises(YamlFault, match="KiB"):
        read_yaml("a: " + "x" * MAX_SIZE)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("on", "on"), ("Yes", "Yes"), ("true", True), ("False", False),
        ("null", None), ("~", None), ("", None), ("12", 12), ("012", "012"), ("1.10", "1.10"),
        ("0x80070005", "0x80070005"), ("2026-09-14", "2026-09-14"), ("12:30", "12:30"),
        ("'12'", "12"), ('"true"', "true"), ("1_000", "1_000"),
    ],
)  # fmt: skip
def test_values_are_what_the_author_wrote(written: str, value: object) -> None:
    assert parse(f"---\nkey: {written}\n---\n")[0] == {"key": value}
