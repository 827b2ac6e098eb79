// @ts-check
/** Cuts long lists of texts into parts that the server and a GPU's buffers take. */

/**
 * @typedef {import("./model_info.js").ModelInfo} ModelInfo
 *
 * @typedef {object} Size of some texts, or the most of a part
 * @property {number} texts
 * @property {number} tokens
 * @property {number} bytes as JSON
 */

/** 8,192 rows of GPT-2's widest activations are 100 MB; many GPUs bind 128 MB at most. */
const tokensPerPart = 8192;
/** The server tells the tokens of each text for so many texts, in a header. */
const textsPerPart = 256;
/** As JSON, no number is longer. */
const widest = -Number.MAX_VALUE;
/** [CLS] and [SEP], or the like. */
const addedTokens = 2;

/**
 * Those whose hidden states fit a message too.
 * @param {readonly string[]} texts @param {ModelInfo} info
 * @param {boolean} [isOpen] whether the server is to choose the split, which takes what it must know
 */
export function partsToSplit(texts, info, isOpen = false) {
  const around = bytesAround(info) + (isOpen ? bytesOfOpenSplit(info) : 0);
  return inParts(texts, info, Math.min(tokensPerPart, info.max_batch_tokens), around);
}

/**
 * Those that /embed takes: the server itself cuts what its layers run at once.
 * @param {readonly string[]} texts @param {ModelInfo} info
 */
export function partsToEmbed(texts, info) {
  return inParts(texts, info, Infinity, bytesAround(info));
}

/**
 * @param {readonly string[]} texts @param {ModelInfo} info @param {number} tokens of a part
 * @param {number} around bytes of a body besides its texts
 * @returns {string[][]} one part at least; a text that is too large for any is a part alone
 */
function inParts(texts, info, tokens, around) {
  const bytes = info.payload_limit - around;
  const count = Math.min(textsPerPart, info.max_client_batch_size);
  const most = { texts: count, tokens, bytes };
  /** @type {string[]} */
  let part = [];
  const parts = [part];
  let room = most;
  for (const text of texts) {
    let left = minus(room, sizeOf(text, info));
    if (Math.min(...Object.values(left)) < 0 && part.length > 0) {
      parts.push((part = []));
      left = minus(most, sizeOf(text, info));
    }
    part.push(text);
    room = left;
  }
  return parts;
}

/** @param {Size} room @param {Size} taken @returns {Size} */
function minus(room, { texts, tokens, bytes }) {
  return { texts: room.texts - texts, tokens: room.tokens - tokens, bytes: room.bytes - bytes };
}

/**
 * Only the server can count tokens, but none is shorter than a byte.
 * @param {string} text @param {ModelInfo} info @returns {Size}
 */
function sizeOf(text, { max_tokens }) {
  const tokens = Math.min(utf8Length(text) + addedTokens, max_tokens);
  return { texts: 1, tokens, bytes: utf8Length(JSON.stringify(text)) + ",".length };
}

/** What the body of any request has besides its texts. @param {ModelInfo} info */
function bytesAround({ name: model, n_layer: split }) {
  return jsonLength({ model, inputs: [], split, dtype: "f32", normalize: false });
}

/** What leaving the split open adds to it, at most. @param {ModelInfo} info */
function bytesOfOpenSplit({ n_layer }) {
  /** @type {Required<import("./measurements.js").BrowserMeasured>} */
  const browser = {
    layer_ms: { per_request: widest, per_token: widest },
    overhead_ms: widest,
    round_trip_ms: widest,
    download_bytes_per_s: widest,
    upload_bytes_per_s: widest,
  };
  const held = Array.from({ length: n_layer }, (_, layer) => layer);
  /** @type {Required<import("./api.js").OpenSplit>} */
  const open = { split: "auto", held, browser, policy: "offload", previous: n_layer, finish: true, normalize: false };
  return jsonLength(open);
}

/** @param {object} body */
function jsonLength(body) {
  return utf8Length(JSON.stringify(body));
}

/** @param {string} text */
function utf8Length(text) {
  return new TextEncoder().encode(text).length;
}
