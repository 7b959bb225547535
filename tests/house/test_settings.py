"""The settings: documented row by row, and refused in words when they are wrong.

After a change of rows: python tests/house/test_settings.py prints the page's table.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.config import ROWS, Setting, Settings, load, shown
from kb.errors import ConfigError

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


def row_of(row: Setting) -> str:
    """Return the setting's line in docs/settings.md."""
    ((_, default),) = [pair for pair in shown(load({})) if pair[0] is row]
    written = f"`{default}`" if default else "(empty)"
    return f"| `{row.name}` | {written} | {row.help} |"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, so that no kb.toml lies about."""
    monkeypatch.chdir(tmp_path)


def test_every_row_is_a_field_and_every_field_a_row() -> None:
    assert [row.name for row in ROWS] == [field.name for field in fields(Settings)]


def test_the_page_lists_every_setting_as_it_is() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    assert lines == [row_of(row) for row in ROWS]


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


if __name__ == "__main__":
    print("\n".join(row_of(row) for row in ROWS))
