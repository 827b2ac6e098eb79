// @ts-check
/** Draws the server's figures: who ran the layers, what was sent, and what that saved or cost. */

import { byId, el, setText } from "../page/dom.js";
import { formatBytes, formatCount, plural } from "../page/format.js";
import { drawChart } from "./chart.js";
import { layerTokens } from "./history.js";
import { drawModels } from "./models.js";
import { areGiven, explainMoney, formatMoney, formatSeconds } from "./words.js";

/**
 * @typedef {import("../api.js").Savings} Savings
 * @typedef {import("./history.js").History} History
 * @typedef {[name: string, value: string]} Fact
 */

/** @type {Readonly<Record<string, string>>} */
const causes = {
  no_gpu: "No WebGPU",
  no_weights: "The server keeps its layers",
  load: "Layers did not come, or were gone",
  gpu: "The GPU failed or was lost",
  memory: "The GPU’s memory was full",
  worker: "The browser’s Worker died",
  revision: "The server’s model changed",
  too_large: "Text too long for a hidden state",
  parity: "The browser’s numbers were wrong",
};

/** @param {Savings} savings @param {History} history */
export function drawFigures(savings, history) {
  byId("figures", HTMLElement).hidden = false;
  setText(byId("uptime", HTMLElement), `Counted for ${formatSeconds(savings.uptime_s)}.`);
  drawShare(savings);
  drawMoney(savings);
  drawLive(history);
  drawTraffic(savings);
  drawFallbacks(savings);
  drawChecks(savings);
  drawModels(byId("models", HTMLElement), savings.models);
}

/** @param {Savings} savings */
function drawShare(savings) {
  const { server, browser } = layerTokens(savings);
  const share = browser / (server + browser);
  const headline = Number.isNaN(share)
    ? ["Nothing yet"]
    : [percent(share), " ", el("small", {}, "by browsers")];
  byId("share", HTMLElement).replaceChildren(...headline);
  const bar = byId("share-bar", HTMLElement);
  if (bar.childElementCount === 0) {
    bar.append(el("span", { class: "segment server" }), el("span", { class: "segment browser" }));
  }
  for (const [i, tokens] of [server, browser].entries()) {
    const segment = bar.children[i];
    if (!(segment instanceof HTMLElement)) continue;
    segment.style.flexGrow = String(tokens);
    segment.hidden = tokens === 0; // else there is a gap beside it
  }
  const seconds = savings.models.map(({ seconds_avoided }) => seconds_avoided);
  const known = seconds.filter((each) => each !== null);
  const avoided = formatSeconds(known.reduce((sum, each) => sum + each, 0));
  drawFacts("share-facts", [
    ["By this server", `${formatCount(server)} layer-tokens`],
    ["By browsers, as they report", `${formatCount(browser)} layer-tokens`],
    ["Time of this server avoided", known.length < seconds.length ? "Not known yet" : avoided],
  ]);
}

/** @param {Savings} savings */
function drawMoney({ money, prices, bytes }) {
  const headline = byId("money", HTMLElement);
  const unknown = areGiven(prices) ? "Not known yet" : "No prices given";
  setText(headline, money.total === null ? unknown : formatMoney(money.total));
  headline.className = `headline ${money.total ? (money.total < 0 ? "loss" : "gain") : ""}`;
  setText(byId("money-words", HTMLElement), explainMoney(money, prices, bytes.extra));
  /** @type {Fact[]} */
  const facts = [];
  if (money.work !== null) facts.push([`Work avoided, at ${prices.gpu_hour} an hour`, formatMoney(money.work)]);
  if (money.traffic !== null) facts.push([`Traffic, at ${prices.egress_gb} a GB`, formatMoney(money.traffic)]);
  drawFacts("money-facts", facts);
}

/** @param {History} history */
function drawLive({ rates, now }) {
  drawChart(byId("chart", HTMLElement), rates, now);
  const last = rates.at(-1);
  const words = last
    ? `Now: server ${formatCount(Math.round(last.server))}, browsers ${formatCount(Math.round(last.browser))}`
    : "Measuring…";
  setText(byId("live-words", HTMLElement), words);
}

/** @param {Savings} savings */
function drawTraffic({ bytes }) {
  const { extra, replies_avoided: avoided } = bytes;
  const unit = el("small", {}, extra < 0 ? "fewer sent" : "more sent");
  const headline = extra === 0 ? ["Nothing yet"] : [formatBytes(Math.abs(extra)), " ", unit];
  byId("traffic", HTMLElement).replaceChildren(...headline);
  drawFacts("traffic-facts", [
    ["Hidden states sent", formatBytes(bytes.hidden_states)],
    ["Layer files sent", formatBytes(bytes.layer_files)],
    ["Embeddings not sent in their place", `${avoided > 0 ? "−\u00a0" : ""}${formatBytes(avoided)}`],
    ["All that the server sent", formatBytes(bytes.sent)],
    ["All that it received", formatBytes(bytes.received)],
  ]);
}

/** @param {Savings} savings */
function drawFallbacks({ models }) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { fallbacks } of models) {
    for (const [cause, count] of Object.entries(fallbacks)) {
      counts.set(cause, (counts.get(cause) ?? 0) + count);
    }
  }
  const came = [...counts].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  const total = came.reduce((sum, [, count]) => sum + count, 0);
  setText(byId("fallback", HTMLElement), total ? plural(total, "request") : "Nothing");
  /** @type {Fact[]} */
  const facts = came.map(([cause, count]) => [causes[cause] ?? cause, count.toLocaleString("en")]);
  drawFacts("fallback-facts", total ? facts : [["Browsers finished all that they began", ""]]);
}

/** @param {Savings} savings */
function drawChecks({ models }) {
  const count = (/** @type {keyof Savings["models"][number]["parity_checks"]} */ verdict) =>
    models.reduce((sum, { parity_checks }) => sum + parity_checks[verdict], 0);
  const wrong = count("different");
  byId("checks-facts", HTMLElement).classList.toggle("loss", wrong > 0);
  drawFacts("checks-facts", [
    ["Right", count("same").toLocaleString("en")],
    ["Wrong", wrong.toLocaleString("en")],
    ["Never sent", count("unanswered").toLocaleString("en")],
  ]);
}

/** @param {string} id @param {readonly Fact[]} facts */
function drawFacts(id, facts) {
  const rows = facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  byId(id, HTMLElement).replaceChildren(...rows);
}

/** @param {number} share */
function percent(share) {
  const digits = share > 0 && share < 0.01 ? 1 : 0;
  return `${(100 * share).toFixed(digits)}%`;
}
