"""The server's options: each a flag, an environment variable and a field."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import click

from model_registry import DEFAULT

Device = Literal["auto", "cpu", "cuda", "mps"]
Dtype = Literal["auto", "f32", "bf16", "f16"]
Pooling = Literal["auto", "mean", "cls", "max", "last"]
Command = TypeVar("Command", bound=Callable[..., Any])

VERSION = "0.1.0"


@dataclass(frozen=True)
class Options:
    """What create_app() and the command line can be told, with the defaults."""

    model: tuple[str, ...] = (DEFAULT,)
    host: str = "127.0.0.1"
    port: int = 5000
    device: Device = "auto"
    dtype: Dtype = "auto"
    pooling: Pooling = "auto"
    cache_dir: Path | None = None
    threads: int | None = None
    api_key: str | None = None
    no_weights: bool = False
    allow_origin: tuple[str, ...] = ()
    trusted_host: tuple[str, ...] = ()
    max_client_batch_size: int = 2048
    max_batch_tokens: int = 16384
    max_concurrent_requests: int = 256
    max_waiting_tokens: int = 32768
    payload_limit: int = 2_000_000
    parity_share: float = 0.01
    gpu_hour_price: float | None = None
    egress_price: float | None = None


def command_line(run: Callable[[Options], None]) -> click.Command:
    """The command that parses flags, then SPLITCOMPUTE_…, and calls run.

    Exits 2, with one line that says why, on a mistake.
    """

    @click.command(
        context_settings={"auto_envvar_prefix": "SPLITCOMPUTE"},
        epilog="In an environment variable, commas separate the values of a flag that "
        "repeats.",
    )
    @click.version_option(VERSION)
    @_repeated(
        "model",
        "A name (gpt2-mini, all-MiniLM-L6-v2, gpt2, gpt2-medium, gpt2-large, gpt2-xl, "
        "bert-base-uncased), a Hugging Face id, ID@REVISION, or a folder with a "
        "checkpoint. Repeats: all are served, the first is the default.",
    )
    @_flag("host", "Listen here; anything but loopback is open to the network.")
    @_flag("port", "Listen here; 0 takes a free port.", type=click.IntRange(0, 65535))
    @_flag("device", "Where the server's layers run.", type=_one_of(Device))
    @_flag(
        "dtype",
        "What they compute in; auto is half precision on a GPU, f32 elsewhere.",
        type=_one_of(Dtype),
    )
    @_flag(
        "pooling",
        "How tokens become one vector; auto is as the model's own files say.",
        type=_one_of(Pooling),
    )
    @_flag("cache_dir", "Keep layer files here.", type=click.Path(path_type=Path))
    @_flag(
        "threads",
        "CPU threads for the server's layers; PyTorch's choice by default.",
        type=click.IntRange(1),
    )
    @_flag(
        "api_key",
        "Every request must carry this Bearer token, but those for the page's own "
        "files and /health.",
        callback=_not_empty,
    )
    @_flag(
        "no_weights",
        "Refuse layer files, for models that must not leave the server.",
        is_flag=True,
    )
    @_repeated(
        "allow_origin",
        "Another site whose pages may use this server (https://example.org), or * for "
        "any. Repeats.",
    )
    @_repeated(
        "trusted_host",
        "Another name by which this server is reached. Repeats.",
    )
    @_flag(
        "max_client_batch_size", "The most texts in a request.", type=click.IntRange(1)
    )
    @_flag(
        "max_batch_tokens",
        "The most tokens in a hidden state, sent or received, and in a reply to "
        "/tokenize.",
        type=click.IntRange(1),
    )
    @_flag(
        "max_concurrent_requests",
        "The most requests computing or waiting; those beyond are answered 429.",
        type=click.IntRange(1),
    )
    @_flag(
        "max_waiting_tokens",
        "The most tokens that wait for their turn; a request with which more would is "
        "answered 429, unless none wait. Of one request at most half of them count.",
        type=click.IntRange(1),
    )
    @_flag("payload_limit", "The most bytes in a JSON body.", type=click.IntRange(1))
    @_flag(
        "parity_share",
        "The share of requests finished by browsers that this server computes too, to "
        "find browsers that give wrong numbers.",
        type=_Finite(0, 1),
    )
    @_flag(
        "gpu_hour_price",
        "What an hour of the machine that runs the layers costs, in any currency; with "
        "--egress-price, for the estimate at /dashboard.",
        type=_Finite(0),
    )
    @_flag(
        "egress_price",
        "What a GB sent costs, in the same currency; 0 where traffic is not metered.",
        type=_Finite(0),
    )
    def server(**given: Any) -> None:
        """One model, cut anywhere: this server runs the first layers, the browser that
        asks runs the rest."""
        run(Options(**given))

    return server


class _Finite(click.FloatRange):
    """NaN is outside no range, and JSON has neither it nor infinity."""

    def convert(
        self, value: Any, option: click.Parameter | None, context: click.Context | None
    ) -> float:
        number: float = super().convert(value, option, context)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", option, context)
        return number


def _not_empty(
    context: click.Context, option: click.Parameter, value: str | None
) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("is empty, which would let anybody in")
    return value


class _Listed(click.types.StringParamType):
    envvar_list_splitter = ","


def _flag(name: str, help: str, **kind: Any) -> Callable[[Command], Command]:
    return click.option(
        "--" + name.replace("_", "-"),
        default=getattr(Options, name),
        help=help,
        show_default=True,
        show_envvar=True,
        **kind,
    )


def _repeated(name: str, help: str) -> Callable[[Command], Command]:
    return _flag(name, help, multiple=True, type=_Listed())


def _one_of(choices: Any) -> click.Choice[str]:
    return click.Choice(get_args(choices))
