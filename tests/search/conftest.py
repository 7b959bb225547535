"""A tiny corpus in several languages and a quick encoder, built once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from search.engine import Engine
from search.index.generation import build
from search.semantic.encoder import Progress, Vectors, silent
from search.text.analysis import fold
from search.text.tokens import tokens
from search.types import Document, Section


class WordsEncoder:
    """Vectors from hashed words: real arithmetic, no model, the same on every machine."""

    fingerprint = "words-1"

    def words(self) -> frozenset[str]:
        return frozenset({"giraffe"})

    def encode_query(self, text: str) -> Vectors:
        return self.encode_documents([text])[0]

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[63] = 0.1
            for token in tokens(text):
                digest = hashlib.sha256(fold(token.surface)[:4].encode()).digest()
                row[digest[0] % 63] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def article(name: str, title: str, text: str, **more: object) -> Document:
    sections = (
        Section("", (), text),
        Section("more", ("More help",), f"Ask the service desk about {title}."),
    )
    return Document(id=name, title=title, sections=sections, **more)  # type: ignore[arg-type]


CORPUS = (
    article("password", "Reset your password", "Choose Forgot password and follow the link."),
    article("vpn", "Connect to the VPN", "Start the client. Error 0x80070005 means access denied."),
    article("oracle", "Database listener", "ORA-12541 says that no listener answers on port 1521."),
    article("update", "A failing update", "Install KB5034441, then restart Windows 11."),
    article("host", "Print server", "The queue lives on srv-print-01.corp.example and v2.14.3."),
    article(
        "wifi", "Wi-Fi at the office", "Join the network called Campus. It's <b>free</b> & fast."
    ),
    article(
        "contrasena",
        "Restablecer la contraseña",
        "Elija Olvidé mi contraseña y siga las instrucciones del correo electrónico.",
        language="es",
        collection="cuentas",
    ),
    article("kanji", "日本語入力の設定", "キーボードの設定で日本語を追加します。", language="ja"),
    article("arabic", "إعادة تعيين كلمة المرور", "اختر نسيت كلمة المرور", language="ar"),
    article("russian", "Сброс пароля", "Нажмите «Забыли пароль» и ёлки.", language="ru"),
    article(
        "secret",
        "Quetzalcoatl vault rotation",
        "Only staff rotate the quetzalcoatl keys XJ-9901.",
        audience="staff",
        collection="internal",
    ),
)


@pytest.fixture(scope="session")
def encoder() -> WordsEncoder:
    return WordsEncoder()


@pytest.fixture(scope="session")
def index_root(tmp_path_factory: pytest.TempPathFactory, encoder: WordsEncoder) -> Path:
    root = tmp_path_factory.mktemp("index")
    synonyms = {"en": [["vpn", "tunnel"]]}
    build(CORPUS, root, commit="abc", encoder=encoder, synonyms=synonyms)
    return root


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, encoder: WordsEncoder
) -> Callable[[Sequence[Document]], Path]:
    """Return a function that indexes a module's articles, once for all ways to search them."""
    made: list[Path] = []

    def once(documents: Sequence[Document]) -> Path:
        if not made:
            made.append(tmp_path_factory.mktemp("built"))
            build(documents, made[0], encoder=encoder)
        return made[0]

    return once


@pytest.fixture(scope="session")
def engine(index_root: Path, encoder: WordsEncoder) -> Engine:
    return Engine(index_root, encoder_loader=lambda: encoder)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A folder with the real model's light runtime, in which tests may keep vectors."""
    folder = tmp_path_factory.mktemp("cache")
    for runtime in model.glob("runtime-*"):
        (folder / runtime.name).symlink_to(runtime)
    return folder
