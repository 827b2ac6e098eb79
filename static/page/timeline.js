// @ts-check
/** Where the time of a request went: one bar, and the same as a table. */

import { el } from "./dom.js";
import { formatMs } from "./format.js";

/**
 * @typedef {import("./state.js").Result} Result
 * @typedef {import("../splitcompute.js").Timings} Timings
 */

/** @type {readonly {key: keyof Timings, label: string, where: string, side: string}[]} */
const stages = [
  { key: "tokenize", label: "Tokenise", where: "server", side: "server faint" },
  { key: "server", label: "Server layers", where: "server", side: "server" },
  { key: "network", label: "Network", where: "between", side: "network" },
  { key: "load", label: "Wait for layers", where: "browser", side: "browser faint" },
  { key: "upload", label: "Upload to the GPU", where: "browser", side: "browser faint" },
  { key: "browser", label: "Browser layers", where: "browser", side: "browser" },
  { key: "readback", label: "Read-back", where: "browser", side: "browser faint" },
];
/** Who makes the tokens depends. */
const byBrowser = { where: "browser", side: "browser faint" };
/** Less than this share of the whole is not worth a row. */
const smallestRest = 0.01;

/** @param {HTMLElement} root @param {Result} result */
export function drawTimeline(root, { timings, embed }) {
  const rows = stages
    .map((stage) => ({ ...stage, ms: timings[stage.key] }))
    .map((stage) => (stage.key === "tokenize" && embed === "browser" ? { ...stage, ...byBrowser } : stage))
    .filter(({ ms }) => ms > 0);
  const rest = timings.total - rows.reduce((sum, { ms }) => sum + ms, 0);
  if (rest > smallestRest * timings.total) {
    rows.push({ key: "total", label: "Waiting between stages", where: "between", side: "rest", ms: rest });
  }
  const bar = el("div", { class: "timeline-bar", "aria-hidden": "true" });
  for (const { side, ms, label } of rows) {
    const segment = el("span", { class: `segment ${side}`, title: `${label}: ${formatMs(ms)}` });
    segment.style.flexGrow = String(ms);
    bar.append(segment);
  }
  root.replaceChildren(bar, table(rows, timings.total));
}

/** @param {readonly {label: string, where: string, side: string, ms: number}[]} rows @param {number} total */
function table(rows, total) {
  const body = rows.map(({ label, where, side, ms }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("span", { class: `swatch ${side}`, "aria-hidden": "true" }), label),
      el("td", { class: "where" }, where),
      el("td", { class: "number" }, formatMs(ms)),
    ),
  );
  const sum = el(
    "tr",
    { class: "sum" },
    el("th", { scope: "row" }, "In all"),
    el("td"),
    el("td", { class: "number" }, formatMs(total)),
  );
  const head = el(
    "tr",
    {},
    ...["Stage", "Where", "Time"].map((name) => el("th", { scope: "col" }, name)),
  );
  return el(
    "table",
    { class: "timeline-table" },
    el("caption", { class: "visually-hidden" }, "Time of each stage of the request"),
    el("thead", { class: "visually-hidden" }, head),
    el("tbody", {}, ...body, sum),
  );
}
