// @ts-check
/** What the server runs alone: whole requests, and the way back from a hidden state. */

import { postEmbed, postResume } from "./api.js";
import { SplitComputeError } from "./errors.js";
import { persist } from "./persist.js";
import { noShare } from "./report.js";

/**
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./connection.js").Request} Request
 * @typedef {import("./report.js").Fallback} Fallback
 * @typedef {import("./report.js").Outcome} Outcome
 *
 * @typedef {Pick<Request, "texts" | "signal" | "onWait">} Part
 */

/**
 * @param {Connection} connection @param {Part} part @param {Fallback} [why]
 * @returns {Promise<Outcome>}
 */
export async function runOnServer({ server, info }, part, why) {
  const body = embedBody(info, part);
  const embedded = await persist(() => postEmbed(server, body, part.signal), part);
  return allOnServer(info, embedded, why);
}

/**
 * @param {Connection} connection @param {Part} part
 * @param {ArrayBuffer} body the hidden state as /split gave it
 * @param {Fallback} why
 * @returns {Promise<Outcome>}
 */
export async function resumeOnServer(connection, part, body, why) {
  const { server, info } = connection;
  const { signal } = part;
  const hidden = { model: info.name, body, normalize: info.normalize, first: /** @type {const} */ ("server") };
  const ask = () =>
    postResume(server, hidden, signal).catch((error) => {
      signal?.throwIfAborted();
      if (!isOutOfReach(error, "Unreachable")) throw error;
      // What keeps a large body from the server may let the texts through.
      return postEmbed(server, embedBody(info, part), signal).catch(() => Promise.reject(error));
    });
  try {
    return allOnServer(info, await persist(ask, part), why);
  } catch (error) {
    signal?.throwIfAborted();
    if (isOutOfReach(error, "Unreachable", "Timeout")) throw error;
    // The hidden state may be of a revision that is gone by now; the texts are good for any.
    return runOnServer(connection, part, why);
  }
}

/**
 * @param {Connection["info"]} info
 * @param {Pick<import("./api.js").Whole, "embeddings" | "tokens" | "exchange">} answer @param {Fallback} [why]
 * @returns {Outcome}
 */
export function allOnServer({ n_layer }, { embeddings, tokens, exchange }, why) {
  const ran = { start: n_layer, stop: n_layer, embeds: false };
  const { revision } = exchange;
  return { embeddings, tokens, split: n_layer, ran, revision, exchanges: [exchange], load: 0, share: noShare, why };
}

/** @param {unknown} error @param {string[]} types of error */
export function isOutOfReach(error, ...types) {
  return error instanceof SplitComputeError && types.includes(error.error_type);
}

/** @param {Connection["info"]} info @param {Part} part */
function embedBody({ name: model, normalize }, { texts }) {
  return { model, inputs: texts, normalize };
}
