// @ts-check
/** Tells a screen reader what changed elsewhere on the page. */

import { setText } from "./dom.js";
import { summarise } from "./results.js";

/** @typedef {import("./state.js").State} State */

/** @param {HTMLElement} region with role="status" @returns {(state: State) => void} */
export function createAnnouncer(region) {
  /** @type {State | null} */
  let last = null;
  return (state) => {
    const message = last ? news(last, state) : "";
    if (message) setText(region, message);
    last = { ...state };
  };
}

/** Errors speak for themselves (role="alert"). @param {State} before @param {State} now */
function news(before, now) {
  const changed = (/** @type {"connection" | "browserSide" | "embedding" | "checking" | "benchmarking"} */ task) =>
    before[task].kind !== now[task].kind;
  if (now.result && now.result !== before.result) return `${summarise(now.result)}.`;
  if (now.comparison && now.comparison !== before.comparison) {
    return now.comparison.within ? "Checked: the same vectors." : "Checked: not the same vectors.";
  }
  if (now.benchmark && now.benchmark !== before.benchmark) return "Measured.";
  if (changed("embedding") && now.embedding.kind === "busy") return "Embedding.";
  if (changed("connection") && now.connection.kind === "open") return `Connected: ${now.model?.name}.`;
  if (!changed("browserSide")) return "";
  if (now.browserSide.kind === "loading") return "Loading layers.";
  if (now.browserSide.kind === "ready") return "Your browser has its layers.";
  return now.browserSide.kind === "asking" ? "Your browser asks before it downloads layers." : "";
}
