// @ts-check
/** A result as a file: JSON, CSV or NumPy's .npy. */

/**
 * @typedef {import("./state.js").Result} Result
 * @typedef {"json" | "csv" | "npy"} FileType
 */

/** @type {Readonly<Record<FileType, {type: string, write: (result: Result) => BlobPart}>>} */
const writers = {
  json: { type: "application/json", write: toJson },
  csv: { type: "text/csv", write: toCsv },
  npy: { type: "application/octet-stream", write: toNpy },
};

/** Hands the file to the browser's downloads. @param {Result} result @param {FileType} extension */
export function download(result, extension) {
  const { type, write } = writers[extension];
  const url = URL.createObjectURL(new Blob([write(result)], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `embeddings.${extension}`;
  link.click();
  // The download has begun once click() returns; the blob itself lives on until it ends.
  setTimeout(() => URL.revokeObjectURL(url));
}

/** @param {Result} result */
export function toJson({ texts, model, revision, choice, split, dimensions, embeddings }) {
  const head = { model: model.name, revision, split, dtype: choice.dtype, dimensions };
  return JSON.stringify({ ...head, texts, embeddings: embeddings.map(toNumbers) }, null, 1);
}

/** RFC 4180: a line a text, the text first. @param {Result} result */
export function toCsv({ texts, dimensions, embeddings }) {
  const names = Array.from({ length: dimensions }, (_, i) => `d${i}`);
  const rows = embeddings.map((vector, row) => [quoted(texts[row] ?? ""), ...toNumbers(vector)]);
  return [["text", ...names], ...rows].map((fields) => `${fields.join(",")}\r\n`).join("");
}

/**
 * Version 1.0 of the format: magic, version, header length, a Python literal padded to 64 bytes, data.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @param {Result} result
 */
export function toNpy({ dimensions, embeddings }) {
  const shape = `(${embeddings.length}, ${dimensions})`;
  const literal = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const preamble = 10;
  const start = Math.ceil((preamble + literal.length + 1) / 64) * 64;
  const header = `${literal.padEnd(start - preamble - 1)}\n`;
  const file = new Uint8Array(start + embeddings.length * dimensions * 4);
  file.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0]);
  const view = new DataView(file.buffer);
  view.setUint16(8, header.length, true);
  file.set(new TextEncoder().encode(header), preamble);
  for (const [row, vector] of embeddings.entries()) {
    for (const [column, value] of vector.entries()) {
      view.setFloat32(start + (row * dimensions + column) * 4, value, true);
    }
  }
  return file;
}

/** Nine digits carry a float32 there and back. @param {Float32Array} vector */
export function toNumbers(vector) {
  return Array.from(vector, (value) => Number(value.toPrecision(9)));
}

/** @param {string} text */
function quoted(text) {
  return `"${text.replaceAll('"', '""')}"`;
}
