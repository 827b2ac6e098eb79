// @ts-check
/** Remembers what the visitor chose: the formats of weights and hidden states, and where texts go. */

import { recall, remember } from "./memory.js";

/**
 * @typedef {import("./state.js").Choice} Choice
 * @typedef {Omit<Choice, "model">} Remembered the model is the server's to have or not
 */

/** The default comes first. @type {{[Name in keyof Remembered]: readonly [Choice[Name], ...Choice[Name][]]}} */
const choices = {
  dtype: ["f16", "f32", "q8", "q4"],
  wire: ["f32", "f16", "q8"],
  // Whoever kept texts here once must not send one after a reload.
  direction: ["server-first", "client-first"],
};

/** @returns {Remembered} */
export function rememberedChoice() {
  return { dtype: recallOne("dtype"), wire: recallOne("wire"), direction: recallOne("direction") };
}

/** @param {Partial<Choice>} choice */
export function rememberChoice({ dtype, wire, direction }) {
  for (const [name, value] of Object.entries({ dtype, wire, direction })) {
    if (value !== undefined) remember(name, value);
  }
}

/** @template {keyof Remembered} Name @param {Name} name */
function recallOne(name) {
  const known = choices[name];
  const value = recall(name);
  return known.find((one) => one === value) ?? known[0];
}
