// @ts-check
/** The live chart: the server's rate with the browsers' on top of it. */

import { el } from "../page/dom.js";
import { formatCount } from "../page/format.js";
import { shownMs } from "./history.js";

/** @typedef {import("./history.js").Rate} Rate */

/** @param {HTMLElement} root @param {readonly Rate[]} rates @param {number} now ms */
export function drawChart(root, rates, now) {
  const most = Math.max(1, ...rates.map(({ server, browser }) => server + browser));
  const x = (/** @type {number} */ at) => Math.max(0, 1 - (now - at) / shownMs);
  const y = (/** @type {number} */ rate) => 1 - rate / most;
  const svg = shape("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const height of [0, 0.5, 1]) svg.append(shape("path", { class: "grid", d: `M0 ${height}H1` }));
  svg.append(
    shape("path", { class: "area server", d: area(rates, x, (rate) => [y(0), y(rate.server)]) }),
    shape("path", {
      class: "area browser",
      d: area(rates, x, (rate) => [y(rate.server), y(rate.server + rate.browser)]),
    }),
  );
  const runs = rates.some(({ server, browser }) => server + browser > 0);
  const label = runs ? `${formatCount(Math.round(most))} a second` : "Nothing runs.";
  root.replaceChildren(svg, el("span", { class: "most" }, label));
}

/**
 * A step for each rate, which held from one poll to the next.
 * @param {readonly Rate[]} rates
 * @param {(at: number) => number} x
 * @param {(rate: Rate) => [number, number]} span from its lower to its upper edge
 */
function area(rates, x, span) {
  return rates
    .map((rate) => {
      const [low, high] = span(rate);
      return `M${x(rate.from)} ${low}V${high}H${x(rate.to)}V${low}Z`;
    })
    .join("");
}

/** @param {string} tag @param {Record<string, string>} attributes */
function shape(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
