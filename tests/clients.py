"""The clients that tests send requests with."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient


class Client(FlaskClient):
    """A client after whose requests a test may read the record: what waits is written first."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request as it is sent elsewhere, and write what it left waiting."""
        try:
            return super().open(*args, **kwargs)
        finally:
            self.application.extensions["services"].recorder.flush()
