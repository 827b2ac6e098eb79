// @ts-check
/** How fast layers were run lately: differences between the counts of successive polls. */

/**
 * @typedef {import("../api.js").Savings} Savings
 * @typedef {{server: number, browser: number}} Sides
 * @typedef {Sides & {at: number}} Sample cumulative layer-tokens; at: ms
 * @typedef {Sides & {from: number, to: number}} Rate layer-tokens a second, between two polls
 */

export const shownMs = 120_000;

export class History {
  /** @type {Sample[]} */
  #samples = [];
  #uptime = 0;

  /** @param {Savings} savings @param {number} now ms */
  add(savings, now) {
    // A server that restarted counts from 0 again.
    if (savings.uptime_s < this.#uptime) this.#samples = [];
    this.#uptime = savings.uptime_s;
    this.#samples.push({ at: now, ...layerTokens(savings) });
    const oldest = now - shownMs;
    // One from before the time shown stays, to tell what happened at its beginning.
    while ((this.#samples[1]?.at ?? now) < oldest) this.#samples.shift();
  }

  get now() {
    return this.#samples.at(-1)?.at ?? 0;
  }

  /** @returns {Rate[]} */
  get rates() {
    return this.#samples.slice(1).map((sample, i) => {
      const before = /** @type {Sample} */ (this.#samples[i]);
      const seconds = (sample.at - before.at) / 1_000;
      const rate = (/** @type {keyof Sides} */ side) => (sample[side] - before[side]) / seconds;
      return { from: before.at, to: sample.at, server: rate("server"), browser: rate("browser") };
    });
  }
}

/** Of all models and layers. @param {Savings} savings @returns {Sides} */
export function layerTokens({ models }) {
  const total = (/** @type {keyof Sides} */ side) =>
    models.flatMap(({ layer_tokens }) => layer_tokens[side]).reduce((sum, tokens) => sum + tokens, 0);
  return { server: total("server"), browser: total("browser") };
}
