// @ts-check
/** The vectors: a picture, the first values, and copies of all of them. */

import { button, copyFrom, el } from "./dom.js";
import { download, toNumbers } from "./downloads.js";

/** @typedef {import("./state.js").Result} Result */

const pageSize = 6;
const previewValues = 6;
const columns = 192;

/** @param {HTMLElement} root @param {Result} result */
export function drawVectors(root, result) {
  const list = el("ol", { class: "vectors" });
  const more = button("", showMore);
  root.replaceChildren(list, el("div", { class: "controls" }, more, ...fileButtons(result)));
  showMore();

  function showMore() {
    const from = list.childElementCount;
    const next = result.embeddings.slice(from, from + pageSize);
    list.append(...next.map((vector, i) => row(result.texts[from + i] ?? "", vector, from + i)));
    const left = result.embeddings.length - list.childElementCount;
    more.hidden = left === 0;
    more.textContent = left <= pageSize ? `Show ${left} more` : `Show ${pageSize} of ${left} more`;
    // The button may just have gone: the focus moves on to what it brought.
    if (from > 0) list.children[from]?.querySelector("button")?.focus();
  }
}

/** @param {Result} result */
function fileButtons(result) {
  return [
    button("Download JSON", () => download(result, "json")),
    button("CSV", () => download(result, "csv")),
    button(".npy", () => download(result, "npy")),
  ];
}

/** @param {string} text @param {Float32Array} vector @param {number} index */
function row(text, vector, index) {
  const copy = button("Copy", () => void copyFrom(copy, JSON.stringify(toNumbers(vector))));
  copy.setAttribute("aria-label", `Copy vector ${index + 1}`);
  const values = Array.from(vector.subarray(0, previewValues), (value) => value.toFixed(4)).join(", ");
  const words = el("p", { class: "vector-text", title: text }, el("b", {}, String(index + 1)), " ", text);
  const preview = el("code", { class: "vector-values" }, `[${values}, …]`);
  return el("li", {}, el("div", { class: "vector-words" }, words, preview), strip(vector), copy);
}

/** Every value as a stroke up or down from the middle line. @param {Float32Array} vector */
function strip(vector) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("class", "strip");
  svg.setAttribute("viewBox", `0 -1 ${columns} 2`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", strokes(vector));
  svg.append(path);
  return svg;
}

/** Neighbours share a column and keep their extremes. @param {Float32Array} vector */
function strokes(vector) {
  const largest = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0) || 1;
  const perColumn = vector.length / columns;
  let path = "";
  for (let column = 0; column < columns; column++) {
    const start = Math.floor(column * perColumn);
    const stop = Math.max(start + 1, Math.floor((column + 1) * perColumn));
    const values = vector.subarray(start, stop);
    const low = Math.min(0, ...values) / largest;
    const high = Math.max(0, ...values) / largest;
    path += `M${column + 0.5} ${(-high).toFixed(3)}V${(-low).toFixed(3)}`;
  }
  return path;
}
