"""Flask's test client, closing the files behind its answers as a real server does."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse


class ClosingClient(FlaskClient):
    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=True, **kwargs)


def client_of(app: Flask) -> FlaskClient:
    return ClosingClient(app, app.response_class)
