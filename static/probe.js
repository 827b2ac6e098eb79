// @ts-check
/** Has the GPU checked where a request's text stayed here: with a text of nobody's, run the same way. */

import { postResume, postSplit } from "./api.js";
import { runAlone, startHere } from "./by_browser.js";
import { refresh } from "./connection.js";

/**
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./report.js").Outcome} Outcome
 */

/** The server rounds for the wire where it was cut, which is not where this browser is. */
const exact = "f32";

const texts = ["The quick brown fox jumps over the lazy dog."];

/**
 * After as many requests as the server wants to be checked. Whatever else goes wrong is no answer.
 * @param {Connection} connection @param {readonly Outcome[]} outcomes of a request
 */
export async function probe(connection, outcomes) {
  const kept = outcomes.find(({ ran }) => ran.embeds && ran.stop > 0);
  if (!kept || Math.random() >= connection.info.parity_share) return;
  try {
    await connection.trust.check([await runAgain(connection, kept)], connection.info);
  } catch {
    // The server is away, or the GPU lost: the next request sees to that.
  }
}

/** @param {Connection} connection @param {Outcome} kept @returns {Promise<Outcome>} */
async function runAgain(connection, kept) {
  const { server, info } = connection;
  const { name: model, normalize } = info;
  const asked = /** @type {const} */ ({ model, inputs: texts, split: 0, dtype: exact, check: true });
  const { exchange } = await postSplit(server, asked);
  const { check, revision } = exchange;
  // Who runs alone hears of it in no other way.
  if (revision !== info.revision) await refresh(connection, info.revision);
  if (kept.ran.stop === info.n_layer) {
    return { ...(await runAlone(connection, texts)), split: kept.split, check };
  }
  const started = await startHere({ ...connection, wire: exact }, kept.ran, texts);
  if (!("body" in started)) throw new TypeError("a run that stops before the end gives a hidden state");
  const { body, tokens, timings: share } = started;
  const resumed = await postResume(server, { body, model, normalize, first: "server" });
  const { embeddings } = resumed;
  return { ...kept, embeddings, tokens, share, revision: resumed.exchange.revision, exchanges: [exchange], check };
}
