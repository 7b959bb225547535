"""The search engine.

Whoever imports any part of it, or of the site, first tells the libraries below to fetch nothing
and to report nothing, and how many threads to keep: they read this when they are imported.
"""

import os

# What was inherited does not win: neither "0" nor a machine's own wish lets them phone home.
QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: a device id, a log of sessions, uploads
    "HF_HUB_OFFLINE": "1",  # huggingface_hub, transformers, sentence-transformers: no look-up
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",  # what others heed
}
os.environ.update(QUIET)

# Linear algebra in one thread a process: what a search multiplies is small, and threads that wait
# for more spin on every core, in each process. Encoding while an index is built has threads of its
# own (search.semantic.runtime). Who sets another number means it.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
for _name in THREADS:
    os.environ.setdefault(_name, "1")
