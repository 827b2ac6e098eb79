// @ts-check
/** What this visitor's GPU has carried since the page was opened. */

import { el } from "./dom.js";
import { formatBytes, formatCount, plural } from "./format.js";

/** @typedef {import("./state.js").State} State */

/** @param {HTMLElement} root @returns {(state: State) => void} */
export function createCarried(root) {
  /** @type {State["carried"] | null} */
  let drawn = null;
  return ({ carried, device }) => {
    root.hidden = carried.requests === 0 || !device?.ok;
    if (carried === drawn) return;
    drawn = carried;
    root.replaceChildren(...facts(carried));
  };
}

/** @param {State["carried"]} carried */
function facts({ requests, server, browser, up, down }) {
  const share = Math.round((100 * browser) / Math.max(server + browser, 1));
  const rows = [
    ["By your GPU", `${formatCount(browser)} layer-tokens`],
    ["By the server", `${formatCount(server)} layer-tokens`],
    ["Sent and received", `${formatBytes(up)} and ${formatBytes(down)}`],
  ];
  const list = rows.map(([name = "", value = ""]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  const words = `Your GPU carried ${share}% of the layers’ work of ${plural(requests, "request")}.`;
  return [
    el("h3", {}, "Carried since you opened this page"),
    el("p", {}, words, " ", el("span", { class: "muted" }, "A layer-token is one token through one layer.")),
    el("dl", { class: "facts" }, ...list),
  ];
}
