// @ts-check
/** The texts, the examples, and the button that embeds them. */

import { button, byId, setDisabled, setText } from "./dom.js";
import { examples } from "./examples.js";
import { plural } from "./format.js";
import { textsOf } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Actions} Actions
 */

/** @param {Pick<Actions, "onText" | "onEmbed" | "onCancelEmbed">} actions @returns {(state: State) => void} */
export function createTextForm({ onText, onEmbed, onCancelEmbed }) {
  const form = byId("text-form", HTMLFormElement);
  const area = byId("text", HTMLTextAreaElement);
  const perLine = byId("one-per-line", HTMLInputElement);
  const count = byId("text-count", HTMLElement);
  const problem = byId("text-problem", HTMLElement);
  const embed = byId("embed", HTMLButtonElement);
  const cancel = button("Cancel", onCancelEmbed);
  embed.after(cancel);

  byId("examples", HTMLElement).append(
    ...examples.map(({ name, text }) => button(name, () => onText({ text, onePerLine: true }), "chip")),
  );
  area.addEventListener("input", () => onText({ text: area.value }));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  perLine.addEventListener("change", () => onText({ onePerLine: perLine.checked }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onEmbed();
  });

  /** @type {State["text"] | null} */
  let counted = null;
  return (state) => {
    const { embedding, text } = state;
    const busy = embedding.kind === "busy";
    if (area.value !== text) area.value = text;
    perLine.checked = state.onePerLine;
    const key = `${state.onePerLine}${text}`;
    if (key !== counted) {
      counted = key;
      const texts = textsOf(state);
      setText(count, texts.length ? plural(texts.length, "text") : "no text yet");
      embed.dataset.label = texts.length > 1 ? `Embed ${plural(texts.length, "text")}` : "Embed";
    }
    setText(embed, busy ? "Embedding…" : (embed.dataset.label ?? ""));
    setDisabled(embed, busy || state.connection.kind !== "open" || state.benchmarking.kind === "busy");
    if (!busy && document.activeElement === cancel) embed.focus();
    cancel.hidden = !busy;
    setText(problem, embedding.kind === "failed" ? embedding.message : "");
    area.setAttribute("aria-invalid", String(embedding.kind === "failed"));
  };
}
