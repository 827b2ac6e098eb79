// @ts-check
/** What a result says besides the numbers: where each layer ran and where the time went. */

/**
 * @typedef {import("./api.js").Exchange} Exchange
 * @typedef {import("./api.js").ModelInfo} ModelInfo
 * @typedef {import("./browser_model.js").ShareResult} ShareResult
 *
 * @typedef {"server" | "browser"} Where
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
 * @property {ShareResult["timings"]} [share] of the browser
 * @property {string} [note]
 */

/**
 * @param {Outcome} outcome
 * @param {ModelInfo} info
 * @param {number} total ms
 * @returns {EmbedResult}
 */
export function report(outcome, { n_layer, n_embd }, total) {
  const { embeddings, tokens, split, exchanges, load, share, note } = outcome;
  const sum = (/** @type {keyof Exchange} */ key) =>
    exchanges.reduce((all, exchange) => all + exchange[key], 0);
  const { upload, browser, readback } = share ?? { upload: 0, browser: 0, readback: 0 };
  const meanMs = { server: sum("layers") / split, browser: browser / (n_layer - split) };
  const layers = Array.from({ length: n_layer }, (_, layer) => {
    /** @type {Where} */
    const where = layer < split ? "server" : "browser";
    return { layer, where, ms: meanMs[where] };
  });
  return {
    embeddings,
    tokens,
    dimensions: n_embd,
    split,
    layers,
    finish: share ? "browser" : "server",
    timings: {
      tokenize: sum("tokenize"),
      server: sum("server"),
      network: sum("network"),
      load,
      upload,
      browser,
      readback,
      total,
    },
    bytes: { up: sum("up"), down: sum("down") },
    ...(note ? { note } : {}),
  };
}
