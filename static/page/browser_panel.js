// @ts-check
/** Under the bar: asks before a download, shows the takeover, says why the browser runs nothing. */

import { piecesOf } from "../pieces.js";
import { runOf } from "./cut.js";
import { button, byId, el, keepFocus, setText } from "./dom.js";
import { formatBytes, sentence, sidesOf } from "./format.js";
import { browserIsReady, cutNow, keepsText, takeoverKind, whyNoOffload } from "./state.js";

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
  if (obstacle) {
    const controls = state.distrust === null ? undefined : /** @type {const} */ (["trust"]);
    return { text: `${obstacle} ${insteadOf(state)}`, kind: controls ? "asking" : "plain", controls };
  }
  switch (side.kind) {
    case "idle":
      return split < model.n_layer
        ? { text: "", kind: "" }
        : { text: "Move the cut to the left to give your browser some of the work.", kind: "plain" };
    case "asking":
      return {
        text: question(side, keepsText(state)),
        kind: "asking",
        controls: side.declined ? ["agree"] : ["agree", "decline"],
      };
    case "taking":
      return browserIsReady(state)
        ? { text: holding(state, side), kind: "ready" }
        : describeTakeover(state, model.n_layer, side);
    default:
      throw new TypeError(String(/** @satisfies {never} */ (side)));
  }
}

/** Of this browser, which can run nothing. @param {State} state */
function insteadOf(state) {
  if (keepsText(state)) return "A text that is to stay here cannot be embedded.";
  return state.distrust === null
    ? "The server runs everything, with the same result."
    : "The server runs everything from now on.";
}

/** While layers are missing. @param {State} state @param {number} n_layer @param {Taking} side @returns {Shown} */
function describeTakeover(state, n_layer, side) {
  const { takeover, step } = state;
  const amount = `${formatBytes(loadedBytes(state))} of ${formatBytes(side.total)}`;
  const now = sidesOf(n_layer, runOf(state.choice.direction, cutNow(state), n_layer)).browser;
  const soFar = `Your browser runs ${now} so far.`;
  const reason = takeover?.reason ? sentence(takeover.reason) : "";
  const kind = takeoverKind(state) ?? "streaming";
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
function loadedBytes({ pieces, model, split, choice: { direction } }) {
  if (!model) return 0;
  const wanted = piecesOf(runOf(direction, split, model.n_layer), model.n_layer, direction);
  return wanted.reduce((sum, piece) => sum + (pieces.get(piece)?.loaded ?? 0), 0);
}

/** @param {Asking} side @param {boolean} isKept whether the text stays here */
function question({ total, missing, declined }, isKept) {
  const size = formatBytes(missing);
  const rest = missing < total ? ` The other ${formatBytes(total - missing)} are here already.` : "";
  if (isKept) {
    return `For texts that stay here your browser needs ${size}: the tokeniser, the embedding table and its layers.${rest}`;
  }
  const meanwhile = missing < total ? "runs the rest" : "runs everything";
  if (declined) return `Until your browser has its layers (${size}), the server ${meanwhile}.`;
  return `Your browser needs ${size} for these layers.${rest} Until then the server ${meanwhile}.`;
}

/** @param {State} state @param {Taking} side */
function holding({ model, choice: { direction } }, { split, total }) {
  const n_layer = model?.n_layer ?? 0;
  const run = runOf(direction, split, n_layer);
  const where = run.embeds ? "" : " on its GPU";
  return `Your browser holds ${sidesOf(n_layer, run).browser}: ${formatBytes(total)}${where}.`;
}
