// Writes README.md's table of what is there, from the code. With --check it only compares, and exits with 1 where they differ.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

const BEGIN = "<!-- Written by table.mjs from here … -->";
const END = "<!-- … to here. -->";
const README = new URL("README.md", import.meta.url);

// Each family and the modules whose functions it names.
const FAMILIES = {
  "making tensors": ["tensor/creation"],
  "arithmetic, functions, comparison, logic, bits": ["tensor/pointwise", "tensor/arithmetic", "tensor/special"],
  reductions: ["tensor/reductions", "tensor/extremes", "tensor/variance", "tensor/norm"],
  shapes: ["tensor/shapes", "tensor/rearrange", "tensor/joins", "tensor/slices"],
  "by index": ["tensor/indexing", "tensor/nonzero", "tensor/scatter"],
  "running sums, softmax": ["tensor/scans", "tensor/softmax"],
  sorting: ["tensor/sorting"],
  "random numbers": ["tensor/random"],
  products: ["tensor/products", "tensor/einsum"],
  "to other dtypes": ["tensor/conversion"],
  "`nn.functional`, as `F`": ["nn/functional"],
  "ragged sequences": ["nn/segments"],
  devices: ["tensor/devices"],
  replay: ["tensor/compile"],
  "where the time goes": ["tensor/profile"],
  "tiles that suit the GPU": ["tensor/autotune"],
  "a tensor's own": ["tensor/tensor"],
};

const { torch, ...modules } = await load();
const { functional, attention, ...classes } = torch.nn;
const methods = Object.getOwnPropertyDescriptors(torch.Tensor.prototype);
const isMethod = (name) => typeof methods[name]?.value === "function";
const isFunction = (name) => typeof torch[name] === "function";

/** The library and its modules, as JavaScript. */
async function load() {
  const names = Object.values(FAMILIES).flat();
  const lines = names.map((name) => `export * as ${JSON.stringify(name)} from "./src/${name}.ts";`);
  const { outputFiles } = await build({
    stdin: { contents: `export * as torch from "./src/index.ts";\n${lines.join("\n")}`, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
}

/** Names that a module gives to the library, in alphabetical order. */
function publicNames(module) {
  if (module === "tensor/tensor") return Object.keys(methods).filter((name) => isMethod(name) && !inSomeModule(name) && name !== "constructor");
  const names = Object.keys(modules[module]).map((name) => (name === "variance" ? "var" : name));
  return names.filter((name) => (module === "nn/functional" ? functional[name] : isFunction(name) || isMethod(name))).sort();
}

const inSomeModule = (name) => name === "var" || Object.values(modules).some((module) => Object.hasOwn(module, name));

/** How a name is called: as a function, as a method, or as both. */
function called(module, name) {
  if (module === "nn/functional") return `F.${name}`;
  return isFunction(name) ? (isMethod(name) ? name : `torch.${name}`) : `.${name}`;
}

const rows = Object.entries(FAMILIES).map(([title, names]) => [
  title,
  names.flatMap((module) => publicNames(module).map((name) => called(module, name))),
]);
const ragged = rows.find(([title]) => title === "ragged sequences");
ragged[1].push(...Object.keys(attention.varlen).map((name) => `nn.attention.varlen.${name}`));
rows.push(["files", Object.keys(torch.safetensors).map((name) => `torch.safetensors.${name}`)]);
rows.push(["`nn`", Object.keys(classes).map((name) => `nn.${name}`)]);
rows.push(["dtypes", Object.keys(torch).filter((name) => torch[name] === name)]);

/** Throws where the library has a function that no family names. */
function checkComplete() {
  const shown = new Set(rows.flatMap(([, names]) => names.map((name) => name.split(".").at(-1))));
  const all = [torch, functional].flatMap((owner) => Object.keys(owner).filter((name) => typeof owner[name] === "function"));
  const lost = [...all, ...Object.keys(methods).filter(isMethod)].filter(
    (name) => !shown.has(name) && !["constructor", "Tensor"].includes(name) && !name.endsWith("Error"),
  );
  if (lost.length > 0) throw new Error(`no family in table.mjs names ${[...new Set(lost)].join(", ")}`);
}

checkComplete();
const lines = rows.filter(([, names]) => names.length > 0).map(([title, names]) => `| ${title} | ${names.map((name) => `\`${name}\``).join(" ")} |`);
const readme = await readFile(README, "utf8");
const [before, rest = ""] = readme.split(BEGIN);
const [, after] = rest.split(END);
if (after === undefined) throw new Error(`README.md: expected the lines ${BEGIN} and ${END}`);
const written = `${before}${BEGIN}\n\n| | |\n|---|---|\n${lines.join("\n")}\n\n${END}${after}`;
if (parseArgs({ options: { check: { type: "boolean" } } }).values.check) {
  if (written !== readme) throw new Error("README.md's table is not what the code has: run `npm run table`");
} else {
  await writeFile(README, written);
}
