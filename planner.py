"""Chooses the cut of a request: which side runs which layers, with the reason in words.

Pure: everything that a choice depends on is an argument, the previous choice too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from estimates import Affine

Side = Literal["server", "browser"]
# client-first: the text must not leave the browser, so it starts and the server ends.
Direction = Literal["server-first", "client-first"]
Policy = Literal["offload", "latency", "server", "browser"]

# What offload may cost: the larger of this share of the all-server time and a goal
# below which an answer feels instant (Nielsen, Usability Engineering, 1993).
OFFLOAD_FACTOR = 1.2
LATENCY_GOAL_MS = 100.0
# Hysteresis: what the previous cut may cost beyond what a new one may. Estimates of a
# browser whose layers' times scatter by 15% waver by 3%.
STAY = 1.06


class NoCut(LookupError):
    """The browser holds too little for any; says what is missing."""


@dataclass(frozen=True)
class Cut:
    """`first` runs layers [0, at), the other side the rest.

    Where the server is first, `at` is what is called the split elsewhere. Where the
    browser is first it embeds the text too, so that the text never leaves it, and the
    server finishes.
    """

    at: int
    first: Side = "server"

    def server_layers(self, n_layer: int) -> int:
        return self.at if self.first == "server" else n_layer - self.at


@dataclass(frozen=True)
class Task:
    """One request, in sizes."""

    n_layer: int
    tokens: int
    text_bytes: int
    hidden_bytes: int  # of the hidden state as it travels, in the dtype that was asked
    answer_bytes: int  # of the finished rows


@dataclass(frozen=True)
class Server:
    layer: Affine  # ms a layer by tokens
    queue_ms: float  # how long a request that comes now waits for its turn
    crowded: bool = False  # so many wait that some will soon be refused


@dataclass(frozen=True)
class Browser:
    held: Collection[int]  # layers, in any order; `finish` comes with the last one
    layer: Affine | None  # ms a layer by tokens; None: not measured, or too long ago
    overhead_ms: float = 0.0  # its own part of a request besides layers
    embeds: bool = False  # it holds `embed` and makes tokens itself


@dataclass(frozen=True)
class Network:
    round_trip_ms: float
    download_bytes_per_ms: float
    upload_bytes_per_ms: float


@dataclass(frozen=True)
class Situation:
    task: Task
    server: Server
    browser: Browser
    network: Network


@dataclass(frozen=True)
class Choice:
    cut: Cut
    predicted_ms: float
    reason: str  # ASCII, one line


def choose_cut(
    situation: Situation,
    policy: Policy = "offload",
    latency_goal_ms: float = LATENCY_GOAL_MS,
    previous: Cut | None = None,
    direction: Direction = "server-first",
) -> Choice:
    """The cut that a policy asks for, among those that the browser's pieces allow.

    offload: the least server work whose predicted time is within the larger of
    1.2 times the all-server time and the goal. latency: the least predicted time.
    server, browser: as much as possible there. The previous cut stays while another is
    hardly better. A crowded server gets the least work under offload and latency,
    whatever that takes. Raises NoCut, which server-first never does.
    """
    n_layer = situation.task.n_layer
    cuts = possible_cuts(n_layer, situation.browser, direction)
    if not cuts:
        raise NoCut("client-first: expected embed and layer 0 in the browser")
    most_work, *others = cuts
    all_server_ms = predicted_ms(situation, Cut(n_layer))
    match policy:
        case "server":
            return _explained(situation, most_work, "server", "as the policy asks")
        case "browser":
            cut = min(cuts, key=lambda cut: _work(situation, cut))
            return _explained(situation, cut, "browser", "the fewest it can take over")
        case "latency":
            limit_ms = all_server_ms
        case "offload":
            limit_ms = max(OFFLOAD_FACTOR * all_server_ms, latency_goal_ms)
    if not others:
        why = "the browser holds no layer to take over"
        if direction == "client-first":
            why = "the browser holds no more layers to start with"
        return _explained(situation, most_work, policy, why)
    if situation.server.crowded:
        cut = min(cuts, key=lambda cut: _work(situation, cut))
        why = "the fewest it can take over, before anybody is refused"
        return _explained(situation, cut, policy, why)
    if situation.browser.layer is None:
        return _first_trial(situation, policy, cuts, limit_ms)
    if policy == "latency":
        return _fastest(situation, cuts, previous)
    return _least_work(situation, cuts, limit_ms, previous)


def lowest_split(n_layer: int, held: Collection[int]) -> int:
    """The lowest split for which the browser holds every layer from it to the last.

    A gap ends the run, because hidden states cross from server to browser once: with
    0, 4 and 5 held of 6, it is 4. With the last layer missing it is n_layer.
    """
    split = n_layer
    while split > 0 and split - 1 in held:
        split -= 1
    return split


def first_run(n_layer: int, held: Collection[int]) -> int:
    """How many layers the browser holds from the first on, without a gap."""
    return next((at for at in range(n_layer) if at not in held), n_layer)


def possible_cuts(
    n_layer: int, browser: Browser, direction: Direction = "server-first"
) -> list[Cut]:
    """The most work for the server comes first.

    Server-first: all on the server, which is always possible; at the other end nothing,
    where the browser can embed too. Client-first: one layer of the browser's at least,
    because what comes before it shows the text to whoever has the embedding table.
    """
    if direction == "client-first":
        run = first_run(n_layer, browser.held) if browser.embeds else 0
        return [Cut(at, first="browser") for at in range(1, run + 1)]
    lowest = lowest_split(n_layer, browser.held)
    cuts = [Cut(at) for at in range(n_layer, lowest - 1, -1)]
    if browser.embeds and lowest == 0:
        cuts.append(Cut(n_layer, first="browser"))
    return cuts


def predicted_ms(situation: Situation, cut: Cut) -> float:
    """From the browser's asking to its having the embedding."""
    task, server = situation.task, situation.server
    browser, network = situation.browser, situation.network
    server_layers = cut.server_layers(task.n_layer)
    browser_layers = task.n_layer - server_layers
    browser_ms = 0.0
    if browser_layers > 0:
        layer = browser.layer or Affine(0, 0)
        browser_ms = browser.overhead_ms + browser_layers * layer.ms(task.tokens)
    if cut == Cut(task.n_layer, first="browser"):
        return browser_ms  # nobody is asked
    if cut.first == "browser":
        up, down = task.hidden_bytes, task.answer_bytes
    elif browser_layers == 0:
        # The server finishes too: rows come back, not a hidden state.
        up, down = task.text_bytes, task.answer_bytes
    else:
        up, down = task.text_bytes, task.hidden_bytes
    return (
        network.round_trip_ms
        + up / network.upload_bytes_per_ms
        + server.queue_ms  # at split 0 too: embedding takes a turn
        + server_layers * server.layer.ms(task.tokens)
        + down / network.download_bytes_per_ms
        + browser_ms
    )


