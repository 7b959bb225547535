"""How many known robots are recognised by their user agent: `python -m benchmarks.robots FILE`.

FILE is the JSON of the package crawler-user-agents, which the product does not need. Prints the
share of its examples that `kb.tracking.user_agents` calls robots, and the patterns whose examples
it misses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kb.tracking.user_agents import is_robot


def main() -> int:
    """Print the figures."""
    known = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    examples = {row["pattern"]: row.get("instances", []) for row in known}
    missed = {
        pattern: bad
        for pattern, agents in examples.items()
        if (bad := [agent for agent in agents if not is_robot(agent)])
    }
    total, wrong = sum(map(len, examples.values())), sum(map(len, missed.values()))
    print(
        f"{total - wrong} of {total} examples of {len(examples)} patterns ({1 - wrong / total:.1%})"
    )
    for pattern, bad in missed.items():
        print(f"  {pattern}: {bad[0][:90]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
