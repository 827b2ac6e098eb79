// @ts-check
/** Under the bar: asks before a download, shows the takeover, says why the browser runs nothing. */

import { piecesFrom } from "../pieces.js";
import { button, byId, el, keepFocus, setText } from "./dom.js";
import { formatBytes, sentence, sidesOfCut } from "./format.js";
import { browserIsReady, whyNoOffload } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Actions} Actions
 * @typedef {Extract<State["browserSide"], {kind: "asking"}>} Asking
 * @typedef {Extract<State["browserSide"], {kind: "taking"}>} Taking
 * @typedef {Pick<Actions, "onAgree" | "onDecline" | "onPause" | "onResume" | "onForget" | "onTrust">} PanelActions
 *
 * @typedef {"agree" | "decline" | "pause" | "resume" | "remove" | "trust"} Control
 *
 * @typedef {object} Shown
 * @property {string} text
 * @property {string} kind the panel's look
 * @property {readonly Control[]} [controls]
 * @property {string} [reason] why it waits
 */

/** @param {PanelActions} actions @returns {(state: State) => void} */
export function createBrowserPanel({ onAgree, onDecline, onPause, onResume, onForget, onTrust }) {
  const panel = byId("browser-panel", HTMLElement);
  const words = el("p", { id: "browser-words" });
  const progress = el("progress", { "aria-labelledby": "browser-words" });
  // No alert: the takeover goes on by itself, and #status has said so.
  const reason = el("p", { class: "reason muted" });
  /** @type {Record<Control, HTMLButtonElement>} */
  const buttons = {
    agree: button("Download", onAgree, "button browser"),
    resume: button("Resume", onResume, "button browser"),
    decline: button("Not now", onDecline),
    pause: button("Pause", onPause),
    remove: button("Remove", onForget),
    trust: button("Use my GPU again", onTrust),
  };
  const controls = el("div", { class: "controls" }, ...Object.values(buttons));
  panel.replaceChildren(el("div", { class: "panel-words" }, words, progress, reason), controls);

  return (state) =>
    keepFocus(panel, () => {
      const side = state.browserSide;
      const shown = describe(state);
      panel.hidden = shown.text === "";
      panel.className = `panel ${shown.kind}`;
      setText(words, shown.text);
      setText(reason, shown.reason ?? "");
      for (const [name, control] of Object.entries(buttons)) {
        control.hidden = !shown.controls?.includes(/** @type {Control} */ (name));
      }
      controls.hidden = !shown.controls;
      progress.hidden = side.kind !== "taking" || !shown.controls;
      if (side.kind === "taking") {
        progress.max = Math.max(side.total, 1);
        progress.value = loadedBytes(state);
      }
      if (side.kind === "asking") setText(buttons.agree, `Download (${formatBytes(side.missing)})`);
      setText(buttons.resume, shown.reason ? "Try now" : "Resume");
    });
}

/** @param {State} state @returns {Shown} */
function describe(state) {
  const { browserSide: side, model, device, split } = state;
  if (!model || !device) return { text: "", kind: "" };
  const obstacle = whyNoOffload(state);
  if (state.distrust !== null) {
    return { text: `${obstacle} The server runs everything from now on.`, kind: "asking", controls: ["trust"] };
  }
  if (obstacle) return { text: `${obstacle} The server runs everything, with the same result.`, kind: "plain" };
  switch (side.kind) {
    case "idle":
      return split < model.n_layer
        ? { text: "", kind: "" }
        : { text: "Move the cut to the left to give your browser some of the work.", kind: "plain" };
    case "asking":
      return { text: question(side), kind: "asking", controls: side.declined ? ["agree"] : ["agree", "decline"] };
    case "taking":
      return browserIsReady(state)
        ? { text: holding(model.n_layer, side), kind: "ready" }
        : describeTakeover(state, model.n_layer, side);
    default:
      throw new TypeError(String(/** @satisfies {never} */ (side)));
  }
}

/** While layers are missing. @param {State} state @param {number} n_layer @param {Taking} side @returns {Shown} */
function describeTakeover(state, n_layer, side) {
  const { takeover, step, lowest } = state;
  const amount = `${formatBytes(loadedBytes(state))} of ${formatBytes(side.total)}`;
  const soFar = `Your browser runs ${sidesOfCut(n_layer, lowest).browser} so far.`;
  const reason = takeover?.reason ? sentence(takeover.reason) : "";
  const kind = takeover?.kind ?? "streaming";
  switch (kind) {
    case "streaming":
      return { text: `${step || "Starting"}: ${amount}`, kind: "asking", controls: ["pause"] };
    case "paused":
      return { text: `Paused at ${amount}. ${soFar}`, kind: "asking", controls: ["resume", "remove"] };
    case "waiting":
      return {
        text: `${amount} are here. ${soFar} It will try again by itself.`,
        kind: "asking",
        controls: ["resume", "pause"],
        reason,
      };
    case "complete":
    case "ended":
      return { text: `${reason} ${soFar.replace(" so far", "")}`, kind: "ready" };
    default:
      throw new TypeError(String(/** @satisfies {never} */ (kind)));
  }
}

/** Of the pieces that the cut leaves to the browser. @param {State} state */
function loadedBytes({ pieces, model, split }) {
  const wanted = model ? piecesFrom(split, model.n_layer) : [];
  return wanted.reduce((sum, piece) => sum + (pieces.get(piece)?.loaded ?? 0), 0);
}

/** @param {Asking} side */
function question({ total, missing, declined }) {
  const size = formatBytes(missing);
  const meanwhile = missing < total ? "runs the rest" : "runs everything";
  if (declined) return `Until your browser has its layers (${size}), the server ${meanwhile}.`;
  const rest = missing < total ? ` The other ${formatBytes(total - missing)} are here already.` : "";
  return `Your browser needs ${size} for these layers.${rest} Until then the server ${meanwhile}.`;
}

/** @param {number} n_layer @param {Taking} side */
function holding(n_layer, { split, total }) {
  return `Your browser holds ${sidesOfCut(n_layer, split).browser}: ${formatBytes(total)} on its GPU.`;
}
