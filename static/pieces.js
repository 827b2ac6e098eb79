// @ts-check
/** The names of pieces, and which of them the browser needs for what it runs. */

/**
 * @typedef {"server-first" | "client-first"} Direction who starts a request. client-first: the browser,
 *   so that the text does not leave it
 *
 * @typedef {object} Run what the browser runs of a request
 * @property {number} start layers [start, stop), and the finish after the last one
 * @property {number} stop
 * @property {boolean} embeds the tokeniser and the embedding table too, which come before layer 0
 *
 * @typedef {{embed: number, layer: number, finish: number, tokenizer: number}} Sizes bytes, as in /models
 */

export const finishPiece = "finish";
export const embedPiece = "embed";
/** No weights, but a file under the revision like them. */
export const tokenizerPiece = "tokenizer";

/** @param {number} layer */
const layerPiece = (layer) => `layer.${layer}`;

/** @param {string} piece */
export function isLayer(piece) {
  return piece.startsWith("layer.");
}

/** Of layers [start, stop), in order. @param {number} start @param {number} stop */
export function layerPieces(start, stop) {
  return Array.from({ length: stop - start }, (_, i) => layerPiece(start + i));
}

/** What the browser runs where the model is cut. @param {Direction} direction @param {number} split @param {number} n_layer @returns {Run} */
export function runAt(direction, split, n_layer) {
  return direction === "client-first"
    ? { start: 0, stop: split, embeds: true }
    : { start: split, stop: n_layer, embeds: false };
}

/** All of a request. @param {number} n_layer @returns {Run} */
export function wholeRun(n_layer) {
  return { start: 0, stop: n_layer, embeds: true };
}

/**
 * In the order in which they come: each one that arrives could move the cut.
 * @param {Run} run @param {number} n_layer @param {Direction} direction
 */
export function piecesOf({ start, stop, embeds }, n_layer, direction) {
  const before = embeds ? [tokenizerPiece, embedPiece] : [];
  const after = stop === n_layer ? [finishPiece] : [];
  const layers = layerPieces(start, stop);
  return direction === "client-first"
    ? [...before, ...layers, ...after]
    : [...after, ...layers.reverse(), ...before];
}

/** For layers [split, n_layer) and the finish, last layer first. @param {number} split @param {number} n_layer */
export function piecesFrom(split, n_layer) {
  return piecesOf(runAt("server-first", split, n_layer), n_layer, "server-first");
}

/**
 * What the takeover brings, one after another; each holds what the one before does.
 * @param {Direction} direction
 * @param {{to?: number, embed: boolean}} goal to: the split to come to; by default, and beyond the model's
 *   layers, as far as they go
 * @param {number} n_layer
 * @returns {Run[]}
 */
export function stepsTo(direction, goal, n_layer) {
  const isClientFirst = direction === "client-first";
  const { to: wanted = isClientFirst ? n_layer : 0, embed } = goal;
  const to = Math.min(wanted, n_layer);
  const count = isClientFirst ? to + 1 : n_layer - to;
  const splits = Array.from({ length: count }, (_, i) => (isClientFirst ? i : n_layer - 1 - i));
  const steps = splits.map((split) => runAt(direction, split, n_layer));
  return embed && !isClientFirst && to === 0 ? [...steps, wholeRun(n_layer)] : steps;
}

/** The lowest split for which all is here. @param {number} n_layer @param {(piece: string) => boolean} isHere */
export function lowestSplit(n_layer, isHere) {
  const missing = piecesFrom(0, n_layer).findIndex((piece) => !isHere(piece));
  // The finish comes before all layers.
  return missing === -1 ? 0 : n_layer - Math.max(missing - 1, 0);
}

/**
 * The lowest split whose layers weigh no more than that.
 * @param {number} n_layer @param {Sizes} bytes @param {number} maxBytes
 */
export function lowestSplitWithin(n_layer, { layer, finish }, maxBytes) {
  const fitting = Math.floor((maxBytes - finish) / layer);
  return n_layer - Math.min(Math.max(fitting, 0), n_layer);
}

/** How many layers are here from the first on. @param {number} n_layer @param {(piece: string) => boolean} isHere */
export function firstLayers(n_layer, isHere) {
  const missing = layerPieces(0, n_layer).findIndex((piece) => !isHere(piece));
  return missing === -1 ? n_layer : missing;
}

/** What comes before layer 0. @param {(piece: string) => boolean} isHere */
export function hasEmbed(isHere) {
  return isHere(tokenizerPiece) && isHere(embedPiece);
}

/** @param {string} piece @param {Sizes} bytes */
export function pieceBytes(piece, bytes) {
  if (piece === finishPiece) return bytes.finish;
  if (piece === embedPiece) return bytes.embed;
  return piece === tokenizerPiece ? bytes.tokenizer : bytes.layer;
}

/** @param {Run} run @param {number} n_layer @param {Sizes} bytes */
export function runBytes(run, n_layer, bytes) {
  const pieces = piecesOf(run, n_layer, "server-first");
  return pieces.reduce((sum, piece) => sum + pieceBytes(piece, bytes), 0);
}
