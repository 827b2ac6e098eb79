"""What the routes do that hand out a model's files: layers, tokenizer, manifest."""

from __future__ import annotations

import io
from pathlib import Path

from flask import Response, jsonify, request, send_file
from werkzeug.wsgi import wrap_file

from layer_files import LayerFiles, PieceFile, UnknownPiece
from loaded_models import LoadedModels
from options import Options
from quantize import WEIGHT_DTYPES
from refusals import FORBIDDEN, INVALID, NOT_FOUND, Refusal
from wire import CONTENT_TYPE as HIDDEN_CONTENT_TYPE

IMMUTABLE = "max-age=31536000, immutable"


class FileRoutes:
    """The view functions of one application."""

    def __init__(self, options: Options, models: LoadedModels) -> None:
        self.options = options
        self.models = models

    def manifest(self, model: str) -> Response:
        files = self._files(model)
        dtype = request.args.get("dtype")
        if dtype not in (None, *WEIGHT_DTYPES):
            raise Refusal(
                INVALID,
                f"dtype: expected one of {', '.join(WEIGHT_DTYPES)}, came {dtype!r}",
            )
        return jsonify(files.manifest(dtype))

    def piece(self, model: str, revision: str, dtype: str, piece: str) -> Response:
        files = self._files(model, revision)
        try:
            file = files.file(dtype, piece)
        except UnknownPiece as error:
            raise Refusal(NOT_FOUND, str(error)) from None
        return self._file(file, HIDDEN_CONTENT_TYPE)

    def tokenizer(self, model: str, revision: str) -> Response:
        file = self._files(model, revision).tokenizer()
        return self._file(file, "application/json")

    def _file(self, file: PieceFile, content_type: str) -> Response:
        """Kept for ever, since its URL has the revision."""
        response = send_file(file.path, content_type, etag=file.sha256)
        if response.status_code == 206:
            _read_as_it_is_sent(response, file.path)
        kept_by = "public" if self.options.api_key is None else "private"
        response.headers["Cache-Control"] = f"{kept_by}, {IMMUTABLE}"
        return response

    def _files(self, model: str, revision: str | None = None) -> LayerFiles:
        found = self.models.named(model)
        if self.options.no_weights:
            raise Refusal(FORBIDDEN, "layer files: this server keeps its weights")
        if revision not in (None, found.revision):
            raise Refusal(
                NOT_FOUND, f"revision {revision!r}: expected {found.revision}"
            )
        return found.files


class _FilePart(io.FileIO):
    """A file that begins at `start` and ends at `stop`."""

    def __init__(self, path: Path, start: int, stop: int) -> None:
        super().__init__(path)
        self.stop = stop
        self.seek(start)

    def read(self, size: int | None = -1) -> bytes:
        left = max(self.stop - self.tell(), 0)
        wanted = left if size is None or size < 0 else min(size, left)
        return super().read(wanted) or b""


def _read_as_it_is_sent(response: Response, path: Path) -> None:
    """Give the answer to a range a body that the server reads as its client does.

    Werkzeug's own is an iterator, which would be read to its end in a thread.
    """
    start, stop = response.content_range.start, response.content_range.stop
    assert start is not None
    assert stop is not None
    response.close()  # the file behind Werkzeug's
    response.response = wrap_file(request.environ, _FilePart(path, start, stop))
