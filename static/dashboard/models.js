// @ts-check
/** A card a model: who ran each layer, and at which split requests were cut. */

import { el } from "../page/dom.js";
import { formatCount, plural } from "../page/format.js";
import { formatShort } from "./words.js";

/**
 * @typedef {import("../api.js").ModelWork} ModelWork
 * @typedef {{name: string, title: string, parts: {side: "server" | "browser", share: number}[]}} Column
 */

/** From here on columns are thin, and not all are named. */
const denseFrom = 16;

/** @param {HTMLElement} root @param {readonly ModelWork[]} models */
export function drawModels(root, models) {
  root.replaceChildren(...models.map(card));
}

/** @param {ModelWork} model */
function card(model) {
  const requests = model.requests_by_split.reduce((sum, count) => sum + count, 0);
  const alone = model.requests_alone > 0 ? `, and ${formatCount(model.requests_alone)} by browsers alone` : "";
  const perToken = model.seconds_a_layer_token;
  const time = perToken === null
    ? "no layer run by the server yet"
    : `a layer-token takes the server ${formatShort(perToken)}`;
  return el(
    "section",
    { class: "card" },
    el(
      "div",
      { class: "card-head" },
      el("h2", {}, model.name),
      el("p", { class: "muted" }, `${plural(requests, "request")}${alone} · ${time}`),
    ),
    el(
      "div",
      { class: "model-grid" },
      chart("Who ran each layer", "Layer-tokens, by layer", layerColumns(model)),
      chart("Where requests were cut", `Requests, by how many layers the server was to run: 0 to ${model.n_layer}`, splitColumns(model)),
    ),
  );
}

/** @param {string} title @param {string} caption @param {readonly Column[]} columns */
function chart(title, caption, columns) {
  const dense = columns.length >= denseFrom ? " dense" : "";
  const items = columns.map(({ name, title: words, parts }) => {
    // There is a gap beside each, also beside one of no height.
    const segments = parts.filter(({ share }) => share > 0).map(({ side, share }) => {
      const segment = el("span", { class: `segment ${side}` });
      segment.style.height = `${100 * share}%`;
      return segment;
    });
    const column = el("span", { class: "column", title: words, "aria-hidden": "true" }, ...segments);
    return el("li", {}, column, el("span", { class: "name", "aria-hidden": "true" }, name),
      el("span", { class: "visually-hidden" }, words));
  });
  return el(
    "div",
    {},
    el("h3", {}, title),
    el("p", { class: "caption" }, caption),
    el("ol", { class: `columns-chart${dense}` }, ...items),
  );
}

/** @param {ModelWork} model @returns {Column[]} */
function layerColumns({ layer_tokens: { server, browser } }) {
  const most = Math.max(1, ...server.map((tokens, layer) => tokens + (browser[layer] ?? 0)));
  return server.map((tokens, layer) => {
    const taken = browser[layer] ?? 0;
    return {
      name: String(layer),
      title: `Layer ${layer}: server ${formatCount(tokens)}, browsers ${formatCount(taken)}`,
      parts: [
        { side: "server", share: tokens / most },
        { side: "browser", share: taken / most },
      ],
    };
  });
}

/** Blue where the server was to run all. @param {ModelWork} model @returns {Column[]} */
function splitColumns({ requests_by_split: counts, n_layer }) {
  const most = Math.max(1, ...counts);
  return counts.map((count, split) => ({
    name: String(split),
    title: `Split ${split}: ${plural(count, "request")}`,
    parts: [{ side: split === n_layer ? "server" : "browser", share: count / most }],
  }));
}
