// @ts-check
/** The code card: a tab for each language, and a copy button. */

import { serverUrl } from "../exchange.js";
import { readApiKey } from "./api_key.js";
import { byId, copyFrom, el, setText } from "./dom.js";
import { shortened, snippets } from "./snippets.js";
import { textsOf } from "./state.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./snippets.js").Language} Language
 * @typedef {import("./snippets.js").Request} Request
 */

const languages = /** @type {Language[]} */ (Object.keys(snippets));

/** @returns {(state: State) => void} */
export function createCodeCard() {
  const card = byId("code-card", HTMLElement);
  const tabList = byId("code-tabs", HTMLElement);
  const panel = byId("code-panel", HTMLElement);
  const code = byId("code", HTMLElement);
  const about = byId("code-about", HTMLElement);
  const copy = byId("code-copy", HTMLButtonElement);
  /** @type {Language} */
  let language = "curl";
  /** @type {Request | null} */
  let request = null;

  const tabs = languages.map((name) => {
    const attributes = { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": panel.id };
    return el("button", attributes, snippets[name].label);
  });
  tabList.append(...tabs);
  for (const [i, tab] of tabs.entries()) tab.addEventListener("click", () => pick(i));
  tabList.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    pick((languages.indexOf(language) + step + tabs.length) % tabs.length);
    tabs[languages.indexOf(language)]?.focus();
  });
  copy.addEventListener("click", () => void copyFrom(copy, code.textContent ?? ""));

  /** @param {number} index */
  function pick(index) {
    language = languages[index] ?? language;
    draw();
  }

  function draw() {
    for (const [i, tab] of tabs.entries()) {
      const isPicked = languages[i] === language;
      tab.setAttribute("aria-selected", String(isPicked));
      tab.tabIndex = isPicked ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `tab-${language}`);
    if (!request) return;
    setText(code, snippets[language].write(request));
    setText(about, [snippets[language].about, shortened(request)].join(" ").trim());
  }

  return (state) => {
    card.hidden = !state.model && state.connection.kind !== "connecting";
    if (!state.model) return;
    request = requestOf(state);
    draw();
  };
}

/** What was done last; before that, what the page is set to. @param {State} state @returns {Request} */
function requestOf(state) {
  const { result } = state;
  const model = result?.model ?? state.model;
  const { dtype, wire } = result?.choice ?? state.choice;
  return {
    url: serverUrl(),
    model: model?.name ?? "",
    n_layer: model?.n_layer ?? 0,
    texts: result?.texts ?? textsOf(state),
    split: result?.wanted ?? state.split,
    policy: result?.policy ?? state.policy,
    direction: result?.choice.direction ?? state.choice.direction,
    dtype,
    wire,
    withKey: readApiKey() !== undefined,
  };
}
