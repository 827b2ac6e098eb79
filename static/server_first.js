// @ts-check
/** Requests that the server starts and the browser finishes, with the way back if that fails. */

import { postSplit } from "./api.js";
import { finishHere, runAlone } from "./by_browser.js";
import { allOnServer, resumeOnServer, runOnServer } from "./by_server.js";
import {
  checkRoom, fallback, holdsFor, loadRun, lowestSplit, refresh, splitNow, whyNotHere, whyNotLoaded,
  whyServerOnly,
} from "./connection.js";
import { isOf, isOfText, SplitComputeError } from "./errors.js";
import { openSplit, planCut } from "./open_split.js";
import { partsToEmbed, partsToSplit } from "./parts.js";
import { persist } from "./persist.js";
import { runAt, wholeRun } from "./pieces.js";
import { areMixed } from "./report.js";

/**
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./connection.js").Request} Request
 * @typedef {import("./report.js").Fallback} Fallback
 * @typedef {import("./report.js").Outcome} Outcome
 *
 * @typedef {Request & {mayLoad: boolean, reason?: string}} Plan for one part of the texts; mayLoad:
 *   whether it may wait for the browser's layers to come; reason: of the planner, who set the split
 */

const tooLarge = fallback("too_large", "A text has more tokens than the server sends as a hidden state.");
/** In the planner's words. */
const nothingHeld = "the browser holds no layer to take over";

/** @param {Connection} connection @param {Request} request @returns {Promise<Outcome[]>} */
export async function runServerFirst(connection, request) {
  const { info } = connection;
  const obstacle = whyServerOnly(connection);
  const mayLoad = request.split !== "auto";
  const split = request.split === "auto" ? lowestSplit(connection) : splitNow(connection, request.split);
  // With no layer left for the browser, one row back is smaller than the hidden state.
  if (obstacle || split === info.n_layer) {
    const outcomes = await runAllOnServer(connection, request, obstacle);
    return mayLoad ? outcomes : outcomes.map((outcome) => ({ ...outcome, reason: nothingHeld }));
  }
  const outcomes = [];
  for (const texts of partsToSplit(request.texts, info, !mayLoad)) {
    outcomes.push(await runPart(connection, { ...request, texts, mayLoad }, 1));
  }
  const why = fallback("revision", "The server has changed its revision meanwhile.");
  return areMixed(outcomes) ? runAllOnServer(connection, request, why) : outcomes;
}

/**
 * @param {Connection} connection @param {Request} request @param {Fallback} [why]
 * @returns {Promise<Outcome[]>}
 */
async function runAllOnServer(connection, request, why, retries = 1) {
  const outcomes = [];
  for (const texts of partsToEmbed(request.texts, connection.info)) {
    outcomes.push(await runOnServer(connection, { ...request, texts }, why));
  }
  if (!areMixed(outcomes)) return outcomes;
  if (retries > 0) return runAllOnServer(connection, request, why, retries - 1);
  const message = "The server keeps changing its revision";
  throw new SplitComputeError(message, { error_type: "Revision" });
}

/**
 * @param {Connection} connection @param {Plan} plan @param {number} retries
 * @returns {Promise<Outcome>}
 */
async function runPart(connection, plan, retries) {
  const { split, signal } = plan;
  // Also for the other parts of a long list, where a part before was found wrong.
  const obstacle = whyServerOnly(connection);
  if (obstacle) return runOnServer(connection, plan, obstacle);
  if (holdsFor(connection, wholeRun(connection.info.n_layer))) return runWithAll(connection, plan, retries);
  if (split === "auto") return runSplit(connection, plan, retries);
  const begun = performance.now();
  const runNow = () => runAt("server-first", splitNow(connection, split), connection.info.n_layer);
  try {
    checkRoom(connection, runNow());
    await loadRun(connection, runNow, signal);
  } catch (error) {
    signal?.throwIfAborted();
    return runOnServer(connection, plan, whyNotLoaded(error));
  }
  const load = performance.now() - begun;
  const outcome = await runSplit(connection, { ...plan, split: runNow().start }, retries);
  return { ...outcome, load: outcome.load + load };
}

