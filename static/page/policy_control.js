// @ts-check
/** Who sets the cut of a request: the visitor's hand, or the server's planner by a policy. */

import { byId, el, setText } from "./dom.js";
import { isPlanned, whyNoOffload } from "./state.js";

/** @typedef {import("./state.js").State} State */

/** The default comes first. @type {Record<State["policy"], {label: string, words: string}>} */
const policies = {
  offload: {
    label: "Planner: least work for the server",
    words: "As much in your browser as the answer’s time allows, up to the cut.",
  },
  latency: { label: "Planner: fastest answer", words: "Whatever is predicted to take the least time, up to the cut." },
  server: { label: "The server runs everything", words: "Your browser’s layers rest." },
  browser: { label: "Your browser runs all it can", words: "Whatever time that takes." },
  hand: { label: "I do", words: "Each request is cut where you set it, as soon as your browser has the layers." },
};

/** @param {Pick<import("./state.js").Actions, "onPolicy">} actions @returns {(state: State) => void} */
export function createPolicyControl({ onPolicy }) {
  const select = byId("policy", HTMLSelectElement);
  const words = byId("policy-words", HTMLElement);
  const row = byId("policy-row", HTMLElement);
  const names = /** @type {State["policy"][]} */ (Object.keys(policies));
  select.append(...names.map((name) => el("option", { value: name }, policies[name].label)));
  select.addEventListener("change", () => onPolicy(names[select.selectedIndex] ?? "offload"));
  return (state) => {
    const { policy, model } = state;
    select.value = policy;
    // There is one way only then, of which the panel below tells.
    row.hidden = model !== null && whyNoOffload(state) !== "";
    const limit = isPlanned(state) ? " Move the cut to set it yourself." : "";
    setText(words, policies[policy].words + limit);
  };
}
