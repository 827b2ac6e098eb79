// @ts-check
/** What a result says besides the numbers: where each layer ran and where the time went. */

/**
 * @typedef {import("./exchange.js").Exchange} Exchange
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 * @typedef {import("./share.js").ShareResult} ShareResult
 *
 * @typedef {"server" | "browser" | "both"} Where both: each of them, for some of the texts
 * @typedef {ShareResult["timings"]} Share
 *
 * @typedef {"no_gpu" | "no_weights" | "load" | "gpu" | "memory" | "worker" | "revision" | "too_large"
 *   | "parity"} Cause
 * @typedef {{cause: Cause, words: string}} Fallback
 *
 * @typedef {object} LayerReport
 * @property {number} layer
 * @property {Where} where
 * @property {number} ms the mean of its side, which runs its layers in one go; the sum of both
 *
 * @typedef {object} Timings milliseconds
 * @property {number} tokenize tokens, by whoever made them
 * @property {number} server its layers, and all that it does besides to answer
 * @property {number} network
 * @property {number} load pieces that were not on the GPU yet
 * @property {number} upload the hidden state, decoded and handed to the GPU
 * @property {number} browser layers and finish
 * @property {number} readback
 * @property {number} total
 *
 * @typedef {object} EmbedResult
 * @property {Float32Array[]} embeddings one a text
 * @property {number[]} tokens of each text
 * @property {number} dimensions
 * @property {string} revision of the model that the vectors are of
 * @property {number} split where the model was cut: server-first, the layers that the server alone ran
 *   are [0, split); client-first, those that this browser ran
 * @property {Where} embed who made the tokens and looked them up; "browser": no text left it
 * @property {LayerReport[]} layers
 * @property {Where} finish
 * @property {{server: number, browser: number}} layerTokens that each side ran: a token through a layer is one
 * @property {Timings} timings
 * @property {{up: number, down: number}} bytes
 * @property {string} [reason] why it is that split, where it was left open
 * @property {string} [note] what went wrong on the way: why the server ran more than was asked of it,
 *   or was asked again
 *
 * @typedef {object} Outcome of a part of a list, before it is put in order
 * @property {Float32Array[]} embeddings
 * @property {number[]} tokens
 * @property {number} split
 * @property {import("./pieces.js").Run} ran in the browser; the server ran the rest
 * @property {string} revision that the vectors are of
 * @property {number} n_layer of that revision
 * @property {Exchange[]} exchanges with the server
 * @property {number} load ms
 * @property {Share} share of the browser
 * @property {Fallback} [why] the server ran all layers
 * @property {string | null} [check] the name under which the server wants to see these embeddings
 * @property {string} [reason] why it is that split, where it was left open
 */

/** @type {Readonly<Share>} */
export const noShare = { tokenize: 0, upload: 0, browser: 0, readback: 0 };

/**
 * @param {readonly Outcome[]} outcomes of the parts of one list
 * @param {ModelInfo} info
 * @param {number} total ms
 * @param {readonly string[]} waits why the server was asked again, each time
 * @returns {EmbedResult}
 */
export function report(outcomes, { n_embd, ...known }, total, waits) {
  const { revision, n_layer } = outcomes[0] ?? known;
  const exchanges = outcomes.flatMap((outcome) => outcome.exchanges);
  const shares = outcomes.map(({ share }) => share);
  const reason = outcomes.at(-1)?.reason;
  const note = [reportWaits(waits), reportTakeover(outcomes)].filter(Boolean).join(" ");
  return {
    embeddings: outcomes.flatMap(({ embeddings }) => embeddings),
    tokens: outcomes.flatMap(({ tokens }) => tokens),
    dimensions: n_embd,
    revision,
    split: Math.min(...outcomes.map(({ split }) => split)),
    layers: Array.from({ length: n_layer }, (_, layer) => ({
      layer,
      where: whereRan(outcomes, layer),
      ms: sum(outcomes, (outcome) => layerTime(outcome, layer, n_layer)),
    })),
    embed: where(outcomes.map(({ ran }) => ran.embeds)),
    // Whoever ran the last layer.
    finish: whereRan(outcomes, n_layer - 1),
    layerTokens: {
      server: sum(outcomes, (outcome) => (n_layer - layersHere(outcome)) * countTokens(outcome)),
      browser: sum(outcomes, (outcome) => layersHere(outcome) * countTokens(outcome)),
    },
    timings: {
      tokenize: sum(exchanges, ({ tokenize }) => tokenize) + sum(shares, ({ tokenize }) => tokenize),
      server: sum(exchanges, ({ server }) => server),
      network: sum(exchanges, ({ network }) => network),
      load: sum(outcomes, ({ load }) => load),
      upload: sum(shares, ({ upload }) => upload),
      browser: sum(shares, ({ browser }) => browser),
      readback: sum(shares, ({ readback }) => readback),
      total,
    },
    bytes: { up: sum(exchanges, ({ up }) => up), down: sum(exchanges, ({ down }) => down) },
    ...(reason ? { reason } : {}),
    ...(note ? { note } : {}),
  };
}

/** Vectors of two revisions must not end up in one result. @param {readonly Outcome[]} outcomes */
export function areMixed(outcomes) {
  return new Set(outcomes.map(({ revision }) => revision)).size > 1;
}

/** @param {readonly Outcome[]} outcomes @param {number} layer */
function whereRan(outcomes, layer) {
  return where(outcomes.map((outcome) => ranHere(outcome, layer)));
}

/** @param {readonly boolean[]} areHere @returns {Where} */
function where(areHere) {
  if (areHere.every((isHere) => !isHere)) return "server";
  return areHere.every((isHere) => isHere) ? "browser" : "both";
}

/** @param {Outcome} outcome @param {number} layer */
export function ranHere({ ran }, layer) {
  return layer >= ran.start && layer < ran.stop;
}

/** @param {Outcome} outcome */
function layersHere({ ran }) {
  return ran.stop - ran.start;
}

/** @param {Outcome} outcome @param {number} layer @param {number} n_layer */
function layerTime(outcome, layer, n_layer) {
  const { exchanges, share } = outcome;
  if (ranHere(outcome, layer)) return share.browser / layersHere(outcome);
  return sum(exchanges, ({ layers }) => layers) / (n_layer - layersHere(outcome));
}

/** @param {readonly string[]} waits */
function reportWaits([first, ...more]) {
  if (first === undefined) return undefined;
  const tries = more.length === 0 ? "once more" : `${more.length + 1} times more`;
  return `The server did not answer at once (${first}) and was asked ${tries}.`;
}

/** Why the server ran more than was asked of it. @param {readonly Outcome[]} outcomes */
function reportTakeover(outcomes) {
  const taken = outcomes.filter(({ why }) => why);
  if (taken.length === 0) return undefined;
  const reasons = [...new Set(taken.map(({ why }) => why?.words))].join(" ");
  const [some, all] = [taken, outcomes].map((parts) => sum(parts, countTexts));
  return `${reasons} The server ran all layers${some === all ? "" : ` for ${some} of ${all} texts`}.`;
}

/** @param {Outcome} outcome */
export function countTokens({ tokens }) {
  return tokens.reduce((total, count) => total + count, 0);
}

/** @param {Outcome} outcome */
function countTexts({ embeddings }) {
  return embeddings.length;
}

/** @template T @param {readonly T[]} items @param {(item: T) => number} value */
function sum(items, value) {
  return items.reduce((total, item) => total + value(item), 0);
}
