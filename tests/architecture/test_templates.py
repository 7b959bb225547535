"""Templates are whole: each parses, is used, runs no script of its own and links to what exists."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import Environment, StrictUndefined, nodes

from kb.app import create_app
from kb.config.settings import load

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
NAMES = sorted(str(file.relative_to(TEMPLATES)) for file in TEMPLATES.rglob("*") if file.is_file())
REFERENCES = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
RENDERED = re.compile(r"render_template\(\s*\"([^\"]+)\"")
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"'{]|javascript:",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Return the site, which these tests only look at."""
    return create_app(load({}, data=tmp_path_factory.mktemp("site"), templates=TEMPLATES))


@cache
def parsed(name: str) -> nodes.Template:
    """Return the template's syntax."""
    environment = Environment(undefined=StrictUndefined, autoescape=True)
    return environment.parse((TEMPLATES / name).read_text(encoding="utf-8"), name)


def rendered_by_views() -> set[str]:
    """Return the templates that the site's code names."""
    sources = (file.read_text(encoding="utf-8") for file in (ROOT / "kb").rglob("*.py"))
    return {name for source in sources for name in RENDERED.findall(source)}


def references(name: str) -> set[str]:
    """Return the templates that this one extends, includes or imports."""
    found = set()
    for node in parsed(name).find_all(REFERENCES):
        assert isinstance(node.template, nodes.Const), f"{name}: a reference is not a plain name"
        found.add(node.template.value)
    return found


def test_there_are_templates_to_look_at() -> None:
    assert len(NAMES) > 20


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles_for_the_site(name: str, app: Flask) -> None:
    assert app.jinja_env.undefined is StrictUndefined
    assert app.jinja_env.get_template(name).filename == str(TEMPLATES / name)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_refers_to_templates_that_exist(name: str) -> None:
    assert references(name) <= set(NAMES)


def test_views_render_templates_that_exist() -> None:
    assert rendered_by_views() <= set(NAMES)


def test_no_template_is_orphaned() -> None:
    used, waiting = set(), rendered_by_views()
    while waiting:
        name = waiting.pop()
        used.add(name)
        waiting |= references(name) - used
    assert set(NAMES) - used == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_template_holds_no_script_or_style_of_its_own(name: str) -> None:
    assert INLINE.findall((TEMPLATES / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_marked_as_safe_in_a_template(name: str) -> None:
    """The view hands sanitised HTML over as Markup; a template has no say in what is safe."""
    filters = {node.name for node in parsed(name).find_all(nodes.Filter)}
    assert "safe" not in filters
    assert not list(parsed(name).find_all(nodes.MarkSafe))


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_routes_that_exist(name: str, app: Flask) -> None:
    for call in parsed(name).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "url_for":
            first = call.args[0]
            if isinstance(first, nodes.Const):
                _check(app, first.value, {argument.key for argument in call.kwargs})


def _check(app: Flask, endpoint: str, given: set[str]) -> None:
    assert endpoint in app.view_functions
    rules = app.url_map.iter_rules(endpoint)
    assert any(rule.arguments <= given for rule in rules), f"{endpoint} wants other arguments"
