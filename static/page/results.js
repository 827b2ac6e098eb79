// @ts-check
/** What came back: a summary in words, then the timeline, the heatmap and the vectors. */

import { byId, el, setText } from "./dom.js";
import { formatBytes, formatMs, plural, sidesOfCut } from "./format.js";
import { drawHeatmap } from "./heatmap.js";
import { drawTimeline } from "./timeline.js";
import { drawVectors } from "./vectors.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Result} Result
 */

/** @returns {(state: State) => void} */
export function createResults() {
  const empty = byId("result-empty", HTMLElement);
  const body = byId("result-body", HTMLElement);
  const card = byId("result", HTMLElement);
  /** @type {Result | null} */
  let drawn = null;
  return ({ result, embedding }) => {
    card.setAttribute("aria-busy", String(embedding.kind === "busy"));
    empty.hidden = result !== null;
    body.hidden = result === null;
    if (!result || result === drawn) return;
    drawn = result;
    drawSummary(result);
    drawTimeline(byId("timeline", HTMLElement), result);
    drawHeatmap(byId("heatmap", HTMLElement), result);
    drawVectors(byId("vectors", HTMLElement), result);
    showWhereUnseen(card);
  };
}

/** One sentence for the screen and the screen reader alike. @param {Result} result */
export function summarise({ texts, dimensions, timings }) {
  const time = formatMs(timings.total);
  return texts.length === 1
    ? `One vector of ${dimensions} numbers in ${time}`
    : `${texts.length.toLocaleString("en")} vectors of ${dimensions} numbers in ${time}`;
}

/** On a narrow screen the result lies below the button that made it. @param {HTMLElement} card */
function showWhereUnseen(card) {
  const room = innerHeight - card.getBoundingClientRect().top;
  if (room < innerHeight / 4) card.scrollIntoView();
}

/** @param {Result} result */
function drawSummary(result) {
  setText(byId("result-summary", HTMLElement), summarise(result));
  byId("result-where", HTMLElement).replaceChildren(...whoRanWhat(result));
  const tokens = result.tokens.reduce((sum, count) => sum + count, 0);
  const { up, down } = result.bytes;
  const facts = [result.model.name, `${formatBytes(up)} up, ${formatBytes(down)} down`];
  if (tokens > 0) facts.splice(1, 0, plural(tokens, "token"));
  setText(byId("result-facts", HTMLElement), facts.join(" · "));
  const reason = byId("result-reason", HTMLElement);
  reason.hidden = !result.reason;
  setText(reason, result.reason ? `Why this cut: ${result.reason}.` : "");
  const note = byId("result-note", HTMLElement);
  note.hidden = !result.note;
  setText(note, result.note ?? "");
}

/** Who ran what, from the layers as reported rather than as asked for. @param {Result} result */
function whoRanWhat({ layers, finish, model }) {
  const server = el("strong", { class: "server-word" }, "server");
  if (finish === "server") return ["The ", server, " ran everything."];
  const split = layers.filter(({ where }) => where === "server").length;
  const sides = sidesOfCut(model.n_layer, split);
  const browser = el("strong", { class: "browser-word" }, "browser");
  return ["The ", server, ` ran ${sides.server}; your `, browser, ` ran ${sides.browser}.`];
}
