// @ts-check
/** The slider that is the model: a block a layer, cut between two of them. */

import { el, setText } from "./dom.js";
import { isReached, leftmost, runOf } from "./cut.js";
import { cutAsText, formatMs, sidesOf } from "./format.js";
import { cutNow, isPlanned, keepsText, whyNoOffload } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {object} Bar
 * @property {HTMLElement} handle
 * @property {HTMLElement} embed
 * @property {HTMLElement[]} layers
 * @property {HTMLElement} finish
 */

/** So many layers are drawn as thin blocks, and not all are numbered. */
const denseFrom = 16;
const labelEvery = 4;

/**
 * @param {HTMLElement} root
 * @param {Pick<import("./state.js").Actions, "onSplit">} actions
 * @returns {(state: State) => void}
 */
export function createLayerBar(root, { onSplit }) {
  const server = el("p", { class: "side server" });
  const browser = el("p", { class: "side browser" });
  const track = el("div", { class: "track" });
  root.replaceChildren(el("div", { class: "sides" }, server, browser), track);
  /** @type {Bar | null} */
  let bar = null;
  let split = 0;
  let least = 0;

  track.addEventListener("pointerdown", (event) => {
    if (!bar || event.button !== 0) return;
    track.setPointerCapture(event.pointerId);
    bar.handle.focus({ preventScroll: true });
    onSplit(Math.max(splitAt(bar, event.clientX), least));
  });
  track.addEventListener("pointermove", (event) => {
    if (!bar || !track.hasPointerCapture(event.pointerId)) return;
    onSplit(Math.max(splitAt(bar, event.clientX), least));
  });
  track.addEventListener("keydown", (event) => {
    const next = bar && splitByKey(event.key, split, least, bar.layers.length);
    if (next === null) return;
    event.preventDefault();
    onSplit(next);
  });

  return (state) => {
    if (!state.model) return;
    const { n_layer } = state.model;
    if (bar?.layers.length !== n_layer) bar = buildBar(track, n_layer);
    split = state.split;
    const { direction } = state.choice;
    least = leftmost(direction);
    drawCut(bar, split, direction);
    bar.handle.setAttribute("aria-disabled", String(whyNoOffload(state) !== ""));
    drawPieces(bar, state);
    drawTimes(bar, state);
    track.classList.toggle("running", state.embedding.kind === "busy");
    const isComing = state.browserSide.kind === "taking" && !isReached(direction, state.reach, split);
    const sides = sidesOf(n_layer, runOf(direction, isComing ? cutNow(state) : split, n_layer));
    root.classList.toggle("client-first", keepsText(state));
    const mayVary = isPlanned(state) && (keepsText(state) || split < n_layer);
    const [now, soFar] = isComing ? [" for now", " so far"] : ["", ""];
    const [atLeast, most] = mayVary ? ["at least ", "at most "] : ["", ""];
    server.replaceChildren(el("strong", {}, "Server"), ` runs ${atLeast}${sides.server}${now}`);
    browser.replaceChildren(el("strong", {}, "Your browser"), ` runs ${most}${sides.browser}${soFar}`);
  };
}

/** @param {HTMLElement} track @param {number} n_layer @returns {Bar} */
function buildBar(track, n_layer) {
  const layers = Array.from({ length: n_layer }, (_, layer) => {
    const labelled = n_layer < denseFrom || layer % labelEvery === 0;
    return block("layer", labelled ? String(layer) : "", `Layer ${layer}`);
  });
  const embed = block("end", "embed", "The embedding step: tokens become vectors");
  const finish = block("end", "finish", "The finish: final norm, pooling and normalisation");
  const handle = el("div", {
    class: "handle",
    role: "slider",
    tabindex: 0,
    "aria-orientation": "horizontal",
    "aria-valuemax": n_layer,
  });
  handle.append(el("span", { class: "grip" }));
  track.replaceChildren(handle, embed, ...layers, finish);
  track.classList.toggle("dense", n_layer >= denseFrom);
  return { handle, embed, layers, finish };
}

