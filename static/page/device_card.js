// @ts-check
/** The device card: what does the browser's share of the work, and what it can do. */

import { byId, el, keepFocus, setText } from "./dom.js";
import { formatBytes, sentence } from "./format.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Device} Device
 * @typedef {import("../device.js").Gpu} Gpu
 */

/** @type {readonly {name: string, label: string, isBytes: boolean}[]} */
const shownLimits = [
  { name: "maxBufferSize", label: "Largest buffer", isBytes: true },
  { name: "maxStorageBufferBindingSize", label: "Largest binding", isBytes: true },
  { name: "maxComputeWorkgroupStorageSize", label: "Memory of a workgroup", isBytes: true },
  { name: "maxComputeInvocationsPerWorkgroup", label: "Threads in a workgroup", isBytes: false },
];

/** What speeds the kernels up; none of it is required. */
const usefulFeatures = [
  { name: "subgroups", label: "Subgroups" },
  { name: "shader-f16", label: "16-bit arithmetic" },
];

/** @param {Pick<import("./state.js").Actions, "onForget">} actions @returns {(state: State) => void} */
export function createDeviceCard({ onForget }) {
  const body = byId("device-body", HTMLElement);
  const kept = byId("kept", HTMLElement);
  const keptWords = byId("kept-words", HTMLElement);
  const forget = byId("forget", HTMLButtonElement);
  forget.addEventListener("click", onForget);
  /** @type {Device | null} */
  let drawn = null;

  return ({ device, kept: bytes, model, connection }) => {
    if (!device && connection.kind !== "connecting") setText(body, "Seen once the server answers.");
    if (device && device !== drawn) body.replaceChildren(...(device.ok ? works(device) : missing(device)));
    drawn = device;
    keepFocus(kept, () => {
      kept.hidden = !device?.ok;
      forget.hidden = bytes === 0;
      const words = bytes
        ? `Kept in this browser: ${formatBytes(bytes)} of ${model?.name}.`
        : "No layers are kept in this browser.";
      setText(keptWords, words);
    });
  };
}

/** @param {Gpu} device */
function works(device) {
  const { browser, vendor, architecture, description, features, limits } = device;
  const facts = [
    ["Browser", browser],
    ...(description ? [["GPU", description]] : []),
    ["Vendor", vendor || "not told"],
    ["Architecture", architecture || "not told"],
  ];
  const sizes = shownLimits
    .filter(({ name }) => limits[name] !== undefined)
    .map(({ name, label, isBytes }) => {
      const value = limits[name] ?? 0;
      return [label, isBytes ? formatBytes(value) : value.toLocaleString("en")];
    });
  const uses = usefulFeatures.map(({ name, label }) => [label, features.includes(name) ? "yes" : "no"]);
  const chips = [...features].sort().map((feature) => el("li", {}, feature));
  return [
    pairs(facts),
    el("h3", {}, "Limits"),
    pairs(sizes),
    el("h3", {}, "Features"),
    pairs(uses),
    el(
      "details",
      {},
      el("summary", {}, `All ${features.length} features`),
      el("ul", { class: "features" }, ...chips),
    ),
  ];
}

/** @param {{reason: string}} device */
function missing({ reason }) {
  return [
    el("p", {}, el("strong", {}, "This browser computes nothing here. "), sentence(reason)),
    el("p", { class: "muted" }, "The server runs every layer; the vectors are the same. " +
      "Current versions of Chrome, Edge and Safari have WebGPU, on pages from localhost or over https."),
  ];
}

/** @param {string[][]} entries */
function pairs(entries) {
  const rows = entries.map(([name = "", value = ""]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return el("dl", { class: "facts" }, ...rows);
}
