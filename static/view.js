// @ts-check
/** The page as a function of its state: hands each part of the page the state to draw. */

import { createBenchmarkCard } from "./page/benchmark_card.js";
import { createBrowserPanel } from "./page/browser_panel.js";
import { createCarried } from "./page/carried.js";
import { createCheck } from "./page/check_view.js";
import { createCodeCard } from "./page/code_card.js";
import { createConnectionNotice } from "./page/connection_notice.js";
import { createDeviceCard } from "./page/device_card.js";
import { byId } from "./page/dom.js";
import { createLayerBar } from "./page/layer_bar.js";
import { createModelControls } from "./page/model_controls.js";
import { createPolicyControl } from "./page/policy_control.js";
import { createResults } from "./page/results.js";
import { createTextControl } from "./page/text_control.js";
import { createTextForm } from "./page/text_form.js";
import { createAnnouncer } from "./page/announcer.js";

/** @typedef {import("./page/state.js").State} State */
/** @typedef {import("./page/state.js").Actions} Actions */

/** @param {Actions} actions @returns {(state: State) => void} */
export function createView(actions) {
  const parts = [
    createConnectionNotice(actions),
    createModelControls(actions),
    createLayerBar(byId("bar", HTMLElement), actions),
    createPolicyControl(actions),
    createTextControl(actions),
    createBrowserPanel(actions),
    createTextForm(actions),
    createResults(),
    createCheck(actions),
    createCodeCard(),
    createBenchmarkCard(actions),
    createDeviceCard(actions),
    createCarried(byId("carried", HTMLElement)),
    createAnnouncer(byId("status", HTMLElement)),
  ];
  return (state) => {
    for (const draw of parts) draw(state);
  };
}
