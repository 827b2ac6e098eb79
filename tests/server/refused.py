"""What every refusal must be."""

from werkzeug.test import TestResponse


def assert_refused(
    answer: TestResponse, status: int, says: str, kind: str | None = None
) -> None:
    """JSON with the right code, and a sentence that names the trouble."""
    assert answer.status_code == status, answer.text
    assert set(answer.json) == {"error", "error_type"}
    assert says in answer.json["error"]
    if kind is not None:
        assert answer.json["error_type"] == kind
