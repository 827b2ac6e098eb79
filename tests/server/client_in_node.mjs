/** Embeds by the server alone: node client_in_node.mjs URL TEXT… prints the result as JSON. */

import { connect } from "../../static/splitcompute.js";

const [url, ...texts] = process.argv.slice(2);
const without = await connect().catch((error) => error.message);
const sc = await connect({ url });
const results = [];
for (const split of [sc.info.n_layer, 2, "auto"]) {
  const { embeddings, note } = await sc.embed(texts, { split });
  results.push({ embeddings: embeddings.map((row) => [...row]), note });
}
sc.close();
console.log(JSON.stringify({ without, reason: sc.device.reason, results }));
