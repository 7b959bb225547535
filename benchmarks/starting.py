"""How soon a site that has been published before answers its first search, and what it holds.

    python -m benchmarks.starting [--times 5]

Prints seconds from `kb serve` to the first answered search page, whether that answer was hybrid,
and the resident memory of each process (MB) after it.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from benchmarks.site import Site, start


def resident(site: Site) -> list[int]:
    """Return the resident memory of the site's processes in MB, largest first."""
    rows = subprocess.run(
        ["ps", "-o", "rss=", "-g", str(site.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted((int(row) // 1024 for row in rows.stdout.split()), reverse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        waits = []
        for number in range(times + 1):
            site, seconds = start(Path(folder))
            with urllib.request.urlopen(f"{site.url}/search?q=vpn+drops", timeout=10) as answer:
                words_only = b"Searching by words only" in answer.read()
            memory = resident(site)
            os.killpg(site.process.pid, signal.SIGTERM)
            site.process.wait()
            print(f"start {number}: {seconds:.2f} s, hybrid {not words_only}, MB {memory}")
            waits.append(seconds)
        later = f"median {statistics.median(waits[1:]):.2f} s, longest {max(waits[1:]):.2f} s"
        print(f"first (publishes, prepares the model) {waits[0]:.1f} s; later: {later}")


if __name__ == "__main__":
    main()
