"""`kb` run over a folder of articles of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kb.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
ARTICLE = """---
title: Connect to the VPN
summary: Reach the office network from home.
language: en
collection: vpn
owner: network team
---

## Issue

The VPN client asks for a code.
"""


@pytest.fixture(scope="session")
def article() -> str:
    """Return the text of an article, “Connect to the VPN”."""
    return ARTICLE


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """Return a folder with that one article, vpn/connect.md."""
    folder = tmp_path / "articles"
    (folder / "vpn").mkdir(parents=True)
    (folder / "vpn" / "connect.md").write_text(ARTICLE, encoding="utf-8")
    return folder


@pytest.fixture
def run(articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs `kb` over that folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KB_ARTICLES", str(articles))
    monkeypatch.setenv("KB_TEMPLATES", str(ROOT / "templates"))
    monkeypatch.setenv("KB_DATA", str(tmp_path / "data"))

    def kb(*words: str, **environ: str) -> Result:
        return CliRunner().invoke(main, list(words), env=environ)

    return kb
