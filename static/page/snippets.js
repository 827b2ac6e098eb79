// @ts-check
/** The request just made, as code to copy. */

import { toOptions } from "./cut.js";

/**
 * @typedef {object} Request
 * @property {string} url of the server
 * @property {string} model
 * @property {number} n_layer of the model
 * @property {readonly string[]} texts
 * @property {string} dtype
 * @property {string} wire
 * @property {number} split where the cut stands
 * @property {import("../pieces.js").Direction} direction
 * @property {import("./state.js").State["policy"]} policy
 * @property {boolean} withKey whether the server asks for an API key
 *
 * @typedef {"curl" | "python" | "javascript"} Language
 */

/** More would bury the code. */
const mostTexts = 12;

const serverAlone = "The server runs everything; the numbers are the same.";
const inAnyPage =
  "In any page: your visitors' GPUs run their side of the cut. " +
  "For pages of another site, start the server with --allow-origin.";

/** @type {Readonly<Record<Language, {label: string, about: string, write: (request: Request) => string}>>} */
export const snippets = {
  curl: { label: "curl", about: serverAlone, write: curl },
  python: { label: "Python", about: serverAlone, write: python },
  javascript: { label: "JavaScript", about: inAnyPage, write: javascript },
};

/** Says so where the code holds only the first texts. @param {Request} request */
export function shortened({ texts }) {
  return texts.length > mostTexts ? `With the first ${mostTexts} of ${texts.length} texts.` : "";
}

/** @param {Request} request */
function curl({ url, model, texts, withKey }) {
  const body = JSON.stringify({ model, inputs: texts.slice(0, mostTexts) }, null, 2);
  const lines = [`curl ${url}/embed`, "-H 'Content-Type: application/json'"];
  if (withKey) lines.push('-H "Authorization: Bearer $SPLITCOMPUTE_API_KEY"');
  // A single quote ends the shell's string: close it, add the quote, open it again.
  lines.push(`-d '${body.replaceAll("'", "'\\''")}'`);
  return lines.join(" \\\n  ");
}

/** With nothing but the standard library. @param {Request} request */
function python({ url, model, texts, withKey }) {
  const key = withKey ? '\nheaders["Authorization"] = f"Bearer {os.environ[\'SPLITCOMPUTE_API_KEY\']}"' : "";
  return `import json${withKey ? "\nimport os" : ""}
from urllib.request import Request, urlopen

texts = ${list(texts)}
body = json.dumps({"model": ${JSON.stringify(model)}, "inputs": texts}).encode()
headers = {"Content-Type": "application/json"}${key}
with urlopen(Request("${url}/embed", body, headers)) as reply:
    embeddings = json.load(reply)  # a list of floats for each text`;
}

/** @param {Request} request */
function javascript({ url, model, n_layer, texts, dtype, wire, direction, split: at, policy, withKey }) {
  const { split, embed } = toOptions(at);
  const options = [`model: ${JSON.stringify(model)}`, `dtype: "${dtype}"`];
  if (wire !== "f32") options.push(`wire: "${wire}"`);
  if (direction !== "server-first") options.push(`direction: "${direction}"`);
  if (withKey) options.push("apiKey");
  // Nothing streams to a browser that is to run nothing.
  const takesOver = embed || direction === "client-first" || (policy !== "hand" && policy !== "server");
  // Where there is no GPU, the cut leaves browsers nothing; visitors may have one.
  const isNone = direction === "server-first" && split === n_layer;
  const goal = `to: ${isNone ? 0 : split}${embed ? ", embed: true" : ""}`;
  const takeover = takesOver ? `sc.takeOver({ ${goal} }); // layers, in the background: ask your visitor first\n` : "";
  return `import { connect } from "${url}/static/splitcompute.js";

const texts = ${list(texts)};
const sc = await connect({ ${options.join(", ")} });
${takeover}const { embeddings, layers, timings } = await sc.embed(texts, { ${cut(policy, split)} });`;
}

/** @param {Request["policy"]} policy @param {number} split */
function cut(policy, split) {
  if (policy === "hand") return `split: ${split}`;
  return policy === "offload" ? `split: "auto"` : `split: "auto", policy: "${policy}"`;
}

/** JSON's strings and lists are literals in both languages. @param {readonly string[]} texts */
function list(texts) {
  return JSON.stringify(texts.slice(0, mostTexts), null, 4);
}
