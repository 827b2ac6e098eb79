// @ts-check
/** The cut as the slider has it, from the left: what it means in either direction. */

import { runAt, wholeRun } from "../pieces.js";

/**
 * @typedef {import("../pieces.js").Direction} Direction
 * @typedef {import("../pieces.js").Run} Run
 */

/**
 * The leftmost place. Server-first it is one below split 0: the browser makes the tokens too.
 * Client-first a layer is left of it: what comes before shows the text to whoever has the model.
 * @param {Direction} direction
 */
export function leftmost(direction) {
  return direction === "client-first" ? 1 : -1;
}

/** Where the browser runs no layer. @param {Direction} direction @param {number} n_layer */
export function withoutLayers(direction, n_layer) {
  return direction === "client-first" ? 0 : n_layer;
}

/** In the client's terms. @param {number} cut */
export function toOptions(cut) {
  return { split: Math.max(cut, 0), embed: cut < 0 };
}

/** What the browser runs. @param {Direction} direction @param {number} cut @param {number} n_layer @returns {Run} */
export function runOf(direction, cut, n_layer) {
  return cut < 0 ? wholeRun(n_layer) : runAt(direction, cut, n_layer);
}

/**
 * The furthest cut that what is here allows.
 * @param {Direction} direction
 * @param {{lowest: number, highest: number, holdsEmbed: boolean}} here
 */
export function reachOf(direction, { lowest, highest, holdsEmbed }) {
  if (direction === "client-first") return holdsEmbed ? highest : 0;
  return lowest === 0 && holdsEmbed ? leftmost(direction) : lowest;
}

/** Whether what is here allows the cut. @param {Direction} direction @param {number} reach @param {number} cut */
export function isReached(direction, reach, cut) {
  return direction === "client-first" ? reach >= cut : reach <= cut;
}

/** The cut, or as near to it as what is here allows. @param {Direction} direction @param {number} reach @param {number} cut */
export function nearest(direction, reach, cut) {
  return direction === "client-first" ? Math.min(cut, reach) : Math.max(cut, reach);
}
