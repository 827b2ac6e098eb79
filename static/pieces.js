// @ts-check
/** The names of pieces, as the manifest has them, and which of them the browser's share needs. */

export const finishPiece = "finish";

/** @param {number} layer */
const layerPiece = (layer) => `layer.${layer}`;

/** Of layers [split, n_layer), in order. @param {number} split @param {number} n_layer */
export function layerPieces(split, n_layer) {
  return Array.from({ length: n_layer - split }, (_, i) => layerPiece(split + i));
}

/**
 * All that the browser needs, last layer first: each one that arrives could lower the cut.
 * @param {number} split @param {number} n_layer
 */
export function piecesFrom(split, n_layer) {
  return [finishPiece, ...layerPieces(split, n_layer).reverse()];
}

/** The lowest split for which all is here. @param {number} n_layer @param {(piece: string) => boolean} isHere */
export function lowestSplit(n_layer, isHere) {
  const missing = piecesFrom(0, n_layer).findIndex((piece) => !isHere(piece));
  // The finish comes before all layers.
  return missing === -1 ? 0 : n_layer - Math.max(missing - 1, 0);
}

/**
 * The lowest split whose pieces weigh no more than that.
 * @param {number} n_layer @param {{layer: number, finish: number}} bytes the sizes in /models
 * @param {number} maxBytes
 */
export function lowestSplitWithin(n_layer, { layer, finish }, maxBytes) {
  const fitting = Math.floor((maxBytes - finish) / layer);
  return n_layer - Math.min(Math.max(fitting, 0), n_layer);
}

/** @param {string} piece @param {{layer: number, finish: number}} bytes the sizes in /models */
export function pieceBytes(piece, bytes) {
  return piece === finishPiece ? bytes.finish : bytes.layer;
}
