// @ts-check
/** What a result says besides the numbers: where each layer ran and where the time went. */

/**
 * @typedef {import("./api.js").Exchange} Exchange
 * @typedef {import("./api.js").ModelInfo} ModelInfo
 * @typedef {import("./browser_model.js").ShareResult} ShareResult
 *
 * @typedef {"server" | "browser"} Where
 * @typedef {ShareResult["timings"]} Share
 *
 * @typedef {object} LayerReport
 * @property {number} layer
 * @property {Where} where
 * @property {number} ms the mean of its side, which runs its layers in one go
 *
 * @typedef {object} Timings milliseconds
 * @property {number} tokenize
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
 * @property {number} split the layers that the server ran are [0, split)
 * @property {LayerReport[]} layers
 * @property {Where} finish
 * @property {Timings} timings
 * @property {{up: number, down: number}} bytes
 * @property {string} [note] why the server ran more than was asked of it
 *
 * @typedef {object} Outcome of a request, before it is put in order
 * @property {Float32Array[]} embeddings
 * @property {number[]} tokens
 * @property {number} split
 * @property {Exchange[]} exchanges with the server
 * @property {number} load ms
 * @property {Share} share of the browser
 * @property {string} [note]
 */

/** @type {Readonly<Share>} */
export const noShare = { upload: 0, browser: 0, readback: 0 };

/** Of the parts of one list. @param {readonly Outcome[]} outcomes @returns {Outcome} */
export function merge(outcomes) {
  const shares = outcomes.map(({ share }) => share);
  return {
    embeddings: outcomes.flatMap(({ embeddings }) => embeddings),
    tokens: outcomes.flatMap(({ tokens }) => tokens),
    // Where the server took over a part, what it ran at most.
    split: Math.max(...outcomes.map(({ split }) => split)),
    exchanges: outcomes.flatMap(({ exchanges }) => exchanges),
    load: sum(outcomes, ({ load }) => load),
    share: {
      upload: sum(shares, ({ upload }) => upload),
      browser: sum(shares, ({ browser }) => browser),
      readback: sum(shares, ({ readback }) => readback),
    },
    note: outcomes.find(({ note }) => note)?.note,
  };
}

/**
 * @param {Outcome} outcome
 * @param {ModelInfo} info
 * @param {number} total ms
 * @returns {EmbedResult}
 */
export function report(outcome, { n_layer, n_embd }, total) {
  const { embeddings, tokens, split, exchanges, load, share, note } = outcome;
  return {
    embeddings,
    tokens,
    dimensions: n_embd,
    split,
    layers: reportLayers(outcome, n_layer),
    finish: split < n_layer ? "browser" : "server",
    timings: {
      tokenize: sum(exchanges, ({ tokenize }) => tokenize),
      server: sum(exchanges, ({ server }) => server),
      network: sum(exchanges, ({ network }) => network),
      load,
      ...share,
      total,
    },
    bytes: { up: sum(exchanges, ({ up }) => up), down: sum(exchanges, ({ down }) => down) },
    ...(note ? { note } : {}),
  };
}

/** @param {Outcome} outcome @param {number} n_layer @returns {LayerReport[]} */
function reportLayers({ split, exchanges, share }, n_layer) {
  const onServer = sum(exchanges, ({ layers }) => layers) / split;
  const inBrowser = share.browser / (n_layer - split);
  return Array.from({ length: n_layer }, (_, layer) =>
    layer < split
      ? { layer, where: "server", ms: onServer }
      : { layer, where: "browser", ms: inBrowser },
  );
}

/** @template T @param {readonly T[]} items @param {(item: T) => number} value */
function sum(items, value) {
  return items.reduce((total, item) => total + value(item), 0);
}
