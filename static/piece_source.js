// @ts-check
/** The bytes of a piece, kept or fetched, and always checked against their SHA-256. */

import { authorization } from "./api.js";
import { SplitComputeError } from "./errors.js";
import { PieceCheck } from "./piece_check.js";
import { PartialKeeper, readPartial } from "./partial_store.js";
import { download } from "./piece_download.js";
import { forgetPiece, keepPiece, readPiece } from "./piece_store.js";

/**
 * @typedef {import("./api.js").PieceFile} PieceFile
 * @typedef {import("./api.js").Server} Server
 * @typedef {import("./piece_download.js").PartialFile} PartialFile
 *
 * @typedef {(phase: "download" | "verify" | "upload", loaded?: number) => void} Report
 *   loaded: all, if missing
 */

/**
 * @template T
 * @typedef {object} Use where a piece's bytes go
 * @property {(bytes: ArrayBuffer) => Promise<T>} take
 * @property {(made: T) => void} giveUp
 */

const downloadsOfDamagedPiece = 2;
/** Chunks arrive by the thousand; whoever draws them must find time for requests. */
const msBetweenReports = 40;

/** Outlives the GPU: what was under way when that was lost goes on where it stopped. */
export class PieceSource {
  /** The last download that ended early. @type {{url: string, file: PartialFile} | null} */
  #partial = null;
  /** @type {Promise<unknown>} */
  #keeping = Promise.resolve();

  /** @param {Server} server */
  constructor(server) {
    this.server = server;
  }

  /**
   * Hands a piece's bytes over as soon as they are here, whether or not all are hashed yet. Resolves
   * with what was made of them once they are known to be right, before they are kept.
   * @template T
   * @param {string} url @param {PieceFile} file @param {Use<T>} use
   * @param {Report} report @param {AbortSignal} signal
   * @returns {Promise<T>}
   */
  load(url, file, use, report, signal) {
    return new Promise((resolve, reject) => {
      const done = navigator.locks.request(url, { signal }, async () => {
        const kept = await this.#loadKept(url, file, use, report);
        if (kept) return kept.making.then(resolve, reject);
        const { making, bytes } = await this.#fetch(url, file, use, report, signal);
        await making.then(resolve, reject);
        // One tab at a time: those that waited find the piece kept.
        await keepPiece(url, bytes);
      });
      this.#keeping = Promise.allSettled([this.#keeping, done]);
      done.catch(reject);
    });
  }

  /** Resolves when all that was loaded is kept, too. */
  async settled() {
    await this.#keeping;
  }

  /**
   * @template T
   * @param {string} url @param {PieceFile} file @param {Use<T>} use @param {Report} report
   */
  async #loadKept(url, file, use, report) {
    const bytes = await readPiece(url);
    if (!bytes) return null;
    const checked = await useChecked(bytes, new PieceCheck(new Uint8Array(bytes), file), use, report);
    if (!checked) await forgetPiece(url);
    return checked;
  }

  /**
   * @template T
   * @param {string} url @param {PieceFile} file @param {Use<T>} use
   * @param {Report} report @param {AbortSignal} signal
   */
  async #fetch(url, file, use, report, signal) {
    for (let attempt = 0; attempt < downloadsOfDamagedPiece; attempt++) {
      const partial = await this.#begin(url, file.bytes);
      report("download", partial.loaded);
      const progress = sparsely((loaded) => report("download", loaded));
      const keeper = new PartialKeeper(url, partial);
      const check = new PieceCheck(partial.bytes, file);
      const onProgress = (/** @type {number} */ loaded) => {
        keeper.grown();
        check.advance(loaded);
        progress.onProgress(loaded);
      };
      const headers = authorization(this.server);
      const bytes = await download(url, { partial, headers, onProgress, signal }).finally(() => {
        progress.end();
        keeper.end();
      });
      this.#partial = null;
      await keeper.finish();
      const checked = await useChecked(bytes, check, use, report);
      if (checked) return { ...checked, bytes };
    }
    const message = `${url}: the bytes do not have the manifest's SHA-256 ${file.sha256}`;
    throw new SplitComputeError(message, { error_type: "Download" });
  }

  /** What is here of the file already. @param {string} url @param {number} size */
  async #begin(url, size) {
    if (this.#partial?.url !== url) this.#partial = { url, file: await readPartial(url, size) };
    return this.#partial.file;
  }
}

/**
 * Uses the bytes while they are hashed. What is made of damaged ones is given up, and null comes back.
 * @template T
 * @param {ArrayBuffer} bytes @param {PieceCheck} check @param {Use<T>} use @param {Report} report
 * @returns {Promise<{making: Promise<T>} | null>}
 */
async function useChecked(bytes, check, { take, giveUp }, report) {
  report("verify");
  const making = take(bytes);
  making.catch(() => {}); // of damaged bytes anything may come
  if (await check.isIntact()) {
    report("upload");
    return { making };
  }
  await making.then(giveUp, () => {});
  return null;
}

/** @param {(loaded: number) => void} report */
function sparsely(report) {
  let latest = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const tell = () => {
    timer = undefined;
    report(latest);
  };
  return {
    onProgress(/** @type {number} */ loaded) {
      latest = loaded;
      timer ??= setTimeout(tell, msBetweenReports);
    },
    end: () => clearTimeout(timer),
  };
}
