// @ts-check
/** The benchmark card: starts it, shows the row, copies it as Markdown. */

import { markdownHeader, markdownRow } from "./benchmark.js";
import { button, byId, copyFrom, el, setDisabled, setText } from "./dom.js";
import { formatMs } from "./format.js";
import { browserIsReady, isBusy } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./benchmark.js").BenchmarkRow} BenchmarkRow
 */

/**
 * @param {Pick<import("./state.js").Actions, "onBenchmark" | "onCancelBenchmark">} actions
 * @returns {(state: State) => void}
 */
export function createBenchmarkCard({ onBenchmark, onCancelBenchmark }) {
  const words = byId("benchmark-words", HTMLElement);
  const problem = byId("benchmark-problem", HTMLElement);
  const output = byId("benchmark-row", HTMLElement);
  const start = byId("benchmark-start", HTMLButtonElement);
  start.addEventListener("click", onBenchmark);
  const cancel = button("Cancel", onCancelBenchmark);
  start.after(cancel);
  /** @type {BenchmarkRow | null} */
  let drawn = null;

  return (state) => {
    const { benchmarking, benchmark } = state;
    const busy = benchmarking.kind === "busy";
    const ready = browserIsReady(state);
    setDisabled(start, isBusy(state) || !ready);
    setText(start, busy ? `Measuring: ${benchmarking.step}…` : "Measure this device");
    if (!busy && document.activeElement === cancel) start.focus();
    cancel.hidden = !busy;
    setText(problem, benchmarking.kind === "failed" ? benchmarking.message : "");
    setText(words, ready || busy ? "Takes a few seconds. Leave the tab in front." : needs(state));
    if (benchmark && benchmark !== drawn) output.replaceChildren(...rowView(benchmark));
    drawn = benchmark;
  };
}

/** @param {State} state */
function needs({ device }) {
  return device && !device.ok
    ? "There is no GPU to measure in this browser."
    : "First let your browser have some layers: move the cut and agree to the download.";
}

/** @param {BenchmarkRow} row */
function rowView(row) {
  const markdown = `${markdownHeader(row)}\n${markdownRow(row)}`;
  const copyRow = button("Copy the row", () => void copyFrom(copyRow, markdownRow(row)));
  const copyTable = button("Copy with header", () => void copyFrom(copyTable, markdown));
  const measures = [
    ...row.layer.map(({ tokens, ms }) => [`A layer, ${tokens} tokens`, formatMs(ms)]),
    ["Loading a layer", formatMs(row.loadMs)],
  ];
  const list = measures.map(([name = "", value = ""]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return [
    el("dl", { class: "figures" }, ...list),
    el("pre", { class: "code", tabindex: 0, role: "group", "aria-label": "Markdown row" }, markdownRow(row)),
    el("div", { class: "controls" }, copyRow, copyTable),
  ];
}
