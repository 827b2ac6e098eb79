// @ts-check
/** Requests that the browser starts and the server finishes, so that no text leaves the browser. */

import { postResume } from "./api.js";
import { runAlone, startHere } from "./by_browser.js";
import {
  checkRoom, holdsEmbed, highestSplit, loadRun, refresh, splitNow, whyNotHere, whyNotLoaded, whyServerOnly,
} from "./connection.js";
import { isOfText, outdated, SplitComputeError } from "./errors.js";
import { planCut } from "./open_split.js";
import { partsToSplit } from "./parts.js";
import { persist } from "./persist.js";
import { runAt } from "./pieces.js";
import { areMixed } from "./report.js";

/**
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./connection.js").Request} Request
 * @typedef {import("./pieces.js").Run} Run
 * @typedef {import("./report.js").Outcome} Outcome
 */

/** A GPU that was lost is filled again from the browser's cache. */
const retriesHere = 1;

/**
 * There is no way back to the server, which would need the text: what fails here is tried again here,
 * and rejects then.
 * @param {Connection} connection @param {Request} request
 * @returns {Promise<Outcome[]>}
 */
export async function runClientFirst(connection, request, retries = 1) {
  const outcomes = [];
  for (const texts of partsToSplit(request.texts, connection.info)) {
    outcomes.push(await runPart(connection, { ...request, texts }));
  }
  if (!areMixed(outcomes)) return outcomes;
  if (retries > 0) return runClientFirst(connection, request, retries - 1);
  throw keptHere("The server keeps changing its revision.");
}

/**
 * @param {Connection} connection @param {Request} part
 * @returns {Promise<Outcome>}
 */
async function runPart(connection, part, retries = retriesHere) {
  const obstacle = whyServerOnly(connection);
  if (obstacle) throw keptHere(obstacle.words);
  let why = whyNotHere;
  try {
    const { split, reason } = await cutOf(connection, part);
    const begun = performance.now();
    const runNow = () => runAt("client-first", splitNow(connection, split), connection.info.n_layer);
    why = whyNotLoaded;
    checkRoom(connection, runNow());
    await persist(() => loadRun(connection, runNow, part.signal), part);
    why = whyNotHere;
    const load = performance.now() - begun;
    return { ...(await runAtSplit(connection, part, runNow())), load, reason };
  } catch (error) {
    part.signal?.throwIfAborted();
    if (isOfText(error) || isOfServer(error)) throw error;
    if (retries > 0) return runPart(connection, part, retries - 1);
    throw keptHere(why(error).words);
  }
}

/**
 * @param {Connection} connection @param {Request} part
 * @returns {Promise<{split: number, reason?: string}>}
 */
async function cutOf(connection, part) {
  if (part.split !== "auto") return { split: part.split };
  // What comes before shows the text to whoever has the embedding table.
  if (!holdsEmbed(connection) || highestSplit(connection) === 0) {
    return { split: 1, reason: "the browser holds no more layers to start with" };
  }
  return persist(() => planCut(connection, part), part);
}

/** @param {Connection} connection @param {Request} part @param {Run} run @returns {Promise<Outcome>} */
async function runAtSplit(connection, part, run) {
  const { server, info } = connection;
  const { texts, signal } = part;
  const { n_layer } = info;
  const split = run.stop;
  if (split === n_layer) return { ...(await runAlone(connection, texts, signal)), split };
  const started = await startHere(connection, run, texts, signal);
  if (!("body" in started)) throw new TypeError("a run that stops before the end gives a hidden state");
  const { body, tokens, timings } = started;
  const hidden = { body, model: info.name, normalize: info.normalize, first: /** @type {const} */ ("browser") };
  try {
    const { embeddings, exchange } = await persist(() => postResume(server, hidden, signal), part);
    const { revision } = exchange;
    return { embeddings, tokens, split, ran: run, revision, n_layer, exchanges: [exchange], load: 0, share: timings };
  } catch (error) {
    signal?.throwIfAborted();
    const isOutdated = error instanceof SplitComputeError && error.status === 409;
    if (isOutdated && (await refresh(connection, info.revision, signal))) {
      throw outdated();
    }
    throw error;
  }
}

/** What the server refuses, or its absence, ends a request whoever starts it. @param {unknown} error */
function isOfServer(error) {
  if (!(error instanceof SplitComputeError)) return false;
  return error.status !== undefined || ["Unreachable", "Timeout"].includes(error.error_type);
}

/** @param {string} words */
function keptHere(words) {
  return new SplitComputeError(`${words} The text stays in this browser, so the server did not run it instead.`);
}
