"""The process that renders: it reads jobs from standard input and writes results to standard
output.

A line is a job, or the directory of links for the jobs after it. Each is answered by one line of
JSON, unless the process dies; its parent kills it when it takes too long. Started as
`python -m kb.content.rendering_worker`.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sys
from typing import Any

from kb.content.link_targets import Directory
from kb.content.rendering import RenderJob, render

# Address space in bytes; an ordinary article needs 60 MB. It keeps hostile text from using up the
# machine's memory.
_MEMORY = 1 << 30
_ALONE = 60.0  # seconds; well above any limit that the parent sets


def main() -> None:
    """Answer directories and jobs until the input ends."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, answers = sys.stdin.buffer, sys.stdout
    sys.stdout = sys.stderr  # a stray print must not look like an answer
    directory = Directory()
    for line in source:
        row = json.loads(line)
        if "body" not in row:
            directory = Directory.from_row(row)
            _say(answers, {"ready": True})
            continue
        # If the parent is gone, nobody else stops a job that never ends; the system's alarm works
        # even inside a C function.
        signal.setitimer(signal.ITIMER_REAL, _ALONE)
        answer = _answer(row, directory)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _say(answers, answer)


def _answer(row: dict[str, Any], directory: Directory) -> dict[str, Any]:
    try:
        return render(RenderJob(**row), directory).to_row()
    except RecursionError:
        return {"failed": "it is nested too deeply"}
    except MemoryError:
        return {"failed": "it needs too much memory"}
    except Exception as error:
        return {"failed": f"the Markdown cannot be read ({type(error).__name__})"}


def _say(answers: Any, row: dict[str, Any]) -> None:
    answers.write(json.dumps(row) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
