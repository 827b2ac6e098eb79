// @ts-check
/** Which model, in which precision: three choices over the bar. */

import { byId, el, setText } from "./dom.js";
import { runBytes } from "../pieces.js";
import { runOf } from "./cut.js";
import { formatBytes, formatCount, plural } from "./format.js";
import { whyNoOffload } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").ModelInfo} ModelInfo
 * @typedef {import("../model_info.js").Dtype} Dtype
 * @typedef {import("../model_info.js").WeightDtype} WeightDtype
 */

/**
 * @template {string} D
 * @typedef {object} Segments
 * @property {boolean} isDisabled
 * @property {readonly D[]} dtypes
 * @property {D} picked
 * @property {(dtype: D) => string} describe the small print of each
 */

/** As benchmarks/quality.py measured them; the README has more of its figures. */
const approximate = "q4 is approximate: cosines of 0.998 (gpt2-mini) and 0.968 (all-MiniLM-L6-v2) on average with " +
  "the server’s vectors. Compare such vectors with each other, not with others.";

/** @type {readonly Dtype[]} */
const wireDtypes = ["f32", "f16", "q8"];

/**
 * @param {Pick<import("./state.js").Actions, "onChoose">} actions
 * @returns {(state: State) => void}
 */
export function createModelControls({ onChoose }) {
  const select = byId("model", HTMLSelectElement);
  const card = byId("cut", HTMLElement);
  const facts = byId("model-facts", HTMLElement);
  select.addEventListener("change", () => onChoose({ model: select.value }));
  const note = byId("dtype-note", HTMLElement);
  setText(note, approximate);
  const weights = createSegments("dtype", (/** @type {WeightDtype} */ dtype) => onChoose({ dtype }));
  const wire = createSegments("wire", (/** @type {Dtype} */ dtype) => onChoose({ wire: dtype }));
  /** @type {readonly ModelInfo[]} */
  let listed = [];

  return ({ connection, models, model, device, distrust, choice, split }) => {
    if (models !== listed) {
      listed = models;
      select.replaceChildren(...models.map(({ name }) => el("option", { value: name }, name)));
    }
    card.classList.toggle("empty-card", !model);
    card.hidden = !model && connection.kind !== "connecting";
    if (!model) return;
    select.value = choice.model ?? model.name;
    setText(facts, describeModel(model));
    const isDisabled = whyNoOffload({ device, model, distrust }) !== "";
    weights({
      isDisabled,
      dtypes: model.dtypes,
      picked: choice.dtype,
      describe: (dtype) => weightOf(model, { ...choice, dtype }, split),
    });
    note.hidden = choice.dtype !== "q4" || isDisabled;
    wire({
      isDisabled,
      dtypes: wireDtypes,
      picked: choice.wire,
      describe: (dtype) => `${formatBytes(tokenBytes(model, dtype))} a token`,
    });
  };
}

/**
 * A group of radio buttons drawn as one control.
 * @template {string} D
 * @param {string} id of the fieldset, and the radio buttons' name
 * @param {(dtype: D) => void} onPick
 * @returns {(shown: Segments<D>) => void}
 */
function createSegments(id, onPick) {
  const group = byId(id, HTMLFieldSetElement);
  const box = el("div", { class: "segments" });
  group.append(box);
  /** @type {Map<D, {label: HTMLElement, input: HTMLInputElement, detail: HTMLElement}>} */
  let segments = new Map();

  return ({ isDisabled, dtypes, picked, describe }) => {
    // What the browser cannot run, it cannot choose either.
    group.hidden = isDisabled;
    if (dtypes.join() !== [...segments.keys()].join()) {
      segments = new Map(dtypes.map((dtype) => [dtype, segment(id, dtype, onPick)]));
      box.replaceChildren(...[...segments.values()].map(({ label }) => label));
    }
    for (const [dtype, { input, detail }] of segments) {
      input.checked = dtype === picked;
      setText(detail, describe(dtype));
    }
  };
}

/** @template {string} D @param {string} name @param {D} dtype @param {(dtype: D) => void} onPick */
function segment(name, dtype, onPick) {
  const input = el("input", { type: "radio", name, value: dtype });
  input.addEventListener("change", () => onPick(dtype));
  const detail = el("small");
  const label = el("label", {}, input, el("span", {}, el("b", {}, dtype), detail));
  return { label, input, detail };
}

/** @param {ModelInfo} model */
function describeModel({ n_layer, n_embd, parameters, max_tokens }) {
  return [
    plural(n_layer, "layer"),
    `${n_embd} dimensions`,
    `${formatCount(parameters)} parameters`,
    `up to ${max_tokens.toLocaleString("en")} tokens`,
  ].join(" · ");
}

/**
 * What the browser's side weighs; a layer, where it has none.
 * @param {ModelInfo} model @param {State["choice"]} choice @param {number} cut
 */
function weightOf({ n_layer, bytes }, { dtype, direction }, cut) {
  const sizes = bytes[dtype];
  const run = runOf(direction, cut, n_layer);
  return run.start === run.stop ? `${formatBytes(sizes.layer)} each` : formatBytes(runBytes(run, n_layer, sizes));
}

/** Rows of the hidden state; q8 adds a scale of four bytes. @param {ModelInfo} model @param {Dtype} dtype */
function tokenBytes({ n_embd }, dtype) {
  return { f32: 4 * n_embd, f16: 2 * n_embd, q8: n_embd + 4 }[dtype];
}
