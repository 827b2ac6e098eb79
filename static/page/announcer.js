// @ts-check
/** Tells a screen reader what changed elsewhere on the page. */

import { setText } from "./dom.js";
import { summarise } from "./results.js";
import { browserIsReady, takeoverKind } from "./state.js";

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
  const changed = (/** @type {"connection" | "browserSide" | "embedding"} */ task) =>
    before[task].kind !== now[task].kind;
  // It is a doubt of the result too.
  if (now.distrust && !before.distrust) return `${now.distrust} The server runs everything from now on.`;
  if (now.result && now.result !== before.result) return `${summarise(now.result)}.`;
  if (now.comparison && now.comparison !== before.comparison) {
    return `Checked: ${now.comparison.verdict.toLowerCase()}.`;
  }
  if (now.benchmark && now.benchmark !== before.benchmark) return "Measured.";
  if (changed("embedding") && now.embedding.kind === "busy") return "Embedding.";
  if (waitsForServer(now) && !waitsForServer(before)) return "Waiting for the server.";
  if (changed("connection") && now.connection.kind === "open") return `Connected: ${now.model?.name}.`;
  if (changed("browserSide") && now.browserSide.kind === "asking") return "Your browser asks before it downloads layers.";
  return takeoverNews(before, now);
}

/** @param {State} state */
function waitsForServer({ embedding }) {
  return embedding.kind === "busy" && embedding.step !== "";
}

/** Its turns, not each layer. @param {State} before @param {State} now */
function takeoverNews(before, now) {
  const [last, kind] = [takeoverKind(before), takeoverKind(now)];
  if (now.browserSide.kind !== "taking" || kind === last) return "";
  switch (kind) {
    case null:
      return "";
    case "streaming":
      // Another try is no news.
      return last === "waiting" ? "" : "Layers are on their way to your browser.";
    case "paused":
      return "The download of layers is paused.";
    case "waiting":
      return "A layer did not come. Your browser will try again.";
    case "complete":
      return browserIsReady(now) ? "Your browser has its layers." : "Your browser has the layers that it has room for.";
    case "ended":
      return "";
    default:
      throw new TypeError(String(/** @satisfies {never} */ (kind)));
  }
}
