// @ts-check
/** The bytes of a piece, kept or fetched, and always checked against their SHA-256. */

import { authorization } from "./api.js";
import { SplitComputeError } from "./errors.js";
import { download, emptyFile } from "./piece_download.js";
import { forgetPiece, keepPiece, readPiece } from "./piece_store.js";

/**
 * @typedef {import("./api.js").PieceFile} PieceFile
 * @typedef {import("./api.js").Server} Server
 * @typedef {import("./piece_download.js").PartialFile} PartialFile
 *
 * @typedef {(phase: "download" | "verify", loaded?: number) => void} Report loaded: all, if missing
 */

const downloadsOfDamagedPiece = 2;
/** Chunks arrive by the thousand; whoever draws them must find time for requests. */
const msBetweenReports = 40;

/** Outlives the GPU: what was under way when that was lost goes on where it stopped. */
export class PieceSource {
  /** The last download that ended early. @type {{url: string, file: PartialFile} | null} */
  #partial = null;

  /** @param {Server} server */
  constructor(server) {
    this.server = server;
  }

  /**
   * @param {string} url @param {PieceFile} file @param {Report} report
   * @param {AbortSignal} signal
   * @returns {Promise<ArrayBuffer>}
   */
  bytes(url, file, report, signal) {
    // One tab at a time: those that waited find the piece kept.
    return navigator.locks.request(url, { signal }, async () => {
      const kept = await readPiece(url);
      if (kept) {
        report("verify");
        if (await isIntact(kept, file)) return kept;
        await forgetPiece(url);
      }
      return this.#fetch(url, file, report, signal);
    });
  }

  /** @param {string} url @param {PieceFile} file @param {Report} report @param {AbortSignal} signal */
  async #fetch(url, file, report, signal) {
    for (let attempt = 0; attempt < downloadsOfDamagedPiece; attempt++) {
      const partial = this.#begin(url, file.bytes);
      report("download", partial.loaded);
      const progress = sparsely((loaded) => report("download", loaded));
      const headers = authorization(this.server);
      const { onProgress } = progress;
      const bytes = await download(url, { partial, headers, onProgress, signal }).finally(progress.end);
      this.#partial = null;
      report("verify");
      if (await isIntact(bytes, file)) {
        await keepPiece(url, bytes);
        return bytes;
      }
    }
    const message = `${url}: the bytes do not have the manifest's SHA-256 ${file.sha256}`;
    throw new SplitComputeError(message, { error_type: "Download" });
  }

  /** What is here of the file already. @param {string} url @param {number} size */
  #begin(url, size) {
    if (this.#partial?.url !== url) this.#partial = { url, file: emptyFile(size) };
    return this.#partial.file;
  }
}

/** @param {ArrayBuffer} bytes @param {PieceFile} file */
export async function isIntact(bytes, file) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex === file.sha256;
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
