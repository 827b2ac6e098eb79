// @ts-check
/** Whether the text goes to the server or stays in this browser. */

import { byId, setText } from "./dom.js";
import { keepsText, whyNoOffload } from "./state.js";

/** @typedef {import("./state.js").State} State */

const words = {
  "server-first": "Your text goes to the server, which starts; your browser finishes.",
  "client-first": "Your browser starts and the server finishes from the hidden state; neither the text nor its tokens are sent. " +
    "Whoever runs the server could still work back from a hidden state, so this is no guarantee.",
};

/** @param {Pick<import("./state.js").Actions, "onChoose">} actions @returns {(state: State) => void} */
export function createTextControl({ onChoose }) {
  const keep = byId("keep-text", HTMLInputElement);
  const note = byId("keep-text-words", HTMLElement);
  const row = byId("keep-text-row", HTMLElement);
  keep.addEventListener("change", () => onChoose({ direction: keep.checked ? "client-first" : "server-first" }));
  return (state) => {
    keep.checked = keepsText(state);
    setText(note, words[state.choice.direction]);
    // Whoever has chosen it must be able to take it back.
    row.hidden = !keepsText(state) && whyNoOffload(state) !== "";
  };
}
