"""The settings: documented row by row, and refused in words when they are wrong."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.config.settings import ROWS, load, sample, shown
from kb.errors import ConfigError
from tests.architecture.generated import setting_row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
BY_NAME = {row.name: row for row in ROWS}
SECRETS = {
    "database_url", "secret_key", "secret_key_fallbacks", "mail_url", "articles_remote",
    "webhook_secret", "repositories", "ticket_hooks",
}  # fmt: skip

# One value for each kind of row that it cannot take.
BAD = {
    "path": "   ",
    "duration": "soon",
    "optional_duration": "1 fortnight",
    "flag": "perhaps",
    "read": "nonsense",
    "tiers": '[{"level": 3}]',
    "ticket_hooks": '{"zendesk": "whsec_dG9vIHNob3J0"}',
}
REFUSING = sorted(row.name for row in ROWS if row.read.__name__ in BAD)


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, so that no kb.toml lies about."""
    monkeypatch.chdir(tmp_path)


def test_the_page_lists_every_setting_as_it_is() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    assert lines == [setting_row(row) for row in ROWS]


def test_the_rows_that_hold_secrets_are_marked() -> None:
    assert {row.name for row in ROWS if row.secret} == SECRETS


def test_secrets_are_never_shown() -> None:
    hidden = {f"KB_{name.upper()}": f"{'hunter2' * 6}" for name in SECRETS}
    hidden |= {"KB_MAIL_URL": "smtp://u:hunter2@h", "KB_ARTICLES_REMOTE": "https://u:hunter2@h/d"}
    source = [{"name": "hr", "source": "https://u:hunter2@h/d"}]
    hidden["KB_REPOSITORIES"] = json.dumps(source)
    hidden["KB_TICKET_HOOKS"] = json.dumps({"zendesk": f"whsec_{'hunter2'.ljust(32, 'A')}"})
    told = {row.name: value for row, value in shown(load(hidden))}
    assert {told[name] for name in SECRETS} == {"(set, hidden)"}
    assert "hunter2" not in json.dumps(told)


@pytest.mark.parametrize("name", REFUSING)
def test_a_value_that_a_row_does_not_take_names_the_setting(name: str) -> None:
    value = BAD[BY_NAME[name].read.__name__]
    with pytest.raises(ConfigError) as caught:
        load({f"KB_{name.upper()}": value})
    assert f"The setting {name} cannot be" in caught.value.message
    assert f"KB_{name.upper()}" in caught.value.hint


WORDS = st.text(alphabet=st.characters(blacklist_characters="\x00", codec="utf-8"), max_size=30)


@given(name=st.sampled_from(sorted(BY_NAME)), value=WORDS)
def test_any_text_is_a_value_or_a_refusal_that_names_the_setting(name: str, value: str) -> None:
    problem = refusal(name, value)
    if problem is not None:
        assert name in problem.message
        assert problem.hint
        assert not BY_NAME[name].secret or len(value) < 9 or value not in str(problem)


def refusal(name: str, value: str) -> ConfigError | None:
    """Return what is said against the value; None when it is taken."""
    try:
        load({f"KB_{name.upper()}": value})
    except ConfigError as problem:
        return problem
    return None


@given(number=st.integers(-10, 70_000))
def test_ports_are_those_that_exist(number: int) -> None:
    if 1 <= number <= 65535:
        assert load({"KB_PORT": str(number)}).port == number
    else:
        with pytest.raises(ConfigError, match="port"):
            load({"KB_PORT": str(number)})


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("KB_PROT", "KB_PORT"), ("KB_SITE_NAM", "KB_SITE_NAME"), ("KB_ARTICLE", "KB_ARTICLES")],
)
def test_an_unknown_variable_is_refused_with_the_nearest_name(wrong: str, right: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({wrong: "1"})
    assert wrong in caught.value.message
    assert f"{right}?" in caught.value.hint


def test_an_unknown_key_of_the_file_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "kb.toml").write_text("prot = 8001\n")
    with pytest.raises(ConfigError, match=r"prot in kb\.toml is unknown"):
        load({})


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(
    tmp_path: Path,
) -> None:
    assert load({}).port == 8000
    (tmp_path / "kb.toml").write_text('port = 8001\nsite_name = "Help"\n')
    assert load({}).port == 8001
    told = load({"KB_PORT": "8002"})
    assert (told.port, told.site_name) == (8002, "Help")


