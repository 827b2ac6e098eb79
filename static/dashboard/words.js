// @ts-check
/** Money and time in words. */

import { formatBytes, formatMs } from "../page/format.js";

/** @typedef {import("../api.js").Savings} Savings */

/** Two digits that count, also of very little. @param {number} amount in whatever currency */
export function formatMoney(amount) {
  const size = Math.abs(amount);
  const options = size >= 1
    ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
    : { maximumSignificantDigits: 2 };
  const sign = amount < 0 ? "−\u00a0" : amount > 0 ? "+\u00a0" : "";
  return `${sign}${size.toLocaleString("en", options)}`;
}

/** @param {Savings["prices"]} prices */
export function areGiven({ gpu_hour, egress_gb }) {
  return gpu_hour !== null && egress_gb !== null;
}

/** @param {number} seconds */
export function formatSeconds(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3_600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

/** What passes in a layer, to three digits below a millisecond. @param {number} seconds */
export function formatShort(seconds) {
  // Rounded so, 999.5 is a thousand.
  return seconds < 999.5e-6 ? `${(seconds * 1e6).toPrecision(3)}\u00a0µs` : formatMs(seconds * 1_000);
}

/**
 * @param {Savings["money"]} money @param {Savings["prices"]} prices @param {number} extra bytes
 * @returns {string}
 */
export function explainMoney({ work, traffic, total }, prices, extra) {
  if (!areGiven(prices)) {
    return "Start the server with --gpu-hour-price and --egress-price to see what the split saves or costs.";
  }
  if (total === null || work === null || traffic === null) {
    return "Browsers ran layers of a model of which this server has run none since it started, " +
      "so what they saved it cannot be told yet.";
  }
  const currency = "In the currency of the prices.";
  if (total < 0) {
    return `The split costs more than it saves: the ${formatBytes(extra)} sent for it ` +
      `cost more than the work that browsers took over. ${currency}`;
  }
  if (total === 0) return `Nothing saved and nothing spent yet. ${currency}`;
  return traffic < 0
    ? `The work that browsers took over is worth more than the ${formatBytes(extra)} sent for it. ${currency}`
    : `The work that browsers took over cost no more traffic. ${currency}`;
}
