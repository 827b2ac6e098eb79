// @ts-check
/** The check: is the result the same as the server's alone? The verdict in words. */

import { byId, el, keepFocus, setDisabled, setText } from "./dom.js";
import { isBusy, keepsText } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Result} Result
 * @typedef {import("./compare.js").Comparison} Comparison
 */

/** @param {Pick<import("./state.js").Actions, "onCheck">} actions @returns {(state: State) => void} */
export function createCheck({ onCheck }) {
  const region = byId("check", HTMLElement);
  const start = byId("check-start", HTMLButtonElement);
  const words = byId("check-words", HTMLElement);
  const problem = byId("check-problem", HTMLElement);
  start.addEventListener("click", onCheck);

  return (state) =>
    keepFocus(region, () => {
      const { result, checking, comparison } = state;
      const busy = checking.kind === "busy";
      setDisabled(start, isBusy(state));
      setText(start, busy ? "Asking the server…" : "Compare with the server alone");
      start.hidden = keepsText(state) || isByServer(result);
      region.classList.toggle("passed", comparison?.within === true);
      region.classList.toggle("missed", comparison?.within === false);
      const kept = "Your text stays in this browser: to compare, the server would have to see it.";
      words.replaceChildren(...(keepsText(state) ? [kept] : verdict(result, comparison)));
      setText(problem, checking.kind === "failed" ? checking.message : "");
    });
}

/** @param {Result | null} result @param {Comparison | null} comparison @returns {(Node | string)[]} */
function verdict(result, comparison) {
  if (isByServer(result)) return ["The server ran everything itself: there is nothing to compare."];
  if (!comparison) return ["The server can run every layer for the same texts, to see whether the numbers agree."];
  const { maxDifference, minCosine, tolerance } = comparison;
  const numbers =
    `Largest difference ${scientific(maxDifference)}, smallest cosine ${minCosine.toFixed(6)}; ` +
    `up to ${scientific(tolerance)} is expected of ${rounding(result)}.`;
  return [el("strong", {}, `${comparison.verdict}.`), ` ${numbers}`];
}

/** Alone. @param {Result | null} result */
function isByServer(result) {
  return result?.finish === "server" && result.embed === "server";
}

/** @param {Result | null} result */
function rounding(result) {
  const dtype = result?.choice.dtype;
  const wire = result?.choice.wire;
  return dtype === wire ? `${dtype} throughout` : `${dtype} weights and an ${wire} hidden state`;
}

/** 0.000123 → "1.2 × 10⁻⁴". @param {number} value */
function scientific(value) {
  if (value === 0) return "0";
  const [mantissa = "", exponent = ""] = value.toExponential(1).split("e");
  const raised = [...exponent.replace("+", "")].map((digit) => superscripts[digit] ?? "").join("");
  return `${mantissa}\u00a0×\u00a010${raised}`;
}

/** @type {Readonly<Record<string, string>>} */
const superscripts = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
