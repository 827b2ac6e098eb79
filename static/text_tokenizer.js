// @ts-check
/** Text to token ids as the server makes them: the mirror of text_tokenizer.py. */

import { bertWords, normalizeBert, toLowerCase } from "./bert_text.js";
import { messageOf, SplitComputeError } from "./errors.js";

/**
 * @typedef {import("./model_info.js").Manifest} Manifest
 *
 * @typedef {object} Tokens of texts end to end
 * @property {number[]} ids
 * @property {Int32Array} lengths
 *
 * @typedef {{type: string} & Record<string, any>} Step of a tokenizer.json
 *
 * @typedef {object} TokenizerFile
 * @property {Step | null} normalizer
 * @property {Step | null} pre_tokenizer
 * @property {Step} model
 * @property {Step | null} post_processor
 * @property {Record<string, unknown>[]} added_tokens
 *
 * @typedef {object} Library what is used of Hugging Face's tokenizers
 * @property {(text: string) => {ids: number[]}} encode
 * @property {((text: string) => string) | null} normalizer
 * @property {((text: string) => string[]) | null} pre_tokenizer
 */

/** GPT-2's words. What JavaScript calls \s differs from Unicode's white space in two characters. */
const gpt2Words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const normalizers = ["Lowercase", "BertNormalizer", "Sequence"];
const postProcessors = ["ByteLevel", "BertProcessing", "TemplateProcessing"];

/**
 * Loads the library first, which only those need who make tokens here.
 * @param {ArrayBuffer} bytes of tokenizer.json @param {Manifest} manifest
 */
export async function openTokenizer(bytes, manifest) {
  const file = /** @type {TokenizerFile} */ (JSON.parse(new TextDecoder().decode(bytes)));
  const problem = whyByServer(file);
  if (problem) {
    const message = `Only the server has this model's tokenizer: ${problem}`;
    throw new SplitComputeError(message, { error_type: "Tokenizer" });
  }
  const library = await importLibrary();
  const bare = { ...file, normalizer: null, pre_tokenizer: null };
  const tokenizer = /** @type {Library} */ (/** @type {unknown} */ (new library.Tokenizer(bare, {})));
  // The library's own classify characters by the browser's tables of Unicode, where the server has others.
  const { normalizer } = file;
  tokenizer.normalizer = normalizer && ((text) => normalize(text, normalizer));
  const byteLevel = new library.ByteLevelPreTokenizer({ type: "ByteLevel", use_regex: false });
  tokenizer.pre_tokenizer = file.model.type === "WordPiece"
    ? bertWords
    : (text) => (text.match(gpt2Words) ?? []).flatMap((word) => byteLevel.pre_tokenize_text(word));
  return new TextTokenizer(tokenizer, manifest);
}

/** The server may be away, or the file refused. */
async function importLibrary() {
  try {
    return await import("./tokenizers.js");
  } catch (error) {
    throw new SplitComputeError(messageOf(error), { error_type: "Unreachable", cause: error });
  }
}

/** Refuses what the server refuses, in its words. */
export class TextTokenizer {
  /** For openTokenizer() alone. @param {Library} library @param {Manifest} manifest */
  constructor(library, { max_tokens, config }) {
    this.library = library;
    this.max_tokens = max_tokens;
    this.vocab_size = config.vocab_size;
  }

  /** @param {readonly string[]} texts @returns {Tokens} */
  encode(texts) {
    if (texts.length === 0) throw empty("`inputs` cannot be empty");
    texts.forEach(checkText);
    const rows = texts.map((text) => this.library.encode(text).ids);
    rows.forEach((row, index) => this.#checkLength(row, index));
    rows.forEach((row, index) => this.#checkIds(row, index));
    return { ids: rows.flat(), lengths: Int32Array.from(rows, (row) => row.length) };
  }

  /** @param {readonly number[]} row @param {number} index */
  #checkLength(row, index) {
    if (row.length === 0) throw empty(`text ${index}: expected tokens, came none (inputs[${index}])`);
    if (row.length <= this.max_tokens) return;
    const message = `\`inputs\` must have less than ${this.max_tokens} tokens. Given: ${row.length}`;
    throw refused(413, `Input validation error: ${message} (inputs[${index}])`);
  }

  /** @param {readonly number[]} row @param {number} index */
  #checkIds(row, index) {
    const wrong = row.find((id) => id >= this.vocab_size);
    if (wrong === undefined) return;
    const expected = `expected an integer from 0 to ${this.vocab_size - 1}`;
    throw refused(422, `token id ${wrong}: ${expected} (inputs[${index}])`);
  }
}

/** What of the tokenizer is not sure to come out here as it does there. @param {TokenizerFile} file */
function whyByServer({ normalizer, pre_tokenizer, model, post_processor, added_tokens }) {
  const kinds = `${model.type} after ${pre_tokenizer?.type}`;
  const isByteLevel = kinds === "BPE after ByteLevel" && !pre_tokenizer?.add_prefix_space &&
    pre_tokenizer?.use_regex !== false;
  if (!isByteLevel && kinds !== "WordPiece after BertPreTokenizer") return kinds;
  const options = ["dropout", "end_of_word_suffix", "byte_fallback", "ignore_merges"];
  const option = isByteLevel && options.find((name) => model[name]);
  if (option) return `${option} of ${model.type}`;
  const unknown = steps(normalizer).find(({ type }) => !normalizers.includes(type));
  if (unknown) return unknown.type;
  if (post_processor && !postProcessors.includes(post_processor.type)) return post_processor.type;
  const isOdd = (/** @type {Record<string, unknown>} */ token) =>
    token.lstrip || token.rstrip || token.single_word || (token.normalized && normalizer);
  return added_tokens.some(isOdd) ? "added tokens with rules of their own" : undefined;
}

/** One after another. @param {Step | null} normalizer @returns {Step[]} */
function steps(normalizer) {
  if (normalizer === null) return [];
  return normalizer.type === "Sequence" ? normalizer.normalizers.flatMap(steps) : [normalizer];
}

/** @param {string} text @param {Step} normalizer */
function normalize(text, normalizer) {
  return steps(normalizer).reduce(
    (so, step) => step.type === "Lowercase"
      ? toLowerCase(so)
      : normalizeBert(so, /** @type {import("./bert_text.js").BertNormalizer & Step} */ (step)),
    text,
  );
}

/** @param {string} text @param {number} index */
function checkText(text, index) {
  if (text === "") throw empty(`\`inputs\` cannot be empty (inputs[${index}])`);
  if (text.includes("\0")) {
    throw refused(422, `text ${index}: expected no NUL character, came one (inputs[${index}])`);
  }
  if (!/\p{Cs}/u.test(text)) return;
  const where = Array.from(text).findIndex((character) => /\p{Cs}/u.test(character));
  const came = `came half a surrogate pair at character ${where}`;
  throw refused(422, `text ${index}: expected valid Unicode, ${came} (inputs[${index}])`);
}

/** @param {string} message */
function empty(message) {
  return new SplitComputeError(message, { status: 400, error_type: "Empty" });
}

/** @param {number} status @param {string} message */
function refused(status, message) {
  return new SplitComputeError(message, { status, error_type: "Validation" });
}
