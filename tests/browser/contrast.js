// @ts-check
/** Finds text that WCAG 2.2 (1.4.3, level AA) calls too faint for what is behind it. */

/** @typedef {[number, number, number, number]} Rgba 0 … 255, the last one 0 … 1 */

const canvas = new OffscreenCanvas(1, 1);
const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));

/** Any CSS colour, as it is drawn. @param {string} color @returns {Rgba} */
function rgbaOf(color) {
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0, alpha = 0] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}

/** @param {Rgba} above @param {Rgba} below @returns {Rgba} */
function over([r, g, b, a], [r0, g0, b0]) {
  return [r * a + r0 * (1 - a), g * a + g0 * (1 - a), b * a + b0 * (1 - a), 1];
}

/** What all elements around draw behind it. @param {Element} element */
function backgroundOf(element) {
  /** @type {Rgba[]} */
  const layers = [];
  for (let each = /** @type {Element | null} */ (element); each; each = each.parentElement) {
    layers.unshift(rgbaOf(getComputedStyle(each).backgroundColor));
  }
  return layers.reduce((below, above) => over(above, below), /** @type {Rgba} */ ([255, 255, 255, 1]));
}

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance @param {Rgba} color */
function luminance([red, green, blue]) {
  const [r = 0, g = 0, b = 0] = [red, green, blue].map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {Element} element */
function ratioOf(element) {
  const background = backgroundOf(element);
  const color = over(rgbaOf(getComputedStyle(element).color), background);
  const [less = 0, more = 0] = [luminance(color), luminance(background)].sort((a, b) => a - b);
  return (more + 0.05) / (less + 0.05);
}

/** Large text may be fainter. @param {Element} element */
function leastRatio(element) {
  const { fontSize, fontWeight } = getComputedStyle(element);
  const size = parseFloat(fontSize);
  return size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700) ? 3 : 4.5;
}

/** Controls that are off are exempt; so is what only a screen reader gets. */
const exempt = "[aria-disabled=true], :disabled, .visually-hidden, script, noscript, option";

/** @returns {{looked: number, faint: string[]}} */
function findFaintText() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  /** @type {Set<Element>} */
  const elements = new Set();
  while (walker.nextNode()) {
    const { parentElement, nodeValue } = walker.currentNode;
    if (!parentElement || !nodeValue?.trim() || parentElement.closest(exempt)) continue;
    if (parentElement.checkVisibility({ opacityProperty: true, visibilityProperty: true })) elements.add(parentElement);
  }
  const faint = [...elements]
    .filter((element) => ratioOf(element) < leastRatio(element))
    .map((element) => `${element.textContent?.slice(0, 40)}: ${ratioOf(element).toFixed(2)}`);
  return { looked: elements.size, faint };
}