/** @param {string} kind @param {string} label @param {string} title */
function block(kind, label, title) {
  const time = el("span", { class: "time" });
  return el("div", { class: `block ${kind}`, title }, el("span", { class: "label" }, label), time);
}

/**
 * The handle moves by flex order: the document stays as it is, so the focus stays too.
 * @param {Bar} bar @param {number} split @param {import("./cut.js").Direction} direction
 */
function drawCut({ handle, layers, embed, finish }, split, direction) {
  const n_layer = layers.length;
  for (const [position, block] of [embed, ...layers, finish].entries()) {
    // Position 0 is the embedding step, so layer n stands at n + 1.
    const isFirst = position <= split || split === n_layer;
    const isServer = isFirst === (direction === "server-first");
    block.classList.toggle("server", isServer);
    block.classList.toggle("browser", !isServer);
    block.style.order = String(2 * position);
  }
  const before = split === n_layer ? n_layer + 1 : split;
  handle.style.order = String(2 * before + 1);
  const who = direction === "server-first" ? "the server" : "your browser";
  handle.setAttribute("aria-label", `Cut: how many layers ${who} runs`);
  handle.setAttribute("aria-valuemin", String(leftmost(direction)));
  handle.setAttribute("aria-valuenow", String(split));
  handle.setAttribute("aria-valuetext", cutAsText(n_layer, runOf(direction, split, n_layer)));
}

/** Blocks fill up as their pieces arrive. @param {Bar} bar @param {State} state */
function drawPieces({ embed, layers, finish }, { pieces, takeover }) {
  const isStreaming = takeover?.kind === "streaming";
  for (const [layer, block] of layers.entries()) drawPiece(block, pieces.get(`layer.${layer}`), isStreaming);
  drawPiece(embed, pieces.get("embed"), isStreaming);
  drawPiece(finish, pieces.get("finish"), isStreaming);
}

/**
 * @param {HTMLElement} block
 * @param {import("./state.js").PieceProgress | undefined} piece
 * @param {boolean} isStreaming
 */
function drawPiece(block, piece, isStreaming) {
  // The finish of some models is empty: nothing of nothing has arrived.
  const loaded = piece?.size ? piece.loaded / piece.size : 0;
  block.classList.toggle("ready", Boolean(piece?.ready));
  block.classList.toggle("arriving", isStreaming && piece !== undefined && !piece.ready);
  block.style.setProperty("--loaded", String(loaded));
}

/**
 * The times of the last result, while the bar still shows the cut that it was made at.
 * @param {Bar} bar @param {State} state
 */
function drawTimes({ layers }, { result, model, split }) {
  const shown = result?.model.name === model?.name && result?.split === Math.max(split, 0) ? result : null;
  for (const [layer, block] of layers.entries()) {
    const time = block.lastElementChild;
    const ms = shown?.layers[layer]?.ms;
    if (time) setText(time, ms === undefined ? "" : formatMs(ms));
  }
}

/** So many blocks have their middle left of the pointer, the embedding step not counted. @param {Bar} bar @param {number} x */
function splitAt({ embed, layers }, x) {
  const before = [embed, ...layers].filter((block) => {
    const { left, width } = block.getBoundingClientRect();
    return left + width / 2 < x;
  });
  return before.length - 1;
}

/**
 * As a native slider moves.
 * @param {string} key @param {number} split @param {number} least @param {number} n_layer
 * @returns {number | null}
 */
function splitByKey(key, split, least, n_layer) {
  const pageStep = Math.max(2, Math.round(n_layer / 6));
  /** @type {Record<string, number>} */
  const targets = {
    ArrowLeft: split - 1,
    ArrowDown: split - 1,
    ArrowRight: split + 1,
    ArrowUp: split + 1,
    PageDown: split - pageStep,
    PageUp: split + pageStep,
    Home: least,
    End: n_layer,
  };
  const target = targets[key];
  return target === undefined ? null : Math.min(Math.max(target, least), n_layer);
}
