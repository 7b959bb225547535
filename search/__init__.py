"""The search engine.

Importing any part of it, or of the site, first sets environment variables that forbid the libraries
below to fetch or report anything and limit their threads: they read these on import.
"""

import os

# These override inherited values: no setting of the machine lets the libraries phone home.
QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: a device id, a log of sessions, uploads
    "HF_HUB_OFFLINE": "1",  # huggingface_hub, transformers, sentence-transformers: no look-up
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",  # respected by other libraries
}
os.environ.update(QUIET)

# Linear algebra uses one thread a process: a search multiplies little, and idle worker threads spin
# on every core, in each process. Encoding while an index is built has threads of its own
# (search.semantic.runtime). A number that is already set is kept.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
for _name in THREADS:
    os.environ.setdefault(_name, "1")
