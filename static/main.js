// @ts-check
/** Starts the page: ties what a visitor does to what the page does about it. */

import { keepApiKey } from "./page/api_key.js";
import { BrowserSide } from "./page/browser_side.js";
import { rememberChoice } from "./page/choice.js";
import { Connector } from "./page/connector.js";
import { Store } from "./page/store.js";
import { Tasks } from "./page/tasks.js";
import { createView } from "./view.js";

/** @typedef {import("./page/state.js").Actions} Actions */
/** @typedef {import("./page/state.js").Choice} Choice */

start();

function start() {
  const store = new Store((state) => draw(state));
  const connector = new Connector(store);
  const browserSide = new BrowserSide(store);
  const tasks = new Tasks(store);

  /** @param {Partial<Choice>} [change] */
  const open = async (change = {}) => {
    tasks.cancel();
    if (await connector.open(change)) await browserSide.settle();
  };
  const measure = async () => {
    const hasRun = await tasks.measure(() => connector.open({}));
    if (hasRun) await browserSide.settle();
  };

  /** @type {Actions} */
  const actions = {
    onReconnect: () => void open(),
    onKey: (key) => {
      keepApiKey(key);
      void open();
    },
    onChoose: (choice) => {
      rememberChoice(choice);
      void open(choice);
    },
    onPolicy: (policy) => store.update({ policy }),
    onSplit: (split) => browserSide.moveCut(split),
    onAgree: () => void browserSide.agree(),
    onDecline: () => browserSide.decline(),
    onPause: () => void browserSide.pause(),
    onResume: () => void browserSide.resume(),
    onForget: () => void browserSide.forget(),
    onTrust: () => void browserSide.trust(),
    onText: (patch) => {
      store.update(patch);
      tasks.forgetFailure();
    },
    onEmbed: () => void tasks.embed(),
    onCancelEmbed: () => tasks.cancel(),
    onCheck: () => void tasks.check(),
    onBenchmark: () => void measure(),
    onCancelBenchmark: () => tasks.cancel(),
  };
  const draw = createView(actions);
  void open();
}
