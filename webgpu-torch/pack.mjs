// Builds dist/, what `npm pack` packs: an ES module, the same minified, and the types of both.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";

process.chdir(import.meta.dirname);
await rm("dist", { recursive: true, force: true });

for (const [outfile, minify] of [
  ["dist/torch.js", false],
  ["dist/torch.min.js", true],
]) {
  await build({
    entryPoints: ["src/index.ts"],
    outfile,
    minify,
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
  });
}

execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.types.json"], { stdio: "inherit" });
// Node's resolution wants the names of files, which the sources leave to the bundler: "./f16" is "./f16.js", ".." is "../index.js".
for (const name of await readdir("dist/types", { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = `dist/types/${name}`;
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replaceAll(/((?:from|import|module) |import\()"(\.[^"]*)"/g, (_, before, path) => `${before}"${path}${/\.$/.test(path) ? "/index" : ""}.js"`));
}
