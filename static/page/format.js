// @ts-check
/** Numbers, cuts and errors in words. */

import { messageOf, SplitComputeError } from "../errors.js";

/** @typedef {import("../pieces.js").Run} Run */

/** Keeps a number and its unit on one line. */
const space = "\u00a0";

/** Decimal units, as browsers show downloads. @param {number} bytes */
export function formatBytes(bytes) {
  if (bytes < 1_000) return `${Math.round(bytes)}${space}B`;
  if (bytes < 1e6) return `${short(bytes / 1e3)}${space}kB`;
  if (bytes < 1e9) return `${short(bytes / 1e6)}${space}MB`;
  return `${(bytes / 1e9).toFixed(2)}${space}GB`;
}

/** @param {number} count below 1,000 */
function short(count) {
  return count.toFixed(count < 99.95 ? 1 : 0);
}

/** @param {number} milliseconds */
export function formatMs(milliseconds) {
  if (milliseconds >= 10_000) return `${(milliseconds / 1_000).toFixed(1)}${space}s`;
  const digits = milliseconds < 1 ? 2 : milliseconds < 100 ? 1 : 0;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${milliseconds.toLocaleString("en", options)}${space}ms`;
}

/** 22713216 → "22.7 million". @param {number} count */
export function formatCount(count) {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} billion`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} million`;
  return count.toLocaleString("en");
}

/** @param {number} count @param {string} noun */
export function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** The half-open range [start, stop) as "layer 3" or "layers 3–5". @param {number} start @param {number} stop */
export function layerRange(start, stop) {
  return stop - start === 1 ? `layer ${start}` : `layers ${start}–${stop - 1}`;
}

/**
 * What each side runs, without a verb.
 * @param {number} n_layer @param {Run} run of the browser
 * @returns {{server: string, browser: string}}
 */
export function sidesOf(n_layer, { start, stop, embeds }) {
  if (start === stop && !embeds) return { server: "everything", browser: "nothing" };
  if (embeds && stop === n_layer) return { server: "nothing", browser: "everything" };
  const cut = embeds ? stop : start;
  const first = cut === 0 ? "the embedding step" : `the embedding step and ${layerRange(0, cut)}`;
  const last = `${layerRange(cut, n_layer)} and the finish`;
  return embeds ? { server: last, browser: first } : { server: first, browser: last };
}

/** The slider's value for a screen reader. @param {number} n_layer @param {Run} run of the browser */
export function cutAsText(n_layer, run) {
  const { start, stop, embeds } = run;
  if (start === stop && !embeds) return `server runs all ${plural(n_layer, "layer")} and the finish`;
  if (embeds) {
    const { server, browser } = sidesOf(n_layer, run);
    return `your browser runs ${browser}, server runs ${server}`;
  }
  const server = start === 0 ? "only the embedding step" : layerRange(0, start);
  const browser = layerRange(start, n_layer).replace(/^layers? /, "");
  return `server runs ${server}, your browser runs ${browser} and the finish`;
}

/** An error as a sentence. @param {unknown} error */
export function explain(error) {
  if (!(error instanceof SplitComputeError)) return sentence(messageOf(error));
  const { error_type, status } = error;
  if (status === 413) return tooLarge(error.reason);
  if (status === undefined && error_type === "Unreachable") {
    return "The server cannot be reached. It may be restarting, or this device has lost its network.";
  }
  if (error_type === "Timeout") return "The server does not answer. It may be overloaded, or hang.";
  return sentence(error.reason);
}

/** In text-embeddings-inference's words, which the server uses too. @param {string} reason */
function tooLarge(reason) {
  const [, limit, given, more = ""] = /less than (\d+) tokens\. Given: (\d+)( or more)?/.exec(reason) ?? [];
  if (!limit) return sentence(reason);
  const [most, came] = [limit, given].map((count) => Number(count).toLocaleString("en"));
  return `A text is too long: the model takes up to ${most} tokens of each, and this one has ${came}${more}. ` +
    "Shorten it, or put it on several lines, each a text of its own.";
}

/** @param {string} text */
export function sentence(text) {
  const trimmed = text.trim();
  const ended = /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  // A path or an address keeps its first letter.
  return ended.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
}

/** @param {unknown} error */
export function needsKey(error) {
  return error instanceof SplitComputeError && error.status === 401;
}

/** @param {Pick<import("../device.js").Gpu, "vendor" | "architecture" | "description">} device */
export function deviceName({ vendor, architecture, description }) {
  const name = description || [vendor, architecture].filter(Boolean).join(" ");
  return name || "a GPU that gives no name";
}
