// @ts-check
/** What the visitor's browser and GPU are, for people to read. */

/**
 * @typedef {object} Gpu
 * @property {true} ok
 * @property {"webgpu"} backend
 * @property {string} browser
 * @property {string} vendor
 * @property {string} architecture
 * @property {string} description
 * @property {readonly string[]} features
 * @property {Readonly<Record<string, number>>} limits
 *
 * @typedef {{ok: false, reason: string}} NoGpu
 * @typedef {Gpu | NoGpu} Device
 *
 * @typedef {{userAgentData?: {brands: readonly {brand: string, version: string}[]}}} ClientHints
 *   not in all browsers, nor in TypeScript's
 */

/**
 * @param {Pick<Gpu, "vendor" | "architecture" | "description" | "features" | "limits">} info
 * @returns {Gpu}
 */
export function describeGpu({ vendor, architecture, description, features, limits }) {
  const gpu = { vendor, architecture, description, features, limits };
  return { ok: true, backend: "webgpu", browser: browserName(navigator), ...gpu };
}

/** What measurements belong to. @param {Device} device */
export function gpuName(device) {
  return device.ok ? [device.vendor, device.architecture, device.description].join("/") : "none";
}

/** "Google Chrome 143", from the client hints where there are any. @param {Navigator} navigator */
function browserName(navigator) {
  const { userAgentData } = /** @type {Navigator & ClientHints} */ (navigator);
  const brands = userAgentData?.brands ?? [];
  // One brand is made up, so that sites do not rely on the list; Chromium's kin all name it too.
  const real = brands.filter(({ brand }) => !/not.?a.?brand/i.test(brand));
  const named = real.find(({ brand }) => brand !== "Chromium") ?? real[0];
  if (named) return `${named.brand} ${named.version}`;
  const { userAgent } = navigator;
  return /(Firefox|Edg|Chrome|Version)\/[\d.]+/.exec(userAgent)?.[0] ?? userAgent;
}
