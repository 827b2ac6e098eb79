// @ts-check
/** What came back: a summary in words, then the timeline, the heatmap and the vectors. */

import { byId, el, setText } from "./dom.js";
import { formatBytes, formatMs, plural, sidesOf } from "./format.js";
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
function whoRanWhat({ layers, finish, embed, model: { n_layer } }) {
  const server = el("strong", { class: "server-word" }, "server");
  const browser = el("strong", { class: "browser-word" }, "browser");
  const here = layers.filter(({ where }) => where !== "server").map(({ layer }) => layer);
  const [start = n_layer, stop = (here.at(-1) ?? n_layer - 1) + 1] = [here[0]];
  if (embed !== "browser") {
    if (finish === "server") return ["The ", server, " ran everything."];
    const sides = sidesOf(n_layer, { start, stop, embeds: false });
    return ["The ", server, ` ran ${sides.server}; your `, browser, ` ran ${sides.browser}.`];
  }
  if (finish === "browser") return ["Your ", browser, " ran everything: the text did not leave it, and the server was not asked."];
  const sides = sidesOf(n_layer, { start: 0, stop: here.length, embeds: true });
  return ["Your ", browser, ` ran ${sides.browser}: the text did not leave it. The `, server, ` ran ${sides.server}.`];
}
