// @ts-check
/** Starts the dashboard: asks the server for its figures every two seconds and has them drawn. */

import { fetchSavings } from "../api.js";
import { serverUrl } from "../exchange.js";
import { keepApiKey, readApiKey } from "../page/api_key.js";
import { byId, setText } from "../page/dom.js";
import { explain, needsKey } from "../page/format.js";
import { nextEvent, pause } from "../waiting.js";
import { History } from "./history.js";
import { drawFigures } from "./view.js";

const msBetweenPolls = 2_000;
/** As long as the server cannot be reached, or does not know the key. */
const longestMs = 15_000;

void start();

async function start() {
  const history = new History();
  const forever = new AbortController().signal;
  /** Ends the wait for the next poll. */
  let given = new AbortController();
  byId("key-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    keepApiKey(byId("key", HTMLInputElement).value.trim());
    given.abort();
  });
  for (let failures = 0; ; ) {
    // Nobody looks at a hidden tab, and each answer is traffic too.
    if (document.hidden) await nextEvent(document, "visibilitychange", forever);
    // A key that is given while the server is asked comes too late for that poll.
    given = new AbortController();
    try {
      const savings = await fetchSavings({ url: serverUrl(), apiKey: readApiKey() });
      history.add(savings, performance.now());
      drawFigures(savings, history);
      showStanding("live", "Live");
      failures = 0;
    } catch (error) {
      failures += 1;
      showFailure(error);
    }
    await pause(Math.min(msBetweenPolls * 2 ** failures, longestMs), given.signal).catch(() => {}); // another key
  }
}

/** @param {unknown} error */
function showFailure(error) {
  const problem = `${explain(error)} It is asked again by itself.`;
  if (!needsKey(error)) return showStanding("failed", "Not connected", problem);
  const unknown = readApiKey() === undefined
    ? "This server asks for an API key."
    : "The server did not accept this API key.";
  showStanding("key", "API key needed", unknown);
}

/** @param {"live" | "failed" | "key"} kind @param {string} words @param {string} [problem] */
function showStanding(kind, words, problem = "") {
  const pill = byId("standing", HTMLElement);
  pill.dataset.kind = kind;
  setText(pill, words);
  byId("notice", HTMLElement).hidden = problem === "";
  setText(byId("notice-words", HTMLElement), problem);
  byId("key-form", HTMLFormElement).hidden = kind !== "key";
  // The last figures stay to be read.
  byId("figures", HTMLElement).classList.toggle("stale", kind !== "live");
}
