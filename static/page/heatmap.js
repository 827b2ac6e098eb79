// @ts-check
/** How alike the texts are: a table of cosines, coloured so that it reads as a heatmap. */

import { similarities } from "./compare.js";
import { el } from "./dom.js";
import { plural } from "./format.js";

/** @typedef {import("./state.js").Result} Result */

/** More cells than this squared are neither legible nor quick to draw. */
const mostTexts = 24;
/** Up to here a cell has room for its number. */
const mostNumbers = 12;
/** Here black and white ink contrast with the cell alike (4.5 to 1), in both colour schemes. */
const deepHeat = 0.66;

/** @param {HTMLElement} root @param {Result} result */
export function drawHeatmap(root, { texts, embeddings }) {
  if (texts.length < 2) {
    root.replaceChildren(el("p", { class: "muted" }, "With two texts or more, this shows how alike they are."));
    return;
  }
  const shown = Math.min(texts.length, mostTexts);
  const matrix = similarities(embeddings.slice(0, shown));
  const lowest = Math.min(...matrix.flat());
  const children = [el("p", {}, describeExtremes(matrix)), scroller(table(texts, matrix, lowest)), legend(lowest)];
  if (shown < texts.length) {
    const note = `The first ${shown} of ${plural(texts.length, "text")} are shown; the downloads hold all.`;
    children.push(el("p", { class: "muted" }, note));
  }
  root.replaceChildren(...children);
}

/** @param {readonly string[]} texts @param {number[][]} matrix @param {number} lowest */
function table(texts, matrix, lowest) {
  const numbers = matrix.map((_, column) => el("th", { scope: "col", class: "number" }, String(column + 1)));
  const head = el("tr", {}, el("td"), ...numbers);
  const rows = matrix.map((cosines, row) => {
    const cells = cosines.map((cosine, column) => cell(cosine, lowest, `${row + 1} and ${column + 1}`));
    return el("tr", {}, rowName(row + 1, texts[row] ?? ""), ...cells);
  });
  const dense = matrix.length > mostNumbers ? " dense" : "";
  const element = el(
    "table",
    { class: `heatmap${dense}` },
    el("caption", { class: "visually-hidden" }, "Cosine similarity of every pair of texts"),
    el("thead", {}, head),
    el("tbody", {}, ...rows),
  );
  element.style.setProperty("--columns", String(matrix.length));
  return element;
}

/** @param {number} number @param {string} text */
function rowName(number, text) {
  return el("th", { scope: "row", title: text }, el("b", {}, String(number)), el("span", {}, text));
}

/** @param {number} cosine @param {number} lowest @param {string} pair */
function cell(cosine, lowest, pair) {
  const heat = lowest < 1 ? (cosine - lowest) / (1 - lowest) : 1;
  const text = formatCosine(cosine);
  const className = heat > deepHeat ? "cell deep" : "cell";
  const element = el("td", { class: className, title: `${pair}: ${text}` }, el("span", {}, text));
  element.style.setProperty("--heat", `${(100 * heat).toFixed(1)}%`);
  return element;
}

/** Wide tables scroll by themselves, by keyboard too. @param {HTMLTableElement} content */
function scroller(content) {
  const attributes = { class: "scroller", tabindex: 0, role: "group", "aria-label": "Similarity table" };
  return el("div", attributes, content);
}

/** @param {number} lowest */
function legend(lowest) {
  const ramp = el("span", { class: "ramp", "aria-hidden": "true" });
  return el("p", { class: "legend muted" }, `cosine ${formatCosine(lowest)}`, ramp, "1.00");
}

/** @param {number[][]} matrix */
function describeExtremes(matrix) {
  const pairs = matrix.flatMap((cosines, row) =>
    cosines.slice(0, row).map((cosine, column) => ({ cosine, pair: `${column + 1} and ${row + 1}` })),
  );
  pairs.sort((a, b) => b.cosine - a.cosine);
  const most = pairs[0];
  const least = pairs.at(-1);
  if (!most || !least) return "";
  const closest = `Most alike: texts ${most.pair} (${formatCosine(most.cosine)}).`;
  if (pairs.length === 1) return `Cosine similarity of the two: ${formatCosine(most.cosine)}.`;
  return `${closest} Least alike: ${least.pair} (${formatCosine(least.cosine)}).`;
}

/** @param {number} cosine */
function formatCosine(cosine) {
  // Adding 0 turns −0 into 0.
  return (Math.round(cosine * 100) / 100 + 0).toFixed(2).replace("-", "−");
}
