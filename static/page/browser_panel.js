// @ts-check
/** Under the bar: asks before a download, shows its progress, says why the browser runs nothing. */

import { button, byId, el, keepFocus, setText } from "./dom.js";
import { formatBytes, sidesOfCut } from "./format.js";
import { whyNoOffload } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Actions} Actions
 */

/** @param {Pick<Actions, "onAgree" | "onDecline" | "onCancelLoad">} actions @returns {(state: State) => void} */
export function createBrowserPanel({ onAgree, onDecline, onCancelLoad }) {
  const panel = byId("browser-panel", HTMLElement);
  const words = el("p", { id: "browser-words" });
  const problem = el("p", { class: "problem", role: "alert" });
  const progress = el("progress", { "aria-labelledby": "browser-words" });
  const agree = button("Download", onAgree, "button browser");
  const decline = button("Not now", onDecline);
  const cancel = button("Cancel the download", onCancelLoad);
  const controls = el("div", { class: "controls" }, agree, decline, cancel);
  panel.replaceChildren(el("div", { class: "panel-words" }, problem, words, progress), controls);

  return (state) =>
    keepFocus(panel, () => {
      const side = state.browserSide;
      const { text, kind } = describe(state);
      panel.hidden = text === "";
      panel.className = `panel ${kind}`;
      setText(words, text);
      setText(problem, side.kind === "asking" ? (side.message ?? "") : "");
      progress.hidden = cancel.hidden = side.kind !== "loading";
      agree.hidden = side.kind !== "asking";
      decline.hidden = side.kind !== "asking" || side.declined;
      controls.hidden = agree.hidden && cancel.hidden;
      if (side.kind === "loading") {
        progress.max = Math.max(side.total, 1);
        progress.value = side.loaded;
      }
      if (side.kind === "asking") {
        setText(agree, `${side.message ? "Try again" : "Download"} (${formatBytes(side.missing)})`);
      }
    });
}

/** @param {State} state @returns {{text: string, kind: string}} */
function describe(state) {
  const { browserSide: side, model, device, split } = state;
  if (!model || !device) return { text: "", kind: "" };
  const obstacle = whyNoOffload(state);
  if (obstacle) return { text: `${obstacle} The server runs everything, with the same result.`, kind: "plain" };
  switch (side.kind) {
    case "idle":
      return split < model.n_layer
        ? { text: "", kind: "" }
        : { text: "Move the cut to the left to give your browser some of the work.", kind: "plain" };
    case "asking":
      return { text: question(side), kind: "asking" };
    case "loading":
      return {
        text: `${side.step}: ${formatBytes(side.loaded)} of ${formatBytes(side.total)}`,
        kind: "asking",
      };
    case "ready":
      return { text: holding(model.n_layer, side), kind: "ready" };
    default:
      throw new TypeError(String(/** @satisfies {never} */ (side)));
  }
}

/** @param {{total: number, missing: number, declined: boolean}} side */
function question({ total, missing, declined }) {
  const size = formatBytes(missing);
  if (declined) return `Until your browser has its layers (${size}), the server runs everything.`;
  const rest = missing < total ? ` The other ${formatBytes(total - missing)} are here already.` : "";
  return `Your browser needs ${size} for these layers.${rest} Until then the server runs everything.`;
}

/** @param {number} n_layer @param {{split: number, total: number}} side */
function holding(n_layer, { split, total }) {
  return `Your browser holds ${sidesOfCut(n_layer, split).browser}: ${formatBytes(total)} on its GPU.`;
}