def _work(situation: Situation, cut: Cut) -> tuple[int, bool]:
    """The server's layers, and whether it embeds for them."""
    return cut.server_layers(situation.task.n_layer), cut.first == "server"


def _first_trial(
    situation: Situation, policy: Policy, cuts: list[Cut], limit_ms: float
) -> Choice:
    """An unmeasured browser gets the smallest share, if the network allows any."""
    most_work, smallest, *_ = cuts
    if most_work.first == "browser":
        smallest = most_work
    elif min(predicted_ms(situation, cut) for cut in cuts[1:]) > limit_ms:
        why = f"the network alone takes longer than {_ms(limit_ms)}"
        return _explained(situation, most_work, policy, why)
    return _explained(situation, smallest, policy, "one layer to measure the browser")


def _fastest(situation: Situation, cuts: list[Cut], previous: Cut | None) -> Choice:
    times = {cut: predicted_ms(situation, cut) for cut in cuts}
    best = min(cuts, key=lambda cut: (times[cut], _work(situation, cut)))
    if previous in times and previous != best and times[previous] < STAY * times[best]:
        why = f"stays: {_name(situation, best)} would take {_ms(times[best])}"
        return _explained(situation, previous, "latency", why)
    why = "the fastest"
    if best != cuts[0]:
        where = _name(situation, cuts[0])
        if cuts[0].first == "server":
            where = "all on the server"
        why += f"; {where} would take {_ms(times[cuts[0]])}"
    return _explained(situation, best, "latency", why)


def _least_work(
    situation: Situation, cuts: list[Cut], limit_ms: float, previous: Cut | None
) -> Choice:
    times = {cut: predicted_ms(situation, cut) for cut in cuts}

    def fits(cut: Cut) -> bool:
        return times[cut] <= limit_ms * (STAY if cut == previous else 1)

    fitting = [cut for cut in cuts if fits(cut)]
    if not fitting:  # client-first, where all on the server is no choice
        best = min(cuts, key=lambda cut: times[cut])
        why = f"none keeps the limit of {_ms(limit_ms)}, and this is the fastest"
        return _explained(situation, best, "offload", why)
    best = min(
        fitting,
        key=lambda cut: (_work(situation, cut), cut != previous, times[cut]),
    )
    less = [cut for cut in cuts if _work(situation, cut) < _work(situation, best)]
    if less:
        next_best = min(less, key=lambda cut: times[cut])
        why = (
            f"{_name(situation, next_best)} would take {_ms(times[next_best])}, over "
            f"the limit of {_ms(limit_ms)}"
        )
    else:
        why = f"the fewest it can take over, within the limit of {_ms(limit_ms)}"
    return _explained(situation, best, "offload", why)


def _explained(situation: Situation, cut: Cut, policy: str, why: str) -> Choice:
    ms = predicted_ms(situation, cut)
    where = _name(situation, cut)
    return Choice(cut, ms, f"{policy}: {where}, {_ms(ms)} predicted; {why}")


def _name(situation: Situation, cut: Cut) -> str:
    n_layer = situation.task.n_layer
    if cut == Cut(n_layer, first="browser"):
        return "all in the browser"
    layers = f"{cut.server_layers(n_layer)} of {n_layer} layers on the server"
    return layers if cut.first == "server" else f"{layers} after the browser's"


def _ms(ms: float) -> str:
    return f"{ms:.3g} ms" if ms < 100 else f"{ms:.0f} ms"
