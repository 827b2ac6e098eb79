"""Chooses the cut of a request: which side runs which layers, with the reason in words.

Pure: everything that a choice depends on is an argument, the previous choice too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from estimates import Affine

Side = Literal["server", "browser"]
Policy = Literal["offload", "latency", "server", "browser"]

# What offload may cost: the larger of this share of the all-server time and a goal
# below which an answer feels instant (Nielsen, Usability Engineering, 1993).
OFFLOAD_FACTOR = 1.2
LATENCY_GOAL_MS = 100.0
# Hysteresis: what the previous cut may cost beyond what a new one may.
STAY = 1.04


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
    policy: Policy | int = "offload",
    latency_goal_ms: float = LATENCY_GOAL_MS,
    previous: Cut | None = None,
) -> Choice:
    """The cut that a policy asks for, among those that the browser's pieces allow.

    offload: the least server work whose predicted time is within the larger of
    1.2 times the all-server time and the goal. latency: the least predicted time.
    server, browser: as much as possible there. A number: that split, or the nearest
    that is possible. The previous cut stays while another is hardly better. A crowded
    server gets the least work under offload and latency, whatever that takes.
    """
    n_layer = situation.task.n_layer
    cuts = possible_cuts(n_layer, situation.browser)
    all_server, *_ = cuts
    match policy:
        case "server":
            return _explained(situation, all_server, "server", "as the policy asks")
        case "browser":
            cut = min(cuts, key=lambda cut: _work(situation, cut))
            return _explained(situation, cut, "browser", "the fewest it can take over")
        case "latency":
            limit_ms = predicted_ms(situation, all_server)
        case "offload":
            all_server_ms = predicted_ms(situation, all_server)
            limit_ms = max(OFFLOAD_FACTOR * all_server_ms, latency_goal_ms)
        case int():
            possible = [cut for cut in cuts if cut.first == "server"]
            cut = min(possible, key=lambda cut: abs(cut.at - policy))
            why = "as asked" if cut.at == policy else f"{policy} is not possible"
            return _explained(situation, cut, "fixed", why)
    if len(cuts) == 1:
        why = "the browser holds no layer to take over"
        return _explained(situation, all_server, policy, why)
    if situation.browser.layer is None:
        return _first_trial(situation, policy, cuts, limit_ms)
    if situation.server.crowded:
        cut = min(cuts, key=lambda cut: _work(situation, cut))
        why = "the fewest it can take over, before anybody is refused"
        return _explained(situation, cut, policy, why)
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


def possible_cuts(n_layer: int, browser: Browser) -> list[Cut]:
    """All on the server comes first; it is always possible."""
    lowest = lowest_split(n_layer, browser.held)
    cuts = [Cut(at) for at in range(n_layer, lowest - 1, -1)]
    at = 0
    while browser.embeds and at in browser.held and at < n_layer:
        at += 1
        cuts.append(Cut(at, first="browser"))
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


def _work(situation: Situation, cut: Cut) -> int:
    return cut.server_layers(situation.task.n_layer)


def _first_trial(
    situation: Situation, policy: Policy, cuts: list[Cut], limit_ms: float
) -> Choice:
    """An unmeasured browser gets the smallest share, if the network allows any."""
    all_server, smallest, *_ = cuts
    if min(predicted_ms(situation, cut) for cut in cuts[1:]) > limit_ms:
        why = f"the network alone takes longer than {_ms(limit_ms)}"
        return _explained(situation, all_server, policy, why)
    return _explained(situation, smallest, policy, "one layer to measure the browser")


def _fastest(situation: Situation, cuts: list[Cut], previous: Cut | None) -> Choice:
    times = {cut: predicted_ms(situation, cut) for cut in cuts}
    best = min(cuts, key=lambda cut: (times[cut], _work(situation, cut)))
    if previous in times and previous != best and times[previous] < STAY * times[best]:
        why = f"stays: {_name(situation, best)} would take {_ms(times[best])}"
        return _explained(situation, previous, "latency", why)
    why = "the fastest"
    if best != cuts[0]:
        why += f"; all on the server would take {_ms(times[cuts[0]])}"
    return _explained(situation, best, "latency", why)


def _least_work(
    situation: Situation, cuts: list[Cut], limit_ms: float, previous: Cut | None
) -> Choice:
    times = {cut: predicted_ms(situation, cut) for cut in cuts}

    def fits(cut: Cut) -> bool:
        return times[cut] <= limit_ms * (STAY if cut == previous else 1)

    best = min(
        (cut for cut in cuts if fits(cut)),
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
    layers = f"{_work(situation, cut)} of {situation.task.n_layer} layers on the server"
    return layers if cut.first == "server" else f"{layers} after the browser's"


def _ms(ms: float) -> str:
    return f"{ms:.3g} ms" if ms < 100 else f"{ms:.0f} ms"
