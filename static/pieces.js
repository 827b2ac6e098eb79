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

/** @param {string} piece @param {{layer: number, finish: number}} bytes the sizes in /models */
export function pieceBytes(piece, bytes) {
  return piece === finishPiece ? bytes.finish : bytes.layer;
}
