// @ts-check
/** The texts, the examples, and the button that embeds them. */

import { button, byId, setDisabled, setText } from "./dom.js";
import { examples } from "./examples.js";
import { plural } from "./format.js";
import { isBusy, textsOf } from "./state.js";

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
  // No alert: the request goes on by itself, and #status has said so.
  const wait = byId("text-wait", HTMLElement);
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

  let counted = "";
  let label = "Embed";
  return (state) => {
    const { embedding, text } = state;
    const busy = embedding.kind === "busy";
    if (area.value !== text) area.value = text;
    perLine.checked = state.onePerLine;
    // Long texts are not counted anew at every drawing.
    const key = `${state.onePerLine}${text}`;
    if (key !== counted) {
      counted = key;
      const texts = textsOf(state).length;
      setText(count, texts ? plural(texts, "text") : "no text yet");
      label = texts > 1 ? `Embed ${plural(texts, "text")}` : "Embed";
    }
    setText(embed, busy ? "Embedding…" : label);
    setDisabled(embed, isBusy(state) || state.connection.kind !== "open");
    if (!busy && document.activeElement === cancel) embed.focus();
    cancel.hidden = !busy;
    setText(problem, embedding.kind === "failed" ? embedding.message : "");
    setText(wait, embedding.kind === "busy" ? embedding.step : "");
    area.setAttribute("aria-invalid", String(embedding.kind === "failed" && embedding.isOfText === true));
  };
}
