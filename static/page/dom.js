// @ts-check
/** Finds, makes and changes elements of the page; text only ever enters as text. */

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new TypeError(`#${id}: expected a ${type.name}`);
  return element;
}

/**
 * el("td", {class: "number", scope: "row"}, "0.83")
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** A button that submits no form. @param {string} label @param {() => void} onClick @param {string} [className] */
export function button(label, onClick, className = "button quiet") {
  const element = el("button", { type: "button", class: className }, label);
  element.addEventListener("click", onClick);
  return element;
}

/**
 * Leaves equal text alone, so that a live region does not speak twice.
 * @param {Element} element @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A busy button stays focusable, which the disabled attribute would end.
 * @param {Element} element @param {boolean} disabled
 */
export function setDisabled(element, disabled) {
  element.setAttribute("aria-disabled", String(disabled));
}

/**
 * Makes a change that may hide the focused control; focus then goes to what took its place.
 * @param {HTMLElement} region with tabindex="-1"
 * @param {() => void} change
 */
export function keepFocus(region, change) {
  const held = document.activeElement;
  const wasInside = held !== region && region.contains(held);
  change();
  if (!wasInside || (region.contains(held) && isVisible(held))) return;
  const next = [...region.querySelectorAll("button, input, select")].find(isVisible);
  (next instanceof HTMLElement ? next : region).focus();
}

/** @param {Element | null} element */
function isVisible(element) {
  return element instanceof HTMLElement && element.offsetParent !== null;
}

/** What each button says that copies, but for a moment after. @type {WeakMap<HTMLButtonElement, string>} */
const labels = new WeakMap();

/**
 * Copies text and says so for a moment: on the button, and to a screen reader.
 * @param {HTMLButtonElement} control
 * @param {string} text
 */
export async function copyFrom(control, text) {
  const label = labels.get(control) ?? control.textContent ?? "";
  labels.set(control, label);
  const outcome = await copy(text);
  const status = byId("status", HTMLElement);
  control.textContent = status.textContent = outcome;
  setTimeout(() => {
    control.textContent = label;
    // The next copy is news too.
    if (status.textContent === outcome) status.textContent = "";
  }, 1_600);
}

/** @param {string} text @returns {Promise<string>} what became of it, in words */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    // Browsers refuse the clipboard on plain http other than localhost.
    return "Copying was refused";
  }
}
