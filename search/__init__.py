"""The search engine.

Whoever imports any part of it, or of the site, first tells the libraries below to fetch nothing
and to report nothing: they read this when they are imported.
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
