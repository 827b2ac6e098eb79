// @ts-check
/** Pieces kept over reloads, in the browser's Cache API. */

import { modelUrl, pieceUrl } from "./api.js";

/** @typedef {import("./exchange.js").Server} Server */

const cacheName = "splitcompute";

/** @param {string} url @returns {Promise<ArrayBuffer | undefined>} */
export function readPiece(url) {
  return withCache(async (cache) => (await cache.match(url))?.arrayBuffer(), undefined);
}

/** Tells whether there was room. @param {string} url @param {ArrayBuffer} bytes @returns {Promise<boolean>} */
export function keepPiece(url, bytes) {
  return withCache(async (cache) => (await cache.put(url, new Response(bytes)), true), false);
}

/**
 * Those of the pieces that are kept.
 * @param {Server} server
 * @param {Parameters<typeof pieceUrl>[1]} source
 * @param {readonly string[]} pieces
 * @returns {Promise<string[]>}
 */
export async function keptPieces(server, source, pieces) {
  const kept = new Set(await keptUrls(modelUrl(server, source.model)));
  return pieces.filter((piece) => kept.has(pieceUrl(server, source, piece)));
}

/**
 * Forgets all that is kept of a model, or all but one revision.
 * @param {Server} server @param {string} model @param {string} [revision] the one to spare
 */
export async function forgetModel(server, model, revision) {
  const prefix = modelUrl(server, model);
  const urls = await keptUrls(prefix);
  const isSpared = (/** @type {string} */ url) => url.startsWith(`${prefix}${revision}/`);
  const unwanted = urls.filter((url) => revision === undefined || !isSpared(url));
  await withCache((cache) => Promise.all(unwanted.map((url) => cache.delete(url))), []);
}

/** @param {string} prefix @returns {Promise<string[]>} */
function keptUrls(prefix) {
  return withCache(async (cache) => {
    const urls = (await cache.keys()).map((request) => request.url);
    return urls.filter((url) => url.startsWith(prefix));
  }, []);
}

/**
 * A browser without the cache (private mode, no space left) only fetches again, so no failure of it is
 * an error: `otherwise` tells of it.
 * @template T
 * @param {(cache: Cache) => Promise<T>} use
 * @param {T} otherwise
 */
export async function withCache(use, otherwise) {
  try {
    return await use(await caches.open(cacheName));
  } catch {
    return otherwise;
  }
}
