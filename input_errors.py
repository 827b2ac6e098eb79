"""What a request's data can have wrong with it: what, what was expected, what came."""


class InputError(ValueError):
    """Data that a model cannot take. index: which member of the batch, if one is."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class EmptyText(InputError):
    """A text, or a list of token ids, with nothing in it."""


class TextTooLong(InputError):
    """More tokens than the model takes, and no leave to truncate."""

    def __init__(
        self, got: int, limit: int, index: int | None = None, exact: bool = True
    ) -> None:
        """exact: whether `got` is all that came, not a part that was enough to tell."""
        # text-embeddings-inference's own sentence, which its clients may look for
        given = f"{got}" if exact else f"{got} or more"
        super().__init__(
            f"`inputs` must have less than {limit} tokens. Given: {given}", index
        )
        self.got = got
        self.limit = limit


def check_layer(name: str, layer: int, n_layer: int) -> None:
    """A cut between layers. Raises InputError."""
    if not 0 <= layer <= n_layer:
        raise InputError(f"{name}: expected 0 to {n_layer}, came {layer}")


class NotFinite(ArithmeticError):
    """A model's result that holds NaN or infinity, so that there is no answer."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.index = index
