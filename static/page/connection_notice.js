// @ts-check
/** Says how the connection to the server stands, and asks for the API key where it needs one. */

import { byId, keepFocus, setText } from "./dom.js";
import { deviceName } from "./format.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Actions} Actions
 */

/** @param {Pick<Actions, "onKey" | "onReconnect">} actions @returns {(state: State) => void} */
export function createConnectionNotice({ onKey, onReconnect }) {
  const pill = byId("connection", HTMLElement);
  const notice = byId("notice", HTMLElement);
  const words = byId("notice-words", HTMLElement);
  const retry = byId("reconnect", HTMLButtonElement);
  const form = byId("key-form", HTMLFormElement);
  const field = byId("key", HTMLInputElement);
  retry.addEventListener("click", onReconnect);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onKey(field.value.trim());
  });

  return (state) =>
    keepFocus(notice, () => {
      const { connection } = state;
      const asks = connection.kind === "key";
      setText(pill, standing(state));
      pill.dataset.kind = connection.kind === "open" && !state.device?.ok ? "plain" : connection.kind;
      notice.hidden = connection.kind !== "failed" && !asks;
      form.hidden = !asks;
      retry.hidden = connection.kind !== "failed";
      setText(words, "message" in connection ? connection.message : "");
    });
}

/** @param {State} state */
function standing({ connection, device }) {
  switch (connection.kind) {
    case "connecting":
      return "Connecting…";
    case "key":
      return "API key needed";
    case "failed":
      return "Not connected";
    case "open":
      return device?.ok ? `WebGPU: ${deviceName(device)}` : "No WebGPU: the server runs everything";
    default:
      throw new TypeError(String(/** @satisfies {never} */ (connection)));
  }
}
