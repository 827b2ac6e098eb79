// @ts-check
/** What the server runs alone: whole requests, and the way back from a hidden state. */

import { postEmbed, postResume } from "./api.js";
import { refresh } from "./connection.js";
import { isOf } from "./errors.js";
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
export async function runOnServer(connection, part, why) {
  const { server, info } = connection;
  const body = embedBody(info, part);
  const embedded = await persist(() => postEmbed(server, body, part.signal), part);
  return allOnServer(connection, part, embedded, why);
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
      if (!isOf(error, "Unreachable")) throw error;
      // What keeps a large body from the server may let the texts through.
      return postEmbed(server, embedBody(info, part), signal).catch(() => Promise.reject(error));
    });
  try {
    return await allOnServer(connection, part, await persist(ask, part), why);
  } catch (error) {
    signal?.throwIfAborted();
    if (isOf(error, "Unreachable", "Timeout")) throw error;
    // The hidden state may be of a revision that is gone by now; the texts are good for any.
    return runOnServer(connection, part, why);
  }
}

/**
 * Vectors are good whatever revision they are of. That it is another one is noticed here: requests that
 * leave nothing to the browser would go on for ever beside layers that are of no use any more.
 * @param {Connection} connection @param {Part} part
 * @param {Pick<import("./api.js").Whole, "embeddings" | "tokens" | "exchange">} answer @param {Fallback} [why]
 * @returns {Promise<Outcome>}
 */
export async function allOnServer(connection, { signal }, { embeddings, tokens, exchange }, why) {
  const { revision } = exchange;
  const known = connection.info.revision;
  // Where the server is away again by now, the next answer tells.
  if (revision !== known) await refresh(connection, known, signal).catch(() => signal?.throwIfAborted());
  const { n_layer } = connection.info;
  const ran = { start: n_layer, stop: n_layer, embeds: false };
  return {
    embeddings, tokens, split: n_layer, ran, revision, n_layer, exchanges: [exchange], load: 0, share: noShare, why,
  };
}

/** @param {Connection["info"]} info @param {Part} part */
function embedBody({ name: model, normalize }, { texts }) {
  return { model, inputs: texts, normalize };
}
