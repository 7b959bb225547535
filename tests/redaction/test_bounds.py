"""What is typed, imported or signed costs time in proportion to its length, not to its square."""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys

import pytest

from benchmarks.bounds import cases
from kb.config.settings import load
from kb.errors import ConfigError
from kb.redaction.redactor import Bounded, redactor

SIZE = 40_000  # characters, on which no case takes a second of a processor
LIMIT_S = 10  # what took the square of its length took 47 s, or never ended
WHOLE = """
import resource, sys
from benchmarks.bounds import cases
for number, (name, run) in enumerate(cases()):
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS, resource.RLIM_INFINITY))
    print(name, flush=True)
    run(SIZE)
print("all", flush=True)
"""


def test_nothing_takes_the_square_of_its_length() -> None:
    """Each case in a process whose processor time the system bounds: runs of marks, keys, names,
    quotation marks and digits (sliday/tamp#20, narailabs/narai-primitives#64 and #67,
    AlexanderMattTurner/agent-sanitizer#343, Yeachan-Heo/gajae-code#619).
    """
    program = WHOLE.replace("SECONDS", str(LIMIT_S)).replace("SIZE", str(SIZE))
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    begun = done.stdout.splitlines()
    assert begun[-1:] == ["all"], (begun[-1:], done.stderr[-2000:])
    assert len(begun) == len(cases()) + 1


def test_a_pattern_of_the_site_that_takes_too_long_hides_the_whole_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """openclaw/openclaw#5124: patterns from the settings met every text without a bound."""
    hide = redactor([r"\bEMP\d{5}\b", r"(z|zz)+$"])
    text = "zyq " + "z" * 5000 + "!"
    with caplog.at_level(logging.WARNING):
        found = hide.explained(text)
    assert found.text == "[number]"
    assert "pattern 2 of redact_patterns" in caplog.text
    assert "zyq" not in caplog.text
    assert hide("emp12345 cannot print") == "[number] cannot print"


@pytest.mark.parametrize("pattern", ["(", "[", "*a", "(?P<x>a)(?P<x>b", "a{2,1}"])
def test_what_is_no_pattern_is_refused_at_the_start(pattern: str) -> None:
    with pytest.raises(ConfigError, match="redact_patterns"):
        load({}, redact_patterns=[pattern])


def test_a_site_s_pattern_means_what_it_means_to_the_standard_library() -> None:
    assert (
        Bounded(r"(?<=no )(?P<hide>\d+)", number=1).sub(lambda m: m["hide"][:1], "NO 77") == "NO 7"
    )
