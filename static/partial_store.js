// @ts-check
/** Files that are here in part, kept over reloads in the browser's Cache API, a part of equal size an entry. */

import { emptyFile } from "./piece_download.js";
import { withCache } from "./piece_store.js";

/** @typedef {import("./piece_download.js").PartialFile} PartialFile */

/** Less than this is fetched again. */
const partBytes = 2 ** 20;
/** A download that is over sooner is fetched again: keeping its parts took three times as long as fetching them. */
const soonMs = 1000;

/** Nothing beside the file's address, so that whoever forgets a model forgets these too. @param {string} url @param {number} part */
const partUrl = (url, part) => `${url}?part=${part}`;

/**
 * As far as consecutive parts of one version go; the rest may have been evicted.
 * @param {string} url @param {number} size of the whole file
 * @returns {Promise<PartialFile>}
 */
export async function readPartial(url, size) {
  const file = emptyFile(size);
  await withCache(async (cache) => {
    for (let part = 0; ; part++) {
      const answer = await cache.match(partUrl(url, part));
      const etag = answer?.headers.get("ETag") ?? null;
      if (!answer || etag === null || (part > 0 && etag !== file.etag)) return;
      const bytes = new Uint8Array(await answer.arrayBuffer());
      if (bytes.length !== partBytes || file.loaded + partBytes > size) return;
      file.bytes.set(bytes, file.loaded);
      file.loaded += partBytes;
      file.etag = etag;
    }
  }, undefined);
  return file;
}

/** All parts, whichever are missing: another tab may have cleared some while others came. @param {string} url */
export function forgetPartial(url) {
  return withCache(async (cache) => {
    const keys = await cache.keys(url, { ignoreSearch: true });
    const parts = keys.filter((key) => key.url !== url);
    await Promise.all(parts.map((part) => cache.delete(part)));
  }, undefined);
}

/** Keeps the parts of one download, each once, while it grows. */
export class PartialKeeper {
  #kept;
  /** @type {Promise<unknown>} */
  #writing = Promise.resolve();
  #isSoon = true;
  #timer;

  /** @param {string} url @param {PartialFile} file as readPartial() gave it, or as it has grown */
  constructor(url, file) {
    this.url = url;
    this.file = file;
    this.#kept = Math.floor(file.loaded / partBytes);
    this.#timer = setTimeout(() => {
      this.#isSoon = false;
      this.grown();
    }, soonMs);
  }

  /** The file has grown, or has begun anew. */
  grown() {
    const { url, file } = this;
    const whole = Math.floor(file.loaded / partBytes);
    if (whole < this.#kept) {
      this.#kept = 0;
      this.#writing = this.#writing.then(() => forgetPartial(url));
    }
    // A server without a strong ETag cannot be asked for the rest of the same file.
    if (file.etag === null || this.#isSoon) return;
    const headers = { ETag: file.etag };
    for (; this.#kept < whole; this.#kept++) {
      const [part, begin] = [this.#kept, this.#kept * partBytes];
      const bytes = file.bytes.slice(begin, begin + partBytes);
      const put = (/** @type {Cache} */ cache) => cache.put(partUrl(url, part), new Response(bytes, { headers }));
      this.#writing = this.#writing.then(() => withCache(put, undefined));
    }
  }

  /** The download has ended, well or not. Resolves when its parts are kept. */
  async end() {
    clearTimeout(this.#timer);
    await this.#writing;
  }
}
