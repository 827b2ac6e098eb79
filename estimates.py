"""Learns from measurements in use how long something takes, as a + b × units."""

from __future__ import annotations

from dataclasses import dataclass

# A measurement counts 7% less with each one that comes after it.
KEEP = 0.93
# How far off a measurement is believed; beyond that it is an outlier, unless it lasts.
SURPRISE = 1.5
SURPRISES_THAT_ARE_A_CHANGE = 3
# Holds the ratio of a to b where measurements of one size say nothing about it.
RIDGE = 0.005
# Less than any clock shows, so that a ratio to it is always a number.
SHORTEST_MS = 1e-6


@dataclass(frozen=True)
class Affine:
    """Milliseconds: one part for each request, one for each unit (token, byte)."""

    per_request: float
    per_unit: float

    def ms(self, units: float) -> float:
        return self.per_request + self.per_unit * units


def first_guess(n_embd: int) -> Affine:
    """A layer's time by its tokens before any was measured: some CPU's.

    A layer multiplies 12 n_embd^2 weights a token (attention's are n_embd × 4 n_embd,
    the MLP's twice as many); 100 GFLOP/s is what two cores reach. What a request costs
    besides is taken to be another 32 tokens.
    """
    per_token = 24 * n_embd**2 / 1e8
    return Affine(32 * per_token, per_token)


@dataclass(frozen=True)
class Estimate:
    """What measurements so far say. Immutable: seen() gives the next one.

    With p = guess.ms(units), each measurement is taken as y = ms / p, which is affine
    in u = guess.per_request / p, the share of p that does not grow with the units. So
    relative errors count, not absolute ones, and a first measurement scales the guess.
    """

    guess: Affine
    weight: float = 0.0  # of all measurements, the last one's being 1
    u: float = 0.0  # weighted means
    y: float = 1.0
    uu: float = 0.0
    uy: float = 0.0
    surprises: int = 0  # in a row: counted up for too slow, down for too fast

    def seen(self, units: float, ms: float) -> Estimate:
        """With one more measurement."""
        ms = max(ms, SHORTEST_MS)
        expected = max(self.affine().ms(units), SHORTEST_MS)
        surprises = 0
        if self.weight > 0 and not 1 / SURPRISE <= ms / expected <= SURPRISE:
            slower = ms > expected
            surprises = (
                max(self.surprises, 0) + 1 if slower else min(self.surprises, 0) - 1
            )
            if abs(surprises) == SURPRISES_THAT_ARE_A_CHANGE:
                return Estimate(self.guess).seen(units, ms)
            ms = expected * SURPRISE if slower else expected / SURPRISE
        p = self.guess.ms(units)
        u, y = self.guess.per_request / p, ms / p
        weight = KEEP * self.weight + 1
        step = 1 / weight
        return Estimate(
            self.guess,
            weight,
            self.u + step * (u - self.u),
            self.y + step * (y - self.y),
            self.uu + step * (u * u - self.uu),
            self.uy + step * (u * y - self.uy),
            surprises,
        )

    def affine(self) -> Affine:
        """Least squares through the measurements, with no part below 0."""
        variance = max(self.uu - self.u * self.u, 0.0)
        tilt = (self.uy - self.u * self.y) / (variance + RIDGE)
        if self.u < 1:
            tilt = max(tilt, -self.y / (1 - self.u))
        if self.u > 0:
            tilt = min(tilt, self.y / self.u)
        per_unit = self.y - tilt * self.u
        return Affine(
            max(per_unit + tilt, 0.0) * self.guess.per_request,
            max(per_unit, 0.0) * self.guess.per_unit,
        )
