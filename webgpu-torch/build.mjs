// Bundles src/index.ts into static/torch.js; --metafile=FILE also writes esbuild's import graph there.
import { build } from "esbuild";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { outfile: { type: "string", default: "../static/torch.js" }, metafile: { type: "string" } },
});

const result = await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["src/index.ts"],
  outfile: values.outfile,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  banner: { js: "// Built from webgpu-torch/src by webgpu-torch/build.mjs: edit that, then `npm run build`." },
});
if (values.metafile) await writeFile(values.metafile, JSON.stringify(result.metafile));
