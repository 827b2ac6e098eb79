// @ts-check
/** Calls functions of webgpu-torch as the op tests ask: the page's side of op_case.py. */

/**
 * @param {any} torch the library
 * @param {{name: string, method: boolean, args: any[], kwargs: Record<string, any>}} asked
 * @param {string} device
 */
async function callOp(torch, { name, method, args, kwargs }, device) {
  const given = args.map((arg) => decode(torch, arg, device));
  const keywords = Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [key, decode(torch, value, device)]));
  const all = Object.keys(kwargs).length > 0 ? [...given, keywords] : given;
  const owner = name.split(".").slice(0, -1).reduce((at, part) => at[part], torch);
  const last = name.split(".").at(-1) ?? "";
  return encode(await (method ? given[0][last](...all.slice(1)) : owner[last](...all)));
}

/**
 * Runs a program of op_programs.py and reads its last values, all in one run.
 * @param {any} torch
 * @param {{inputs: any[], calls: [string, number[], any[]][], results: number}} program
 * @param {string} device
 */
async function callProgram(torch, { inputs, calls, results }, device) {
  const values = inputs.map((input) => decode(torch, input, device));
  for (const [name, taken, args] of calls) {
    const [first, ...others] = taken.map((i) => values[i]);
    values.push(name === "cat" ? torch.cat([first, ...others], ...args) : first[name](...others, ...args));
  }
  return encode(values.slice(-results));
}

/**
 * Makes a module by an expression over `nn`, loads its state from a safetensors file, and calls it.
 * @param {any} torch
 * @param {{make: string, state: string, args: any[], kwargs: Record<string, any>}} asked
 * @param {string} device
 */
async function callModule(torch, { make, state, args, kwargs }, device) {
  torch.set_default_device(device);
  try {
    const module = new Function("torch", "nn", `return ${make}`)(torch, torch.nn);
    const bytes = Uint8Array.from(atob(state), (c) => c.charCodeAt(0));
    module.load_state_dict(torch.safetensors.load(bytes));
    const given = args.map((arg) => decode(torch, arg, device));
    // One tensor given several times is one tensor here too.
    const same = args.map((arg, i) => given[args.findIndex((other) => JSON.stringify(other) === JSON.stringify(arg))] ?? given[i]);
    const keywords = Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [key, decode(torch, value, device)]));
    const result = module.forward(...same, ...(Object.keys(kwargs).length > 0 ? [keywords] : []));
    return { names: module.named_parameters().map(([/** @type {string} */ name]) => name), result: await encode(result) };
  } finally {
    torch.set_default_device("webgpu");
  }
}

/** @returns {any} */
function decode(/** @type {any} */ torch, /** @type {any} */ value, /** @type {string} */ device) {
  if (Array.isArray(value)) return value.map((inner) => decode(torch, inner, device));
  if (typeof value !== "object" || value === null) return value;
  if ("number" in value) return { inf: Infinity, "-inf": -Infinity, nan: NaN }[/** @type {"inf" | "-inf" | "nan"} */ (value.number)];
  if ("slice" in value) return new torch.Slice(...value.slice);
  if ("view" in value) return decode(torch, value.view, device)[value.method](...value.args);
  if ("quantized" in value) {
    const [values, scales] = decode(torch, value.quantized, device);
    return torch.quantized_weight(values, scales);
  }
  const { dtype, shape } = value;
  const bytes = Uint8Array.from(atob(value.tensor), (c) => c.charCodeAt(0));
  return torch.frombuffer(bytes.buffer, { dtype, device }).reshape(shape);
}

/** @returns {Promise<any>} */
async function encode(/** @type {any} */ result) {
  if (result === null || typeof result === "boolean") return result;
  if (Array.isArray(result)) return Promise.all(result.map(encode));
  // A named tuple.
  if (!("numpy" in result)) return Promise.all(Object.values(result).map(encode));
  const { buffer, byteOffset, byteLength } = await result.numpy();
  const text = Array.from(new Uint8Array(buffer, byteOffset, byteLength), (byte) => String.fromCharCode(byte)).join("");
  return { tensor: btoa(text), dtype: result.dtype, shape: result.shape };
}

/** Names of all functions and methods. @param {any} torch */
function functionNames(torch) {
  const methods = Object.getOwnPropertyDescriptors(torch.Tensor.prototype);
  const named = [torch, torch.nn.functional].flatMap((owner) => Object.keys(owner).filter((name) => typeof owner[name] === "function"));
  return [...named, ...Object.keys(methods).filter((name) => typeof methods[name]?.value === "function")];
}

Object.assign(globalThis, { decode, encode, callOp, callProgram, callModule, functionNames });
