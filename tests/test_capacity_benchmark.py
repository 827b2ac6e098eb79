"""What benchmarks/capacity.py counts, and that it counts no server that fails."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import isnan

import pytest

from benchmarks.capacity import load, percentile


class Failing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_error(500)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_failing_server_is_an_error_and_no_low_rate() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(RuntimeError, match="/embed: 500"):
                load(server.server_port, "/embed", b"{}", clients=2, seconds=20)
        finally:
            server.shutdown()
            thread.join()


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    seconds = [n / 1000 for n in range(100, 0, -1)]
    assert [percentile(seconds, p) for p in (1, 50, 95, 99, 100)] == [
        1,
        50,
        95,
        99,
        100,
    ]
    assert percentile([0.005], 50) == 5
    assert isnan(percentile([], 50))
