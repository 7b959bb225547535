"""Pages that are made from declarations are as `make docs` makes them."""

from __future__ import annotations

import pytest

from tests.architecture.generated import PAGES, ROOT


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_is_as_make_docs_makes_it(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(ROOT)
    kept = (ROOT / name).read_text(encoding="utf-8")
    assert PAGES[name](kept) == kept, "run `make docs`"
