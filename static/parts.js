// @ts-check
/** Cuts long lists of texts into parts whose hidden states fit a message and a GPU's buffers. */

/** 8,192 rows of GPT-2's widest activations are 100 MB; many GPUs bind 128 MB at most. */
const tokensPerPart = 8192;
/** [CLS] and [SEP], or the like. */
const addedTokens = 2;

/**
 * @param {readonly string[]} texts
 * @param {number} maxTokens of one text
 * @returns {string[][]} one part at least
 */
export function inParts(texts, maxTokens) {
  /** @type {string[]} */
  let part = [];
  const parts = [part];
  let room = tokensPerPart;
  for (const text of texts) {
    const most = Math.min(mostTokens(text), maxTokens);
    if (most > room && part.length > 0) {
      parts.push((part = []));
      room = tokensPerPart;
    }
    part.push(text);
    room -= most;
  }
  return parts;
}

/** Only the server can count tokens, but none is shorter than a byte. @param {string} text */
function mostTokens(text) {
  return new TextEncoder().encode(text).length + addedTokens;
}