def test_another_file_can_be_named_and_must_then_exist(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("port = 8003\n")
    assert load({"KB_CONFIG": "other.toml"}).port == 8003
    with pytest.raises(ConfigError, match=r"missing\.toml cannot be read"):
        load({"KB_CONFIG": "missing.toml"})


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kb.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"kb\.toml is not valid TOML"):
        load({})


def test_words_are_kept_for_half_a_year_at_most() -> None:
    assert load({"KB_RETENTION": "180d"}).retention == timedelta(days=180)
    with pytest.raises(ConfigError, match="retention"):
        load({"KB_RETENTION": "181d"})


def test_tiers_come_from_tables_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "kb.toml").write_text(
        '[[tiers]]\nlevel = 0\nname = "Self-service"\n'
        '[[tiers]]\nlevel = 1\nname = "Desk"\nescalate_after = "1h"\n'
    )
    assert [tier.name for tier in load({}).tiers] == ["Self-service", "Desk"]
    assert load({}).tiers[1].escalate_after == timedelta(hours=1)


# -- from files ---------------------------------------------------------------------------------

KEY = "k" * 40


# moghtech/komodo#737, linuxserver/docker-bookstack#122
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_value_may_be_in_a_file_and_a_line_end_after_it_is_none_of_it(
    tmp_path: Path, end: str
) -> None:
    (tmp_path / "key").write_bytes(f"{KEY}{end}".encode())
    (tmp_path / "kb.toml").write_text(f'secret_key = "{"t" * 40}"')
    assert load({"KB_SECRET_KEY_FILE": str(tmp_path / "key")}).secret_key == KEY
    (tmp_path / "proxies").write_text("127.0.0.1, ::1\n")
    assert len(load({"KB_TRUSTED_PROXIES_FILE": str(tmp_path / "proxies")}).trusted_proxies) == 2


def test_a_file_that_cannot_be_read_is_refused_in_words(tmp_path: Path) -> None:
    wrong = {
        "empty": b"", "line end": b"\n", "not text": b"\xff" * 40, "long": b"x" * 70_000,
        "two lines": b"a" * 40 + b"\n" + b"b" * 40, "short": b"abc\n",
    }  # fmt: skip
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
    for name in (*wrong, "missing", "."):
        with pytest.raises(ConfigError) as caught:
            load({"KB_SECRET_KEY_FILE": str(tmp_path / name)})
        assert "KB_SECRET_KEY" in str(caught.value) or "secret_key" in str(caught.value), name
        assert "abc" not in str(caught.value)


def test_a_value_beside_its_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    given = {"KB_SECRET_KEY_FILE": str(tmp_path / "key")}
    with pytest.raises(ConfigError, match=r"KB_SECRET_KEY and KB_SECRET_KEY_FILE are both set"):
        load(given | {"KB_SECRET_KEY": KEY})
    with pytest.raises(ConfigError, match="KB_SECRET_KY_FILE is unknown") as caught:
        load({"KB_SECRET_KY_FILE": str(tmp_path / "key")})
    assert "KB_SECRET_KEY_FILE?" in caught.value.hint


# -- nonsense -----------------------------------------------------------------------------------

