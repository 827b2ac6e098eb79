// Copies Hugging Face's tokenizers into static/, as published, with its licence beside it.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

const here = import.meta.dirname;
const { values } = parseArgs({ options: { outdir: { type: "string", default: join(here, "../static") } } });

const library = join(here, "node_modules/@huggingface/tokenizers");
const { name, version, license } = JSON.parse(await readFile(join(library, "package.json"), "utf8"));
const code = await readFile(join(library, "dist/tokenizers.min.mjs"), "utf8");
// tsc reads no types out of minified code.
const banner = `// @ts-nocheck\n// ${name} ${version}, © Hugging Face, ${license}: see tokenizers.LICENSE.txt. Copied by vendor/build.mjs.\n`;
await writeFile(join(values.outdir, "tokenizers.js"), banner + code);
await writeFile(join(values.outdir, "tokenizers.LICENSE.txt"), await readFile(join(library, "LICENSE")));
