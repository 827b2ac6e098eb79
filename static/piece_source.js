// @ts-check
/** The bytes of a piece, kept or fetched, and always checked against their SHA-256. */

import { SplitComputeError } from "./errors.js";
import { authorization } from "./exchange.js";
import { LineMeter } from "./line_meter.js";
import { PieceCheck } from "./piece_check.js";
import { forgetPartial, PartialKeeper, readPartial } from "./partial_store.js";
import { download, rangeOf } from "./piece_download.js";
import { keepPiece, readPiece } from "./piece_store.js";

/**
 * @typedef {import("./model_info.js").PieceFile} PieceFile
 * @typedef {import("./exchange.js").Server} Server
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

/** Of one piece. What stays damaged is some proxy's doing, and better tried again later. */
const mostRepairs = 2;
/** Chunks arrive by the thousand; whoever draws them must find time for requests. */
const msBetweenReports = 40;

/** Outlives the GPU: what was under way when that was lost goes on where it stopped. */
export class PieceSource {
  /** The last download that ended early. @type {{url: string, file: PartialFile} | null} */
  #partial = null;
  /** @type {Promise<unknown>} */
  #keeping = Promise.resolve();

  /**
   * @param {Server} server
   * @param {(came: import("./line_meter.js").Amount) => void} [onCame] hears of each file that was fetched
   */
  constructor(server, onCame = () => {}) {
    this.server = server;
    this.onCame = onCame;
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
        const kept = await readKept(url, file);
        const check = kept ?? (await this.#fetch(url, file, report, signal));
        const { making, repairs } = await this.#useIntact(url, check, use, report, signal);
        await making.then(resolve, reject);
        if (kept && repairs === 0) return;
        // One tab at a time: those that waited find the piece kept.
        const isKept = await keepPiece(url, check.bytes.buffer);
        this.#partial = null;
        await forgetPartial(url);
        // Where room is short, its parts had taken what the whole needs.
        if (!isKept) await keepPiece(url, check.bytes.buffer);
      });
      this.#keeping = Promise.allSettled([this.#keeping, done]);
      done.catch(reject);
    });
  }

  /** What is here of a download that ended early, too. */
  forget() {
    this.#partial = null;
  }

  /** Resolves when all that was loaded is kept, too. */
  async settled() {
    await this.#keeping;
  }

  /**
   * All bytes, right or not.
   * @param {string} url @param {PieceFile} file @param {Report} report @param {AbortSignal} signal
   */
  async #fetch(url, file, report, signal) {
    const partial = await this.#begin(url, file.bytes);
    report("download", partial.loaded);
    const progress = sparsely((loaded) => report("download", loaded));
    const keeper = new PartialKeeper(url, partial);
    const check = new PieceCheck(partial.bytes, file);
    const meter = new LineMeter();
    const onProgress = (/** @type {number} */ loaded) => {
      keeper.grown();
      check.advance(loaded);
      meter.advance(loaded);
      progress.onProgress(loaded);
    };
    const headers = authorization(this.server);
    await download(url, { partial, headers, onProgress, signal }).finally(() => {
      progress.end();
      return keeper.end();
    });
    this.onCame(meter.came);
    return check;
  }

  /**
   * Uses the bytes while they are hashed. What is made of damaged ones is given up, and the blocks
   * that are damaged are fetched again.
   * @template T
   * @param {string} url @param {PieceCheck} check @param {Use<T>} use
   * @param {Report} report @param {AbortSignal} signal
   */
  async #useIntact(url, check, { take, giveUp }, report, signal) {
    const { bytes, file } = check;
    for (let repairs = 0; ; repairs++) {
      report("verify");
      const making = take(bytes.buffer);
      making.catch(() => {}); // of damaged bytes anything may come
      const damaged = await check.damaged();
      if (damaged.length === 0) {
        report("upload");
        return { making, repairs };
      }
      await making.then(giveUp, () => {});
      if (repairs === mostRepairs) throw stillDamaged(url, damaged);
      report("download", file.bytes - damaged.reduce((sum, { begin, end }) => sum + end - begin, 0));
      const headers = authorization(this.server);
      for (const block of damaged) await download(url, { partial: rangeOf(bytes, block), headers, signal });
      check = new PieceCheck(bytes, file);
    }
  }

  /** What is here of the file already. @param {string} url @param {number} size */
  async #begin(url, size) {
    if (this.#partial?.url !== url) this.#partial = { url, file: await readPartial(url, size) };
    return this.#partial.file;
  }
}

/** @param {string} url @param {PieceFile} file */
async function readKept(url, file) {
  const bytes = await readPiece(url);
  return bytes?.byteLength === file.bytes ? new PieceCheck(new Uint8Array(bytes), file) : null;
}

/** @param {string} url @param {{begin: number, end: number}[]} damaged */
function stillDamaged(url, damaged) {
  const ranges = damaged.map(({ begin, end }) => `${begin}-${end - 1}`).join(", ");
  const message = `${url}: bytes ${ranges} do not have the manifest's SHA-256`;
  return new SplitComputeError(message, { error_type: "Download" });
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