NONSENSE = {
    "site_name": ["", "two\nlines"],
    "site_url": ["help.example.org", "ftp://a", "https://", "https://a b", "https://u:p@a/", "http://a?b",
                 "https://a:99999", "https://a/#x", "/kb", "https://a/../b"],
    "host": ["", "127.0.0.1:8000", "http://a", "[::1", "a b", ":::", "300.1.1.1:1"],
    "port": ["0", "65536", "-1", "80.5", "8000/tcp"],
    "trusted_hosts": ["https://a", "a:8000", "*", "*.example.org", "a/b", ".::1"],
    "trusted_proxies": ["1", "2", "nginx", "10.0.0.0/33", "10.0.0.1/8", "0.0.0.0/0",
                        "::/0", "*", "any"],
    "secret_key": ["short", "x" * 31],
    "secret_key_fallbacks": ["short", f"{'x' * 40},y"],
    "webhook_secret": ["short"],
    "mail_from": ["", "nobody", "a@", "@b", "a b@c", "a@b, c@d", "A <nobody>"],
    "mail_url": ["mail.example.org", "http://a", "smtp://", "smtp://a:port", "smtp://a/path",
                 "smtp:a"],
    "articles_remote": ["ftp://a/b", "http://example.org/a", "ext::sh -c x://y", "https://a:port/"],
    "language": ["", "english please", "e", "en_US!"],
    "session_lifetime": ["0", "-1h", "10s", "99999999999d", "1h30m"],
    "worker_interval": ["0", "0s", "-5s", "1ms"],
    "publish_interval": ["0s", "-1", "10ms"],
    "episode_gap": ["0", "0m", "-30m", "4000d"],
    "retention": ["0", "-90d", "1e9d"],
    "digest_to": ["nobody", "a@b c@d"],
    "workers": ["0", "65", "two"],
    "tiers": ["nonsense", "[]", "{}", "[1]", '[{"level": 0, "name": "A"}]',
              '[{"level": 0, "name": "A"}, {"level": 1, "name": "B", "escalate_after": 0}]'],
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_at_the_start_with_a_sentence(name: str) -> None:
    for value in NONSENSE[name]:
        with pytest.raises(ConfigError) as caught:
            load({f"KB_{name.upper()}": value})
        assert name in caught.value.message, value
        assert caught.value.hint, value
        assert "Expecting" not in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("trusted_proxies", "0", ""),
        ("trusted_proxies", "127.0.0.1, 10.0.0.0/8,[::1]", "127.0.0.1/32, 10.0.0.0/8, ::1/128"),
        # InterCooperative-Network/icn#2568
        ("trusted_proxies", "::ffff:10.0.0.0/104, ::ffff:127.0.0.1", "10.0.0.0/8, 127.0.0.1/32"),
        ("trusted_hosts", "Example.ORG, .b.example, ::1", "example.org, .b.example, [::1]"),
        ("site_url", "https://Example.org:443/kb/", "https://example.org/kb"),
        ("host", "[::1]", "::1"),
        ("mail_from", "Service Desk <desk@example.org>", "Service Desk <desk@example.org>"),
        ("language", "pt-BR", "pt-BR"),
    ],
)
def test_a_value_has_one_spelling(name: str, value: str, read: str) -> None:
    told = {row.name: text for row, text in shown(load({f"KB_{name.upper()}": value}))}
    assert told[name] == read


# -- the sample ---------------------------------------------------------------------------------


def test_the_sample_names_every_setting_with_its_default(tmp_path: Path) -> None:
    text = sample()
    assert all(line.startswith("#") or not line for line in text.splitlines())
    told = [
        line.removeprefix("# ")
        for line in text.splitlines()
        if re.match(r"#(?: \w+ =|   \{| \])", line)
    ]
    (tmp_path / "kb.toml").write_text("\n".join(told))
    assert list(tomllib.loads("\n".join(told))) == [row.name for row in ROWS]
    assert load({}) == load({"KB_CONFIG": "/dev/null"})
    for row in ROWS:
        assert f"# {row.help}\n" in text
    assert text.count("A change needs a restart") == sum(row.restart for row in ROWS)


def test_the_page_says_which_settings_need_a_restart() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if "need a restart" in line]
    assert set(re.findall(r"`(\w+)`", line)) == {row.name for row in ROWS if row.restart}