/**
 * Where the browser has all that a request takes, so that the server need not be asked at all.
 * @param {Connection} connection @param {Plan} plan @param {number} retries
 * @returns {Promise<Outcome>}
 */
async function runWithAll(connection, plan, retries) {
  const { texts, signal } = plan;
  let cut;
  try {
    cut = await chooseCut(connection, plan);
    if (cut.first === "browser") {
      const outcome = await runAlone(connection, texts, signal);
      return { ...outcome, split: 0, reason: cut.reason };
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (isOfText(error)) throw error;
    const why = isOf(error, "Revision") ? whyRevision(connection.info.revision) : whyNotHere(error);
    return runOnServer(connection, plan, why);
  }
  const { split, reason } = cut;
  if (split < connection.info.n_layer) return runSplit(connection, { ...plan, split, reason }, retries);
  return { ...(await runOnServer(connection, plan)), reason };
}

/**
 * @param {Connection} connection @param {Plan} plan
 * @returns {Promise<import("./api.js").Cut & {reason?: string}>}
 */
async function chooseCut(connection, plan) {
  const alone = { split: connection.info.n_layer, first: /** @type {const} */ ("browser") };
  if (plan.split === 0) return alone;
  return plan.split === "auto" ? planCut(connection, plan) : { split: plan.split, first: "server" };
}

/**
 * With the browser's layers in place.
 * @param {Connection} connection @param {Plan} plan @param {number} retries
 * @returns {Promise<Outcome>}
 */
async function runSplit(connection, plan, retries) {
  const { server, info, wire } = connection;
  const { texts, mayLoad, signal } = plan;
  const choice = plan.split === "auto" ? openSplit(connection, plan) : { split: plan.split };
  const asked = { model: info.name, inputs: texts, dtype: wire, ...choice };
  let half;
  try {
    half = await persist(() => postSplit(server, asked, signal), plan);
  } catch (error) {
    signal?.throwIfAborted();
    const why = isTooLarge(error) ? tooLarge : await whyNoSuchSplit(connection, info, error, signal);
    if (!why) throw error;
    return runOnServer(connection, plan, why);
  }
  const { revision } = half.exchange;
  const reason = plan.reason ?? (mayLoad ? undefined : half.reason);
  if (!mayLoad) connection.lastCut = { split: half.split, first: "server" };
  const why = revision === info.revision ? undefined : whyRevision(revision);
  if (half.kind === "whole") return { ...(await allOnServer(connection, plan, half, why)), reason };
  if (why) {
    const hasChanged = await persist(() => refresh(connection, info.revision, signal), plan);
    if (hasChanged && mayLoad && retries > 0) return runPart(connection, plan, retries - 1);
    return runOnServer(connection, plan, why);
  }
  try {
    return { ...(await finishHere(connection, info, half, signal)), reason };
  } catch (error) {
    signal?.throwIfAborted();
    const outcome = await resumeOnServer(connection, plan, half.body, whyNotHere(error));
    return { ...outcome, exchanges: [half.exchange, ...outcome.exchanges] };
  }
}

/** One text can be more than a hidden state may hold, where /embed still takes it. @param {unknown} error */
function isTooLarge(error) {
  return error instanceof SplitComputeError && error.status === 413;
}

/**
 * Another revision may have fewer layers than were asked for.
 * @param {Connection} connection @param {Connection["info"]} info that the split is of
 * @param {unknown} error @param {AbortSignal} [signal]
 */
async function whyNoSuchSplit(connection, info, error, signal) {
  if (!(error instanceof SplitComputeError) || error.status !== 422) return undefined;
  const hasChanged = await refresh(connection, info.revision, signal).catch(() => signal?.throwIfAborted());
  return hasChanged ? whyRevision(connection.info.revision) : undefined;
}

/** @param {string} revision */
function whyRevision(revision) {
  return fallback("revision", `The server has another revision now (${revision}).`);
}
