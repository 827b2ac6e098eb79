// Built from webgpu-torch/src by webgpu-torch/build.mjs: edit that, then `npm run build`.
var __defProp = Object.defineProperty;
var __export = (target, all2) => {
  for (var name in all2)
    __defProp(target, name, { get: all2[name], enumerable: true });
};

// src/tensor/arithmetic.ts
var arithmetic_exports = {};
__export(arithmetic_exports, {
  add: () => add,
  div: () => div,
  divide: () => div,
  pow: () => pow,
  round: () => round,
  rsub: () => rsub,
  sub: () => sub,
  subtract: () => sub,
  true_divide: () => div
});

// src/base/errors.ts
var RuntimeError = class extends Error {
  name = "RuntimeError";
};
var OutOfMemoryError = class extends RuntimeError {
  name = "OutOfMemoryError";
};
var NotImplementedError = class extends RuntimeError {
  name = "NotImplementedError";
};
var ValueError = class extends Error {
  name = "ValueError";
};
var IndexError = class extends RangeError {
  name = "IndexError";
};
var KeyError = class extends Error {
  name = "KeyError";
};
var details = /* @__PURE__ */ new WeakMap();
var NAME = /^\w+(\(\))?: /;
function inCall(error, op, shapes) {
  const own = error instanceof RuntimeError || error instanceof ValueError || error instanceof IndexError;
  if (!own && !(error instanceof TypeError && NAME.test(error.message))) return error;
  const detail = details.get(error) ?? error.message.replace(NAME, "");
  details.set(error, detail);
  const told = shapes();
  const known = told.every((shape) => detail.includes(shape.slice(shape.indexOf("["))));
  const message = `${op}: ${detail}${known ? "" : ` (${told.join(", ")})`}`;
  if (error.stack) error.stack = error.stack.replace(error.message, () => message);
  error.message = message;
  return error;
}
function showShape(shape) {
  return `[${shape.join(", ")}]`;
}

// src/base/dtype.ts
var DTYPES = {
  float32: { bytes: 4, lane: "F32", category: 2 },
  float16: { bytes: 2, lane: "F32", category: 2 },
  int32: { bytes: 4, lane: "I32", category: 1 },
  uint32: { bytes: 4, lane: "U32", category: 1 },
  bool: { bytes: 4, lane: "BOOL", category: 0 },
  int8: { bytes: 1, lane: "I32", category: 1 },
  qint8: { bytes: 1, lane: "F32", category: 2 },
  qint4: { bytes: 1 / 2, lane: "F32", category: 2 }
};
var DTYPE_NAMES = Object.keys(DTYPES);
var itemSize = (dtype) => DTYPES[dtype].bytes;
var laneOf = (dtype) => DTYPES[dtype].lane;
var isFloat = (dtype) => DTYPES[dtype].category === 2;
var isDType = (name) => typeof name === "string" && Object.hasOwn(DTYPES, name);
var PACKED = {
  qint8: { held: "int8", columns: 1 },
  qint4: { held: "uint32", columns: 8 }
};
var isPacked = (dtype) => Object.hasOwn(PACKED, dtype);
var WEIGHTS = ["tensor", "zero-dim", "number"];
function resultType(op, operands) {
  let result = null;
  for (const weight of WEIGHTS) {
    let level = null;
    for (const operand of operands) {
      if (operand.weight === weight) level = level === null ? operand.dtype : promote(op, level, operand.dtype);
    }
    if (level !== null && (result === null || DTYPES[level].category > DTYPES[result].category)) result = level;
  }
  if (result === null) throw new RuntimeError(`${op}: nothing to compute a result type from`);
  return result;
}
var notPacked = (op, dtype) => new RuntimeError(`${op}: a ${dtype} weight is made with quantized_weight()`);
var packedWeight = (op) => new RuntimeError(`${op}: a quantized weight goes into linear() or embedding(); dequantize() it for anything else`);
var WIDTH = ["bool", "int8", "uint32", "int32", "float16", "float32"];
function promote(op, a, b) {
  if (a === b) return a;
  if (isPacked(a) || isPacked(b)) throw packedWeight(op);
  const [low, high] = WIDTH.indexOf(a) < WIDTH.indexOf(b) ? [a, b] : [b, a];
  if (low === "uint32" && high === "int32")
    throw new RuntimeError(`${op}: Promotion for uint32 is not supported, attempted to promote ${a} and ${b}`);
  return low === "int8" && high === "uint32" ? "int32" : high;
}
function dtypeOfScalar(value, unsigned = false) {
  if (typeof value === "boolean") return "bool";
  if ((value | 0) === value) return "int32";
  return unsigned && value >>> 0 === value ? "uint32" : "float32";
}
var LARGEST = {
  float32: (2 - 2 ** -23) * 2 ** 127,
  float16: 65504,
  int32: 2 ** 31 - 1,
  uint32: 2 ** 32 - 1,
  int8: 127
};
function asElement(op, value, dtype) {
  if (dtype === "bool" || isPacked(dtype)) return value;
  const float4 = isFloat(dtype);
  if (float4 && !Number.isFinite(value)) return value;
  const largest = LARGEST[dtype];
  const smallest = dtype === "int32" || dtype === "int8" ? -largest - 1 : -largest;
  if (!(value >= smallest && value <= largest))
    throw new RuntimeError(`${op}: value ${value} cannot be converted to type ${dtype} without overflow`);
  return float4 ? value : Math.trunc(value);
}

// src/base/shape.ts
var frozen = (shape) => Object.isFrozen(shape) ? shape : Object.freeze([...shape]);
var MAX_ELEMENTS = 2 ** 32 - 1;
function numel(shape) {
  let count = 1;
  for (const size of shape) count *= size;
  if (count > MAX_ELEMENTS) throw new RuntimeError(`shape ${showShape(shape)} has more than ${MAX_ELEMENTS} elements`);
  return count;
}
function checkIntegers(op, numbers) {
  if (!Array.isArray(numbers) || !numbers.every(Number.isInteger)) throw new TypeError(`${op}: expected integers, got ${String(numbers)}`);
}
function checkShape(op, shape) {
  checkIntegers(op, shape);
  const negative = shape.find((size) => size < 0);
  if (negative !== void 0)
    throw new RuntimeError(`${op}: Trying to create tensor with negative dimension ${negative}: ${showShape(shape)}`);
  numel(shape);
  return frozen(shape);
}
function sameShape(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
function contiguousStrides(shape) {
  const strides = new Array(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i] ?? 1;
  }
  return strides;
}
function broadcastShapes(op, a, b) {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const shape = new Array(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new RuntimeError(
        `${op}: The size of tensor a (${x}) must match the size of tensor b (${y}) at non-singleton dimension ${rank - i}: ${showShape(a)} and ${showShape(b)}`
      );
    }
    shape[rank - i] = x === 1 ? y : x;
  }
  return shape;
}
function wrapDim(op, dim, rank) {
  const range2 = Math.max(rank, 1);
  checkIntegers(op, [dim]);
  if (dim < -range2 || dim >= range2) {
    throw new IndexError(`${op}: Dimension out of range (expected to be in range of [${-range2}, ${range2 - 1}], but got ${dim})`);
  }
  return dim < 0 ? dim + range2 : dim;
}
function wrapDims(op, dims, rank) {
  const list = typeof dims === "number" ? [dims] : dims ?? [];
  checkIntegers(op, list);
  if (list.length === 0) return Array.from({ length: rank }, (_, i) => i);
  const wrapped = list.map((dim) => wrapDim(op, dim, rank));
  wrapped.sort((a, b) => a - b);
  wrapped.forEach((dim, i) => {
    if (dim === wrapped[i + 1]) throw new RuntimeError(`${op}: dim ${dim} appears multiple times in the list of dims`);
  });
  return rank === 0 ? [] : wrapped;
}
function inferSize(op, sizes, count) {
  checkIntegers(op, sizes);
  const fail = () => new RuntimeError(`${op}: shape '${showShape(sizes)}' is invalid for input of size ${count}`);
  let known = 1;
  let unknown = -1;
  for (const [i, size] of sizes.entries()) {
    if (size === -1 && unknown < 0) unknown = i;
    else if (size >= 0) known *= size;
    else throw fail();
  }
  if (unknown < 0) {
    if (known !== count) throw fail();
    return frozen(sizes);
  }
  if (known === 0 || count % known !== 0) throw fail();
  return sizes.map((size) => size === -1 ? count / known : size);
}
function reducedShape(shape, dims, keepdim) {
  return keepdim ? shape.map((size, i) => dims.includes(i) ? 1 : size) : shape.filter((_, i) => !dims.includes(i));
}

// src/base/list.ts
function at(list, i) {
  const element3 = list[i];
  if (element3 === void 0) throw new RangeError(`a list of ${list.length} has no element ${i}`);
  return element3;
}

// src/graph/node.ts
var DATA = { kind: "data" };
var Node = class _Node {
  constructor(op, inputs, shape, dtype, backend) {
    this.op = op;
    this.inputs = inputs;
    this.dtype = dtype;
    this.backend = backend;
    this.shape = frozen(shape);
  }
  op;
  inputs;
  dtype;
  backend;
  /** The elements, row by row, once they are there. */
  storage = null;
  /** The function that was called for it, for errors. */
  called = null;
  /** Runs that computed this node on the way to another: the second one keeps it. */
  runs = 0;
  /** Clones made before the elements were there, which are to have them too. */
  clones = [];
  described = null;
  /** Its own, and frozen: who gets it, or gave it, may not change it. */
  shape;
  /** Its dtype and shape as text. */
  get form() {
    return this.described ??= `${this.dtype} ${this.shape.join("x")}`;
  }
  /** Makes the node data, and lets go of what it was computed from. */
  settle(storage) {
    this.storage = storage;
    this.op = DATA;
    this.inputs = [];
    for (const clone2 of this.clones.splice(0).map((known) => known.deref())) if (clone2 && !clone2.storage) clone2.settle(storage.share());
  }
  /** A node with the same elements that outlives this one: it shares what memory there is, or will be when this node is computed first. */
  clone() {
    const { op, shape, dtype, backend } = this;
    if (this.storage) return dataNode(this.storage.share(), shape, dtype, backend);
    if (op.kind === "quantized") {
      const parts = this.inputs.map((input2) => input2.clone());
      return new _Node(op, parts, shape, dtype, backend);
    }
    const views2 = [];
    let base = this;
    while (base.op.kind === "move") {
      views2.push(base);
      base = at(base.inputs, 0);
    }
    const viewed = views2.reduceRight((input2, view2) => new _Node(view2.op, [input2], view2.shape, dtype, backend), views2.length > 0 ? base.clone() : base);
    const clone2 = copyNode(viewed);
    this.clones.push(new WeakRef(clone2));
    return clone2;
  }
  /** Whether the node starts a graph. */
  get isLeaf() {
    return this.storage !== null || this.op.kind === "parameter";
  }
};
function dataNode(storage, shape, dtype, backend) {
  const node = new Node(DATA, [], shape, dtype, backend);
  node.storage = storage;
  return node;
}
var copyNode = (node) => new Node({ kind: "cast" }, [node], node.shape, node.dtype, node.backend);
function opKey(op) {
  switch (op.kind) {
    case "constant":
      return `=${Object.is(op.value, -0) ? "-0" : op.value}`;
    case "move":
      return moveKey(op.move);
    case "element":
      return op.name;
    case "take":
      return `take${op.dim}`;
    case "reduce":
      return `${op.name}/${op.dims.join()}`;
    case "attention":
      return `attention ${op.maxQ} ${op.causal} ${op.scale}`;
    case "norm":
      return `${op.norm} ${op.width} ${op.eps} ${op.weight} ${op.bias}`;
    case "softmax":
      return op.log ? "log_softmax" : "softmax";
    case "segment_reduce":
      return `segment_${op.reduce}`;
    case "scan":
      return `cum${op.scan}`;
    case "scatter_join":
      return `scatter_${op.join}`;
    case "sort_runs":
      return `sort ${op.descending} ${op.keep}`;
    case "merge_runs":
      return `merge ${op.descending} ${op.run} ${op.keep}`;
    case "random":
      return `random_${op.distribution}`;
    case "call":
      return `call ${op.call?.recorded.number} ${op.output}`;
    case "data":
    case "parameter":
    case "arange":
    case "quantized":
    case "cast":
    case "linear":
    case "matmul":
    case "embedding":
    case "scatter_places":
      return op.kind;
    default:
      return op;
  }
}
function moveKey(move) {
  switch (move.kind) {
    case "reshape":
      return `r${move.shape.join("x")}`;
    case "expand":
      return `e${move.shape.join("x")}`;
    case "permute":
      return `p${move.order.join()}`;
    case "slice":
      return `s${move.dim},${move.start},${move.length},${move.step}`;
    default:
      return move;
  }
}

// src/base/f16.ts
var f32 = new Float32Array(1);
var u32 = new Uint32Array(f32.buffer);
function toHalfBits(value) {
  f32[0] = value;
  const bits2 = u32[0] ?? 0;
  const sign2 = bits2 >>> 16 & 32768;
  const magnitude = bits2 & 2147483647;
  if (magnitude > 2139095040) return sign2 | 32256;
  if (magnitude >= 1199570944) return sign2 | 31744;
  if (magnitude < 947912704) return sign2 | roundSubnormal(magnitude);
  const rounded2 = magnitude - 939524096;
  return sign2 | rounded2 + 4095 + (rounded2 >>> 13 & 1) >>> 13;
}
function roundSubnormal(magnitude) {
  u32[0] = magnitude;
  const steps = (f32[0] ?? 0) * 2 ** 24;
  const down = Math.floor(steps);
  const rest = steps - down;
  return rest > 0.5 || rest === 0.5 && down % 2 === 1 ? down + 1 : down;
}
function fromHalfBits(bits2) {
  const sign2 = bits2 & 32768 ? -1 : 1;
  const exponent = bits2 >>> 10 & 31;
  const fraction = bits2 & 1023;
  if (exponent === 0) return sign2 * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign2 * Infinity;
  return sign2 * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

// src/ops/values.ts
function makeValues(dtype, count) {
  switch (dtype) {
    case "float32":
    case "float16":
      return new Float32Array(count);
    case "int32":
      return new Int32Array(count);
    case "uint32":
    case "bool":
      return new Uint32Array(count);
    case "int8":
      return new Int8Array(count);
    case "qint8":
    case "qint4":
      throw packedWeight("values");
    default:
      return dtype;
  }
}
function readValues(buffer, dtype, offset, count) {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, offset, count);
    case "float16":
      return Float32Array.from(new Uint16Array(buffer, offset, count), fromHalfBits);
    case "int32":
      return new Int32Array(buffer, offset, count);
    case "uint32":
    case "bool":
      return new Uint32Array(buffer, offset, count);
    case "int8":
      return new Int8Array(buffer, offset, count);
    case "qint8":
    case "qint4":
      throw packedWeight("values");
    default:
      return dtype;
  }
}
function writeValues(buffer, dtype, values) {
  if (dtype === "float16") {
    new Uint16Array(buffer, 0, values.length).forEach((_, i, bits2) => bits2[i] = toHalfBits(values[i] ?? 0));
  } else {
    readValues(buffer, dtype, 0, values.length).set(values);
  }
}
var roundTo = (dtype, value) => dtype === "float16" ? fromHalfBits(toHalfBits(value)) : value;

// src/ops/binary.ts
var number = (wgsl, cpu, more = {}) => ({
  takes: more.bool ? "any" : "number",
  gives: "same",
  wgsl,
  cpu,
  ...more
});
var float = (wgsl, cpu) => ({
  takes: "float",
  gives: "same",
  wgsl: (_, a, b) => wgsl(a, b),
  cpu
});
var compare = (operator, cpu, bool3) => ({
  takes: "any",
  gives: "bool",
  wgsl: (_, a, b) => `(${a} ${operator} ${b})`,
  bool: bool3,
  cpu: (a, b) => Number(cpu(a, b))
});
var logical = (bool3, cpu) => ({
  takes: "bool",
  gives: "bool",
  wgsl: (_, a) => a,
  bool: bool3,
  cpu: (a, b) => Number(cpu(a !== 0, b !== 0))
});
var bits = (operator, cpu) => ({
  takes: "integral",
  gives: "same",
  wgsl: (_, a, b) => `(${a} ${operator} ${b})`,
  bool: operator === "^" ? (a, b) => `(${a} != ${b})` : (a, b) => `(${a} ${operator} ${b})`,
  cpu
});
var shift = (operator, cpu) => ({
  takes: "integral",
  gives: "same",
  wgsl: (T, a, b) => operator === ">>" && T === "I32" ? `(${a} >> min(U32(${b}), U32(31u)))` : `select(${a} ${operator} U32(${b}), ${T}(0), U32(${b}) > U32(31u))`,
  cpu
});
var divideDown = (a, b) => {
  if (b === 0) return a / b;
  const rest = a % b;
  const whole = Math.round((a - rest) / b);
  return rest !== 0 && rest < 0 !== b < 0 ? whole - 1 : whole;
};
var remainder = (a, b) => {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
};
var larger = (a, b) => Number.isNaN(a) || a > b ? a : b;
var smaller = (a, b) => Number.isNaN(a) || a < b ? a : b;
var power = (a, b) => a === 1 || a === -1 && Math.abs(b) === Infinity ? 1 : a ** b;
var BINARY = {
  add: number((_, a, b) => `(${a} + ${b})`, (a, b) => a + b, { bool: (a, b) => `(${a} | ${b})` }),
  sub: number((_, a, b) => `(${a} - ${b})`, (a, b) => a - b),
  mul: number((_, a, b) => `(${a} * ${b})`, (a, b) => a * b, { bool: (a, b) => `(${a} & ${b})`, cpuInt: Math.imul }),
  div: float((a, b) => `(${a} / ${b})`, (a, b) => a / b),
  div_trunc: number((T, a, b) => T === "F32" ? `trunc(${a} / ${b})` : `(${a} / ${b})`, (a, b) => Math.trunc(a / b)),
  floor_divide: number(
    (T, a, b) => T === "U32" ? `(${a} / ${b})` : `op_floor_divide_${T}(${a}, ${b})`,
    divideDown
  ),
  remainder: number((T, a, b) => T === "U32" ? `(${a} % ${b})` : `op_remainder_${T}(${a}, ${b})`, remainder),
  fmod: number((T, a, b) => T === "F32" ? `op_fmod(${a}, ${b})` : `(${a} % ${b})`, (a, b) => a % b),
  pow: number((T, a, b) => T === "F32" ? `op_pow(${a}, ${b})` : `op_ipow_${T}(${a}, ${b})`, power, { cpuInt: integerPower }),
  maximum: number((T, a, b) => T === "F32" ? `op_max(${a}, ${b})` : `max(${a}, ${b})`, larger, { bool: (a, b) => `(${a} | ${b})` }),
  minimum: number((T, a, b) => T === "F32" ? `op_min(${a}, ${b})` : `min(${a}, ${b})`, smaller, { bool: (a, b) => `(${a} & ${b})` }),
  atan2: float((a, b) => `op_atan2(${a}, ${b})`, Math.atan2),
  eq: compare("==", (a, b) => a === b, (a, b) => `(${a} == ${b})`),
  // Not "!=", which GPUs take to be false where either is NaN.
  ne: { ...compare("==", (a, b) => a !== b, (a, b) => `(${a} != ${b})`), wgsl: (_, a, b) => `!(${a} == ${b})` },
  lt: compare("<", (a, b) => a < b, (a, b) => `(!${a} & ${b})`),
  le: compare("<=", (a, b) => a <= b, (a, b) => `(!${a} | ${b})`),
  gt: compare(">", (a, b) => a > b, (a, b) => `(${a} & !${b})`),
  ge: compare(">=", (a, b) => a >= b, (a, b) => `(${a} | !${b})`),
  logical_and: logical((a, b) => `(${a} & ${b})`, (a, b) => a && b),
  logical_or: logical((a, b) => `(${a} | ${b})`, (a, b) => a || b),
  logical_xor: logical((a, b) => `(${a} != ${b})`, (a, b) => a !== b),
  bitwise_and: bits("&", (a, b) => a & b),
  bitwise_or: bits("|", (a, b) => a | b),
  bitwise_xor: bits("^", (a, b) => a ^ b),
  bitwise_left_shift: shift("<<", (a, b) => b >>> 0 > 31 ? 0 : a << b),
  bitwise_right_shift: shift(">>", (a, b) => a < 0 ? a >> Math.min(b >>> 0, 31) : b >>> 0 > 31 ? 0 : a >>> b)
};
function integerPower(base, exponent) {
  if (exponent < 0) return Math.abs(base) === 1 ? base ** (Math.abs(exponent) % 2) : 0;
  let result = 1;
  for (let left = exponent, square2 = base; left > 0; left = Math.floor(left / 2), square2 = Math.imul(square2, square2)) {
    if (left % 2) result = Math.imul(result, square2);
  }
  return result;
}

// src/ops/special.ts
function erf(x) {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  return Math.sign(x) * (a < 2.5 ? erfSeries(a) : 1 - erfcFraction(a));
}
function erfc(x) {
  if (Number.isNaN(x)) return NaN;
  return x < 2.5 ? 1 - erf(x) : erfcFraction(x);
}
function erfSeries(x) {
  let term = x;
  let sum2 = x;
  for (let n = 1; Math.abs(term) > 1e-17 * sum2; n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum2 += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum2;
}
function erfcFraction(x) {
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}
function erfinv(x) {
  if (Math.abs(x) >= 1 || Number.isNaN(x)) return Math.abs(x) === 1 ? x * Infinity : NaN;
  const w = -Math.log((1 - x) * (1 + x));
  let y = x * (w < 5 ? polynomial(w - 2.5, ERFINV_NEAR) : polynomial(Math.sqrt(w) - 3, ERFINV_FAR));
  for (let i = 0; i < 3; i++) {
    const error = y > 0 ? 1 - x - erfc(y) : erfc(-y) - (1 + x);
    y += error * Math.sqrt(Math.PI) / 2 * Math.exp(y * y);
  }
  return y;
}
var ERFINV_NEAR = [
  281022636e-16,
  343273939e-15,
  -35233877e-13,
  -439150654e-14,
  21858087e-11,
  -0.00125372503,
  -0.00417768164,
  0.246640727,
  1.50140941
];
var ERFINV_FAR = [
  -200214257e-12,
  100950558e-12,
  0.00134934322,
  -0.00367342844,
  0.00573950773,
  -0.0076224613,
  0.00943887047,
  1.00167406,
  2.83297682
];
var polynomial = (x, coefficients) => coefficients.reduce((sum2, c) => sum2 * x + c, 0);
function roundEven(x) {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || rest === 0.5 && down % 2 !== 0 ? down + 1 : down;
}

// src/ops/unary.ts
var float2 = (wgsl, cpu) => ({
  takes: "float",
  gives: "same",
  wgsl: (_, a) => wgsl(a),
  cpu
});
var floating = (wgsl, cpu) => ({ ...float2(wgsl, cpu), takes: "floating" });
var rounding = (wgsl, cpu) => ({
  takes: "number",
  gives: "same",
  wgsl: (T, a) => T === "F32" ? wgsl(a) : a,
  cpu
});
var question = (helper2, integers2, cpu) => ({
  takes: "any",
  gives: "bool",
  wgsl: (T, a) => T === "F32" ? helper2.replaceAll("$", a) : `BOOL(${integers2})`,
  bool: () => `BOOL(${integers2})`,
  cpu: (a) => Number(cpu(a))
});
var UNARY = {
  neg: { takes: "number", gives: "same", wgsl: (T, a) => T === "U32" ? `(~${a} + U32(1u))` : `(-${a})`, cpu: (a) => -a },
  abs: { takes: "number", gives: "same", wgsl: (_, a) => `abs(${a})`, cpu: Math.abs },
  sign: { takes: "any", gives: "same", wgsl: (T, a) => `(${T}(${a} > ${T}()) - ${T}(${a} < ${T}()))`, bool: (a) => a, cpu: (a) => Number(a > 0) - Number(a < 0) },
  square: { takes: "number", gives: "same", wgsl: (_, a) => `(${a} * ${a})`, cpu: (a) => a * a, cpuInt: (a) => Math.imul(a, a) },
  relu: { takes: "number", gives: "same", wgsl: (T, a) => `select(${a}, ${T}(0), ${a} < ${T}(0))`, cpu: (a) => a < 0 ? 0 : a },
  logical_not: { takes: "bool", gives: "bool", wgsl: (_, a) => a, bool: (a) => `!${a}`, cpu: (a) => Number(!a) },
  bitwise_not: { takes: "integral", gives: "same", wgsl: (_, a) => `(~${a})`, bool: (a) => `!${a}`, cpu: (a) => ~a, cpuBool: (a) => Number(!a) },
  floor: rounding((a) => `floor(${a})`, Math.floor),
  ceil: rounding((a) => `ceil(${a})`, Math.ceil),
  trunc: rounding((a) => `trunc(${a})`, Math.trunc),
  round: rounding((a) => `round(${a})`, roundEven),
  isnan: question("op_isnan($)", false, Number.isNaN),
  isinf: question("op_isinf($)", false, (a) => Math.abs(a) === Infinity),
  signbit: {
    takes: "any",
    gives: "bool",
    wgsl: (T, a) => T === "U32" ? "BOOL(false)" : `((bitcast<U32>(${a}) >> U32(31u)) != U32(0u))`,
    bool: () => "BOOL(false)",
    cpu: (a) => Number(a < 0 || Object.is(a, -0))
  },
  isfinite: question("!(op_isnan($) | op_isinf($))", true, Number.isFinite),
  exp: float2((a) => `op_exp(${a})`, Math.exp),
  exp2: float2((a) => `op_exp2(${a})`, (a) => 2 ** a),
  expm1: float2((a) => `op_expm1(${a})`, Math.expm1),
  log: float2((a) => `op_log(${a})`, Math.log),
  log2: float2((a) => `op_log2(${a})`, Math.log2),
  log10: float2((a) => `(op_log(${a}) * 0.4342944819032518)`, Math.log10),
  log1p: float2((a) => `op_log1p(${a})`, Math.log1p),
  sqrt: float2((a) => `sqrt(${a})`, Math.sqrt),
  rsqrt: float2((a) => `inverseSqrt(${a})`, (a) => 1 / Math.sqrt(a)),
  reciprocal: float2((a) => `(1.0 / ${a})`, (a) => 1 / a),
  sin: float2((a) => `op_sine(${a}, 0)`, Math.sin),
  cos: float2((a) => `op_sine(${a}, 1)`, Math.cos),
  tan: float2((a) => `(op_sine(${a}, 0) / op_sine(${a}, 1))`, Math.tan),
  asin: float2((a) => `op_asin(${a})`, Math.asin),
  acos: float2((a) => `op_acos(${a})`, Math.acos),
  atan: float2((a) => `op_atan(${a})`, Math.atan),
  sinh: float2((a) => `op_sinh(${a})`, Math.sinh),
  cosh: float2((a) => `op_cosh(${a})`, Math.cosh),
  tanh: float2((a) => `op_tanh(${a})`, Math.tanh),
  asinh: float2((a) => `op_asinh(${a})`, Math.asinh),
  acosh: float2((a) => `op_acosh(${a})`, Math.acosh),
  atanh: float2((a) => `(0.5 * op_log1p(2.0 * ${a} / (1.0 - ${a})))`, Math.atanh),
  erf: float2((a) => `op_erf(${a})`, erf),
  erfc: float2((a) => `op_erfc(${a})`, erfc),
  erfinv: float2((a) => `op_erfinv(${a})`, erfinv),
  sigmoid: float2((a) => `op_sigmoid(${a})`, (a) => 1 / (1 + Math.exp(-a))),
  frac: floating((a) => `(${a} - trunc(${a}))`, (a) => a - Math.trunc(a)),
  gelu: floating((a) => `op_gelu(${a})`, (a) => 0.5 * a * (1 + erf(a * Math.SQRT1_2))),
  gelu_tanh: floating((a) => `op_gelu_tanh(${a})`, (a) => 0.5 * a * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (a + 0.044715 * a ** 3)))),
  silu: floating((a) => `(${a} * op_sigmoid(${a}))`, (a) => a / (1 + Math.exp(-a))),
  softplus: floating((a) => `op_softplus(${a})`, (a) => a > 20 ? a : Math.log1p(Math.exp(a)))
};

// src/ops/table.ts
var select = (a, b, c) => `select(${c}, ${b}, ${a})`;
var TERNARY = {
  where: { takes: "any", gives: "same", wgsl: (_, a, b, c) => select(a, b, c), bool: select, cpu: (a, b, c) => a ? b : c }
};
var TABLE = { ...UNARY, ...BINARY, ...TERNARY };
var elementOp = (name) => TABLE[name];
function argumentType(name, promoted2) {
  if (isPacked(promoted2)) throw packedWeight(name);
  const { takes } = elementOp(name);
  switch (takes) {
    case "any":
      return promoted2;
    case "number":
      if (promoted2 === "bool") throw notOfBools(name);
      return promoted2;
    case "float":
      return isFloat(promoted2) ? promoted2 : "float32";
    case "floating":
      if (!isFloat(promoted2)) throw new NotImplementedError(`${name}: not implemented for '${promoted2}', only for floats`);
      return promoted2;
    case "bool":
      return "bool";
    case "integral":
      if (isFloat(promoted2)) throw new NotImplementedError(`${name}: not implemented for '${promoted2}', only for integers`);
      if (promoted2 === "bool" && !elementOp(name).bool) throw notOfBools(name);
      return promoted2;
    default:
      return takes;
  }
}
function notOfBools(name) {
  if (name === "neg") return new RuntimeError("neg: Negation, the `-` operator, on a bool tensor is not supported; use logical_not() to invert a mask");
  if (name === "relu") return new RuntimeError("relu: Boolean inputs not supported for relu");
  return new NotImplementedError(`${name}: not implemented for 'bool'`);
}
var resultTypeOf = (name, argument) => elementOp(name).gives === "bool" ? "bool" : argument;
function elementWgsl(name, lane, args) {
  const op = elementOp(name);
  const [a = "", b = "", c = ""] = args;
  if (lane !== "BOOL") return op.wgsl(lane, a, b, c);
  if (!op.bool) throw notOfBools(name);
  return op.bool(a, b, c);
}
function elementCpu(name, argument) {
  const op = elementOp(name);
  if (argument === "bool") return op.cpuBool ?? ((a, b, c) => Number(op.cpu(a, b, c) !== 0));
  return laneOf(argument) !== "F32" && op.cpuInt ? op.cpuInt : op.cpu;
}

// src/base/view.ts
var contiguousView = (shape) => ({ shape, strides: contiguousStrides(shape), offset: 0 });
function isContiguous({ shape, strides }) {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] ?? 1;
    if (size !== 1 && strides[i] !== step) return false;
    step *= size;
  }
  return true;
}
function moveView(view2, move) {
  switch (move.kind) {
    case "reshape":
      return reshapeView(view2, move.shape);
    case "permute":
      return {
        shape: move.order.map((dim) => view2.shape[dim] ?? 1),
        strides: move.order.map((dim) => view2.strides[dim] ?? 0),
        offset: view2.offset
      };
    case "expand":
      return expandView(view2, move.shape);
    case "slice": {
      const stride = view2.strides[move.dim] ?? 0;
      return {
        shape: view2.shape.map((size, i) => i === move.dim ? move.length : size),
        strides: view2.strides.map((step, i) => i === move.dim ? step * move.step : step),
        offset: view2.offset + move.start * stride
      };
    }
    default:
      return move;
  }
}
function expandView(view2, shape) {
  const missing = shape.length - view2.shape.length;
  const strides = shape.map((size, i) => view2.shape[i - missing] === size ? view2.strides[i - missing] ?? 0 : 0);
  return { shape, strides, offset: view2.offset };
}
function reshapeView(view2, shape) {
  if (shape.includes(0)) return contiguousView(shape);
  const runs = mergeDims(view2);
  const strides = new Array(shape.length).fill(0);
  let dim = shape.length - 1;
  for (let r = runs.length - 1; r >= 0; r--) {
    const run = runs[r];
    if (!run) break;
    let left = run.size;
    let stride = run.stride;
    while (dim >= 0 && left > 1) {
      const size = shape[dim] ?? 1;
      if (left % size !== 0) return null;
      strides[dim] = stride;
      stride *= size;
      left /= size;
      dim -= 1;
    }
    if (left !== 1) return null;
  }
  return { shape, strides, offset: view2.offset };
}
function mergeDims({ shape, strides }) {
  const runs = [];
  for (const [i, size] of shape.entries()) {
    if (size === 1) continue;
    const stride = strides[i] ?? 0;
    const last = runs.at(-1);
    if (last && last.stride === stride * size) {
      last.size *= size;
      last.stride = stride;
    } else {
      runs.push({ size, stride });
    }
  }
  return runs;
}

// src/graph/decide.ts
var NeedsBuffer = class extends Error {
  nodes;
  constructor(...nodes) {
    super("a node needs a buffer");
    this.nodes = nodes;
  }
};
function wayOf(node) {
  if (node.isLeaf) return "leaf";
  const { kind } = node.op;
  switch (kind) {
    case "data":
    case "parameter":
      return "leaf";
    case "constant":
    case "arange":
    case "element":
    case "cast":
    case "take":
      return "inline";
    case "move":
    case "quantized":
      return "view";
    case "reduce":
      return "reduction";
    case "call":
    case "linear":
    case "matmul":
    case "attention":
    case "norm":
    case "softmax":
    case "segment_reduce":
    case "embedding":
    case "scan":
    case "sort_runs":
    case "merge_runs":
    case "scatter_places":
    case "scatter_join":
    case "random":
      return "kernel";
    default:
      return kind;
  }
}
var MAX_DEPTH = 64;
function cuts(nodes) {
  const depths = /* @__PURE__ */ new Map();
  const cut = /* @__PURE__ */ new Set();
  for (const node of nodes) {
    const way = wayOf(node);
    if (way !== "inline" && way !== "view") continue;
    const depth = 1 + node.inputs.reduce((deepest, input2) => Math.max(deepest, depths.get(input2) ?? 0), 0);
    depths.set(node, depth % MAX_DEPTH);
    if (depth === MAX_DEPTH && node.op.kind !== "quantized") cut.add(node);
  }
  return cut;
}
var MANY = /* @__PURE__ */ Symbol("many");
function decide(nodes, outputs, forced) {
  const buffered = new Set(cuts(nodes));
  const readers = /* @__PURE__ */ new Map();
  const read = (input2, by) => {
    const known = readers.get(input2);
    readers.set(input2, known === void 0 || known === by ? by : MANY);
  };
  for (let n = nodes.length - 1; n >= 0; n--) {
    const node = at(nodes, n);
    const way = wayOf(node);
    if (way === "leaf") {
      buffered.add(node);
      continue;
    }
    const reader = readers.get(node) ?? MANY;
    const cheap = node.op.kind === "constant" || node.op.kind === "arange";
    const wanted = outputs.has(node) || forced.has(node);
    const shared = way === "inline" && reader === MANY && !cheap;
    if (way === "kernel" || way === "reduction" || wanted || shared) buffered.add(node);
    const kernel = buffered.has(node) ? node : reader;
    node.inputs.forEach((input2, i) => {
      if (input2.isLeaf) return;
      read(input2, way === "kernel" || node.op.kind === "take" && i === 0 ? MANY : kernel);
    });
  }
  const readerOf = (node) => {
    const reader = readers.get(node);
    return reader === void 0 || reader === MANY ? null : reader;
  };
  return { buffered, readerOf };
}

// src/graph/fuse.ts
var MAX_INSTRUCTIONS = 256;
function fuse(root, limits, accumulator = null) {
  const fuser = new Fuser(root, limits, accumulator);
  fuser.define(root, []);
  return fuser.result();
}
function fuseInput(input2, moves, limits) {
  const fuser = new Fuser(null, limits, null);
  fuser.value(
    input2,
    moves.map((move) => ({ move, of: input2 }))
  );
  return fuser.result();
}
function viewOf(node, buffered) {
  const { base, path } = baseOf(node, [], buffered);
  return { base, view: follow(base, path) };
}
function baseOf(node, path, buffered) {
  let at2 = node;
  let hops = path;
  while (!buffered.has(at2)) {
    const [input2] = at2.inputs;
    if (at2.op.kind !== "move" || !input2) throw new NeedsBuffer(at2);
    hops = [{ move: at2.op.move, of: input2 }, ...hops];
    at2 = input2;
  }
  return { base: at2, path: hops };
}
function viewIn(base, node) {
  const moves = [];
  for (let at2 = node; at2 !== base; ) {
    const [moved2] = at2.inputs;
    if (at2.op.kind !== "move" || !moved2) return null;
    moves.push(at2.op.move);
    at2 = moved2;
  }
  return moves.reduceRight((view2, move) => view2 && moveView(view2, move), contiguousView(base.shape));
}
function follow(base, path) {
  let view2 = contiguousView(base.shape);
  for (const { move, of: of2 } of path) {
    const moved2 = moveView(view2, move);
    if (!moved2) throw new NeedsBuffer(of2);
    view2 = moved2;
  }
  return view2;
}
var Cut = class extends Error {
  constructor(frame) {
    super("a program was too long");
    this.frame = frame;
  }
  frame;
};
var Fuser = class {
  constructor(root, limits, accumulator) {
    this.root = root;
    this.limits = limits;
    this.accumulator = accumulator;
  }
  root;
  limits;
  accumulator;
  body = [];
  inputs = [];
  accesses = [];
  /** Values of nodes, by the path behind them. */
  known = /* @__PURE__ */ new Map();
  /** Nodes at whose arguments it is, the outermost first. */
  frames = [];
  /** Nodes that the program reads from buffers that they are to get. */
  cut = /* @__PURE__ */ new Set();
  result() {
    if (this.cut.size > 0) throw new NeedsBuffer(...this.cut);
    return { program: { inputs: this.inputs.map(({ dtype }) => dtype), body: this.body }, operands: this.inputs };
  }
  /** The number of the value that holds a node's element, at the end of a path. */
  value(node, path) {
    let key = "";
    for (const { move } of path) key += `${moveKey(move)}/`;
    let values = this.known.get(node);
    if (!values) this.known.set(node, values = /* @__PURE__ */ new Map());
    const known = values.get(key);
    if (known !== void 0) return known;
    const value = this.isBuffered(node) && node !== this.root ? this.load(node, path) : this.define(node, path);
    values.set(key, value);
    return value;
  }
  /** The same, by what defines the node and not from its buffer. */
  define(node, path) {
    const { op, dtype } = node;
    switch (op.kind) {
      case "constant":
        return this.push({ kind: "constant", dtype, value: op.value });
      case "arange":
        return this.push({ kind: "address", dtype, access: follow(node, path) });
      case "cast":
        return this.push({ kind: "cast", dtype, from: this.value(input(node, 0), path) });
      case "move":
        return this.value(input(node, 0), [{ move: op.move, of: input(node, 0) }, ...path]);
      case "element": {
        const args = this.arguments(node, path);
        return this.push({ kind: "apply", dtype, op: op.name, args });
      }
      case "take":
        return this.take(node, op.dim, path);
      case "quantized":
        throw packedWeight("read");
      default:
        throw new NeedsBuffer(node);
    }
  }
  isBuffered(node) {
    return this.limits.buffered.has(node) || this.cut.has(node);
  }
  arguments(node, path) {
    for (; ; ) {
      const frame = { node, start: this.body.length, inputs: this.inputs.length, sizes: [] };
      this.frames.push(frame);
      try {
        return node.inputs.map((argument) => {
          const before = this.body.length;
          const value = this.value(argument, this.expanded(argument, node.shape, path));
          frame.sizes.push(this.body.length - before);
          if (this.inputs.length > this.limits.maxInputs || this.body.length > MAX_INSTRUCTIONS) this.cutOff();
          return value;
        });
      } catch (error) {
        if (!(error instanceof Cut) || error.frame !== frame) throw error;
        this.rollBack(frame);
      } finally {
        this.frames.pop();
      }
    }
  }
  /** Cuts a program too long at the argument that most instructions compute, of all nodes that it is at, and goes on from there. */
  cutOff() {
    let largest = null;
    for (const frame of this.frames) {
      for (const [i, size] of frame.sizes.entries()) {
        let node = input(frame.node, i);
        while (node.op.kind === "move" && !this.isBuffered(node)) node = input(node, 0);
        if (!this.isBuffered(node) && size > (largest?.size ?? 0)) largest = { frame, node, size };
      }
    }
    if (!largest) {
      const { node } = at(this.frames, this.frames.length - 1);
      if (node === this.root) throw new RuntimeError(`${node.inputs.length} inputs are more than this adapter can bind`);
      throw new NeedsBuffer(node, ...this.cut);
    }
    this.cut.add(largest.node);
    throw new Cut(largest.frame);
  }
  rollBack({ start, inputs }) {
    this.body.length = start;
    this.inputs.length = inputs;
    this.accesses.length = inputs;
    for (const values of this.known.values()) for (const [key, value] of values) if (value >= start) values.delete(key);
  }
  expanded(argument, shape, path) {
    return sameShape(argument.shape, shape) ? path : [{ move: { kind: "expand", shape }, of: argument }, ...path];
  }
  take(node, dim, path) {
    const source = input(node, 0);
    const indices = input(node, 1);
    const { base, view: view2 } = viewOf(source, this.limits.buffered);
    const index2 = this.value(indices, this.expanded(indices, node.shape, path));
    const strides = view2.strides.map((stride2, d) => d === dim ? 0 : stride2);
    let access = { shape: node.shape, strides, offset: view2.offset };
    for (const { move } of path) {
      const moved2 = moveView(access, move);
      if (!moved2) throw new NeedsBuffer(node);
      access = moved2;
    }
    const stride = view2.strides[dim] ?? 0;
    return this.push({
      kind: "take",
      dtype: node.dtype,
      input: this.inputNumber(base, access),
      access,
      index: index2,
      stride,
      size: source.shape[dim] ?? 1
    });
  }
  load(node, path) {
    const access = follow(node, path);
    if (node === this.accumulator) {
      const whole = isContiguous(access) && access.offset === 0 && numel(access.shape) === numel(node.shape);
      if (!whole) throw new NeedsBuffer(node);
      return this.push({ kind: "accumulator", dtype: node.dtype });
    }
    return this.push({ kind: "load", dtype: node.dtype, input: this.inputNumber(node, access), access });
  }
  /** Each way to read a buffer is an input of its own, since a kernel declares an input for one way. */
  inputNumber(node, access) {
    const known = this.accesses.findIndex(
      ({ strides, offset }, i) => this.inputs[i] === node && offset === access.offset && sameShape(strides, access.strides)
    );
    if (known >= 0) return known;
    this.inputs.push(node);
    return this.accesses.push(access) - 1;
  }
  push(instruction) {
    return this.body.push(instruction) - 1;
  }
};
var input = (node, i) => at(node.inputs, i);

// src/kernels/kernel.ts
var WEIGHT_DTYPES = { float32: "f32", float16: "f16", qint8: "q8", qint4: "q4" };
var MAX_WORKGROUPS = 65535;
function grid(count) {
  const y = Math.ceil(count / MAX_WORKGROUPS);
  if (y > MAX_WORKGROUPS) throw new RangeError(`${count} workgroups, at most ${MAX_WORKGROUPS ** 2} fit a dispatch`);
  return [Math.ceil(count / y), y, 1];
}
var WORKGROUP_INDEX = (
  /* wgsl */
  `
fn workgroup_index(id: vec3u, count: vec3u) -> u32 { return id.y * count.x + id.x; }
`
);
function uniforms(...values) {
  const words2 = new Uint32Array(Math.ceil(values.length / 4) * 4);
  words2.set(values);
  return words2;
}
function f322(value) {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}
function repeat(count, line, separator = "\n") {
  return Array.from({ length: count }, (_, i) => line(i)).join(separator);
}
function checkSizes(kernel, sizes) {
  for (const name in sizes) {
    const size = sizes[name] ?? NaN;
    if (!Number.isInteger(size) || size < 1 || size > 4294967295) {
      throw new RangeError(`${kernel}: ${name} is ${size}, expected an integer from 1 to 4294967295`);
    }
  }
}

// src/kernels/attention_parts.ts
var MAX_HEAD_DIM = 128;
var LOG2_E = Math.LOG2E;
function checkAttention({ batch, maxQ, heads, group, headDim, q, k, v }) {
  checkSizes("attention", { batch, maxQ, heads, group, headDim });
  if (heads % group !== 0) throw new RangeError(`attention: ${heads} heads in groups of ${group}`);
  if (headDim > MAX_HEAD_DIM) throw new RangeError(`attention: headDim is ${headDim}, at most ${MAX_HEAD_DIM} fit a kernel's registers`);
  for (const [name, view2] of Object.entries({ q, k, v })) {
    if (view2.row < headDim && view2.row !== 0) throw new RangeError(`attention: ${name}'s rows are ${view2.row} apart, expected at least headDim ${headDim}`);
  }
}
function attentionUniforms({ batch, maxQ, q, k, v, scale }, queries) {
  const views2 = [q, k, v].flatMap(({ offset, row, head }) => [offset, row, head, 0]);
  return uniforms(...views2, batch, Math.ceil(maxQ / queries), f322(scale * LOG2_E));
}
function attentionWgsl({ heads, group, headDim, q, k, v, causal }, queries) {
  const aligned2 = headDim % 4 === 0 && [q, k, v].every((view2) => [view2.offset, view2.row, view2.head].every((n) => n % 4 === 0));
  const views2 = ["q", "k", "v"];
  return (
    /* wgsl */
    `
${repeat(3, (i) => `@group(0) @binding(${i}) var<storage, read> ${views2[i]}: array<${aligned2 ? "vec4f" : "f32"}>;`)}
@group(0) @binding(3) var<storage, read> cu_q: array<i32>;
@group(0) @binding(4) var<storage, read> cu_k: array<i32>;
@group(0) @binding(5) var<storage, read_write> y: array<${headDim % 4 === 0 ? "vec4f" : "f32"}>;
struct View { offset: u32, row: u32, head: u32, unused: u32 }
struct Sizes { q: View, k: View, v: View, batch: u32, tiles: u32, scale: f32 }
@group(0) @binding(6) var<uniform> sizes: Sizes;

struct Tile {
  head: u32,
  q0: u32,       // where the sequence starts in q
  k0: u32,       // and in k
  length_q: u32,
  length_k: u32,
  first: u32,    // the tile's first row within the sequence
}

fn find(index: u32) -> Tile {
  let sequence = min(index / (sizes.tiles * ${heads}u), sizes.batch - 1);
  let q0 = u32(cu_q[sequence]);
  let k0 = u32(cu_k[sequence]);
  // The last rows see the most keys: they start first, so that none of them is left running alone at the end.
  let first = (sizes.tiles - 1 - index % sizes.tiles) * ${queries}u;
  return Tile(index / sizes.tiles % ${heads}u, q0, k0, u32(cu_q[sequence + 1]) - q0, u32(cu_k[sequence + 1]) - k0, first);
}

// How many keys, from the first on, a row of the sequence sees.
fn visible(tile: Tile, row: u32) -> u32 {
  ${causal ? "return u32(clamp(i32(row + 1 + tile.length_k) - i32(tile.length_q), 0, i32(tile.length_k)));" : "return tile.length_k;"}
}
${repeat(3, (i) => viewWgsl(views2[i] ?? "q", headDim, i === 0 ? 1 : group, aligned2))}
fn store(row: u32, head: u32, c: u32, value: vec4f) {
  ${headDim % 4 === 0 ? `y[(row * ${heads}u + head) * ${headDim / 4}u + c] = value;` : `let i = (row * ${heads}u + head) * ${headDim}u + 4 * c;
  for (var j = 0u; j < 4 && 4 * c + j < ${headDim}u; j++) { y[i + j] = value[j]; }`}
}
`
  );
}
function viewWgsl(name, headDim, group, aligned2) {
  const own = group === 1 ? "head" : `(head / ${group}u)`;
  if (aligned2) {
    return (
      /* wgsl */
      `
fn ${name}_at(row: u32, head: u32, c: u32) -> vec4f {
  return ${name}[(sizes.${name}.offset + row * sizes.${name}.row + ${own} * sizes.${name}.head) / 4 + c];
}`
    );
  }
  return (
    /* wgsl */
    `
fn ${name}_at(row: u32, head: u32, c: u32) -> vec4f {
  let i = sizes.${name}.offset + row * sizes.${name}.row + ${own} * sizes.${name}.head + 4 * c;
  var value: vec4f;
  for (var j = 0u; j < 4 && 4 * c + j < ${headDim}u; j++) { value[j] = ${name}[i + j]; }
  return value;
}`
  );
}

// src/kernels/attention_direct.ts
var QUERIES = 2;
var INVOCATIONS = 16;
function attentionDirect(spec) {
  checkAttention(spec);
  const { batch, maxQ, heads, headDim } = spec;
  const quads = Math.ceil(headDim / 4);
  const rows = (line, indent) => repeat(QUERIES, line, `
${indent}`);
  const each2 = (line, indent) => repeat(quads, (c) => repeat(QUERIES, (i) => line(i, c), " "), `
${indent}`);
  return {
    name: `attention_direct_${headDim}`,
    get wgsl() {
      return (
        /* wgsl */
        `
${attentionWgsl(spec, QUERIES)}
${WORKGROUP_INDEX}
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count) * ${INVOCATIONS}u + invocation;
  if (index >= sizes.batch * sizes.tiles * ${heads}u) { return; }
  let tile = find(index);
  if (tile.first >= tile.length_q) { return; }
  ${rows((i) => `let row${i} = min(tile.first + ${i}u, tile.length_q - 1);`, "  ")}
  ${rows((i) => `let visible${i} = visible(tile, row${i});`, "  ")}
  ${each2((i, c) => `let q${i}_${c} = q_at(tile.q0 + row${i}, tile.head, ${c}) * sizes.scale;`, "  ")}
  ${each2((i, c) => `var acc${i}_${c} = vec4f();`, "  ")}
  // The running softmax (Milakov and Gimelshein, 2018): the largest score so far, and the sum of 2^(score - largest).
  ${rows((i) => `var largest${i} = -3e38; var sum${i} = 0.0;`, "  ")}
  for (var key = 0u; key < visible${QUERIES - 1}; key++) {
    ${rows((i) => `var score${i} = 0.0;`, "    ")}
    ${repeat(quads, (c) => `let k${c} = k_at(tile.k0 + key, tile.head, ${c}); ` + repeat(QUERIES, (i) => `score${i} += dot(q${i}_${c}, k${c});`, " "), "\n    ")}
    ${rows((i) => `if (key >= visible${i}) { score${i} = -3e38; }
    let next${i} = max(largest${i}, score${i});
    let keep${i} = exp2(largest${i} - next${i});
    let p${i} = select(0.0, exp2(score${i} - next${i}), key < visible${i});
    largest${i} = next${i};
    sum${i} = sum${i} * keep${i} + p${i};`, "    ")}
    ${repeat(quads, (c) => `let v${c} = v_at(tile.k0 + key, tile.head, ${c}); ` + repeat(QUERIES, (i) => `acc${i}_${c} = acc${i}_${c} * keep${i} + p${i} * v${c};`, " "), "\n    ")}
  }
  // A row that sees no key is zero, as in PyTorch's varlen_attn.
  ${rows((i) => `if (tile.first + ${i}u < tile.length_q) {
    let inverse = select(1 / sum${i}, 0.0, sum${i} == 0.0);
    ${repeat(quads, (c) => `store(tile.q0 + row${i}, tile.head, ${c}, acc${i}_${c} * inverse);`, "\n    ")}
  }`, "  ")}
}
`
      );
    },
    uniforms: attentionUniforms(spec, QUERIES),
    workgroups: grid(Math.ceil(batch * heads * Math.ceil(maxQ / QUERIES) / INVOCATIONS))
  };
}

// src/kernels/attention_tiled.ts
function attentionTiled(spec, { across, down, rows, keys }) {
  checkAttention(spec);
  const { batch, maxQ, heads, headDim } = spec;
  const tileQ = rows * down;
  const tileK = keys * across;
  const invocations = across * down;
  const quads = Math.ceil(headDim / 4);
  const columns = Math.ceil(quads / across);
  const pitch = quads | 1;
  const pitchP = tileK / 4 + 1;
  const eachRow = (line, indent) => repeat(rows, line, `
${indent}`);
  const eachScore = (line, indent) => repeat(rows, (i) => repeat(keys, (j) => line(i, j), " "), `
${indent}`);
  const eachColumn = (line, indent) => repeat(rows, (i) => repeat(columns, (j) => line(i, j), " "), `
${indent}`);
  const share = (total, line) => `for (var s = 0u; s < ${Math.ceil(total / invocations)}u; s++) {
      let n = s * ${invocations}u + invocation;
      ${total % invocations === 0 ? line : `if (n < ${total}u) { ${line} }`}
    }`;
  const bringKeys = (read) => share(tileK * quads, `let key = min(key0 + n / ${quads}u, tile.length_k - 1);
      kv_tile[n / ${quads}u * ${pitch}u + n % ${quads}u] = ${read}(tile.k0 + key, tile.head, n % ${quads}u);`);
  return {
    name: `attention_${tileQ}x${tileK}_${headDim}`,
    get wgsl() {
      return (
        /* wgsl */
        `
${attentionWgsl(spec, tileQ)}
var<workgroup> q_tile: array<vec4f, ${tileQ * quads}>;
var<workgroup> kv_tile: array<vec4f, ${tileK * pitch}>;
// What a row gives to each key, four keys a vector.
var<workgroup> p_tile: array<vec4f, ${tileQ * pitchP}>;
var<workgroup> largest_tile: array<vec4f, ${tileQ * across / 4}>;
${WORKGROUP_INDEX}
@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count);
  if (index >= sizes.batch * sizes.tiles * ${heads}u) { return; }
  let tile = find(index);
  if (tile.first >= tile.length_q) { return; }
  let tx = invocation % ${across}u;
  let ty = invocation / ${across}u;
  ${eachRow((i) => `let local${i} = ty + ${i * down}u;`, "  ")}
  // Rows past the end repeat the last one, and are not stored.
  ${eachRow((i) => `let row${i} = min(tile.first + local${i}, tile.length_q - 1);`, "  ")}
  ${eachRow((i) => `let visible${i} = visible(tile, row${i});`, "  ")}
  let stop = visible(tile, min(tile.first + ${tileQ - 1}u, tile.length_q - 1));
  ${share(tileQ * quads, `let row = min(tile.first + n / ${quads}u, tile.length_q - 1);
      q_tile[n] = q_at(tile.q0 + row, tile.head, n % ${quads}u) * sizes.scale;`)}
  // The running softmax (Milakov and Gimelshein, 2018): the largest score so far, and the sum of 2^(score - largest).
  ${eachRow((i) => `var largest${i} = -3e38; var sum${i} = 0.0;`, "  ")}
  ${eachColumn((i, j) => `var acc${i}_${j} = vec4f();`, "  ")}

  for (var key0 = 0u; key0 < stop; key0 += ${tileK}u) {
    ${bringKeys("k_at")}
    workgroupBarrier();

    ${eachScore((i, j) => `var score${i}_${j} = 0.0;`, "    ")}
    for (var c = 0u; c < ${quads}u; c++) {
      ${repeat(keys, (j) => `let k${j} = kv_tile[(tx + ${j * across}u) * ${pitch}u + c];`, "\n      ")}
      ${eachRow((i) => `let q${i} = q_tile[local${i} * ${quads}u + c]; ` + repeat(keys, (j) => `score${i}_${j} += dot(q${i}, k${j});`, " "), "      ")}
    }
    ${eachScore((i, j) => `score${i}_${j} = select(-3e38, score${i}_${j}, key0 + tx + ${j * across}u < visible${i});`, "    ")}
    ${eachRow((i) => `largest_tile[local${i} * ${across / 4}u + tx / 4u][tx % 4u] = ${repeat(keys - 1, () => "max(", "")}score${i}_0${repeat(keys - 1, (j) => `, score${i}_${j + 1})`, "")};`, "    ")}
    workgroupBarrier();

    // Every key has been read: the values take their place.
    ${bringKeys("v_at")}
    ${eachRow((i) => `var most${i} = largest_tile[local${i} * ${across / 4}u]; ` + repeat(across / 4 - 1, (n) => `most${i} = max(most${i}, largest_tile[local${i} * ${across / 4}u + ${n + 1}u]);`, " ") + `
    let next${i} = max(largest${i}, max(max(most${i}.x, most${i}.y), max(most${i}.z, most${i}.w)));
    let keep${i} = exp2(largest${i} - next${i});
    largest${i} = next${i};
    sum${i} *= keep${i};`, "    ")}
    ${eachColumn((i, j) => `acc${i}_${j} *= keep${i};`, "    ")}
    ${eachScore((i, j) => `p_tile[local${i} * ${pitchP}u + tx / 4u + ${j * across / 4}u][tx % 4u] = select(0.0, exp2(score${i}_${j} - next${i}), key0 + tx + ${j * across}u < visible${i});`, "    ")}
    workgroupBarrier();

    for (var n = 0u; n < ${tileK / 4}u; n++) {
      ${eachRow((i) => `let p${i} = p_tile[local${i} * ${pitchP}u + n]; sum${i} += p${i}.x + p${i}.y + p${i}.z + p${i}.w;`, "      ")}
      ${repeat(4, (u) => repeat(columns, (j) => `let v${u}_${j} = kv_tile[(4 * n + ${u}u) * ${pitch}u + ${column(j)}];`, " "), "\n      ")}
      ${eachColumn((i, j) => `acc${i}_${j} += p${i}.x * v0_${j} + p${i}.y * v1_${j} + p${i}.z * v2_${j} + p${i}.w * v3_${j};`, "      ")}
    }
    workgroupBarrier();
  }

  // A row that sees no key is zero, as in PyTorch's varlen_attn.
  ${eachRow((i) => `if (tile.first + local${i} < tile.length_q) {
    let inverse = select(1 / sum${i}, 0.0, sum${i} == 0.0);
    ${repeat(columns, (j) => `if (tx + ${j * across}u < ${quads}u) { store(tile.q0 + row${i}, tile.head, tx + ${j * across}u, acc${i}_${j} * inverse); }`, "\n    ")}
  }`, "  ")}
}
`
      );
    },
    uniforms: attentionUniforms(spec, tileQ),
    workgroups: grid(batch * heads * Math.ceil(maxQ / tileQ))
  };
  function column(j) {
    const last = across * (j + 1) - 1;
    return last < quads ? `tx + ${j * across}u` : `min(tx + ${j * across}u, ${quads - 1}u)`;
  }
}

// src/kernels/attention.ts
function attention(spec, caps) {
  if (caps.software) return attentionDirect(spec);
  return attentionTiled(spec, attentionTile(spec));
}
function attentionTile({ maxQ, headDim }) {
  if (headDim > 64) return { across: 8, down: 8, rows: 1, keys: 2 };
  if (maxQ <= 64) return { across: 16, down: 8, rows: 1, keys: 2 };
  return { across: 16, down: 8, rows: 2, keys: 2 };
}

// src/kernels/params.ts
var LANES = "xyzw";
var isLiteral = (value) => Number.isFinite(Math.fround(value)) && !Object.is(Math.fround(value), -0);
var LITERALS = {
  u32: (value) => `${value >>> 0}u`,
  i32: (value) => `i32(${value | 0})`,
  f32: (value) => `f32(${Math.fround(value)})`
};
var Params = class {
  words = [];
  u32(value) {
    this.words.push(value >>> 0);
    const i = this.words.length - 1;
    return `params.words[${i >> 2}].${LANES[i & 3]}`;
  }
  i32(value) {
    return `bitcast<i32>(${this.u32(value)})`;
  }
  f32(value) {
    return `bitcast<f32>(${this.u32(f322(value))})`;
  }
  /** The uniform's contents. */
  contents() {
    const words2 = new Uint32Array(Math.max(4, Math.ceil(this.words.length / 4) * 4));
    words2.set(this.words);
    return words2;
  }
  /** The uniform's declaration; to be written last. */
  declare(binding) {
    return `struct Params { words: array<vec4u, ${this.contents().length / 4}> }
@group(0) @binding(${binding}) var<uniform> params: Params;`;
  }
};

// src/kernels/program.ts
function valueType(program, value) {
  const instruction = program.body[value];
  if (!instruction) throw new RangeError(`program has no value ${value}`);
  return instruction.dtype;
}
var resultOf = (program) => valueType(program, program.body.length - 1);
var argumentsOf = (program, args) => valueType(program, args.at(-1) ?? 0);
function mergeDims2({ shape, kept, program }) {
  const accesses = program.body.flatMap((i) => "access" in i ? [i.access] : []);
  const lasts = shape.flatMap((_, d) => {
    const size = shape[d + 1];
    const merges = size !== void 0 && d + 1 !== kept && accesses.every(({ strides }) => strides[d] === (strides[d + 1] ?? 0) * size);
    return merges ? [] : [d];
  });
  const sizes = lasts.map((last, k) => shape.slice((lasts[k - 1] ?? -1) + 1, last + 1).reduce((n, size) => n * size, 1));
  const pick = ({ strides, offset }) => ({ strides: lasts.map((d) => strides[d] ?? 0), offset });
  const body = program.body.map((i) => "access" in i ? { ...i, access: pick(i.access) } : i);
  return { shape: sizes, kept: lasts.filter((d) => d < kept).length, program: { inputs: program.inputs, body } };
}

// src/graph/list_task.ts
function listTask(node, op) {
  const { rows, width, dtype } = rowsOf(input(node, 0));
  switch (op.kind) {
    case "scan":
      return { kind: "scan", spec: { op: op.scan, rows, width, dtype: scanned(dtype) } };
    case "sort_runs": {
      const { descending, keep } = op;
      return { kind: "sort_runs", spec: { rows, width, dtype: word(dtype), descending, keep } };
    }
    case "merge_runs": {
      const { descending, run, keep } = op;
      const count = rowsOf(input(node, 1)).width;
      return { kind: "merge_runs", spec: { rows, width, dtype: word(dtype), descending, count, run, keep } };
    }
    case "scatter_places":
      return { kind: "scatter_places", spec: { rows, width: node.shape.at(-1) ?? 1, count: width } };
    case "scatter_join":
      return { kind: "scatter_join", spec: { op: op.join, dtype: scanned(node.dtype), rows, width: node.shape.at(-1) ?? 1, count: width } };
    case "random":
      return { kind: "random", spec: { distribution: op.distribution, count: numel(node.shape) } };
    default:
      return op;
  }
}
function rowsOf({ shape, dtype }) {
  const width = shape.at(-1) ?? 1;
  return { rows: numel(shape) / width, width, dtype };
}
function scanned(dtype) {
  if (dtype === "float32" || dtype === "int32" || dtype === "uint32") return dtype;
  throw new RuntimeError(`a scan of ${dtype}, expected float32, int32 or uint32`);
}
function word(dtype) {
  return dtype === "bool" ? dtype : scanned(dtype);
}

// src/graph/lower.ts
function lower(node, context) {
  const { op } = node;
  switch (op.kind) {
    case "linear":
      return lowerLinear(input(node, 0), input(node, 1), context);
    case "matmul":
      return lowerMatmul(node, context);
    case "reduce":
      return lowerReduce(node, op, context);
    case "attention":
      return lowerAttention(node, op, context);
    case "norm":
    case "softmax":
    case "segment_reduce":
    case "embedding":
      return lowerRows(node, context);
    case "scan":
    case "sort_runs":
    case "merge_runs":
    case "scatter_places":
    case "scatter_join":
    case "random":
      return {
        task: listTask(node, op),
        operands: node.inputs.map((operand) => plain(operand, context))
      };
    case "constant":
    case "arange":
    case "element":
    case "cast":
    case "take":
    case "move":
    case "quantized": {
      const { program, operands } = fuse(node, context);
      return { task: { kind: "elementwise", spec: mergeDims2({ shape: node.shape, kept: node.shape.length, program }) }, operands };
    }
    case "data":
    case "parameter":
    case "call":
      throw new RuntimeError("a leaf needs no task, and a recorded function has tasks of its own");
    default:
      return op;
  }
}
function plain(node, { buffered }) {
  if (buffered.has(node)) return node;
  const { base, view: view2 } = viewOf(node, buffered);
  if (!isContiguous(view2) || view2.offset !== 0) throw new NeedsBuffer(node);
  return base;
}
function weightOf(weight, context) {
  const parts = weight.op.kind === "quantized" ? weight.inputs : [weight];
  return { dtype: WEIGHT_DTYPES[weight.dtype] ?? "f32", operands: parts.map((part) => plain(part, context)) };
}
function lowerLinear(x, w, context) {
  const weight = weightOf(w, context);
  const [N = 0, K = 0] = w.shape;
  const sizes = { M: numel(x.shape) / K, N, K, weight: weight.dtype };
  if (x.op.kind === "norm" && context.joinedNorms.has(x)) {
    const { norm: kind, eps, weight: scaled, bias } = x.op;
    const [rows, ...parts] = x.inputs.map((operand) => plain(operand, context));
    const spec = { ...sizes, norm: { kind, eps, weight: scaled, bias } };
    return { task: { kind: "linear", spec, behind: null }, operands: [...rows ? [rows] : [], ...weight.operands, ...parts] };
  }
  return { task: { kind: "linear", spec: { ...sizes, norm: null }, behind: null }, operands: [plain(x, context), ...weight.operands] };
}
function lowerMatmul(node, context) {
  const a = input(node, 0);
  const b = input(node, 1);
  const transposed = asLinearWeight(b, context);
  if (transposed) return lowerLinear(a, transposed, context);
  const left = viewOf(a, context.buffered);
  const right = viewOf(b, context.buffered);
  const batch = node.shape.slice(0, -2);
  const [M = 0, N = 0] = node.shape.slice(-2);
  const spec = {
    batch,
    M,
    N,
    K: a.shape.at(-1) ?? 0,
    a: matrixStrides(left.view, batch.length),
    b: matrixStrides(right.view, batch.length)
  };
  return { task: { kind: "matmul", spec, behind: null }, operands: [left.base, right.base] };
}
function asLinearWeight(b, context) {
  if (b.op.kind !== "move" || b.op.move.kind !== "permute" || b.shape.length !== 2 || context.buffered.has(b)) return null;
  if (b.op.move.order[0] !== 1) return null;
  const w = input(b, 0);
  const { view: view2 } = viewOf(w, context.buffered);
  return isContiguous(view2) && view2.offset === 0 ? w : null;
}
function matrixStrides({ shape, strides, offset }, batchDims) {
  const own = shape.length - 2;
  const batch = Array.from({ length: batchDims }, (_, i) => {
    const d = i - (batchDims - own);
    return d < 0 || shape[d] === 1 ? 0 : strides[d] ?? 0;
  });
  return { offset, batch, row: strides[own] ?? 0, column: strides[own + 1] ?? 0 };
}
function lowerReduce(node, op, context) {
  const x = input(node, 0);
  const all2 = x.shape.map((_, d) => d);
  const order2 = [...all2.filter((d) => !op.dims.includes(d)), ...op.dims];
  const moves = order2.every((d, i) => d === i) ? [] : [{ kind: "permute", order: order2 }];
  const { program, operands } = fuseInput(x, moves, context);
  const shape = order2.map((d) => x.shape[d] ?? 1);
  const loop = mergeDims2({ shape, kept: shape.length - op.dims.length, program });
  return { task: { kind: "reduce", spec: { op: op.name, ...loop, epilogue: null } }, operands };
}
function lowerAttention(node, op, context) {
  const viewed = (i) => headsOf(input(node, i), context);
  const [q, k, v] = [viewed(0), viewed(1), viewed(2)];
  const [cuQ, cuK] = [input(node, 3), input(node, 4)];
  const [, heads = 1, headDim = 1] = node.shape;
  const { maxQ, causal, scale } = op;
  const group = heads / (input(node, 1).shape[1] ?? heads);
  const spec = { batch: numel(cuQ.shape) - 1, maxQ, heads, group, headDim, q: q.view, k: k.view, v: v.view, causal, scale };
  return { task: { kind: "attention", spec }, operands: [q.base, k.base, v.base, plain(cuQ, context), plain(cuK, context)] };
}
function headsOf(node, { buffered }) {
  const { base, view: view2 } = viewOf(node, buffered);
  const [row = 0, head = 0, last = 1] = view2.strides;
  if (last !== 1 && view2.shape[2] !== 1 || row < 0 || head < 0) throw new NeedsBuffer(node);
  return { base, view: { offset: view2.offset, row, head } };
}
function lowerRows(node, context) {
  const { op } = node;
  const x = input(node, 0);
  const operands = () => node.inputs.map((operand) => plain(operand, context));
  switch (op.kind) {
    case "norm": {
      const { norm: kind, width, eps, weight, bias } = op;
      return {
        task: { kind: "norm", spec: { kind, rows: numel(x.shape) / width, width, eps, weight, bias } },
        operands: operands()
      };
    }
    case "softmax": {
      const width = x.shape.at(-1) ?? 1;
      return { task: { kind: "softmax", spec: { rows: numel(x.shape) / width, width, log: op.log } }, operands: operands() };
    }
    case "segment_reduce": {
      const [segments = 1] = node.shape;
      return {
        task: { kind: "segment_reduce", spec: { op: op.reduce, segments, width: numel(node.shape) / segments } },
        operands: operands()
      };
    }
    case "embedding": {
      const table = input(node, 1);
      const weight = weightOf(table, context);
      const [rows = 1, width = 1] = table.shape;
      return {
        task: { kind: "embedding", spec: { tokens: numel(x.shape), rows, width, weight: weight.dtype } },
        operands: [plain(x, context), ...weight.operands]
      };
    }
    default:
      throw new RuntimeError(`${op.kind} does not run over rows`);
  }
}
function lowerBehind(node, anchor, context) {
  const before = lower(anchor, context);
  const { task } = before;
  if (task.kind !== "linear" && task.kind !== "matmul" && task.kind !== "reduce") return null;
  const maxInputs = context.maxInputs - before.operands.length;
  const { program, operands } = fuse(node, { buffered: context.buffered, maxInputs }, anchor);
  const joined4 = [...before.operands, ...operands];
  if (task.kind === "reduce") {
    const { shape, program: merged } = mergeDims2({ shape: node.shape, kept: node.shape.length, program });
    return { task: { ...task, spec: { ...task.spec, epilogue: { shape, program: merged } } }, operands: joined4 };
  }
  const behind = behindMatmul(node, program, task.spec.N);
  return behind && { task: { ...task, behind }, operands: joined4 };
}
function behindMatmul(node, program, N) {
  const operands = [];
  for (const instruction of program.body) {
    if (instruction.kind === "take" || instruction.kind === "address") return null;
    if (instruction.kind === "constant" && !isLiteral(instruction.value)) return null;
    if (instruction.kind !== "load") continue;
    const { strides, offset } = instruction.access;
    const view2 = { shape: node.shape, strides, offset };
    const column = node.shape.at(-1) === N && strides.every((stride, d) => stride === (d === strides.length - 1 ? 1 : 0));
    if (instruction.dtype !== "float32" || offset !== 0 || !(column || isContiguous(view2))) return null;
    operands[instruction.input] = column ? "column" : "full";
  }
  return { shape: node.shape, program, operands };
}

// src/graph/inline.ts
function inline(call, context) {
  const { leaves, outputs, recorded } = call;
  const { steps, workspace } = recorded.plan;
  const held = [...leaves.map((leaf) => plain(leaf, context)), ...outputs];
  const first = held.length;
  return steps.map(({ task, inputs, output }) => {
    const operands = inputs.map((slot) => at(held, slot));
    if (output >= first) held[output] = between(call, at(workspace, output - first));
    return [at(held, output), { task, operands }];
  });
}
var between = (call, bytes2) => new Node({ kind: "call", call, output: -1 }, [], [bytes2], "int8", at(call.outputs, 0).backend);

// src/backend/backend.ts
var paddedBytes = (bytes2) => Math.max(16, Math.ceil(bytes2 / 16) * 16);

// src/graph/plan.ts
var bytesOf = (node) => numel(node.shape) * itemSize(node.dtype);
function makePlan(lowered, outputs) {
  const leaves = /* @__PURE__ */ new Set();
  const lastUse = /* @__PURE__ */ new Map();
  let uses = 0;
  for (const { operands } of lowered.values()) {
    for (const node of operands) {
      if (node.isLeaf) leaves.add(node);
      else lastUse.set(node, uses);
    }
    uses += 1;
  }
  const slots = /* @__PURE__ */ new Map();
  for (const node of leaves) slots.set(node, slots.size);
  for (const node of outputs) slots.set(node, slots.size);
  const workspace = new Workspace();
  const first = slots.size;
  const slot = (of2) => {
    const placed = slots.get(of2);
    if (placed === void 0) throw new RangeError(`a step reads ${of2.called ?? of2.op.kind}, which none before it computes`);
    return placed;
  };
  const steps = [];
  for (const [node, { task, operands }] of lowered) {
    if (!slots.has(node)) slots.set(node, first + workspace.take(bytesOf(node)));
    const step = steps.push({ task, inputs: operands.map(slot), output: slot(node) }) - 1;
    for (const operand of operands) {
      if (lastUse.get(operand) === step && slot(operand) >= first) workspace.release(slot(operand) - first);
    }
  }
  return { plan: { leaves: leaves.size, outputs: outputs.map(bytesOf), workspace: workspace.bytes, steps }, leaves: [...leaves] };
}
var Workspace = class {
  bytes = [];
  free = /* @__PURE__ */ new Set();
  /** The smallest free place that is large enough; else the largest, made larger; else a new one. */
  take(bytes2) {
    const wanted = paddedBytes(bytes2);
    const size = (place2) => this.bytes[place2] ?? 0;
    const free = [...this.free].sort((a, b) => size(a) - size(b));
    const place = free.find((candidate) => size(candidate) >= wanted) ?? free.at(-1) ?? this.bytes.length;
    this.free.delete(place);
    this.bytes[place] = Math.max(size(place), wanted);
    return place;
  }
  release(place) {
    this.free.add(place);
  }
};

// src/graph/compile.ts
var KEPT_PLANS = 128;
var cache = /* @__PURE__ */ new WeakMap();
function compile(graph, backend) {
  let plans = cache.get(backend);
  if (!plans) cache.set(backend, plans = /* @__PURE__ */ new Map());
  const key = graph.key();
  const known = plans.get(key);
  plans.delete(key);
  const compiled = known ?? compileAnew(graph, backend);
  plans.set(key, compiled);
  const [oldest] = plans.keys();
  if (plans.size > KEPT_PLANS && oldest !== void 0) plans.delete(oldest);
  return compiled;
}
function compileAnew(graph, backend) {
  const { plan, leaves, made } = planOf(graph, backend);
  const outputs = new Set(graph.outputs);
  return {
    executable: backend.prepare(plan),
    leaves: leaves.map((leaf) => graph.leaves.indexOf(leaf)),
    passing: made.filter((node) => !outputs.has(node)).map((node) => graph.nodes.indexOf(node)).filter((place) => place >= 0)
  };
}
function planOf(graph, backend) {
  const lowered = lowerAll(graph, backend);
  const made = [...lowered.keys()];
  for (const node of made) checkFits(node, graph, backend);
  return { ...makePlan(lowered, graph.outputs), made };
}
function checkFits(node, graph, backend) {
  const bytes2 = bytesOf(node);
  if (bytes2 <= backend.maxBytes) return;
  throw new RuntimeError(
    `${calledFor(node, graph)}: a result of shape ${showShape(node.shape)} takes ${bytes2} bytes, but this adapter's buffers hold at most ${backend.maxBytes}`
  );
}
function calledFor(node, { nodes }) {
  if (node.called) return node.called;
  const onTheWay = /* @__PURE__ */ new Set([node]);
  for (const next of nodes) {
    if (!next.inputs.some((operand) => onTheWay.has(operand))) continue;
    if (next.called) return next.called;
    onTheWay.add(next);
  }
  return node.op.kind;
}
function lowerAll(graph, backend) {
  const outputs = new Set(graph.outputs);
  const forced = /* @__PURE__ */ new Set();
  for (; ; ) {
    try {
      const joinedNorms = normsToJoin(graph, backend);
      return lowerOnce(graph, { ...decide(graph.nodes, outputs, forced), maxInputs: backend.maxInputs, joinedNorms }, outputs);
    } catch (error) {
      if (!(error instanceof NeedsBuffer) || error.nodes.every((node) => forced.has(node))) throw error;
      for (const node of error.nodes) forced.add(node);
    }
  }
}
function normsToJoin({ nodes, outputs }, backend) {
  const readers = /* @__PURE__ */ new Map();
  for (const node of nodes) {
    if (node.op.kind === "norm" && !node.isLeaf) readers.set(node, /* @__PURE__ */ new Set());
    for (const read of node.inputs) readers.get(read)?.add(node);
  }
  const joins = (node) => {
    const [reader, ...others] = readers.get(node) ?? [];
    if (node.op.kind !== "norm" || outputs.includes(node)) return false;
    if (!reader || others.length > 0 || reader.op.kind !== "linear" || reader.inputs[0] !== node) return false;
    const K = node.op.width;
    return node.shape.at(-1) === K && reader.inputs[1]?.shape[1] === K && backend.fusesNorm({ M: numel(node.shape) / K, K });
  };
  return new Set([...readers.keys()].filter(joins));
}
function lowerOnce(graph, context, outputs) {
  const work = graph.nodes.filter(
    (node) => context.buffered.has(node) && !node.isLeaf && numel(node.shape) > 0 && !context.joinedNorms.has(node)
  );
  const behind = /* @__PURE__ */ new Map();
  const absorbed = /* @__PURE__ */ new Set();
  for (const node of work) {
    const anchor = anchorOf(node, context, outputs);
    const joined4 = anchor && tryBehind(node, anchor, context);
    if (!joined4) continue;
    behind.set(node, joined4);
    absorbed.add(anchor);
  }
  const lowered = /* @__PURE__ */ new Map();
  const inlined = /* @__PURE__ */ new Set();
  for (const node of work) {
    const call = node.op.kind === "call" ? node.op.call : null;
    if (call) {
      if (!inlined.has(call)) for (const [part, task] of inline(call, context)) lowered.set(part, task);
      inlined.add(call);
    } else if (!absorbed.has(node)) lowered.set(node, behind.get(node) ?? lower(node, context));
  }
  return lowered;
}
var ANCHORS = ["linear", "matmul", "reduce"];
function anchorOf(node, context, outputs) {
  const { kind } = node.op;
  if (kind !== "element" && kind !== "cast" || node.dtype === "float16" || node.dtype === "int8") return null;
  let found = null;
  const seen = /* @__PURE__ */ new Set();
  const visit = (at2) => {
    if (seen.has(at2)) return;
    seen.add(at2);
    if (at2 !== node && context.buffered.has(at2)) {
      const alone = context.readerOf(at2) === node && !outputs.has(at2);
      if (alone && ANCHORS.includes(at2.op.kind) && numel(at2.shape) === numel(node.shape)) found = at2;
      return;
    }
    at2.inputs.forEach(visit);
  };
  node.inputs.forEach(visit);
  return found;
}
function tryBehind(node, anchor, context) {
  if (anchor.op.kind !== "reduce" && node.dtype !== "float32") return null;
  if (numel(input(anchor, 0).shape) === 0) return null;
  try {
    return lowerBehind(node, anchor, context);
  } catch (error) {
    if (error instanceof NeedsBuffer) return null;
    throw error;
  }
}

// src/graph/walk.ts
function walk(wanted) {
  const place = /* @__PURE__ */ new Map();
  const nodes = [];
  const stack2 = [...wanted].reverse();
  while (stack2.length > 0) {
    const node = at(stack2, stack2.length - 1);
    const before = stack2.length;
    if (!node.isLeaf && !place.has(node)) {
      for (let i = node.inputs.length - 1; i >= 0; i--) {
        const input2 = at(node.inputs, i);
        if (!place.has(input2)) stack2.push(input2);
      }
    }
    if (stack2.length > before) continue;
    stack2.pop();
    if (place.has(node)) continue;
    if (node.storage?.disposed) throw new RuntimeError("a tensor was disposed before a result that needs it was read");
    place.set(node, nodes.length);
    nodes.push(node);
  }
  const isWanted = new Set(wanted);
  const outputs = nodes.filter((node) => !node.isLeaf && (isWanted.has(node) || node.runs > 0));
  const leaves = nodes.filter((node) => node.isLeaf);
  return { nodes, leaves, outputs, key: () => graphKey(nodes, place, new Set(outputs)) };
}
function graphKey(nodes, place, outputs) {
  let key = "";
  for (const node of nodes) {
    key += node.isLeaf ? "leaf" : opKey(node.op);
    if (!node.isLeaf) for (const input2 of node.inputs) key += ` ${place.get(input2)}`;
    key += ` ${node.form}${outputs.has(node) ? "!" : ""};`;
  }
  return key;
}

// src/graph/run.ts
var runners = /* @__PURE__ */ new WeakMap();
function runnerOf(backend) {
  let runner = runners.get(backend);
  if (!runner) runners.set(backend, runner = new Runner(backend));
  return runner;
}
var Runner = class {
  constructor(backend) {
    this.backend = backend;
  }
  backend;
  requests = [];
  disposals = [];
  running = null;
  /** The bytes of a node's elements, row by row. */
  read(node) {
    return new Promise((resolve, reject) => {
      this.requests.push({ node, resolve, reject });
      this.running ??= this.drain();
    });
  }
  /** Disposes once the reads that were asked for before have been submitted. */
  whenSubmitted(dispose) {
    if (this.running) this.disposals.push(dispose);
    else dispose();
  }
  /** Resolves when everything asked for so far is done. */
  async synchronize() {
    await this.running;
    await this.backend.synchronize();
  }
  async drain() {
    await null;
    while (this.requests.length > 0) {
      const batch = this.requests;
      const disposals = this.disposals;
      this.requests = [];
      this.disposals = [];
      await this.serve(batch);
      for (const dispose of disposals) dispose();
    }
    this.disposals.splice(0).forEach((dispose) => dispose());
    this.running = null;
  }
  /** Submits a batch. Where one cannot be computed, the others are served without it. */
  async serve(batch) {
    let submitted;
    try {
      submitted = await this.submit(batch.map(({ node }) => node));
    } catch (error) {
      if (batch.length === 1) batch.forEach(({ reject }) => reject(error));
      else for (const request of batch) await this.serve([request]);
      return;
    }
    submitted.received.then(
      (results) => batch.forEach(({ resolve }, i) => resolve(at(results, i))),
      (error) => batch.forEach(({ reject }) => reject(error))
    );
  }
  /** Computes what is missing and reads all, in one submit. */
  async submit(nodes) {
    const direct = nodes.map(directRead);
    const missing = nodes.filter((_, i) => !direct[i]);
    const reads = (made) => nodes.map((node, i) => direct[i] ?? { storage: storageOf(node, made), offset: 0, bytes: bytesOf(node) });
    return missing.length === 0 ? { received: this.backend.read(reads(/* @__PURE__ */ new Map())) } : this.compute(missing, reads);
  }
  async compute(wanted, reads) {
    const call = onlyCall(wanted);
    if (call) return this.replay(call, reads);
    const graph = walk(wanted);
    const { executable, leaves, passing } = compile(graph, this.backend);
    const inputs = leaves.map((leaf) => at(graph.leaves, leaf));
    const submitted = await this.execute(executable, inputs, graph.outputs, reads);
    for (const place of passing) at(graph.nodes, place).runs += 1;
    return submitted;
  }
  replay({ recorded, leaves, outputs }, reads) {
    recorded.executable ??= this.backend.prepare(recorded.plan);
    return this.execute(recorded.executable, leaves, outputs, reads);
  }
  async execute(executable, leaves, outputs, reads) {
    const inputs = leaves.map((leaf) => storageOf(leaf));
    const made = /* @__PURE__ */ new Map();
    const pinned = executable.ready || this.backend.profiler ? inputs : [];
    for (const storage of pinned) storage.pin();
    try {
      if (executable.ready) await executable.ready;
      for (const node of outputs) made.set(node, this.backend.allocate(bytesOf(node)));
      const received = executable.run(inputs, [...made.values()], reads(made));
      if (this.backend.profiler) await received;
      for (const [node, storage] of made) {
        if (node.storage) storage.dispose();
        else node.settle(storage);
      }
      return { received };
    } catch (error) {
      for (const storage of made.values()) storage.dispose();
      throw error;
    } finally {
      for (const storage of pinned) storage.unpin();
    }
  }
};
function storageOf(node, made) {
  const storage = made?.get(node) ?? node.storage;
  if (!storage) throw new RangeError("a node was read before it was computed");
  return storage;
}
function directRead(node) {
  let base = node;
  while (!base.isLeaf && base.op.kind === "move") base = at(base.inputs, 0);
  if (!base.storage) return null;
  const view2 = viewIn(base, node);
  if (!view2 || !isContiguous(view2)) return null;
  return { storage: base.storage, offset: view2.offset * itemSize(node.dtype), bytes: numel(node.shape) * itemSize(node.dtype) };
}
function onlyCall(nodes) {
  const calls = new Set(nodes.map(({ op }) => op.kind === "call" ? op.call : null));
  const [call = null] = calls;
  return calls.size === 1 && call?.leaves.every((leaf) => leaf.storage) ? call : null;
}

// src/tensor/host.ts
function flatten(data, dtype) {
  if (ArrayBuffer.isView(data))
    return { shape: [data.length], dtype: dtype ?? dtypeOfArray(data), bytes: encode(data, dtype ?? dtypeOfArray(data)) };
  const shape = [];
  for (let at2 = data; Array.isArray(at2); at2 = at2[0]) shape.push(at2.length);
  const values = [];
  collect(data, shape, 0, values);
  const type = dtype ?? dtypeOfValues(values);
  const numbers = values.map((value) => isFloat(type) ? Number(value) : asElement("tensor", Number(value), type));
  return { shape, dtype: type, bytes: encode(numbers, type) };
}
function collect(data, shape, depth, into) {
  if (typeof data === "number" || typeof data === "boolean") {
    if (depth !== shape.length) throw new ValueError(`tensor: expected sequence of length ${shape[depth]} at dim ${depth}, got a number`);
    into.push(data);
    return;
  }
  if (!Array.isArray(data)) throw new TypeError(`tensor: expected numbers, booleans or arrays of them, got ${typeof data}`);
  if (data.length !== shape[depth])
    throw new ValueError(`tensor: expected sequence of length ${shape[depth] ?? 0} at dim ${depth} (got ${data.length})`);
  for (const inner of data) collect(inner, shape, depth + 1, into);
}
function dtypeOfArray(data) {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Uint32Array) return "uint32";
  if (data instanceof Int8Array) return "int8";
  throw new TypeError(`tensor: a ${data.constructor.name} has no dtype of its own here; name one`);
}
function dtypeOfValues(values) {
  if (values.length === 0 || values.some((value) => dtypeOfScalar(value) === "float32")) return "float32";
  return values.every((value) => typeof value === "boolean") ? "bool" : "int32";
}
function encode(values, dtype) {
  const held = makeValues(dtype, values.length);
  for (let i = 0; i < values.length; i++) held[i] = dtype === "bool" ? Number(values[i] !== 0) : values[i] ?? 0;
  const buffer = new ArrayBuffer(Math.max(4, values.length * itemSize(dtype)));
  writeValues(buffer, dtype, held);
  return new Uint8Array(buffer, 0, values.length * itemSize(dtype));
}
function nest(values, shape, dtype) {
  const value = (i) => dtype === "bool" ? values[i] !== 0 : values[i] ?? 0;
  const level = (depth, start, count) => {
    const size = shape[depth];
    if (size === void 0) return value(start);
    return Array.from({ length: size }, (_, i) => level(depth + 1, start + i * count / size, count / size));
  };
  return level(0, 0, values.length);
}

// src/tensor/tensor.ts
var Tensor = class {
  /** @internal `rows`: what it was put together from along its first dimension, where no buffer holds it all: see `cat`. */
  constructor(node, rows = null) {
    this.rows = rows;
    this.current = node;
  }
  rows;
  current;
  /** @internal */
  get node() {
    if (!this.current || this.disposed) throw new RuntimeError("the tensor was disposed");
    return this.current;
  }
  /** @internal */
  get disposed() {
    return this.current === null || this.current.storage?.disposed === true;
  }
  /** @internal */
  get backend() {
    return this.node.backend;
  }
  get shape() {
    return this.node.shape;
  }
  get dtype() {
    return this.node.dtype;
  }
  get device() {
    return this.node.backend.name;
  }
  get ndim() {
    return this.node.shape.length;
  }
  dim() {
    return this.ndim;
  }
  numel() {
    return numel(this.shape);
  }
  size(dim) {
    return dim === void 0 ? this.shape : this.shape[wrapDim("size", dim, this.ndim)] ?? 1;
  }
  /** The elements, row by row. float16 comes as Float32Array, bool as Uint8Array of 0 and 1. */
  async numpy() {
    const { node } = this;
    const count = numel(node.shape);
    const bytes2 = count === 0 ? new ArrayBuffer(0) : await runnerOf(node.backend).read(node);
    const values = readValues(bytes2, node.dtype, 0, count);
    return node.dtype === "bool" ? Uint8Array.from(values) : values;
  }
  /** The elements in nested arrays; a plain value where there are no dimensions. */
  async tolist() {
    const { shape, dtype } = this;
    return nest(await this.numpy(), shape, dtype);
  }
  /** The value of a tensor of one element. */
  async item() {
    const { shape, dtype } = this;
    if (numel(shape) !== 1) throw new RuntimeError(`a Tensor with ${numel(shape)} elements cannot be converted to Scalar`);
    const [value = 0] = await this.numpy();
    return dtype === "bool" ? value !== 0 : value;
  }
  /**
   * Frees the memory behind the tensor now. Tensors that share it (views) are gone with it, and results that need it must have
   * been read, or their reads begun, before.
   */
  dispose() {
    const node = this.current;
    this.current = null;
    if (!node) return;
    this.rows?.forEach((part) => part.dispose());
    const runner = runnerOf(node.backend);
    runner.whenSubmitted(() => storagesOf(node).forEach((storage) => storage.dispose()));
  }
  toString() {
    return `Tensor(shape=${showShape(this.shape)}, dtype=${this.dtype}, device=${this.device})`;
  }
};
function storagesOf(node) {
  if (node.storage) return [node.storage];
  return node.op.kind === "move" || node.op.kind === "quantized" ? node.inputs.flatMap(storagesOf) : [];
}

// src/tensor/build.ts
function make(op, inputs, shape, dtype) {
  const nodes = inputs.map((tensor2) => tensor2.node);
  const [first] = nodes;
  if (!first) throw new RangeError("an op without inputs needs a device");
  const backend = commonBackend(op.kind, nodes);
  return new Tensor(new Node(op, nodes, shape, dtype, backend));
}
function commonBackend(name, nodes) {
  const [first] = nodes;
  if (!first) throw new RuntimeError(`${name}: expected a tensor among the arguments`);
  for (const { backend } of nodes) {
    if (backend !== first.backend) {
      throw new RuntimeError(
        `${name}: Expected all tensors to be on the same device, but found at least two devices, ${first.backend.name} and ${backend.name}`
      );
    }
  }
  return first.backend;
}
function moved(input2, move, shape) {
  const { storage, dtype, backend } = input2.node;
  if (storage && move.kind === "reshape") return new Tensor(dataNode(storage, shape, dtype, backend));
  return make({ kind: "move", move }, [input2], shape, input2.dtype);
}
var copied = (input2) => new Tensor(input2.node.clone(), input2.rows?.map(copied) ?? null);
function cast(input2, dtype) {
  if (input2.dtype === dtype) return input2;
  if (isPacked(dtype)) throw notPacked("to", dtype);
  if (isPacked(input2.dtype)) throw new RuntimeError(`to: dequantize() a ${input2.dtype} weight first`);
  const whole = make({ kind: "cast" }, [input2], input2.shape, dtype);
  return input2.rows ? new Tensor(
    whole.node,
    input2.rows.map((part) => cast(part, dtype))
  ) : whole;
}
function element(name, ...operands) {
  const argument = argumentType(name, promoted(name, operands));
  return elementOf(name, operands, argument);
}
function choose(condition, a, b) {
  const dtype = promoted("where", [a, b]);
  if (condition.dtype !== "bool")
    throw new RuntimeError(`where: expected condition to be a boolean tensor, but got a tensor with dtype ${condition.dtype}`);
  return elementOf("where", [condition, a, b], dtype, 1);
}
function elementOf(name, operands, argument, firstCast = 0) {
  const device = operands.find((operand) => operand instanceof Tensor);
  if (!device) throw new TypeError(`${name}: expected a tensor among the arguments`);
  let shape = [];
  const nodes = operands.map((operand, i) => {
    if (!(operand instanceof Tensor)) return constantNode(Number(operand), argument, device.backend);
    shape = broadcastShapes(name, shape, operand.shape);
    return (i < firstCast ? operand : cast(operand, argument)).node;
  });
  numel(shape);
  return new Tensor(new Node({ kind: "element", name }, nodes, shape, resultTypeOf(name, argument), commonBackend(name, nodes)));
}
function promoted(name, operands) {
  const [a, b] = operands;
  if (a instanceof Tensor && (operands.length === 1 || operands.length === 2 && b instanceof Tensor && a.dtype === b.dtype))
    return a.dtype;
  const unsigned = operands.some((operand) => operand instanceof Tensor && operand.dtype === "uint32");
  return resultType(
    name,
    operands.map((operand) => {
      if (!(operand instanceof Tensor)) return { dtype: dtypeOfScalar(checkNumber(name, operand), unsigned), weight: "number" };
      return { dtype: operand.dtype, weight: operand.ndim === 0 ? "zero-dim" : "tensor" };
    })
  );
}
function checkNumber(name, value) {
  if (typeof value === "number" || typeof value === "boolean") return value;
  throw new TypeError(`${name}: expected a Tensor or a number, got ${value === null ? "null" : typeof value}`);
}
function constantNode(value, dtype, backend) {
  const held = dtype === "bool" ? Number(value !== 0) : dtype === "int8" ? value << 24 >> 24 : value;
  return new Node({ kind: "constant", value: held }, [], [], dtype, backend);
}
function constant(value, shape, dtype, backend) {
  if (isPacked(dtype)) throw notPacked("full", dtype);
  const node = constantNode(roundTo(dtype, asElement("full", value, dtype)), dtype, backend);
  return sameShape(shape, []) ? new Tensor(node) : moved(new Tensor(node), { kind: "expand", shape }, shape);
}
var range = (count, backend) => new Tensor(new Node({ kind: "arange" }, [], [count], "int32", backend));

// src/tensor/kinds.ts
var IS = {
  Tensor: (value) => value instanceof Tensor,
  Tensors: (value) => Array.isArray(value) && value.every((inner) => inner instanceof Tensor),
  bool: (value) => typeof value === "boolean",
  int: Number.isInteger,
  number: (value) => typeof value === "number",
  "number or bool": (value) => typeof value === "number" || typeof value === "boolean",
  "Tensor or bool": (value) => value instanceof Tensor || typeof value === "boolean",
  dtype: isDType
};
var isOfKind = (kind, value) => IS[kind](value);
var KINDS = new Map([
  ["dtype", "dtype"],
  ...of(
    "bool",
    "keepdim unbiased descending stable largest sorted replacement as_tuple equal_nan inplace sparse_grad scale_grad_by_freq sparse",
    "is_causal enable_gqa need_weights average_attn_weights batch_first elementwise_affine persistent strict assign unsafe"
  ),
  ...of("int", "decimals diagonal offset count m dim1 dim2 start_dim end_dim ignore_index"),
  ...of("number", "eps beta scale threshold correction label_smoothing rtol atol nan posinf neginf dropout dropout_p norm_type milliseconds start end step"),
  ...of("number or bool", "alpha value"),
  // Tensors of functions, and of modules whether they have one.
  ...of("Tensor or bool", "bias"),
  ...of("Tensor", "weight attn_mask key_padding_mask lengths")
]);
function of(kind, ...names2) {
  return names2.flatMap((line) => line.split(" ")).map((name) => [name, kind]);
}
function checkKind(op, name, value) {
  const kind = KINDS.get(name);
  if (kind === void 0 || value === null || isOfKind(kind, value)) return;
  const wanted = kind === "dtype" ? `one of ${DTYPE_NAMES.join(", ")}` : kind;
  throw new TypeError(`${op}(): argument '${name}' must be ${wanted}, not ${kind === "dtype" ? String(value) : typeName(value)}`);
}
function typeName(value) {
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (typeof value !== "object" || value === null) return String(value === null ? null : typeof value);
  return value instanceof Tensor ? "Tensor" : Array.isArray(value) ? "Array" : value.constructor?.name ?? "object";
}

// src/tensor/keywords.ts
function parametersOf(texts) {
  const open = texts.at(-1) === "...";
  const parts = (open ? texts.slice(0, -1) : texts).map((text) => text.split(": "));
  return { names: parts.map(([name = ""]) => name), kinds: parts.map(([, kind]) => kind), open };
}
function named(op, names2, compute) {
  const parameters = parametersOf(names2);
  return (...args) => {
    try {
      const result = compute(...arrange(op, parameters, args));
      if (result instanceof Tensor) nameAfter(op, result, args);
      else if (typeof result === "object" && result !== null) {
        for (const inner of Object.values(result)) if (inner instanceof Tensor) nameAfter(op, inner, args);
      }
      return result;
    } catch (error) {
      throw inCall(error, op, () => shapesIn(parameters.names, args));
    }
  };
}
function nameAfter(op, result, args) {
  if (!args.includes(result)) result.node.called = op;
}
var arranged = (op, names2, args) => arrange(op, parametersOf(names2), args);
function arrange(op, parameters, args) {
  const { names: names2, kinds, open } = parameters;
  if (isPlainCall(parameters, args)) return args;
  const last = args.at(-1);
  const given = isKeywords(last) && args.length <= names2.length + Number(!open) ? { ...last } : null;
  const all2 = given ? args.slice(0, -1) : [...args];
  if (!open && all2.length > names2.length)
    throw new TypeError(`${op}() takes ${names2.length} positional ${plural("argument", names2.length)} but ${all2.length} were given`);
  const positional = all2.length;
  names2.forEach((name, i) => {
    const value = given?.[name];
    if (value === void 0) return;
    if (i < positional) throw new TypeError(`${op}() got multiple values for argument '${name}'`);
    all2[i] = value;
    delete given?.[name];
  });
  const missing = names2.filter((_, i) => all2[i] === void 0).map((name) => `"${name}"`);
  if (missing.length > 0)
    throw new TypeError(
      `${op}() missing ${missing.length} required positional ${plural("argument", missing.length)}: ${missing.join(", ")}`
    );
  kinds.forEach((kind, i) => {
    if (kind && !isOfKind(kind, all2[i]))
      throw new TypeError(`${op}(): argument '${names2[i]}' (position ${i + 1}) must be ${kind}, not ${typeName(all2[i])}`);
  });
  const [unknown] = Object.keys(given ?? {});
  if (unknown === void 0) return all2;
  if (!open) throw new TypeError(`${op}() got an unexpected keyword argument '${unknown}'`);
  return [...all2, given];
}
function isPlainCall({ names: names2, kinds, open }, args) {
  const count = names2.length;
  if (args.length < count || args.length > count && !open) return false;
  for (let i = 0; i < count; i++) {
    const kind = kinds[i];
    if (args[i] === void 0 || kind && !isOfKind(kind, args[i])) return false;
  }
  return args.length > count || !isKeywords(args[count - 1]);
}
var plural = (word3, count) => count === 1 ? word3 : `${word3}s`;
var SHOWN = 8;
function shapesIn(names2, args) {
  const shapes = [];
  const visit = (name, value) => {
    if (value instanceof Tensor) shapes.push(`${name} ${value.disposed ? "disposed" : showShape(value.shape)}`);
    else if (Array.isArray(value)) for (const inner of value) visit(name, inner);
    else if (isKeywords(value)) for (const [key, inner] of Object.entries(value)) visit(key, inner);
  };
  args.forEach((value, i) => visit(names2[i] ?? "and", value));
  return shapes.length > SHOWN ? [...shapes.slice(0, SHOWN), "…"] : shapes;
}
var NONE_IS_DEFAULT = ["dtype", "device", "generator"];
function keywords(op, names2, args, only = []) {
  const given = {};
  args.forEach((value, i) => {
    const name = names2[i];
    if (isKeywords(value) && i === args.length - 1) {
      for (const [key, inner] of Object.entries(value)) {
        if (![...names2, ...only].includes(key))
          throw new TypeError(`${op}() got an unexpected keyword argument '${key}'`);
        if (key in given) throw new TypeError(`${op}() got multiple values for argument '${key}'`);
        if (inner === void 0 && key === "dtype") throw new TypeError(`${op}(): argument 'dtype' is undefined; null stands for the default`);
        const isLeftOut = inner === void 0 || inner === null && NONE_IS_DEFAULT.some((name2) => name2 === key);
        if (isLeftOut) continue;
        checkKind(op, key, inner);
        given[key] = inner;
      }
    } else if (name === void 0) {
      throw new TypeError(`${op}() takes at most ${names2.length} positional arguments but ${args.length} were given`);
    } else if (value !== void 0) {
      checkKind(op, name, value);
      given[name] = value;
    }
  });
  return given;
}
function isKeywords(value) {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

// src/tensor/arithmetic.ts
var add = named("add", ["input", "other", "..."], (input2, other, options = {}) => {
  return joined("add", input2, other, options);
});
var sub = named("sub", ["input", "other", "..."], (input2, other, options = {}) => {
  if ([input2, other].some((operand) => operand instanceof Tensor ? operand.dtype === "bool" : typeof operand === "boolean"))
    throw new RuntimeError("sub: Subtraction, the `-` operator, with a bool tensor is not supported; use logical_not() or logical_xor() instead");
  return joined("sub", input2, other, options);
});
function joined(op, input2, other, options) {
  const { alpha = 1 } = keywords(op, [], [options], ["alpha"]);
  if (alpha === 1) return element(op, input2, other);
  const dtype = promoted(op, [input2, other]);
  if (typeof alpha === "boolean" && dtype !== "bool") throw new RuntimeError(`${op}: Boolean alpha only supported for Boolean results.`);
  if (!Number.isInteger(Number(alpha)) && !isFloat(dtype))
    throw new RuntimeError(`${op}: For integral input tensors, argument alpha must not be a floating point number, got ${alpha}`);
  if (other instanceof Tensor) {
    const term = element("mul", cast(other, dtype), dtype === "bool" ? Boolean(alpha) : alpha);
    return element(op, input2, term);
  }
  const product3 = Number(other) * Number(alpha);
  if (dtype === "bool") return element(op, input2, product3 !== 0);
  const becomesWhole = Number.isInteger(product3) && !Number.isInteger(Number(other));
  return element(op, input2, becomesWhole && input2 instanceof Tensor ? constant(product3, [], "float32", input2.backend) : product3);
}
var rsub = named(
  "rsub",
  ["input: Tensor", "other", "..."],
  (input2, other, options = {}) => sub(other, input2, options)
);
var div = named("div", ["input", "other", "..."], (input2, other, options = {}) => {
  const { rounding_mode = null } = keywords("div", [], [options], ["rounding_mode"]);
  switch (rounding_mode) {
    case null:
      return element("div", input2, other);
    case "trunc":
      return element("div_trunc", input2, other);
    case "floor":
      return element("floor_divide", input2, other);
    default:
      throw new RuntimeError(
        `div: expected rounding_mode to be one of null, 'trunc', or 'floor' but found '${String(rounding_mode)}'`
      );
  }
});
var pow = named("pow", ["input", "exponent"], (input2, exponent) => {
  if (input2 instanceof Tensor && input2.dtype === "bool" && typeof exponent === "boolean")
    return exponent ? copied(input2) : element("logical_or", input2, element("logical_not", input2));
  if (!(input2 instanceof Tensor) || typeof exponent !== "number") return element("pow", input2, exponent);
  if (input2.dtype === "bool" && Number.isInteger(exponent)) return pow(cast(input2, "int32"), exponent);
  if (exponent === 2) return element("square", input2);
  if (!isFloat(input2.dtype)) {
    if (exponent < 0 && dtypeOfScalar(exponent) === "int32") throw new RuntimeError("pow: Integers to negative integer powers are not allowed.");
    return element("pow", input2, exponent);
  }
  if (exponent === 0.5) return element("sqrt", input2);
  if (exponent === -0.5) return element("rsqrt", input2);
  if (exponent === -1) return element("reciprocal", input2);
  if (exponent === 3) return element("mul", element("square", input2), input2);
  return element("pow", input2, exponent);
});
var round = named("round", ["input: Tensor", "..."], (input2, options = {}) => {
  const { decimals } = keywords("round", [], [options], ["decimals"]);
  if (decimals === void 0) return element("round", input2);
  if (!isFloat(input2.dtype)) throw new NotImplementedError(`round: not implemented for '${input2.dtype}' with decimals`);
  if (decimals === 0) return element("round", input2);
  const scale = 10 ** Math.abs(decimals);
  const x = cast(input2, "float32");
  const rounded2 = decimals > 0 ? div(element("round", element("mul", x, scale)), scale) : element("mul", element("round", div(x, scale)), scale);
  return cast(rounded2, input2.dtype);
});

// src/tensor/conversion.ts
var conversion_exports = {};
__export(conversion_exports, {
  bool: () => bool,
  clone: () => clone,
  dequantize: () => dequantize,
  float: () => float3,
  half: () => half,
  int: () => int,
  to: () => to,
  type_as: () => type_as
});
var to = named("to", ["input: Tensor", "dtype"], (input2, dtype) => {
  checkKind("to", "dtype", dtype);
  return cast(input2, dtype);
});
var type_as = named(
  "type_as",
  ["input: Tensor", "other: Tensor"],
  (input2, other) => cast(input2, other.dtype)
);
var float3 = named("float", ["input: Tensor"], (input2) => cast(input2, "float32"));
var half = named("half", ["input: Tensor"], (input2) => cast(input2, "float16"));
var int = named("int", ["input: Tensor"], (input2) => cast(input2, "int32"));
var bool = named("bool", ["input: Tensor"], (input2) => cast(input2, "bool"));
var dequantize = named("dequantize", ["input: Tensor"], (input2) => {
  if (!isPacked(input2.dtype)) return cast(input2, "float32");
  const [rows = 0] = input2.shape;
  return make({ kind: "embedding" }, [range(rows, input2.backend), input2], input2.shape, "float32");
});
var clone = named("clone", ["input: Tensor"], copied);

// src/ops/lookup.ts
var QUANTIZED_GROUP = 32;
function dequantizeCpu(columns, bits2, q, scales) {
  const nibble = (i) => (q[i >>> 3] ?? 0) << 28 - 4 * (i & 7) >> 28;
  const step = bits2 === 4 ? nibble : (i) => q[i] ?? 0;
  return Float32Array.from({ length: columns }, (_, i) => step(i) * (scales[Math.floor(i / QUANTIZED_GROUP)] ?? 0));
}
function embeddingCpu({ tokens, rows, width }, ids, weight) {
  return Float32Array.from({ length: tokens * width }, (_, i) => {
    const row = ids[Math.floor(i / width)] ?? -1;
    return row >= 0 && row < rows ? weight[row * width + i % width] ?? 0 : NaN;
  });
}
var SEGMENT = {
  sum: { start: 0, join: (a, b) => a + b },
  mean: { start: 0, join: (a, b) => a + b },
  max: { start: -Infinity, join: Math.max },
  min: { start: Infinity, join: Math.min }
};
function segmentReduceCpu({ op, segments, width }, x, lengths) {
  const { start, join: join2 } = SEGMENT[op];
  const out = new Float32Array(segments * width);
  let row = 0;
  for (let s = 0; s < segments; s++) {
    const length = lengths[s] ?? 0;
    for (let c = 0; c < width; c++) {
      let state = start;
      for (let r = row; r < row + length; r++) state = join2(state, x[r * width + c] ?? 0);
      out[s * width + c] = op === "mean" ? state / length : state;
    }
    row += length;
  }
  return out;
}

// src/backend/storage.ts
var collected = new FinalizationRegistry((free) => free());
var Storage = class _Storage {
  constructor(owner, buffer, bytes2, shared = null) {
    this.bytes = bytes2;
    const claim = shared ?? { owner, buffer, bytes: bytes2, sharers: 0 };
    claim.sharers += 1;
    this.claim = claim;
    collected.register(this, () => giveBack(claim), this);
  }
  bytes;
  claim;
  pins = 0;
  dead = false;
  /** Another storage with the same buffer, which nothing ever changes: a copy, without copying. Each is disposed of by itself. */
  share() {
    if (!this.claim || this.dead) throw new RuntimeError("the tensor was disposed");
    const { owner, buffer } = this.claim;
    return new _Storage(owner, buffer, this.bytes, this.claim);
  }
  get disposed() {
    return this.dead;
  }
  /** The buffer, for its owner only. */
  bufferOf(owner) {
    if (!this.claim) throw new RuntimeError("the tensor was disposed");
    if (this.claim.owner !== owner)
      throw new RuntimeError("Expected all tensors to be on the same device; this one lives on another device, or on one that was lost");
    return this.claim.buffer;
  }
  /** Frees the buffer, at once or when the runs that have pinned it have been submitted. */
  dispose() {
    this.dead = true;
    if (this.pins === 0) this.free();
  }
  /** Keeps the buffer while a run that reads it waits for its shaders. */
  pin() {
    this.pins += 1;
  }
  unpin() {
    this.pins -= 1;
    if (this.dead && this.pins === 0) this.free();
  }
  free() {
    if (!this.claim) return;
    collected.unregister(this);
    giveBack(this.claim);
    this.claim = null;
  }
};
function giveBack(claim) {
  claim.sharers -= 1;
  if (claim.sharers === 0) claim.owner.release(claim.buffer, claim.bytes);
}

// src/ops/norm.ts
function normCpu({ kind, rows, width, eps }, x, weight, bias) {
  const y = new Float32Array(rows * width);
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: width }, (_, i) => x[r * width + i] ?? 0);
    const mean2 = kind === "layer" ? row.reduce((sum2, v) => sum2 + v, 0) / width : 0;
    const variance2 = row.reduce((sum2, v) => sum2 + (v - mean2) ** 2, 0) / width;
    const scale = 1 / Math.sqrt(variance2 + eps);
    row.forEach((v, i) => y[r * width + i] = (v - mean2) * scale * (weight?.[i] ?? 1) + (bias?.[i] ?? 0));
  }
  return y;
}
function softmaxCpu({ rows, width, log: log3 }, x) {
  const y = new Float32Array(rows * width);
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: width }, (_, i) => x[r * width + i] ?? 0);
    const max2 = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum2 = row.reduce((total, v) => total + Math.exp(v - max2), 0);
    row.forEach((v, i) => y[r * width + i] = log3 ? v - max2 - Math.log(sum2) : Math.exp(v - max2) / sum2);
  }
  return y;
}

// src/ops/attention.ts
function attentionCpu(sizes, inputs) {
  const { batch, heads, headDim } = sizes;
  const { cuQ, cuK } = inputs;
  const out = new Float32Array((cuQ[batch] ?? 0) * heads * headDim);
  for (let s = 0; s < batch; s++) {
    const [q0 = 0, q1 = 0, k0 = 0, k1 = 0] = [cuQ[s], cuQ[s + 1], cuK[s], cuK[s + 1]];
    for (let i = q0; i < q1; i++) {
      const stop = sizes.causal ? Math.min(k1, i - q1 + k1 + 1) : k1;
      for (let h = 0; h < heads; h++) out.set(attendCpu(sizes, inputs, i, h, k0, stop), (i * heads + h) * headDim);
    }
  }
  return out;
}
function attendCpu(sizes, inputs, i, h, k0, stop) {
  const { headDim, group, scale } = sizes;
  const shared = Math.floor(h / group);
  const at2 = (values, { offset, row, head }, own, t2, d) => values[offset + t2 * row + own * head + d] ?? 0;
  const out = new Float32Array(headDim);
  const keys = Math.max(0, stop - k0);
  const scores = Float64Array.from({ length: keys }, (_, j) => {
    let dot2 = 0;
    for (let d = 0; d < headDim; d++) dot2 += at2(inputs.q, sizes.q, h, i, d) * at2(inputs.k, sizes.k, shared, k0 + j, d);
    return dot2 * scale;
  });
  softmaxCpu({ rows: 1, width: keys, log: false }, scores).forEach((weight, j) => {
    for (let d = 0; d < headDim; d++) out[d] = (out[d] ?? 0) + weight * at2(inputs.v, sizes.v, shared, k0 + j, d);
  });
  return out;
}

// src/ops/lists.ts
function scanCpu({ op, rows, width, dtype }, x) {
  const out = makeValues(dtype, rows * width);
  for (let r = 0; r < rows; r++) {
    let state = op === "sum" ? 0 : 1;
    for (let i = r * width; i < (r + 1) * width; i++) {
      const value = x[i] ?? 0;
      state = op === "sum" ? state + value : dtype === "float32" ? state * value : Math.imul(state, value);
      out[i] = state;
    }
  }
  return out;
}
var RUN = 1024;
var keptOf = (count, run, keep) => Math.floor(count / run) * keep + Math.min(keep, count % run);
function order(x, start, descending) {
  const compare2 = (a, b) => Number.isNaN(a) ? Number.isNaN(b) ? 0 : 1 : Number.isNaN(b) ? -1 : a - b || 0;
  return (i, j) => {
    const [a, b] = [x[start + i] ?? 0, x[start + j] ?? 0];
    const sign2 = a === b ? 0 : Math.sign(compare2(a, b)) * (descending ? -1 : 1);
    return sign2 || i - j;
  };
}
function sortRunsCpu({ rows, width, descending, keep }, x) {
  const out = new Int32Array(rows * keptOf(width, RUN, keep));
  let written = 0;
  for (let r = 0; r < rows; r++) {
    for (let start = 0; start < width; start += RUN) {
      const run = Array.from({ length: Math.min(RUN, width - start) }, (_, i) => start + i);
      for (const position3 of run.sort(order(x, r * width, descending)).slice(0, keep)) out[written++] = position3;
    }
  }
  return out;
}
function mergeRunsCpu({ rows, width, descending, keep, count, run }, x, positions2) {
  const out = new Int32Array(rows * keptOf(count, 2 * run, keep));
  let written = 0;
  for (let r = 0; r < rows; r++) {
    const row = Array.from(positions2.subarray(r * count, (r + 1) * count));
    for (let start = 0; start < count; start += 2 * run) {
      const both = row.slice(start, start + 2 * run).sort(order(x, r * width, descending));
      for (const position3 of both.slice(0, keep)) out[written++] = position3;
    }
  }
  return out;
}
function scatterJoinCpu({ op, dtype, rows, width, count }, index2, values) {
  const out = makeValues(dtype, rows * width).fill(op === "sum" ? 0 : 1);
  for (let r = 0; r < rows; r++) {
    for (let j = r * count; j < (r + 1) * count; j++) {
      const place = index2[j] ?? -1;
      if (place < 0 || place >= width) continue;
      const [before, value] = [out[r * width + place] ?? 0, values[j] ?? 0];
      out[r * width + place] = op === "sum" ? before + value : dtype === "float32" ? before * value : Math.imul(before, value);
    }
  }
  return out;
}
function scatterPlacesCpu({ rows, width, count }, index2) {
  const out = new Int32Array(rows * width).fill(-1);
  for (let r = 0; r < rows; r++) {
    for (let j = 0; j < count; j++) {
      const place = index2[r * count + j] ?? -1;
      if (place >= 0 && place < width) out[r * width + place] = j;
    }
  }
  return out;
}

// src/ops/matmul.ts
function linearShape(x, w) {
  if (w.length !== 2 || x.length === 0 || x.at(-1) !== w[1]) {
    throw new RuntimeError(
      `linear: mat1 and mat2 shapes cannot be multiplied: input ${showShape(x)} and weight ${showShape(w)}, expected (…, in) and (out, in)`
    );
  }
  return [...x.slice(0, -1), w[0] ?? 0];
}
function matmulShape(op, a, b) {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) {
    throw new RuntimeError(`${op}: mat1 and mat2 shapes cannot be multiplied: ${showShape(a)} and ${showShape(b)}`);
  }
  return [...broadcastShapes(op, a.slice(0, -2), b.slice(0, -2)), a.at(-2) ?? 0, b.at(-1) ?? 0];
}
function linearCpu(M, N, K, x, w) {
  const y = new Float32Array(M * N);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum2 = 0;
      for (let k = 0; k < K; k++) sum2 += (x[m * K + k] ?? 0) * (w[n * K + k] ?? 0);
      y[m * N + n] = sum2;
    }
  }
  return y;
}
function matmulCpu({ batch, M, N, K, a, b }, x, y) {
  const matrices = batch.reduce((n, size) => n * size, 1);
  const out = new Float32Array(matrices * M * N);
  for (let i = 0; i < matrices; i++) {
    const from = startOf(i, batch, a);
    const to2 = startOf(i, batch, b);
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let sum2 = 0;
        for (let k = 0; k < K; k++) sum2 += (x[from + m * a.row + k * a.column] ?? 0) * (y[to2 + k * b.row + n * b.column] ?? 0);
        out[(i * M + m) * N + n] = sum2;
      }
    }
  }
  return out;
}
function startOf(i, batch, layout) {
  let start = layout.offset;
  let rest = i;
  for (let d = batch.length - 1; d >= 0; d--) {
    const size = batch[d] ?? 1;
    start += rest % size * (layout.batch[d] ?? 0);
    rest = Math.floor(rest / size);
  }
  return start;
}

// src/ops/philox.ts
var PHILOX_STATE = 6;
var PHILOX_WORDS = 4;
var MULTIPLIERS = [3528531795, 3449720151];
var WEYL = [2654435769, 3144134277];
var ROUNDS = 10;
var PHILOX_WGSL = (
  /* wgsl */
  `
fn high_product(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let mid = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let rest = (a & 0xffffu) * (b >> 16u) + (mid & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (mid >> 16u) + (rest >> 16u);
}
fn philox(start: vec4u, key: vec2u) -> vec4u {
  var c = start;
  var k = key;
  for (var round = 0u; round < ${ROUNDS}u; round++) {
    c = vec4u(
      high_product(${MULTIPLIERS[1]}u, c.z) ^ c.y ^ k.x, ${MULTIPLIERS[1]}u * c.z,
      high_product(${MULTIPLIERS[0]}u, c.x) ^ c.w ^ k.y, ${MULTIPLIERS[0]}u * c.x,
    );
    k += vec2u(${WEYL[0]}u, ${WEYL[1]}u);
  }
  return c;
}
// Word i of the counter, plus a number, with what is carried over.
fn counter_at(c: vec4u, i: u32) -> vec4u {
  let x = c.x + i;
  let y = c.y + u32(x < i);
  let z = c.z + u32(x < i && y == 0u);
  return vec4u(x, y, z, c.w + u32(x < i && y == 0u && z == 0u));
}`
);
function philox(start, key) {
  let [x, y, z, w] = start;
  let [k0, k1] = key;
  for (let round2 = 0; round2 < ROUNDS; round2++) {
    const [high0, low0] = wideProduct(MULTIPLIERS[0], x);
    const [high1, low1] = wideProduct(MULTIPLIERS[1], z);
    [x, y, z, w] = [(high1 ^ y ^ k0) >>> 0, low1, (high0 ^ w ^ k1) >>> 0, low0];
    k0 = k0 + WEYL[0] >>> 0;
    k1 = k1 + WEYL[1] >>> 0;
  }
  return [x, y, z, w];
}
function wideProduct(a, b) {
  const product3 = BigInt(a) * BigInt(b);
  return [Number(product3 >> 32n), Number(product3 & 0xffffffffn)];
}
function advance(state, by) {
  const words2 = Array.from({ length: PHILOX_STATE }, (_, i) => state[i] ?? 0);
  let carried = by;
  for (let i = 0; i < 4 && carried > 0; i++) {
    const sum2 = (words2[i] ?? 0) + carried;
    words2[i] = sum2 % 2 ** 32;
    carried = Math.floor(sum2 / 2 ** 32);
  }
  return words2;
}
function randomCpu(distribution, count, state) {
  const out = distribution === "bits" ? new Uint32Array(count) : new Float32Array(count);
  const key = [state[4] ?? 0, state[5] ?? 0];
  for (let i = 0; i < count; i += PHILOX_WORDS) {
    const [x = 0, y = 0, z = 0, w = 0] = advance(state, i / PHILOX_WORDS);
    const numbers = distributed(distribution, philox([x, y, z, w], key));
    for (let j = 0; j < PHILOX_WORDS && i + j < count; j++) out[i + j] = numbers[j] ?? 0;
  }
  return out;
}
function distributed(distribution, words2) {
  switch (distribution) {
    case "bits":
      return words2;
    case "uniform":
      return words2.map((word3) => (word3 >>> 8) * 2 ** -24);
    case "normal":
      return [...boxMuller(words2[0], words2[1]), ...boxMuller(words2[2], words2[3])];
    default:
      return distribution;
  }
}
function boxMuller(a, b) {
  const radius = Math.sqrt(-2 * Math.log(Math.fround(Math.fround(Math.fround(a) * 2 ** -32) + 2 ** -33)));
  const angle = Math.fround(Math.fround(b) * 2 ** -32) * 2 * Math.PI;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

// src/ops/reduce.ts
var lowest = (T) => T === "F32" ? "(-op_inf())" : T === "I32" ? "bitcast<I32>(0x80000000u)" : `${T}()`;
var highest = (T) => T === "F32" ? "op_inf()" : T === "I32" ? "I32(0x7fffffff)" : T === "U32" ? "U32(0xffffffffu)" : "BOOL(true)";
var larger2 = (T, a, b) => T === "F32" ? `op_max(${a}, ${b})` : T === "BOOL" ? `(${a} | ${b})` : `max(${a}, ${b})`;
var smaller2 = (T, a, b) => T === "F32" ? `op_min(${a}, ${b})` : T === "BOOL" ? `(${a} & ${b})` : `min(${a}, ${b})`;
var plus = (_, a, b) => `(${a} + ${b})`;
var times = (_, a, b) => `(${a} * ${b})`;
var or = (_, a, b) => `(${a} | ${b})`;
var and = (_, a, b) => `(${a} & ${b})`;
function position(values, beats) {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    const [value = 0, held = 0] = [values[i], values[best]];
    if (!Number.isNaN(held) && (Number.isNaN(value) || beats(value, held))) best = i;
  }
  return best;
}
function fold(values, start, join2) {
  let state = start;
  for (let i = 0; i < values.length; i++) state = join2(state, values[i] ?? 0);
  return state;
}
var REDUCE = {
  sum: { takes: "sum", gives: "same", start: (T) => `${T}()`, join: plus, cpu: (v) => fold(v, 0, (a, b) => a + b), empty: 0 },
  prod: { takes: "sum", gives: "same", start: (T) => `${T}(1)`, join: times, cpu: (v) => fold(v, 1, v instanceof Float32Array ? (a, b) => a * b : Math.imul), empty: 1 },
  amax: { takes: "any", gives: "same", start: lowest, join: larger2, cpu: (v) => v[position(v, (a, b) => a > b)] ?? 0 },
  amin: { takes: "any", gives: "same", start: highest, join: smaller2, cpu: (v) => v[position(v, (a, b) => a < b)] ?? 0 },
  any: { takes: "any", gives: "bool", start: () => "BOOL(false)", join: or, cpu: (v) => fold(v, 0, (a, b) => Number(a || b)), empty: 0 },
  all: { takes: "any", gives: "bool", start: () => "BOOL(true)", join: and, cpu: (v) => fold(v, 1, (a, b) => Number(a && b)), empty: 1 },
  argmax: { takes: "any", gives: "index", start: lowest, join: (_, a, b) => `${a} > ${b}`, cpu: (v) => position(v, (a, b) => a > b) },
  argmin: { takes: "any", gives: "index", start: highest, join: (_, a, b) => `${a} < ${b}`, cpu: (v) => position(v, (a, b) => a < b) }
};
var reduceOp = (name) => REDUCE[name];
function reduceArgument(name, dtype) {
  const op = reduceOp(name);
  if (op.gives === "bool") return "bool";
  if (isFloat(dtype)) return "float32";
  return op.takes === "sum" || op.gives === "index" ? dtype === "uint32" ? "uint32" : "int32" : dtype === "int8" ? "int32" : dtype;
}
function reduceResult(name, argument) {
  const { gives } = reduceOp(name);
  return gives === "same" ? argument : gives === "bool" ? "bool" : "int32";
}

// src/backend/cpu/program.ts
function runProgram(program, shape, inputs, accumulator) {
  const count = shape.reduce((n, size) => n * size, 1);
  const values = [];
  for (const instruction of program.body) {
    const out = makeValues(instruction.dtype, count);
    const element3 = elementOf2(instruction, program, values, { shape, inputs, accumulator });
    const dtype = instruction.kind === "constant" ? "float32" : instruction.dtype;
    for (let i = 0; i < count; i++) out[i] = roundTo(dtype, element3(i));
    values.push(out);
  }
  return values.at(-1) ?? new Float32Array();
}
function elementOf2(instruction, program, values, { shape, inputs, accumulator }) {
  const value = (number2) => values[number2] ?? new Float32Array();
  switch (instruction.kind) {
    case "load": {
      const input2 = inputs[instruction.input] ?? new Float32Array();
      const address = addressOf(shape, instruction.access);
      return (i) => input2[address(i)] ?? 0;
    }
    case "take": {
      const input2 = inputs[instruction.input] ?? new Float32Array();
      const address = addressOf(shape, instruction.access);
      const index2 = value(instruction.index);
      const nothing = input2 instanceof Float32Array ? NaN : 0;
      return (i) => {
        const at2 = index2[i] ?? 0;
        return at2 >= 0 && at2 < instruction.size ? input2[address(i) + at2 * instruction.stride] ?? 0 : nothing;
      };
    }
    case "address":
      return addressOf(shape, instruction.access);
    case "constant":
      return () => instruction.value;
    case "accumulator":
      return (i) => accumulator?.[i] ?? 0;
    case "cast": {
      const from = value(instruction.from);
      return instruction.dtype === "bool" ? (i) => Number(from[i] !== 0) : (i) => from[i] ?? 0;
    }
    case "apply": {
      const [a, b, c] = instruction.args.map(value);
      const apply = elementCpu(instruction.op, argumentsOf(program, instruction.args));
      return (i) => apply(a?.[i] ?? 0, b?.[i] ?? 0, c?.[i] ?? 0);
    }
    default:
      return instruction;
  }
}
function addressOf(shape, { strides, offset }) {
  return (i) => {
    let rest = i;
    let address = offset;
    for (let d = shape.length - 1; d >= 0; d--) {
      const size = shape[d] ?? 1;
      address += rest % size * (strides[d] ?? 0);
      rest = Math.floor(rest / size);
    }
    return address;
  };
}

// src/backend/cpu/tasks.ts
var floats = (values) => ({ dtype: "float32", values });
var ints = (values) => ({ dtype: "int32", values });
function runTask(task, input2) {
  const float4 = (i) => input2(i, "float32");
  const int2 = (i) => input2(i, "int32");
  switch (task.kind) {
    case "elementwise": {
      const { program, shape } = task.spec;
      return { dtype: resultOf(program), values: runProgram(program, shape, inputsOf(program, input2, 0), null) };
    }
    case "reduce":
      return runReduce(task.spec, input2);
    case "linear": {
      const { M, N, K, weight, norm: norm3 } = task.spec;
      if (norm3) throw new RangeError("linear: the cpu backend has norms done by themselves");
      const w = weightOf2(weight, N, K, input2, 1);
      return runBehind(task.behind, linearCpu(M, N, K, float4(0), w.values), input2, w.next);
    }
    case "matmul":
      return runBehind(task.behind, matmulCpu(task.spec, float4(0), float4(1)), input2, 2);
    case "attention":
      return floats(attentionCpu(task.spec, { q: float4(0), k: float4(1), v: float4(2), cuQ: int2(3), cuK: int2(4) }));
    case "norm":
      return floats(runNorm(task, float4));
    case "softmax":
      return floats(softmaxCpu(task.spec, float4(0)));
    case "segment_reduce":
      return floats(segmentReduceCpu(task.spec, float4(0), int2(1)));
    case "embedding": {
      const { rows, width, weight } = task.spec;
      return floats(embeddingCpu(task.spec, int2(0), weightOf2(weight, rows, width, input2, 1).values));
    }
    case "scan":
      return { dtype: task.spec.dtype, values: scanCpu(task.spec, input2(0, task.spec.dtype)) };
    case "sort_runs":
      return ints(sortRunsCpu(task.spec, input2(0, task.spec.dtype)));
    case "merge_runs":
      return ints(mergeRunsCpu(task.spec, input2(0, task.spec.dtype), int2(1)));
    case "scatter_places":
      return ints(scatterPlacesCpu(task.spec, int2(0)));
    case "scatter_join":
      return { dtype: task.spec.dtype, values: scatterJoinCpu(task.spec, int2(0), input2(1, task.spec.dtype)) };
    case "random": {
      const { distribution, count } = task.spec;
      return { dtype: distribution === "bits" ? "uint32" : "float32", values: randomCpu(distribution, count, input2(0, "uint32")) };
    }
    case "round_rows":
      throw new RangeError("round_rows: the cpu backend multiplies numbers as they are");
    default:
      return task;
  }
}
var inputsOf = (program, input2, first) => program.inputs.map((dtype, i) => input2(first + i, dtype));
function weightOf2(dtype, rows, columns, input2, at2) {
  switch (dtype) {
    case "f32":
      return { values: input2(at2, "float32"), next: at2 + 1 };
    case "f16":
      return { values: input2(at2, "float16"), next: at2 + 1 };
    case "q8":
      return { values: dequantizeCpu(rows * columns, 8, input2(at2, "int8"), input2(at2 + 1, "float16")), next: at2 + 2 };
    case "q4":
      return { values: dequantizeCpu(rows * columns, 4, input2(at2, "uint32"), input2(at2 + 1, "float16")), next: at2 + 2 };
    default:
      return dtype;
  }
}
function runBehind(behind, accumulator, input2, first) {
  if (!behind) return floats(accumulator);
  return floats(runProgram(behind.program, behind.shape, inputsOf(behind.program, input2, first), accumulator));
}
function runReduce({ op, shape, kept, program, epilogue }, input2) {
  const elements = runProgram(program, shape, inputsOf(program, input2, 0), null);
  const outputs = shape.slice(0, kept).reduce((n, size) => n * size, 1);
  const length = elements.length / outputs;
  const dtype = reduceResult(op, resultOf(program));
  const values = makeValues(dtype, outputs);
  const { cpu } = reduceOp(op);
  for (let o = 0; o < outputs; o++) values[o] = cpu(elements.subarray(o * length, (o + 1) * length));
  if (!epilogue) return { dtype, values };
  const after = epilogue.program;
  return { dtype: resultOf(after), values: runProgram(after, epilogue.shape, inputsOf(after, input2, program.inputs.length), values) };
}
function runNorm({ spec }, input2) {
  let next = 1;
  const weight = spec.weight ? input2(next++) : null;
  const bias = spec.bias ? input2(next++) : null;
  return normCpu(spec, input2(0), weight, bias);
}

// src/backend/cpu/cpu.ts
var CpuBackend = class {
  name = "cpu";
  info = { backend: "cpu", vendor: "", architecture: "", description: "plain JavaScript", features: [], limits: {} };
  maxBytes = 2 ** 31;
  maxInputs = Infinity;
  tiles = {};
  lost = null;
  profiler = null;
  timings = [];
  allocated = 0;
  fusesNorm() {
    return false;
  }
  tileChoices() {
    return [];
  }
  upload(data) {
    const storage = this.allocate(data.byteLength);
    new Uint8Array(this.bufferOf(storage)).set(data);
    return storage;
  }
  allocate(bytes2) {
    if (this.lost) throw new RuntimeError(this.lost);
    if (bytes2 > this.maxBytes) throw new RuntimeError(`a tensor of ${bytes2} bytes, but the cpu backend holds at most ${this.maxBytes}`);
    this.allocated += paddedBytes(bytes2);
    return new Storage(this, new ArrayBuffer(paddedBytes(bytes2)), bytes2);
  }
  release(_, bytes2) {
    this.allocated -= paddedBytes(bytes2);
  }
  prepare(plan) {
    return { ready: null, run: (leaves, outputs, reads) => this.run(plan, leaves, outputs, reads) };
  }
  profile() {
    this.timings = [];
    const finish = async () => {
      this.profiler = null;
      return this.timings;
    };
    return this.profiler = { clock: "host", finish };
  }
  async read(reads) {
    return reads.map(({ storage, offset, bytes: bytes2 }) => this.bufferOf(storage).slice(offset, offset + bytes2));
  }
  async synchronize() {
  }
  memory() {
    return { allocated: this.allocated, reserved: this.allocated };
  }
  destroy() {
    this.lost ??= "the device was closed; call torch.init() again and make the tensors anew";
  }
  bufferOf(storage) {
    return storage.bufferOf(this);
  }
  run(plan, leaves, outputs, reads) {
    const buffers = [...leaves, ...outputs].map((storage) => this.bufferOf(storage));
    for (const bytes2 of plan.workspace) buffers.push(new ArrayBuffer(paddedBytes(bytes2)));
    for (const { task, inputs, output } of plan.steps) {
      const buffer = (slot) => buffers[slot ?? -1] ?? new ArrayBuffer(0);
      const input2 = (i, dtype2) => {
        const held = buffer(inputs[i]);
        return readValues(held, dtype2, 0, Math.floor(held.byteLength / itemSize(dtype2)));
      };
      const start = performance.now();
      const { dtype, values } = runTask(task, input2);
      writeValues(buffer(output), dtype, values);
      if (this.profiler) this.timings.push({ name: task.kind, ms: performance.now() - start });
    }
    return this.read(reads);
  }
};

// src/kernels/tiles.ts
var DOTS = "dots";
var tile = (rows, columns, across, down, along, depth, ahead) => ({
  rows,
  columns,
  across,
  down,
  along,
  depth,
  ahead
});
var LARGE = tile(8, 4, 8, 4, 4, 8, 2);
var SMALL = tile(4, 4, 4, 4, 8, 16, 1);
var TILES = [
  LARGE,
  SMALL,
  tile(8, 4, 4, 4, 8, 16, 2),
  tile(4, 4, 8, 8, 2, 8, 1),
  tile(8, 4, 8, 8, 4, 8, 2),
  tile(8, 8, 8, 8, 2, 4, 1),
  tile(8, 4, 16, 8, 1, 4, 1)
];
var TUNED_ROWS = [128, 512];
var SHORT_ROWS = 256;
var nameOf = ({ rows, columns, across, down, along, depth, ahead }) => [rows, columns, across, down, along, depth, ahead].join();
var tilesKey = ({ M, N, K, weight }) => `${M <= SHORT_ROWS ? TUNED_ROWS[0] : TUNED_ROWS[1]} ${N}x${K} ${weight}`;
function choices(sizes, { dots }) {
  const names2 = TILES.map(nameOf);
  const usual = nameOf(usualTile(sizes));
  return [usual, ...names2.filter((name) => name !== usual), ...dots && takesDots(sizes) ? [DOTS] : []];
}
function chosen(sizes, { tiles = {}, dots }) {
  const found = tiles[tilesKey(sizes)];
  if (found === DOTS && dots && takesDots(sizes)) return DOTS;
  const tile3 = found === void 0 ? void 0 : TILES.find((known) => nameOf(known) === found);
  return tile3 ?? usualTile(sizes);
}
var takesDots = ({ weight }) => weight === "q4";
function usualTile({ M, N }) {
  return Math.ceil(M / 32) * Math.ceil(N / 32) >= 192 ? LARGE : SMALL;
}

// src/kernels/lanes.ts
var SCALARS = { F32: "f32", I32: "i32", U32: "u32", BOOL: "bool" };
function laneAliases(width) {
  return Object.entries(SCALARS).map(([lane, scalar]) => `alias ${lane} = ${width === 1 ? scalar : `vec4<${scalar}>`};`).join(" ");
}
var scalarType = (dtype) => SCALARS[laneOf(dtype)];
function inputWgsl(i, binding, dtype, width) {
  const declare = (type2) => `@group(0) @binding(${binding}) var<storage, read> input${i}: array<${type2}>;`;
  const read = width === 1 ? READ_ONE[element2(dtype)] : READ_FOUR[element2(dtype)];
  const type = width === 1 ? scalarType(dtype) : `vec4<${scalarType(dtype)}>`;
  return `${declare(read.type)}
fn at${i}(a: u32) -> ${type} { ${read.body.replaceAll("$", `input${i}`)} }`;
}
function halfWgsl(dtypes) {
  return dtypes.includes("float16") ? `${halfValue("half_value", "f32", "u32")}
${halfValue("half_values", "vec4f", "vec4u")}
${HALF_BITS}` : "";
}
var halfValue = (name, float4, word3) => (
  /* wgsl */
  `
fn ${name}(h: ${word3}) -> ${float4} {
  let size = h & ${word3}(0x7fffu);
  let exponent = select(${word3}(0x38000000u), ${word3}(0x70000000u), size >= ${word3}(0x7c00u)); // infinity and NaN
  let normal = bitcast<${float4}>((size << ${word3}(13u)) + exponent);
  let value = select(normal, ${float4}(size) * 0x1p-24, size < ${word3}(0x400u)); // below 2^-14 all steps are 2^-24
  return bitcast<${float4}>(bitcast<${word3}>(value) | ((h & ${word3}(0x8000u)) << ${word3}(16u)));
}`
);
var HALF_BITS = (
  /* wgsl */
  `
fn half_bits(v: vec4f) -> vec4u {
  let bits = bitcast<vec4u>(v);
  let size = bits & vec4u(0x7fffffffu);
  let near = (size - 0x38000000u + 0xfffu + ((size >> vec4u(13u)) & vec4u(1u))) >> vec4u(13u);
  let small = vec4u(round(min(abs(v), vec4f(1.0)) * 0x1p24)); // below 2^-14 all steps are 2^-24
  let finite = select(near, small, size < vec4u(0x38800000u));
  let whole = select(select(finite, vec4u(0x7c00u), size >= vec4u(0x477ff000u)), vec4u(0x7e00u), size > vec4u(0x7f800000u));
  return whole | ((bits >> vec4u(16u)) & vec4u(0x8000u));
}
fn half_words(h: vec4u) -> vec2u { return h.xz | (h.yw << vec2u(16u)); }`
);
function element2(dtype) {
  if (isPacked(dtype)) throw packedWeight("read");
  return dtype;
}
var plain2 = (type) => ({ type, body: "return $[a];" });
var plainFour = (type) => ({ type: `vec4<${type}>`, body: "return $[a / 4u];" });
var byte = { type: "u32", body: "return bitcast<i32>($[a / 4u] << (24u - 8u * (a % 4u))) >> 24u;" };
var bytes = { type: "u32", body: "return (vec4i(bitcast<i32>($[a / 4u])) << vec4u(24, 16, 8, 0)) >> vec4u(24);" };
var READ_ONE = {
  float32: plain2("f32"),
  int32: plain2("i32"),
  uint32: plain2("u32"),
  bool: { type: "u32", body: "return $[a] != 0u;" },
  float16: { type: "u32", body: "return half_value(($[a / 2u] >> (16u * (a % 2u))) & 0xffffu);" },
  int8: byte
};
var READ_FOUR = {
  float32: plainFour("f32"),
  int32: plainFour("i32"),
  uint32: plainFour("u32"),
  bool: { type: "vec4u", body: "return $[a / 4u] != vec4u(0);" },
  float16: { type: "vec2u", body: "return half_values(($[a / 4u].xxyy >> vec4u(0, 16, 0, 16)) & vec4u(0xffffu));" },
  int8: bytes
};
function outputWgsl(binding, dtype) {
  const { type, value } = WRITE_FOUR[element2(dtype)];
  return `@group(0) @binding(${binding}) var<storage, read_write> output: array<${type}>;
fn store(a: u32, v: vec4<${scalarType(dtype)}>) { output[a / 4u] = ${value}; }`;
}
var packBytes = { type: "u32", value: "dot((vec4u(v) & vec4u(0xffu)) << vec4u(0, 8, 16, 24), vec4u(1))" };
var WRITE_FOUR = {
  float32: { type: "vec4f", value: "v" },
  int32: { type: "vec4i", value: "v" },
  uint32: { type: "vec4u", value: "v" },
  bool: { type: "vec4u", value: "vec4u(v)" },
  float16: { type: "vec2u", value: "half_words(half_bits(v))" },
  int8: packBytes
};
function wordOutputWgsl(binding, dtype) {
  const type = dtype === "bool" ? "u32" : scalarType(dtype);
  return `@group(0) @binding(${binding}) var<storage, read_write> output: array<${type}>;
fn store(a: u32, v: ${scalarType(dtype)}) { output[a] = ${dtype === "bool" ? "u32(v)" : "v"}; }`;
}

// src/kernels/epilogue.ts
var NO_EPILOGUE = { operands: [], expression: "acc", helpers: "" };
function epilogueWgsl({ operands, expression: expression2, helpers }, binding, width, packing) {
  const vectors = width === 4 && packing === "vectors";
  const bindings = operands.map((_, i) => `@group(0) @binding(${binding + i}) var<storage, read> operand${i}: array<${vectors ? "vec4f" : "f32"}>;`);
  const load3 = (name, at2) => {
    if (width === 1) return `${name}[${at2}]`;
    return vectors ? `${name}[${at2} / 4u]` : `vec4f(${name}[${at2}], ${name}[${at2} + 1u], ${name}[${at2} + 2u], ${name}[${at2} + 3u])`;
  };
  const loads = operands.map((shape, i) => `  let e${i} = ${load3(`operand${i}`, shape === "column" ? "column" : "i")};`);
  return (
    /* wgsl */
    `
${laneAliases(width)}
${bindings.join("\n")}
${helpers}
fn epilogue(acc: F32, column: u32, i: u32) -> F32 {
${loads.join("\n")}
  return ${expression2};
}
`
  );
}

// src/kernels/matmul_parts.ts
var MULTIPLY_ADD = (
  /* wgsl */
  `
// Written out: acc + x * w would add after the product, a fifth more instructions.
fn multiply_add(acc: vec4f, x: vec4f, w: mat4x4f) -> vec4f {
  return acc + x.x * w[0] + x.y * w[1] + x.z * w[2] + x.w * w[3];
}
`
);
function storeWgsl(epilogue, N, width, binding) {
  const packing = N % 4 === 0 ? "vectors" : "scalars";
  const output = binding + epilogue.operands.length;
  return (
    /* wgsl */
    `
${epilogueWgsl(epilogue, binding, width, packing)}
struct Sizes { M: u32 }
@group(0) @binding(${output}) var<storage, read_write> y: array<${width === 4 && packing === "vectors" ? "vec4f" : "f32"}>;
@group(0) @binding(${output + 1}) var<uniform> sizes: Sizes;
fn ${width === 4 ? "store4" : "store"}(row: u32, column: u32, acc: F32) {
  if (row >= sizes.M || column >= ${N}u) { return; }
  let i = row * ${N}u + column;
  ${width === 1 ? "y[i] = epilogue(acc, column, i);" : packing === "vectors" ? "y[i / 4u] = epilogue(acc, column, i);" : (
      /* wgsl */
      `
  let values = epilogue(acc, column, i);
  for (var j = 0u; j < min(4u, ${N}u - column); j++) { y[i + j] = values[j]; }`
    )}
}
`
  );
}

// src/kernels/weight.ts
function weightWgsl(name, dtype, columns, binding) {
  const at2 = `@group(0) @binding(${binding}) var<storage, read> ${name}`;
  const quads = columns / 4;
  switch (dtype) {
    case "f32":
      return columns % 4 === 0 ? (
        /* wgsl */
        `
${at2}: array<vec4f>;
alias ${name}_packed = vec4f;
fn ${name}_packed_at(row: u32, c: u32) -> vec4f { return ${name}[row * ${quads}u + c]; }
fn ${name}_unpack(packed: vec4f, row: u32, c: u32) -> vec4f { return packed; }
${atOnce(name)}`
      ) : (
        /* wgsl */
        `
${at2}: array<f32>;
${scalars(name, columns, `${name}[i]`)}`
      );
    case "f16":
      return columns % 4 === 0 ? (
        /* wgsl */
        `
${at2}: array<vec2u>;
alias ${name}_packed = vec2u;
fn ${name}_packed_at(row: u32, c: u32) -> vec2u { return ${name}[row * ${quads}u + c]; }
fn ${name}_unpack(packed: vec2u, row: u32, c: u32) -> vec4f { return vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y)); }
${atOnce(name)}`
      ) : (
        /* wgsl */
        `
${at2}: array<u32>;
${scalars(name, columns, `unpack2x16float(${name}[i / 2u])[i % 2u]`)}`
      );
    case "q8":
    case "q4":
      if (columns % QUANTIZED_GROUP !== 0) {
        throw new RangeError(`${name}: ${columns} columns, expected a multiple of ${QUANTIZED_GROUP} for ${dtype}`);
      }
      return quantized(name, at2, binding, quads, dtype === "q8" ? 8 : 4);
    default:
      return dtype;
  }
}
function quantized(name, at2, binding, quads, bits2) {
  const perWord = 32 / (4 * bits2);
  return (
    /* wgsl */
    `
${at2}: array<u32>;
@group(0) @binding(${binding + 1}) var<storage, read> ${name}_scales: array<u32>;
// A word of integers, and one of two scales.
alias ${name}_packed = vec2u;
${scaleWgsl(name)}
fn ${name}_packed_at(row: u32, c: u32) -> vec2u {
  let i = row * ${quads}u + c;
  return vec2u(${name}[i${perWord > 1 ? ` / ${perWord}u` : ""}], ${name}_scales[i / ${QUANTIZED_GROUP / 2}u]);
}
fn ${name}_unpack(packed: vec2u, row: u32, c: u32) -> vec4f {
  let i = row * ${quads}u + c;
  // Each integer goes to the top of its lane and comes down with its sign.
  let word = packed.x${perWord > 1 ? ` >> (i % ${perWord}u * ${4 * bits2}u)` : ""};
  let lifted = vec4i(bitcast<i32>(word)) << vec4u(${[1, 2, 3, 4].map((n) => 32 - n * bits2).join(", ")});
  return vec4f(lifted >> vec4u(${32 - bits2})) * ${name}_scale(packed.y >> (i / ${QUANTIZED_GROUP / 4}u % 2u * 16u));
}
${atOnce(name)}`
  );
}
var scaleWgsl = (name) => (
  /* wgsl */
  `
fn ${name}_scale(half: u32) -> f32 {
  let size = half & 0x7fff;
  let scale = select(bitcast<f32>((size << 13) + 0x38000000), f32(size) * 0x1p-24, size < 0x400);
  return select(scale, -scale, (half & 0x8000) != 0);
}`
);
var atOnce = (name) => (
  /* wgsl */
  `fn ${name}_at(row: u32, c: u32) -> vec4f { return ${name}_unpack(${name}_packed_at(row, c), row, c); }
`
);
function weightBindings(dtype) {
  return dtype === "q8" || dtype === "q4" ? 2 : 1;
}
function scalars(name, columns, element3) {
  return (
    /* wgsl */
    `
fn ${name}_one(row: u32, column: u32) -> f32 {
  if (column >= ${columns}u) { return 0.0; }
  let i = row * ${columns}u + column;
  return ${element3};
}
alias ${name}_packed = vec4f;
fn ${name}_packed_at(row: u32, c: u32) -> vec4f {
  return vec4f(${name}_one(row, 4 * c), ${name}_one(row, 4 * c + 1), ${name}_one(row, 4 * c + 2), ${name}_one(row, 4 * c + 3));
}
fn ${name}_unpack(packed: vec4f, row: u32, c: u32) -> vec4f { return packed; }
${atOnce(name)}`
  );
}

// src/kernels/matmul_direct.ts
function matmulDirect(spec, tile3) {
  const { M, N, K, weight } = spec;
  checkSizes("matmul", { M, N, K });
  const { rows, columns, invocations } = tile3;
  return {
    name: `matmul_direct_${rows}x${columns}_${weight}`,
    get wgsl() {
      return directWgsl(spec, tile3);
    },
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(Math.ceil(M / rows) * Math.ceil(N / columns) / invocations))
  };
}
function directWgsl({ N, K, weight, epilogue }, { rows, columns, invocations }) {
  const quads = columns / 4;
  const columnTiles = Math.ceil(N / columns);
  const operands = 1 + weightBindings(weight);
  const tiles = (line, indent) => repeat(rows * quads, (n) => line(Math.floor(n / quads), n % quads), `
${indent}`);
  return (
    /* wgsl */
    `
${weightWgsl("x", "f32", K, 0)}
${weightWgsl("w", weight, K, 1)}
${storeWgsl(epilogue, N, 4, operands)}
${MULTIPLY_ADD}
${WORKGROUP_INDEX}
@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let tile = workgroup_index(id, count) * ${invocations}u + invocation;
  let row = tile / ${columnTiles}u * ${rows}u;
  let column = tile % ${columnTiles}u * ${columns}u;
  if (row >= sizes.M) { return; }
  // Rows and columns past the edge read the last one, and are not stored.
  ${repeat(rows, (i) => `let row${i} = min(row + ${i}u, sizes.M - 1);`, "\n  ")}
  ${repeat(columns, (j) => `let column${j} = min(column + ${j}u, ${N - 1}u);`, "\n  ")}
  ${tiles((i, q) => `var acc${i}_${q} = vec4f();`, "  ")}
  for (var c = 0u; c < ${Math.ceil(K / 4)}u; c++) {
    ${repeat(rows, (i) => `let x${i} = x_at(row${i}, c);`, "\n    ")}
    ${repeat(quads, (q) => `let w${q} = transpose(mat4x4f(${repeat(4, (j) => `w_at(column${4 * q + j}, c)`, ", ")}));`, "\n    ")}
    ${tiles((i, q) => `acc${i}_${q} = multiply_add(acc${i}_${q}, x${i}, w${q});`, "    ")}
  }
  ${tiles((i, q) => `store4(row + ${i}u, column + ${4 * q}u, acc${i}_${q});`, "  ")}
}
`
  );
}

// src/kernels/matmul_dots.ts
var TILE = 32;
var GROUPS = 4;
var INVOCATIONS2 = 128;
var [ROWS, COLUMNS] = [8, 4];
var [ACROSS, DOWN] = [TILE / COLUMNS, TILE / ROWS];
var VECTORS = QUANTIZED_GROUP / 16;
var DEPTH = GROUPS * VECTORS;
var [PITCH, SCALES_PITCH] = [DEPTH + 1, GROUPS + 1];
var SHARE = TILE * DEPTH / INVOCATIONS2;
var SUMMED = 4;
function matmulDots(spec) {
  const { M, N, K, weight } = spec;
  checkSizes("matmul", { M, N, K });
  return {
    name: `matmul_dots_${weight}`,
    get wgsl() {
      return dotsWgsl(spec);
    },
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / TILE) * Math.ceil(N / TILE))
  };
}
function dotsWgsl({ N, K, epilogue }) {
  const groups = K / QUANTIZED_GROUP;
  const steps = Math.ceil(groups / GROUPS);
  const eachX = (line) => repeat(SHARE, line, " ");
  const ask = (step) => `{
      ${eachX((n) => `x${n} = x[x_row${n} * ${groups * VECTORS}u + ${step} * ${DEPTH}u + along];`)}
      let asked = ${step} * ${GROUPS}u + group;
      words = w[w_row * ${groups}u + asked];
      x_scale = scale_of_x(scaled_row * ${groups}u + asked);
      w_halves = w_scales[(w_row * ${groups}u + asked) / 2u];
    }`;
  return (
    /* wgsl */
    `
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read> w: array<vec4u>;
@group(0) @binding(2) var<storage, read> w_scales: array<u32>;
${storeWgsl(epilogue, N, 4, 3)}
${scaleWgsl("w")}
${WORKGROUP_INDEX}
// x's rows, then w's.
var<workgroup> tiles: array<vec4u, ${2 * TILE * PITCH}>;
var<workgroup> scales: array<f32, ${2 * TILE * SCALES_PITCH}>;

// They lie behind all integers.
fn scale_of_x(group: u32) -> u32 { return x[sizes.M * ${groups * VECTORS}u + group / 4u][group % 4u]; }

// Four columns' integers, from the lower half of a word of eight: each goes to the top of its byte, and so is 16 times as large.
fn bytes(half: u32) -> u32 {
  let pairs = (half & 0xffu) | ((half & 0xff00u) << 8);
  return ((pairs & 0x000f000fu) << 4) | ((pairs & 0x00f000f0u) << 8);
}

fn dot16(a: vec4u, b: vec4u) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

@compute @workgroup_size(${INVOCATIONS2})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  // Tiles that share w's rows run side by side, so that w is read from memory once.
  let row_tiles = (sizes.M + ${TILE - 1}u) / ${TILE}u;
  let index = workgroup_index(id, count);
  let row0 = index % row_tiles * ${TILE}u;
  let column0 = index / row_tiles * ${TILE}u;
  let tx = invocation % ${ACROSS}u;
  let ty = invocation / ${ACROSS}u % ${DOWN}u;
  let tz = invocation / ${ACROSS * DOWN}u;

  // Rows past the edge read the last one, and are not stored.
  let along = invocation % ${DEPTH}u;
  ${eachX((n) => `let x_row${n} = min(row0 + (invocation + ${n * INVOCATIONS2}u) / ${DEPTH}u, sizes.M - 1);`)}
  // One group of one row of w, and the scale of one of x. An invocation stores four columns side by side, and reads their weights
  // ${ACROSS} rows apart, so that its neighbours read other memory banks.
  let own = invocation / ${GROUPS}u;
  let group = invocation % ${GROUPS}u;
  let scaled_row = min(row0 + own, sizes.M - 1);
  let w_row = min(column0 + own % ${ACROSS}u * ${COLUMNS}u + own / ${ACROSS}u, ${N - 1}u);

  ${repeat(ROWS, (i) => `var acc${i} = vec4f();`, " ")}
  ${eachX((n) => `var x${n}: vec4u;`)} var words: vec4u; var x_scale: u32; var w_halves: u32;
  ${ask("0u")}
  for (var step = 0u; step < ${steps}u; step++) {
    ${eachX((n) => `tiles[(invocation + ${n * INVOCATIONS2}u) / ${DEPTH}u * ${PITCH}u + along] = x${n};`)}
    ${repeat(VECTORS, (v) => `tiles[(${TILE}u + own) * ${PITCH}u + group * ${VECTORS}u + ${v}u] = vec4u(${repeat(4, (n) => `bytes(words[${2 * v + (n >> 1)}]${n % 2 ? " >> 16" : ""})`, ", ")});`, "\n    ")}
    let here = step * ${GROUPS}u + group;
    let w_scale_here = w_scale(w_halves >> ((w_row * ${groups}u + here) % 2u * 16u)) / 16;
    // Groups past the last are other rows', and count nothing.
    scales[own * ${SCALES_PITCH}u + group] = select(0.0, bitcast<f32>(x_scale), here < ${groups}u);
    scales[(${TILE}u + own) * ${SCALES_PITCH}u + group] = select(0.0, w_scale_here, here < ${groups}u);
    workgroupBarrier();
    // Memory is asked for the next step's vectors before this step's are multiplied.
    if (step < ${steps - 1}u) ${ask("(step + 1)")}
    ${repeat(COLUMNS, (j) => repeat(VECTORS, (v) => `let w${j}_${v} = tiles[(${TILE + j * ACROSS}u + tx) * ${PITCH}u + tz * ${VECTORS}u + ${v}u];`, " "), "\n    ")}
    let four_scales = vec4f(${repeat(COLUMNS, (j) => `scales[(${TILE + j * ACROSS}u + tx) * ${SCALES_PITCH}u + tz]`, ", ")});
    ${repeat(ROWS, (i) => `{
      ${repeat(VECTORS, (v) => `let x_${v} = tiles[(${i * DOWN}u + ty) * ${PITCH}u + tz * ${VECTORS}u + ${v}u];`, " ")}
      let products = vec4i(${repeat(COLUMNS, (j) => repeat(VECTORS, (v) => `dot16(x_${v}, w${j}_${v})`, " + "), ", ")});
      acc${i} += scales[(${i * DOWN}u + ty) * ${SCALES_PITCH}u + tz] * four_scales * vec4f(products);
    }`, "\n    ")}
    workgroupBarrier();
  }
  // What the invocations along K have each gathered is added, a few rows at a time; all take part.
  ${repeat(ROWS / SUMMED, (part) => `
  ${part > 0 ? "workgroupBarrier();" : ""}
  ${repeat(SUMMED, (i) => `tiles[tz * ${INVOCATIONS2}u + (${i * DOWN}u + ty) * ${ACROSS}u + tx] = bitcast<vec4u>(acc${part * SUMMED + i});`, "\n  ")}
  workgroupBarrier();
  store4(row0 + ${part * SUMMED * DOWN}u + invocation / ${ACROSS}u, column0 + ${COLUMNS}u * tx,
    ${repeat(GROUPS, (z) => `bitcast<vec4f>(tiles[${z * INVOCATIONS2}u + invocation])`, " + ")});`)}
}
`
  );
}

// src/kernels/row_reduce.ts
function rowReduceWgsl(reductions, lanes, invocations) {
  if (lanes === 1) return reductions.map((op) => `fn row_${op}(value: f32, invocation: u32) -> f32 { return value; }`).join("\n");
  const near = 2 ** Math.ceil(Math.log2(lanes) / 2);
  return (
    /* wgsl */
    `
var<workgroup> lane_values: array<f32, ${invocations}>;
var<workgroup> near_values: array<f32, ${invocations}>;
${reductions.map((op) => {
      const join2 = (a, b) => op === "sum" ? `${a} + ${b}` : `max(${a}, ${b})`;
      return (
        /* wgsl */
        `
fn row_${op}(value: f32, invocation: u32) -> f32 {
  lane_values[invocation] = value;
  workgroupBarrier();
  let near = invocation / ${near}u * ${near}u;
  var result = lane_values[near];
  ${repeat(near - 1, (i) => `result = ${join2("result", `lane_values[near + ${i + 1}u]`)};`, "\n  ")}
  near_values[invocation] = result;
  workgroupBarrier();
  let row = invocation / ${lanes}u * ${lanes}u;
  result = near_values[row];
  ${repeat(lanes / near - 1, (i) => `result = ${join2("result", `near_values[row + ${(i + 1) * near}u]`)};`, "\n  ")}
  return result;
}`
      );
    }).join("\n")}
`
  );
}

// src/kernels/matmul_rows.ts
var IN_FLIGHT = 12;
function matmulRows(spec, tile3) {
  const { M, N, K, weight } = spec;
  checkSizes("matmul", { M, N, K });
  const { rows, columns, groups } = tile3;
  return {
    name: `matmul_rows${rows}_${weight}`,
    get wgsl() {
      return rowsWgsl(spec, tile3);
    },
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / rows) * Math.ceil(N / (groups * columns)))
  };
}
function rowsWgsl({ N, K, weight, norm: norm3, epilogue }, tile3) {
  const { rows, columns, lanes, groups } = tile3;
  const invocations = lanes * groups;
  const outputs = rows * columns * groups;
  const normBinding = 1 + weightBindings(weight);
  const operands = normBinding + normParts(norm3).length;
  const share = rows * columns;
  const adders = lanes / share;
  if (!Number.isInteger(adders)) throw new RangeError(`matmul: ${rows} rows of ${columns} columns do not divide ${lanes} lanes`);
  const all2 = (line, indent) => repeat(columns, (j) => repeat(rows, (i) => line(i, j), " "), `
${indent}`);
  const quads = Math.ceil(K / 4);
  const whole = Math.floor(quads / lanes);
  const unroll = Math.max(1, Math.min(whole, Math.floor(IN_FLIGHT / (rows + columns))));
  const step = (first, count) => `{
    ${repeat(count, (u) => repeat(columns, (j) => `let w${u}_${j} = w_at(column${j}, ${first} + ${u * lanes}u);`, " "), "\n    ")}
    ${repeat(count, (u) => normParts(norm3).map((part) => `let ${part}${u} = norm_${part}[${first} + ${u * lanes}u];`).join(" "), "\n    ")}
    ${repeat(count, (u) => repeat(rows, (i) => `let x${u}_${i} = ${normed(norm3, `x_at(row${i}, ${first} + ${u * lanes}u)`, i, u)};`, " "), "\n    ")}
    ${repeat(count, (u) => all2((i, j) => `acc${i}_${j} = dot_add(acc${i}_${j}, x${u}_${i}, w${u}_${j});`, "    "), "\n    ")}
  }`;
  const rest = whole % unroll;
  const done = whole - rest;
  return (
    /* wgsl */
    `
${weightWgsl("x", "f32", K, 0)}
${weightWgsl("w", weight, K, 1)}
${normParts(norm3).map((part, i) => `@group(0) @binding(${normBinding + i}) var<storage, read> norm_${part}: array<vec4f>;`).join("\n")}
${storeWgsl(epilogue, N, 1, operands)}
${norm3 ? momentsWgsl(norm3, K, rows, invocations) : ""}
var<workgroup> sums: array<f32, ${outputs * lanes}>;
${WORKGROUP_INDEX}
// Written out: acc + dot(x, w) would add after the product.
fn dot_add(acc: f32, x: vec4f, w: vec4f) -> f32 { return acc + x.x * w.x + x.y * w.y + x.z * w.z + x.w * w.w; }

@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row_tiles = (sizes.M + ${rows - 1}u) / ${rows}u;
  let tile = workgroup_index(id, count);
  let row = tile % row_tiles * ${rows}u;
  let column = tile / row_tiles * ${groups * columns}u;
  let lane = invocation % ${lanes}u;
  let group = invocation / ${lanes}u;
  // Rows and columns past the edge read the last one, and are not stored.
  ${repeat(rows, (i) => `let row${i} = min(row + ${i}u, sizes.M - 1);`, "\n  ")}
  ${repeat(columns, (j) => `let column${j} = min(column + ${j * groups}u + group, ${N - 1}u);`, "\n  ")}
  ${norm3 ? `find_moments(row, invocation);
  ${repeat(rows, (i) => `let moments${i} = moments[${i}];`, "\n  ")}` : ""}
  ${all2((i, j) => `var acc${i}_${j} = 0.0;`, "  ")}
  ${done > 0 ? `for (var s = 0u; s < ${done / unroll}u; s++) ${step(`(s * ${unroll * lanes}u + lane)`, unroll)}` : ""}
  ${rest > 0 ? step(`(${done * lanes}u + lane)`, rest) : ""}
  ${quads % lanes > 0 ? `if (lane < ${quads % lanes}u) ${step(`(${whole * lanes}u + lane)`, 1)}` : ""}
  // sums is laid out as [row][column][group][lane].
  ${all2((i, j) => `sums[${(i * columns + j) * invocations}u + invocation] = acc${i}_${j};`, "  ")}
  workgroupBarrier();
  var sum = 0.0;
  let output = invocation / ${adders}u;
  // Neighbours start at other lanes, so that they read from different memory banks.
  for (var l = 0u; l < ${share}u; l++) { sum += sums[invocation * ${share}u + (l + output) % ${share}u]; }
  ${adders > 1 ? (
      /* wgsl */
      `
  workgroupBarrier();
  sums[invocation] = sum;
  workgroupBarrier();
  if (invocation % ${adders}u > 0) { return; }
  for (var a = 1u; a < ${adders}u; a++) { sum += sums[invocation + a]; }`
    ) : ""}
  store(row + output / ${columns * groups}u, column + output % ${columns * groups}u, sum);
}
`
  );
}
var normParts = (norm3) => ["weight", "bias"].filter((part) => norm3?.[part]);
function normed(norm3, x, i, u) {
  if (!norm3) return x;
  return `(${x} - moments${i}.x) * moments${i}.y${norm3.weight ? ` * weight${u}` : ""}${norm3.bias ? ` + bias${u}` : ""}`;
}
function momentsWgsl({ kind, eps }, K, rows, invocations) {
  const lanes = invocations / rows;
  const quads = K / 4;
  const each2 = (line) => `for (var s = 0u; s < ${Math.ceil(quads / lanes)}u; s++) {
    let c = s * ${lanes}u + lane;
    ${quads % lanes === 0 ? line : `if (c < ${quads}u) { ${line} }`}
  }`;
  return (
    /* wgsl */
    `
${rowReduceWgsl(["sum"], lanes, invocations)}
var<workgroup> moments: array<vec2f, ${rows}>;
fn find_moments(first: u32, invocation: u32) {
  let row = min(first + invocation / ${lanes}u, sizes.M - 1);
  let lane = invocation % ${lanes}u;
  ${kind === "layer" ? (
      /* wgsl */
      `
  var sums: vec4f;
  ${each2("sums += x_at(row, c);")}
  let mean = row_sum(sums.x + sums.y + sums.z + sums.w, invocation) / ${K};`
    ) : "let mean = 0.0;"}
  // Squares of what is left of the mean, in a second pass: x² - mean² would lose all digits where the mean is large.
  var squares: vec4f;
  ${each2("let centred = x_at(row, c) - mean; squares += centred * centred;")}
  let variance = row_sum(squares.x + squares.y + squares.z + squares.w, invocation) / ${K};
  if (lane == 0) { moments[invocation / ${lanes}u] = vec2f(mean, inverseSqrt(variance + ${eps})); }
  workgroupBarrier();
}
`
  );
}

// src/kernels/matmul_tiled.ts
var MAX_VECTORS = 1024;
function matmulTiled(spec, tile3) {
  const { M, N, K, weight } = spec;
  checkSizes("matmul", { M, N, K });
  const [tileM, tileN] = [tile3.rows * tile3.down, tile3.columns * tile3.across];
  return {
    name: `matmul_${tileM}x${tileN}_${weight}`,
    get wgsl() {
      return tiledWgsl(spec, tile3);
    },
    uniforms: uniforms(M),
    workgroups: grid(Math.ceil(M / tileM) * Math.ceil(N / tileN))
  };
}
function tiledWgsl({ N, K, weight, epilogue }, tile3) {
  const { rows, columns, across, down, along, depth, ahead } = tile3;
  const tileM = rows * down;
  const tileN = columns * across;
  const invocations = across * down * along;
  const quads = columns / 4;
  const quadsK = Math.ceil(K / 4);
  const operands = 1 + weightBindings(weight);
  const steps = Math.ceil(quadsK / depth);
  const [shareX, shareW] = [tileM * depth / invocations, tileN * depth / invocations];
  if (invocations % depth !== 0 || !Number.isInteger(shareX) || !Number.isInteger(shareW))
    throw new RangeError(`matmul: ${invocations} invocations do not share tiles of ${tileM} and ${tileN} rows of ${depth} vectors evenly`);
  const vectors = Math.max((tileM + tileN) * (depth + 1), along > 1 ? tileM * tileN * along * rowsSummed(tile3) / rows / 4 : 0);
  if (vectors > MAX_VECTORS) throw new RangeError(`matmul: a tile of ${16 * vectors} bytes, at most ${16 * MAX_VECTORS} are there`);
  const place = (n) => `(invocation + ${n * invocations}u)`;
  const orZero = (name) => (
    /* wgsl */
    `fn ${name}_or_zero(row: u32, c: u32) -> ${name}_packed {
  ${quadsK % depth === 0 && ahead === 1 ? "" : `if (c >= ${quadsK}u) { return ${name}_packed(); }`}
  return ${name}_packed_at(row, c);
}`
  );
  const accumulators = (line, indent = "  ") => repeat(rows * quads, (n) => line(Math.floor(n / quads), n % quads), `
${indent}`);
  const ask = (a, step) => `
    ${repeat(shareX, (n) => `x${a}_next${n} = x_or_zero(x_row${n}, ${step} * ${depth}u + along);`, "\n    ")}
    ${repeat(shareW, (n) => `w${a}_next${n} = w_or_zero(w_row${n}, ${step} * ${depth}u + along);`, "\n    ")}`;
  const put2 = (a, step) => `
    ${repeat(shareX, (n) => `tiles[${place(n)} / ${depth}u * PITCH + along] = x${a}_next${n};`, "\n    ")}
    ${repeat(shareW, (n) => `tiles[(${tileM}u + ${place(n)} / ${depth}u) * PITCH + along] = w_unpack(w${a}_next${n}, w_row${n}, ${step} * ${depth}u + along);`, "\n    ")}`;
  const askLater = (a, step) => ahead === 1 ? `if (${step} < ${steps}u) { ${ask(a, step)} }` : ask(a, step);
  const multiply = (
    /* wgsl */
    `
    // Counted so that the compiler sees that no index leaves the array, and leaves out its own check of each.
    for (var n = 0u; n < ${depth / along}u; n++) {
      let c = n * ${along}u${along > 1 ? " + tz" : ""};
      ${repeat(quads, (q) => `let w${q} = transpose(mat4x4f(${repeat(4, (j) => `tiles[(${tileM + (4 * q + j) * across}u + tx) * PITCH + c]`, ", ")}));`, "\n      ")}
      ${repeat(rows, (i) => `let x${i} = tiles[(${i * down}u + ty) * PITCH + c]; ` + repeat(quads, (q) => `acc${i}_${q} = multiply_add(acc${i}_${q}, x${i}, w${q});`, " "), "\n      ")}
    }`
  );
  return (
    /* wgsl */
    `
${weightWgsl("x", "f32", K, 0)}
${weightWgsl("w", weight, K, 1)}
${storeWgsl(epilogue, N, 4, operands)}
${MULTIPLY_ADD}
${WORKGROUP_INDEX}
// A pitch that is odd in vectors of four spreads neighbouring rows over the memory banks.
const PITCH = ${depth + 1}u;
// x's rows, then w's.
var<workgroup> tiles: array<vec4f, ${vectors}>;
${orZero("x")}
${orZero("w")}

// The column whose weights lie in a row of the tile: an invocation stores four columns side by side, and reads their weights
// ${across} rows apart, so that its neighbours read other memory banks.
fn column_of(row: u32) -> u32 { return (row / ${4 * across}u * ${across}u + row % ${across}u) * 4 + row / ${across}u % 4; }

@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  // Tiles that share w's rows run side by side, so that w is read from memory once.
  let row_tiles = (sizes.M + ${tileM - 1}u) / ${tileM}u;
  let index = workgroup_index(id, count);
  let row0 = index % row_tiles * ${tileM}u;
  let column0 = index / row_tiles * ${tileN}u;
  let tx = invocation % ${across}u;
  let ty = invocation / ${across}u % ${down}u;
  let tz = invocation / ${across * down}u;

  // Rows past the edge read the last one, and are not stored.
  ${repeat(shareX, (n) => `let x_row${n} = min(row0 + ${place(n)} / ${depth}u, sizes.M - 1);`, "\n  ")}
  ${repeat(shareW, (n) => `let w_row${n} = min(column0 + column_of(${place(n)} / ${depth}u), ${N - 1}u);`, "\n  ")}
  let along = invocation % ${depth}u;

  ${accumulators((i, q) => `var acc${i}_${q} = vec4f();`)}
  ${repeat(ahead, (a) => repeat(shareX, (n) => `var x${a}_next${n}: x_packed;`, " ") + repeat(shareW, (n) => `var w${a}_next${n}: w_packed;`, " "), "\n  ")}
  ${repeat(ahead, (a) => ask(a, `${a}u`))}
  for (var first = 0u; first < ${steps}u; first += ${ahead}u) {
    ${repeat(ahead, (a) => (
      /* wgsl */
      `
    ${a > 0 && steps % ahead > 0 ? `if (first + ${a}u >= ${steps}u) { break; }` : ""}
    ${put2(a, `(first + ${a}u)`)}
    workgroupBarrier();
    // Memory is asked for a later step's vectors before this step's are multiplied. They stay packed meanwhile: to unpack them here
    // would be to wait for them here.
    ${askLater(a, `(first + ${a + ahead}u)`)}
    ${multiply}
    workgroupBarrier();`
    ))}
  }
  ${along > 1 ? sumAlong(tile3) : accumulators((i, q) => `store4(row0 + ty + ${i * down}u, column0 + 4 * (tx + ${q * across}u), acc${i}_${q});`)}
}
`
  );
}
function rowsSummed({ rows, columns, across, down, along }) {
  let count = rows;
  while (count * down * columns * across * along > 4 * MAX_VECTORS) count /= 2;
  return count;
}
function sumAlong(tile3) {
  const { rows, columns, across, down, along } = tile3;
  const quads = columns / 4;
  const count = rowsSummed(tile3);
  const width = quads * across;
  const plane = count * down * width;
  const invocations = across * down * along;
  return repeat(rows / count, (part) => (
    /* wgsl */
    `
  ${part > 0 ? "workgroupBarrier();" : ""}
  ${repeat(count * quads, (n) => `tiles[tz * ${plane}u + (ty + ${Math.floor(n / quads) * down}u) * ${width}u + tx + ${n % quads * across}u] = acc${part * count + Math.floor(n / quads)}_${n % quads};`, "\n  ")}
  workgroupBarrier();
  for (var s = 0u; s < ${Math.ceil(plane / invocations)}u; s++) {
    let n = s * ${invocations}u + invocation;
    ${plane % invocations > 0 ? `if (n >= ${plane}u) { break; }` : ""}
    var acc = tiles[n];
    ${repeat(along - 1, (z) => `acc += tiles[n + ${(z + 1) * plane}u];`, " ")}
    store4(row0 + ${part * count * down}u + n / ${width}u, column0 + 4 * (n % ${width}u), acc);
  }`
  ));
}

// src/kernels/matmul.ts
function matmul(spec, caps) {
  const way = matmulWay(spec, caps);
  switch (way.kind) {
    case "direct":
      return matmulDirect(spec, way.tile);
    case "rows":
      return matmulRows(spec, way.tile);
    case "tiled":
      return matmulTiled(spec, way.tile);
    case "dots":
      return matmulDots(spec);
    default:
      return way;
  }
}
function matmulWay(sizes, caps) {
  return caps.software ? onSoftware(sizes) : onGpu(sizes, caps);
}
var MAX_FEW_ROWS = 64;
function fusesNorm({ M, K }, caps) {
  return !caps.software && M <= MAX_FEW_ROWS && K % 4 === 0;
}
function onSoftware({ M }) {
  return { kind: "direct", tile: { rows: M === 1 ? 1 : M <= 4 ? 4 : 8, columns: 4, invocations: 16 } };
}
function onGpu(sizes, caps) {
  const { M, N, K } = sizes;
  if (M === 1) return { kind: "rows", tile: K > 2 * N ? { rows: 1, columns: 1, lanes: 128, groups: 1 } : { rows: 1, columns: 2, lanes: 64, groups: 2 } };
  if (M <= MAX_FEW_ROWS) {
    const count = Math.ceil(M / 4) * Math.ceil(N / 16);
    const groups = count >= 512 ? 4 : count >= 256 || K <= 2 * N ? 2 : 1;
    return { kind: "rows", tile: { rows: 4, columns: 4, lanes: 128 / groups, groups } };
  }
  const tile3 = chosen(sizes, caps);
  return tile3 === DOTS ? { kind: "dots" } : { kind: "tiled", tile: tile3 };
}

// src/kernels/caps.ts
function capsOf({ architecture, description, isFallbackAdapter = false }) {
  return { software: isFallbackAdapter || /swiftshader|llvmpipe/i.test(`${architecture} ${description}`) };
}

// src/backend/webgpu/device.ts
var NEEDED = ["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"];
var SHOWN2 = [
  ...NEEDED,
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ"
];
async function openDevice(forced) {
  const gpu = globalThis.navigator?.gpu;
  if (!gpu)
    throw new RuntimeError("WebGPU is not available in this browser, or this page is not a secure context (https or localhost)");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new RuntimeError("WebGPU is available, but the browser found no GPU adapter");
  const device = await adapter.requestDevice({
    // for torch.profile
    requiredFeatures: adapter.features.has("timestamp-query") ? ["timestamp-query"] : [],
    requiredLimits: Object.fromEntries(NEEDED.map((limit) => [limit, adapter.limits[limit]]))
  });
  const { vendor, architecture, description } = adapter.info;
  return {
    device,
    caps: { ...capsOf(adapter.info), dots: gpu.wgslLanguageFeatures.has("packed_4x8_integer_dot_product"), ...forced },
    info: {
      backend: "webgpu",
      vendor,
      architecture,
      description,
      features: [...adapter.features].sort(),
      limits: Object.fromEntries(SHOWN2.map((limit) => [limit, adapter.limits[limit]]))
    }
  };
}
function largestBuffer({ maxBufferSize, maxStorageBufferBindingSize }) {
  return Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 16) * 16;
}

// src/kernels/round_rows.ts
var QUADS = QUANTIZED_GROUP / 4;
var INVOCATIONS3 = 128;
var roundedBytes = ({ rows, width }) => rows * width + 4 * rows * width / QUANTIZED_GROUP;
function roundRows(spec) {
  const { rows, width } = spec;
  checkSizes("round_rows", { rows, width });
  const quads = rows * width / 4;
  return {
    name: "round_rows",
    get wgsl() {
      return (
        /* wgsl */
        `
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
struct Sizes { quads: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
var<workgroup> largest: array<vec4u, ${INVOCATIONS3}>;
${WORKGROUP_INDEX}
@compute @workgroup_size(${INVOCATIONS3})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let i = workgroup_index(id, count) * ${INVOCATIONS3}u + invocation;
  // Past the end the last one is read, and not stored: every invocation has to reach the barrier.
  let v = x[min(i, sizes.quads - 1)];
  // Bits of numbers without their signs are in the numbers' order, infinity and NaN last.
  largest[invocation] = bitcast<vec4u>(v) & vec4u(0x7fffffffu);
  workgroupBarrier();
  let first = invocation / ${QUADS}u * ${QUADS}u;
  var most = largest[first];
  ${repeat(QUADS - 1, (n) => `most = max(most, largest[first + ${n + 1}u]);`, "\n  ")}
  let bits = max(max(most.x, most.y), max(most.z, most.w));
  let size = bitcast<f32>(bits);
  if (i >= sizes.quads) { return; }
  // What is so small is as good as zero, and 127 over it might be infinite.
  y[i] = pack4xI8(vec4i(round(v * select(127 / size, 0.0, size < 1e-30))));
  if (invocation == first) { y[sizes.quads + i / ${QUADS}u] = select(bitcast<u32>(size / 127), bits | 0x7fc00000u, bits >= 0x7f800000u); }
}
`
      );
    },
    uniforms: uniforms(quads),
    workgroups: grid(Math.ceil(quads / INVOCATIONS3))
  };
}

// src/backend/webgpu/expand.ts
function expand(plan, caps) {
  const place = plan.leaves + plan.outputs.length + plan.workspace.length;
  let bytes2 = 0;
  const steps = plan.steps.flatMap((step) => {
    const { task, inputs, output } = step;
    if (task.kind !== "linear" || matmulWay(task.spec, caps).kind !== "dots") return [step];
    const spec = { rows: task.spec.M, width: task.spec.K };
    bytes2 = Math.max(bytes2, roundedBytes(spec));
    const [x = 0, ...others] = inputs;
    return [
      { task: { kind: "round_rows", spec }, inputs: [x], output: place },
      { task, inputs: [place, ...others], output }
    ];
  });
  return bytes2 === 0 ? plan : { ...plan, workspace: [...plan.workspace, paddedBytes(bytes2)], steps };
}

// src/ops/helper.ts
var helper = (wgsl, ...needs) => ({ wgsl: wgsl.trim(), needs });

// src/ops/helpers_angle.ts
var TURNS = [683565275, 2475754826, 2131351028, 2102212464, 920167782, 1326507024, 2140428522];
var ANGLE_HELPERS = {
  // Cephes' polynomials on [-pi/4, pi/4].
  op_sine: helper(
    `
fn op_sine(x: F32, quarter: i32) -> F32 {
  // Cody and Waite's reduction: products with the leading digits of pi / 2 are exact while k is below 2^15.
  let k = round(x * 0.6366197723675814);
  var r = ((x - k * 1.5703125) - k * 4.837512969970703125e-4) - k * 7.549789948768648e-8;
  var quarters = I32(k);
  let large = abs(x) > F32(48000.0);
  if (any(large)) {
    let angle = op_large_angle(x);
    r = select(r, angle.rest, large);
    quarters = select(quarters, angle.quarters, large);
  }
  let s = r * r;
  let sine = r + r * s * (-1.6666654611e-1 + s * (8.3321608736e-3 - s * 1.9515295891e-4));
  let cosine = 1.0 - 0.5 * s + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  let q = (quarters + I32(quarter)) & I32(3);
  let y = select(sine, cosine, (q & I32(1)) != I32(0));
  return select(select(y, -y, (q & I32(2)) != I32(0)), op_nan(), op_isinf(x) | op_isnan(x));
}`,
    "op_large_angle",
    "op_nan",
    "op_isinf",
    "op_isnan"
  ),
  // Payne and Hanek (1983): the mantissa times those 96 bits of 1 / (2 pi) that decide the fraction of a turn, of which 64 are kept.
  op_large_angle: helper(
    `
struct Angle { quarters: I32, rest: F32 }
fn op_turns(i: U32) -> U32 {
  return ${TURNS.slice(1).reduce((word3, bits2, i) => `select(${word3}, U32(${bits2}u), i == U32(${i + 1}u))`, `U32(${TURNS[0]}u)`)};
}
fn op_high_product(a: U32, b: U32) -> U32 {
  let low = (a & U32(0xffffu)) * (b & U32(0xffffu));
  let mid = (a >> U32(16u)) * (b & U32(0xffffu)) + (low >> U32(16u));
  let rest = (a & U32(0xffffu)) * (b >> U32(16u)) + (mid & U32(0xffffu));
  return (a >> U32(16u)) * (b >> U32(16u)) + (mid >> U32(16u)) + (rest >> U32(16u));
}
fn op_large_angle(x: F32) -> Angle {
  let bits = bitcast<U32>(x);
  let mantissa = (bits << U32(8u)) | U32(0x80000000u);
  let exponent = max((bits >> U32(23u)) & U32(0xffu), U32(126u)) - U32(126u);
  let i = exponent >> U32(5u);
  let e = exponent & U32(31u);
  let w0 = select(op_turns(i - U32(1u)), U32(0u), i == U32(0u));
  let w1 = op_turns(i);
  let w2 = op_turns(i + U32(1u));
  let w3 = op_turns(i + U32(2u));
  // Shifted by 31 - e and 1: a shift by 32 would be none.
  let whole = (w0 << e) | ((w1 >> U32(1u)) >> (U32(31u) - e));
  let high = (w1 << e) | ((w2 >> U32(1u)) >> (U32(31u) - e));
  let low = (w2 << e) | ((w3 >> U32(1u)) >> (U32(31u) - e));
  let carried = op_high_product(mantissa, low);
  let p0 = mantissa * high + carried;
  let p1 = op_high_product(mantissa, high) + select(U32(0u), U32(1u), p0 < carried) + mantissa * whole;
  // Two bits of quarters, and the rest: beyond a half it is what lacks to the next quarter.
  let beyond = (p1 & U32(0x20000000u)) != U32(0u);
  let quarters = I32(p1 >> U32(30u)) + select(I32(0), I32(1), beyond);
  let f1 = p1 & U32(0x3fffffffu);
  let m0 = select(p0, ~p0 + U32(1u), beyond);
  let m1 = select(f1, (U32(0x3fffffffu) - f1) + select(U32(0u), U32(1u), p0 == U32(0u)), beyond);
  let size = (F32(m1) * 4294967296.0 + F32(m0)) * 3.406121580086554e-19;
  let rest = select(size, -size, beyond);
  let negative = (bits >> U32(31u)) != U32(0u);
  return Angle(select(quarters, -quarters, negative), select(rest, -rest, negative));
}`
  )
};

// src/ops/helpers_exact.ts
var EXACT_HELPERS = {
  op_isnan: helper(`
fn op_isnan(x: F32) -> BOOL { return (bitcast<U32>(x) & U32(0x7fffffffu)) > U32(0x7f800000u); }`),
  op_isinf: helper(`
fn op_isinf(x: F32) -> BOOL { return (bitcast<U32>(x) & U32(0x7fffffffu)) == U32(0x7f800000u); }`),
  op_nan: helper(`
fn op_nan() -> F32 { var bits = U32(0x7fc00000u); return bitcast<F32>(bits); }`),
  op_inf: helper(`
fn op_inf() -> F32 { var bits = U32(0x7f800000u); return bitcast<F32>(bits); }`),
  // The nearest float16. The builtins may round towards zero, and leave open what becomes of values out of range.
  op_to_half: helper(
    `
fn op_to_half(x: F32) -> F32 {
  let bits = bitcast<U32>(x);
  let near = bitcast<F32>((bits + U32(0xfffu) + ((bits >> U32(13u)) & U32(1u))) & U32(0xffffe000u));
  // Below 2^-14 all steps are 2^-24.
  let small = round(x * 16777216.0) / 16777216.0;
  let finite = select(near, small, abs(x) < F32(0.00006103515625));
  return select(select(finite, sign(x) * op_inf(), abs(x) >= F32(65520.0)), x, op_isnan(x));
}`,
    "op_inf",
    "op_isnan"
  ),
  op_max: helper(
    `
fn op_max(a: F32, b: F32) -> F32 { return select(select(max(a, b), b, op_isnan(b)), a, op_isnan(a)); }`,
    "op_isnan"
  ),
  op_min: helper(
    `
fn op_min(a: F32, b: F32) -> F32 { return select(select(min(a, b), b, op_isnan(b)), a, op_isnan(a)); }`,
    "op_isnan"
  ),
  op_ipow_I32: helper(`
fn op_ipow_I32(a: I32, b: I32) -> I32 {
  var y = I32(1); var base = a; var left = max(b, I32(0));
  for (var bit = 0; bit < 32; bit++) {
    y = select(y, y * base, (left & I32(1)) != I32(0));
    base = base * base; left = left >> U32(1u);
  }
  return select(y, select(I32(0), select(I32(1), a, (b & I32(1)) != I32(0)), abs(a) == I32(1)), b < I32(0));
}`),
  op_ipow_U32: helper(`
fn op_ipow_U32(a: U32, b: U32) -> U32 {
  var y = U32(1u); var base = a; var left = b;
  for (var bit = 0; bit < 32; bit++) {
    y = select(y, y * base, (left & U32(1u)) != U32(0u));
    base = base * base; left = left >> U32(1u);
  }
  return y;
}`),
  // From what is left, which is exact: the quotient may round up to the next integer, as that of 1 and 0.1.
  op_floor_divide_F32: helper(
    `
fn op_floor_divide_F32(a: F32, b: F32) -> F32 {
  let rest = op_fmod(a, b);
  let q = round((a - rest) / b);
  let down = select(q, q - 1.0, (rest != F32(0.0)) & ((rest < F32(0.0)) != (b < F32(0.0))));
  return select(down, a / b, b == F32(0.0));
}`,
    "op_fmod"
  ),
  op_floor_divide_I32: helper(`
fn op_floor_divide_I32(a: I32, b: I32) -> I32 {
  let q = a / b;
  return select(q, q - 1, (a % b != I32(0)) & ((a < I32(0)) != (b < I32(0))));
}`),
  // By whole numbers: what the builtin leaves is off by the divisor where the quotient was rounded, as that of 1 and 0.1. The dividend's
  // powers of two above the divisor's are taken in eight at a time, so that 32 bits hold what is left.
  op_fmod: helper(
    `
fn op_fmod(a: F32, b: F32) -> F32 {
  let a_bits = bitcast<U32>(a) & U32(0x7fffffffu);
  let b_bits = bitcast<U32>(b) & U32(0x7fffffffu);
  let b_power = max(b_bits >> U32(23u), U32(1u));
  let divisor = (b_bits & U32(0x7fffffu)) | select(U32(0u), U32(0x800000u), b_bits >= U32(0x800000u));
  var rest = (a_bits & U32(0x7fffffu)) | select(U32(0u), U32(0x800000u), a_bits >= U32(0x800000u));
  var powers = I32(max(a_bits >> U32(23u), U32(1u))) - I32(b_power);
  let is_smaller = powers < I32(0);
  rest = rest % divisor;
  for (var n = 0; n < 32; n++) {
    if (all(powers <= I32(0))) { break; }
    let taken = clamp(powers, I32(0), I32(8));
    rest = (rest << U32(taken)) % divisor;
    powers = powers - taken;
  }
  let size = F32(rest) * 0x1p-23 * bitcast<F32>(b_power << U32(23u));
  let signed = bitcast<F32>(bitcast<U32>(size) | (bitcast<U32>(a) & U32(0x80000000u)));
  let y = select(signed, a, is_smaller);
  return select(select(y, op_nan(), op_isinf(a) | (b == F32(0.0)) | op_isnan(b)), a, op_isnan(a));
}`,
    "op_isinf",
    "op_isnan",
    "op_nan"
  ),
  op_remainder_F32: remainder2("F32", "op_fmod(a, b)", "op_fmod"),
  op_remainder_I32: remainder2("I32", "a % b")
};
function remainder2(T, rest, ...needs) {
  return helper(
    `
fn op_remainder_${T}(a: ${T}, b: ${T}) -> ${T} {
  let r = ${rest};
  return select(r, r + b, (r != ${T}(0)) & ((r < ${T}(0)) != (b < ${T}(0))));
}`,
    ...needs
  );
}

// src/ops/helpers_math.ts
var horner = (x, coefficients) => coefficients.slice(1).reduce((sum2, c) => `(${sum2} * ${x} + F32(${c}))`, `F32(${coefficients[0] ?? 0})`);
var MATH_HELPERS = {
  op_exp: helper("fn op_exp(x: F32) -> F32 { return select(exp(x), x, op_isnan(x)); }", "op_isnan"),
  op_exp2: helper("fn op_exp2(x: F32) -> F32 { return select(exp2(x), x, op_isnan(x)); }", "op_isnan"),
  op_log: logarithm("log"),
  op_log2: logarithm("log2"),
  // Eigen's rational approximation, a few ulp everywhere. The builtin may be off by 1e-5, and on some drivers overflows.
  op_tanh: helper(
    `
fn op_tanh(a: F32) -> F32 {
  let x = clamp(a, F32(-7.90531110763549805), F32(7.90531110763549805));
  let s = x * x;
  var p = F32(-2.76076847742355e-16);
  p = p * s + 2.00018790482477e-13;
  p = p * s - 8.60467152213735e-11;
  p = p * s + 5.12229709037114e-08;
  p = p * s + 1.48572235717979e-05;
  p = p * s + 6.37261928875436e-04;
  p = p * s + 4.89352455891786e-03;
  var q = F32(1.19825839466702e-06);
  q = q * s + 1.18534705686654e-04;
  q = q * s + 2.26843463243900e-03;
  q = q * s + 4.89352518554385e-03;
  return select(x * p / q, a, op_isnan(a));
}`,
    "op_isnan"
  ),
  // Eigen's rational approximation: within 4e-7 of erf, which is 1 in float32 from 4 on.
  op_erf: helper(
    `
fn op_erf(a: F32) -> F32 {
  let x = clamp(a, F32(-4.0), F32(4.0));
  let s = x * x;
  var p = F32(-2.72614225801306e-10);
  p = p * s + 2.77068142495902e-08;
  p = p * s - 2.10102402082508e-06;
  p = p * s - 5.69250639462346e-05;
  p = p * s - 7.34990630326855e-04;
  p = p * s - 2.95459980854025e-03;
  p = p * s - 1.60960333262415e-02;
  var q = F32(-1.45660718464996e-05);
  q = q * s - 2.13374055278905e-04;
  q = q * s - 1.68282697438203e-03;
  q = q * s - 7.37332916720468e-03;
  q = q * s - 1.42647390514189e-02;
  return select(x * p / q, a, op_isnan(a));
}`,
    "op_isnan"
  ),
  // Numerical Recipes' erfcc: a relative error of 1.2e-7 however small the result. 1 - erf would have none of its digits.
  op_erfc: helper(
    `
fn op_erfc(x: F32) -> F32 {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.5 * a);
  let p = ${horner("t", [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223])};
  let y = t * exp(p) * exp(-a * a);
  return select(select(y, 2.0 - y, x < F32(0.0)), x, op_isnan(x));
}`,
    "op_isnan"
  ),
  // Giles' single precision approximation, within a few ulp.
  op_erfinv: helper(
    `
fn op_erfinv(x: F32) -> F32 {
  let w = -op_log((1.0 - x) * (1.0 + x));
  let near = w - 2.5;
  let far = sqrt(max(w, F32(5.0))) - 3.0;
  let y = x * select(${horner("far", ERFINV_FAR)}, ${horner("near", ERFINV_NEAR)}, w < F32(5.0));
  return select(select(y, x * op_inf(), abs(x) == F32(1.0)), op_nan(), (abs(x) > F32(1.0)) | op_isnan(x));
}`,
    "op_log",
    "op_inf",
    "op_nan",
    "op_isnan"
  ),
  op_gelu: helper(
    `
fn op_gelu(x: F32) -> F32 { return 0.5 * x * (1.0 + op_erf(x * 0.7071067811865476)); }`,
    "op_erf"
  ),
  op_gelu_tanh: helper(
    `
fn op_gelu_tanh(x: F32) -> F32 { return 0.5 * x * (1.0 + op_tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); }`,
    "op_tanh"
  ),
  op_sigmoid: helper("fn op_sigmoid(x: F32) -> F32 { return 1.0 / (1.0 + op_exp(-x)); }", "op_exp"),
  op_softplus: helper(
    `
fn op_softplus(x: F32) -> F32 { return select(op_log1p(exp(min(x, F32(20.0)))), x, (x > F32(20.0)) | op_isnan(x)); }`,
    "op_log1p",
    "op_isnan"
  ),
  // 2 atanh(x / (2 + x)) near zero, where log(1 + x) has lost x.
  op_log1p: helper(
    `
fn op_log1p(x: F32) -> F32 {
  let s = x / (2.0 + x);
  let s2 = s * s;
  let near = 2.0 * s * (1.0 + s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0 + s2 * (1.0 / 7.0 + s2 * (1.0 / 9.0 + s2 * (1.0 / 11.0 + s2 / 13.0))))));
  return select(op_log(1.0 + x), near, abs(x) < F32(0.5));
}`,
    "op_log"
  ),
  // Far out they are half of exp(x), which is infinite before its half is: the product begins with the half, of its square root.
  op_sinh: helper(
    `
fn op_sinh(x: F32) -> F32 {
  let root = op_exp(0.5 * abs(x));
  let far = 0.5 * root * root;
  return select(0.5 * (op_expm1(x) - op_expm1(-x)), select(far, -far, x < F32(0.0)), abs(x) > F32(20.0));
}`,
    "op_exp",
    "op_expm1"
  ),
  op_cosh: helper(
    `
fn op_cosh(x: F32) -> F32 {
  let root = op_exp(0.5 * abs(x));
  return 0.5 * root * root + 0.5 / root / root;
}`,
    "op_exp"
  ),
  op_acosh: helper(
    `
fn op_acosh(x: F32) -> F32 {
  let y = select(op_log(x + sqrt((x - 1.0) * (x + 1.0))), op_log(x) + 0.6931471805599453, x > F32(1e8));
  return select(y, op_nan(), x < F32(1.0));
}`,
    "op_log",
    "op_nan"
  ),
  op_asinh: helper(
    `
fn op_asinh(x: F32) -> F32 {
  let a = abs(x);
  let y = select(op_log1p(a + a * a / (1.0 + sqrt(a * a + 1.0))), op_log(a) + 0.6931471805599453, a > F32(1e8));
  return select(y, -y, x < F32(0.0));
}`,
    "op_log1p",
    "op_log"
  ),
  op_expm1: helper(
    `
fn op_expm1(x: F32) -> F32 {
  var p = F32(1.0);
  for (var n = 9; n > 1; n--) { p = 1.0 + p * x / f32(n); }
  return select(op_exp(x) - 1.0, x * p, abs(x) < F32(0.5));
}`,
    "op_exp"
  ),
  op_atan: helper(`
fn op_atan(x: F32) -> F32 {
  let a = abs(x);
  let big = a > F32(2.414213562373095);
  let mid = a > F32(0.4142135623730950);
  let t = select(select(a, (a - 1.0) / (a + 1.0), mid), -1.0 / a, big);
  let base = select(select(F32(0.0), F32(0.7853981633974483), mid), F32(1.5707963267948966), big);
  let z = t * t;
  let y = base + t + t * z * (((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1);
  return select(y, -y, x < F32(0.0));
}`),
  op_atan2: helper(
    `
fn op_atan2(y: F32, x: F32) -> F32 {
  let a = abs(y);
  let b = abs(x);
  let upright = (b == F32(0.0)) & (a > F32(0.0));
  let beside = select(op_atan(a / select(b, F32(1.0), b == F32(0.0))), F32(1.5707963267948966), upright);
  let near = select(beside, F32(0.7853981633974483), op_isinf(a) & op_isinf(b));
  // Zeros have signs too.
  let angle = select(near, 3.141592653589793 - near, (bitcast<U32>(x) >> U32(31u)) != U32(0u));
  let signed = select(angle, -angle, (bitcast<U32>(y) >> U32(31u)) != U32(0u));
  return select(select(signed, x, op_isnan(x)), y, op_isnan(y));
}`,
    "op_atan",
    "op_isinf",
    "op_isnan"
  ),
  op_asin: helper(
    `
fn op_asin(x: F32) -> F32 { return select(op_atan2(x, sqrt((1.0 - x) * (1.0 + x))), op_nan(), abs(x) > F32(1.0)); }`,
    "op_atan2",
    "op_nan"
  ),
  op_acos: helper(
    `
fn op_acos(x: F32) -> F32 { return select(op_atan2(sqrt((1.0 - x) * (1.0 + x)), x), op_nan(), abs(x) > F32(1.0)); }`,
    "op_atan2",
    "op_nan"
  ),
  // The builtin knows no negative base.
  op_pow: helper(
    `
fn op_pow(a: F32, b: F32) -> F32 {
  let size = pow(abs(a), b);
  let whole = floor(b) == b;
  let odd = b - 2.0 * floor(b * 0.5) == F32(1.0);
  let signed = select(select(op_nan(), size, whole | op_isinf(a)), -size, whole & odd);
  let y = select(size, signed, a < F32(0.0));
  let size_of_zero = select(F32(0.0), op_inf(), b < F32(0.0));
  let zero = select(size_of_zero, -size_of_zero, (bitcast<U32>(a) >> U32(31u) == U32(1u)) & whole & odd);
  let known = select(select(select(y, zero, a == F32(0.0)), a, op_isnan(a)), b, op_isnan(b));
  return select(known, F32(1.0), (b == F32(0.0)) | (a == F32(1.0)) | ((a == F32(-1.0)) & op_isinf(b)));
}`,
    "op_nan",
    "op_inf",
    "op_isinf",
    "op_isnan"
  )
};
function logarithm(name) {
  const wgsl = `fn op_${name}(x: F32) -> F32 { return select(select(${name}(x), -op_inf(), x == F32(0.0)), op_nan(), (x < F32(0.0)) | op_isnan(x)); }`;
  return helper(wgsl, "op_inf", "op_nan", "op_isnan");
}

// src/ops/helpers.ts
var HELPERS = { ...EXACT_HELPERS, ...MATH_HELPERS, ...ANGLE_HELPERS };
function helperText(expressions) {
  const done = /* @__PURE__ */ new Set();
  const texts = [];
  const add2 = (name) => {
    const found = HELPERS[name];
    if (!found || done.has(name)) return;
    done.add(name);
    found.needs.forEach(add2);
    texts.push(found.wgsl);
  };
  for (const [name] of expressions.matchAll(/\bop_\w+/g)) add2(name);
  return texts.join("\n");
}

// src/kernels/batch_matmul.ts
var BATCH_DIMS = 4;
var INVOCATIONS4 = 64;
var TILE2 = 4;
function batchMatmul({ batch, M, N, K, a, b, epilogue }) {
  const matrices = batch.reduce((product3, size) => product3 * size, 1);
  checkSizes("matmul", { M, N, K, matrices, elements: matrices * M * N });
  if (batch.length > BATCH_DIMS) throw new RangeError(`matmul: ${batch.length} batch dimensions, at most ${BATCH_DIMS}`);
  const output = 2 + epilogue.operands.length;
  const pad2 = (sizes, fill) => [...Array(BATCH_DIMS - sizes.length).fill(fill), ...sizes];
  const all2 = (line, indent) => repeat(TILE2, (i) => repeat(TILE2, (j) => line(i, j), " "), `
${indent}`);
  return {
    name: "batch_matmul",
    wgsl: (
      /* wgsl */
      `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
${epilogueWgsl(epilogue, 2, 1, "scalars")}
@group(0) @binding(${output}) var<storage, read_write> y: array<f32>;
struct Matrix { batch: vec4u, offset: u32, row: u32, column: u32, unused: u32 }
struct Sizes { a: Matrix, b: Matrix, batch: vec4u, M: u32, N: u32, K: u32, matrices: u32 }
@group(0) @binding(${output + 1}) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
fn start(matrix: Matrix, index: u32) -> u32 {
  var rest = index;
  var at = matrix.offset;
  for (var d = ${BATCH_DIMS}u; d > 0; d--) {
    at += rest % sizes.batch[d - 1] * matrix.batch[d - 1];
    rest /= sizes.batch[d - 1];
  }
  return at;
}
fn store(matrix: u32, row: u32, column: u32, acc: f32) {
  if (row >= sizes.M || column >= sizes.N) { return; }
  let i = (matrix * sizes.M + row) * sizes.N + column;
  y[i] = epilogue(acc, column, i);
}

@compute @workgroup_size(${INVOCATIONS4})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count) * ${INVOCATIONS4}u + invocation;
  let column_tiles = (sizes.N + ${TILE2 - 1}) / ${TILE2};
  let row_tiles = (sizes.M + ${TILE2 - 1}) / ${TILE2};
  let column = index % column_tiles * ${TILE2};
  let row = index / column_tiles % row_tiles * ${TILE2};
  let matrix = index / column_tiles / row_tiles;
  if (matrix >= sizes.matrices) { return; }
  // Rows and columns past the edge read the last one, and are not stored.
  let a0 = start(sizes.a, matrix);
  let b0 = start(sizes.b, matrix);
  ${repeat(TILE2, (i) => `let a${i + 1} = a0 + min(row + ${i}u, sizes.M - 1) * sizes.a.row;`, "\n  ")}
  ${repeat(TILE2, (j) => `let b${j + 1} = b0 + min(column + ${j}u, sizes.N - 1) * sizes.b.column;`, "\n  ")}
  ${all2((i, j) => `var acc${i}_${j} = 0.0;`, "  ")}
  for (var k = 0u; k < sizes.K; k++) {
    ${repeat(TILE2, (i) => `let row${i} = a[a${i + 1} + k * sizes.a.column];`, "\n    ")}
    ${repeat(TILE2, (j) => `let column${j} = b[b${j + 1} + k * sizes.b.row];`, "\n    ")}
    ${all2((i, j) => `acc${i}_${j} += row${i} * column${j};`, "    ")}
  }
  ${all2((i, j) => `store(matrix, row + ${i}u, column + ${j}u, acc${i}_${j});`, "  ")}
}
`
    ),
    uniforms: uniforms(
      ...pad2(a.batch, 0),
      a.offset,
      a.row,
      a.column,
      0,
      ...pad2(b.batch, 0),
      b.offset,
      b.row,
      b.column,
      0,
      ...pad2(batch, 1),
      M,
      N,
      K,
      matrices
    ),
    workgroups: grid(Math.ceil(matrices * Math.ceil(M / TILE2) * Math.ceil(N / TILE2) / INVOCATIONS4))
  };
}

// src/kernels/program_wgsl.ts
function programWgsl(program, around) {
  return program.body.map((instruction, i) => `let ${around.prefix}${i} = ${rounded(instruction.dtype, expression(program, instruction, around))};`).join("\n  ");
}
function rounded(dtype, text) {
  if (text.exact) return text.code;
  if (dtype === "float16") return `op_to_half(${text.code})`;
  if (dtype === "int8") return `((${text.code} << U32(24u)) >> U32(24u))`;
  return text.code;
}
function expression(program, instruction, around) {
  const name = (value) => `${around.prefix}${value}`;
  switch (instruction.kind) {
    case "load":
      return { code: load(instruction, around), exact: true };
    case "take":
      return { code: take(instruction, name(instruction.index), around), exact: true };
    case "address":
      return { code: converted(`bitcast<I32>(${around.address(instruction.access)})`, "int32", instruction.dtype), exact: false };
    case "constant":
      return { code: constant2(instruction.dtype, instruction.value, around.params), exact: true };
    case "accumulator":
      return { code: around.accumulator, exact: true };
    case "cast":
      return { code: converted(name(instruction.from), valueType(program, instruction.from), instruction.dtype), exact: false };
    case "apply":
      return {
        code: elementWgsl(instruction.op, laneOf(argumentsOf(program, instruction.args)), instruction.args.map(name)),
        exact: false
      };
    default:
      return instruction;
  }
}
function load({ input: input2, access, dtype }, around) {
  if (around.operand) return around.operand(input2);
  const at2 = `at${around.firstInput + input2}`;
  const lane = laneOf(dtype);
  if (access.strides.every((stride) => stride === 0)) return `${lane}(${at2}(${around.params.u32(access.offset)}))`;
  const quad = around.quad(access, dtype);
  if (quad !== null) return `${at2}(${quad})`;
  const address = around.address(access);
  return around.width === 1 ? `${at2}(${address})` : each(address, lane, (a) => `${at2}(${a})`);
}
function take({ input: input2, access, dtype, stride, size }, index2, around) {
  const { params, width } = around;
  const lane = laneOf(dtype);
  const clamped = `min(U32(${index2}), U32(${params.u32(size - 1)}))`;
  const address = `(${around.address(access)} + ${clamped} * ${params.u32(stride)})`;
  const at2 = `at${around.firstInput + input2}`;
  const found = width === 1 ? `${at2}(${address})` : each(address, lane, (a) => `${at2}(${a})`);
  return `select(${lane === "F32" ? "op_nan()" : `${lane}()`}, ${found}, U32(${index2}) < U32(${params.u32(size)}))`;
}
var each = (address, lane, read) => `${lane}(${[..."xyzw"].map((c) => read(`${address}.${c}`)).join(", ")})`;
function constant2(dtype, value, params) {
  const lane = laneOf(dtype);
  switch (lane) {
    case "F32":
      return `F32(${params.f32(value)})`;
    case "I32":
      return `I32(${params.i32(value)})`;
    case "U32":
      return `U32(${params.u32(value)})`;
    case "BOOL":
      return `BOOL(${params.u32(value)} != 0u)`;
    default:
      return lane;
  }
}
function converted(value, from, to2) {
  if (laneOf(from) === laneOf(to2)) return value;
  return to2 === "bool" ? `!(${value} == ${laneOf(from)}(0))` : `${laneOf(to2)}(${value})`;
}

// src/kernels/elementwise.ts
var WORKGROUP = 64;
function elementwise({ shape, program }) {
  const params = new Params();
  const count = shape.reduce((n, size) => n * size, 1);
  const quads = Math.ceil(count / 4);
  const limit = params.u32(quads);
  const addresses = new Addresses(shape, params);
  const body = programWgsl(program, {
    width: 4,
    params,
    firstInput: 0,
    address: (access) => addresses.four(access),
    quad: (access) => addresses.quad(access),
    accumulator: "",
    prefix: "v"
  });
  const bindings = program.inputs.map((dtype, i) => inputWgsl(i, i, dtype, inputWidth(shape, program, i)));
  const text = `${halfWgsl([...program.inputs, resultOf(program)])}
${bindings.join("\n")}
${outputWgsl(program.inputs.length, resultOf(program))}
${params.declare(program.inputs.length + 1)}
${WORKGROUP_INDEX}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let quad = workgroup_index(id, count) * ${WORKGROUP}u + invocation;
  if (quad >= ${limit}) { return; }
  let first = quad * 4u;
  ${addresses.lines.join("\n  ")}
  ${body}
  store(first, v${program.body.length - 1});
}
`;
  return {
    name: `elementwise(${names(program)})`,
    wgsl: `${laneAliases(4)}
${helperText(body)}
${text}`,
    uniforms: params.contents(),
    workgroups: grid(Math.ceil(quads / WORKGROUP))
  };
}
function names(program) {
  return program.body.flatMap((i) => i.kind === "apply" ? [i.op] : i.kind === "take" || i.kind === "cast" ? [i.kind] : []).join(" ") || "copy";
}
function readsQuads(shape, { strides, offset }) {
  if (offset % 4 !== 0 || shape.length === 0) return false;
  if (isFlat(shape, strides)) return true;
  const last = shape.length - 1;
  return strides[last] === 1 && (shape[last] ?? 1) % 4 === 0 && strides.every((stride, d) => d === last || stride % 4 === 0);
}
var isFlat = (shape, strides) => contiguousStrides(shape).every((stride, d) => stride === strides[d]);
function inputWidth(shape, program, input2) {
  const reads = program.body.filter((i) => (i.kind === "load" || i.kind === "take") && i.input === input2);
  return reads.every((i) => i.kind === "load" && readsQuads(shape, i.access)) ? 4 : 1;
}
var Addresses = class {
  constructor(shape, params) {
    this.shape = shape;
    this.params = params;
    this.sizes = shape.map((size) => params.u32(size));
  }
  shape;
  params;
  lines = [];
  sizes;
  one = null;
  vector = null;
  /** The address of the first of four, where they lie side by side. */
  quad(access) {
    if (!readsQuads(this.shape, access)) return null;
    const offset = this.params.u32(access.offset);
    if (isFlat(this.shape, access.strides)) return `first + ${offset}`;
    this.one ??= this.coordinates("c", "first");
    return this.sum(access, this.one, offset);
  }
  /** The addresses of all four, as vec4u. */
  four(access) {
    this.vector ??= this.coordinates("cs", "(vec4u(first) + vec4u(0, 1, 2, 3))");
    return `(vec4u() + ${this.sum(access, this.vector, this.params.u32(access.offset))})`;
  }
  sum({ strides }, coordinates2, offset) {
    const terms = strides.flatMap((stride, d) => stride === 0 ? [] : [`${coordinates2[d]} * ${this.params.u32(stride)}`]);
    return [...terms, offset].join(" + ");
  }
  coordinates(prefix, index2) {
    const last = this.shape.length - 1;
    let rest = index2;
    for (let d = last; d > 0; d--) {
      this.lines.push(`let ${prefix}${d} = ${rest} % ${this.sizes[d]};`, `let ${prefix}r${d} = ${rest} / ${this.sizes[d]};`);
      rest = `${prefix}r${d}`;
    }
    this.lines.push(`let ${prefix}0 = ${rest};`);
    return this.shape.map((_, d) => `${prefix}${d}`);
  }
};

// src/kernels/embedding.ts
var INVOCATIONS5 = 64;
function embedding({ tokens, rows, width, weight }) {
  checkSizes("embedding", { tokens, rows, width });
  const quads = Math.ceil(width / 4);
  const output = 1 + weightBindings(weight);
  return {
    name: `embedding_${weight}`,
    wgsl: (
      /* wgsl */
      `
@group(0) @binding(0) var<storage, read> ids: array<i32>;
${weightWgsl("w", weight, width, 1)}
@group(0) @binding(${output}) var<storage, read_write> y: array<f32>;
struct Sizes { tokens: u32, rows: u32, nan: f32 }
@group(0) @binding(${output + 1}) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
@compute @workgroup_size(${INVOCATIONS5})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count) * ${INVOCATIONS5}u + invocation;
  let token = index / ${quads}u;
  let c = index % ${quads}u;
  if (token >= sizes.tokens) { return; }
  // A kernel cannot throw: an id that names no row, a negative one too, shows as NaN instead of as a neighbour's row.
  let row = u32(ids[token]);
  var value = vec4f(sizes.nan);
  if (row < sizes.rows) { value = w_at(row, c); }
  for (var j = 0u; j < 4 && 4 * c + j < ${width}u; j++) { y[token * ${width}u + 4 * c + j] = value[j]; }
}
`
    ),
    uniforms: uniforms(tokens, rows, f322(NaN)),
    workgroups: grid(Math.ceil(tokens * quads / INVOCATIONS5))
  };
}

// src/kernels/layer_norm.ts
function norm(spec, caps) {
  const { kind, rows, width, eps } = spec;
  checkSizes(`${kind} norm`, { rows, width });
  const { lanes, rowsAtOnce } = normShape(width, caps);
  const invocations = lanes * rowsAtOnce;
  const type = width % 4 === 0 ? "vec4f" : "f32";
  const units = width % 4 === 0 ? width / 4 : width;
  const inputs = ["x", ...["weight", "bias"].filter((name) => spec[name])];
  return {
    name: `${kind}_norm_${width}`,
    get wgsl() {
      return (
        /* wgsl */
        `
${inputs.map((name, i) => `@group(0) @binding(${i}) var<storage, read> ${name}: array<${type}>;`).join("\n")}
@group(0) @binding(${inputs.length}) var<storage, read_write> y: array<${type}>;
struct Sizes { rows: u32, eps: f32 }
@group(0) @binding(${inputs.length + 1}) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
${rowReduceWgsl(["sum"], lanes, invocations)}
fn total(v: ${type}) -> f32 { return ${type === "vec4f" ? "v.x + v.y + v.z + v.w" : "v"}; }

@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row = workgroup_index(id, count) * ${rowsAtOnce}u + invocation / ${lanes}u;
  let lane = invocation % ${lanes}u;
  // Rows past the end repeat the last one, since every invocation has to reach the barriers.
  let start = min(row, sizes.rows - 1) * ${units}u;
  ${kind === "layer" ? (
          /* wgsl */
          `
  var sum: ${type};
  for (var c = lane; c < ${units}u; c += ${lanes}u) { sum += x[start + c]; }
  let mean = row_sum(total(sum), invocation) / ${width};`
        ) : "let mean = 0.0;"}
  // Squares of what is left of the mean, in a second pass: x² - mean² would lose all digits where the mean is large.
  var squares: ${type};
  for (var c = lane; c < ${units}u; c += ${lanes}u) {
    let centred = x[start + c] - mean;
    squares += centred * centred;
  }
  let scale = inverseSqrt(row_sum(total(squares), invocation) / ${width} + sizes.eps);
  if (row >= sizes.rows) { return; }
  for (var c = lane; c < ${units}u; c += ${lanes}u) {
    y[start + c] = (x[start + c] - mean) * scale${spec.weight ? " * weight[c]" : ""}${spec.bias ? " + bias[c]" : ""};
  }
}
`
      );
    },
    uniforms: uniforms(rows, f322(eps)),
    workgroups: grid(Math.ceil(rows / rowsAtOnce))
  };
}
function normShape(width, caps) {
  if (caps.software) return { lanes: 1, rowsAtOnce: 4 };
  if (width <= 128) return { lanes: 16, rowsAtOnce: 4 };
  return { lanes: width <= 512 ? 64 : 128, rowsAtOnce: 1 };
}

// src/kernels/sort_parts.ts
var KEYS = {
  float32: `
  if ((word & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  if (word == 0x80000000u) { return 0x80000000u; }
  return select(word | 0x80000000u, ~word, word >> 31u == 1u);`,
  int32: "return word ^ 0x80000000u;",
  uint32: "return word;",
  bool: "return word;"
};
var orderWgsl = (dtype, descending) => (
  /* wgsl */
  `
fn ascending_key(word: u32) -> u32 { ${KEYS[dtype]} }
fn key(word: u32) -> u32 { return ${descending ? "~" : ""}ascending_key(word); }
fn precedes(a: vec2u, b: vec2u) -> bool { return a.x < b.x || (a.x == b.x && a.y < b.y); }
`
);

// src/kernels/merge_runs.ts
var INVOCATIONS6 = 64;
function mergeRuns({ rows, width, dtype, descending, count, run, keep }) {
  checkSizes("merge_runs", { rows, width, count, run, keep, elements: rows * count });
  return {
    name: `merge_runs(${dtype})`,
    wgsl: (
      /* wgsl */
      `
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
struct Sizes { rows: u32, width: u32, count: u32, run: u32, keep: u32, kept: u32 }
@group(0) @binding(3) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
${orderWgsl(dtype, descending)}

fn element(row: u32, place: u32) -> vec2u {
  let position = positions[row * sizes.count + place];
  return vec2u(key(x[row * sizes.width + position]), position);
}

@compute @workgroup_size(${INVOCATIONS6})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count) * ${INVOCATIONS6}u + invocation;
  let row = index / sizes.count;
  if (row >= sizes.rows) { return; }
  let place = index % sizes.count;
  let run = place / sizes.run;
  let own = element(row, place);
  let other = min((run ^ 1u) * sizes.run, sizes.count);
  let end = min(other + sizes.run, sizes.count);
  var low = other;
  var high = end;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (precedes(element(row, middle), own)) { low = middle + 1u; } else { high = middle; }
  }
  let rank = place - run * sizes.run + low - other;
  if (rank < sizes.keep) { y[row * sizes.kept + run / 2u * sizes.keep + rank] = own.y; }
}
`
    ),
    uniforms: uniforms(rows, width, count, run, keep, keptOf(count, 2 * run, keep)),
    workgroups: grid(Math.ceil(rows * count / INVOCATIONS6))
  };
}

// src/kernels/random.ts
var INVOCATIONS7 = 64;
var NUMBERS = {
  bits: "return words;",
  // 24 bits: as many as a float32 in [0, 1) can have everywhere.
  uniform: "return bitcast<vec4u>(vec4f(words >> vec4u(8u)) * 0x1p-24);",
  // Box and Muller. 1 is taken off before the logarithm, which loses its digits around 1.
  normal: `
  let share = vec2f(words.xz) * 0x1p-32 + 0x1p-33;
  let angle = vec2f(words.yw) * 0x1p-32 * 6.283185307179586;
  let radius = sqrt(-2.0 * min(vec2f(op_log1p(share.x - 1.0), op_log1p(share.y - 1.0)), vec2f(0.0)));
  let cosine = vec2f(op_sine(angle.x, 1), op_sine(angle.y, 1));
  let sine = vec2f(op_sine(angle.x, 0), op_sine(angle.y, 0));
  return bitcast<vec4u>(vec4f(radius * cosine, radius * sine).xzyw);`
};
function random({ distribution, count }) {
  checkSizes("random", { count });
  const quads = Math.ceil(count / 4);
  const numbers = NUMBERS[distribution];
  return {
    name: `random_${distribution}`,
    wgsl: (
      /* wgsl */
      `
@group(0) @binding(0) var<storage, read> state: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;
struct Sizes { quads: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
${laneAliases(1)}
${helperText(numbers)}
${WORKGROUP_INDEX}
${PHILOX_WGSL}
fn numbers(words: vec4u) -> vec4u { ${numbers} }

@compute @workgroup_size(${INVOCATIONS7})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let quad = workgroup_index(id, count) * ${INVOCATIONS7}u + invocation;
  if (quad >= sizes.quads) { return; }
  let start = vec4u(state[0], state[1], state[2], state[3]);
  y[quad] = numbers(philox(counter_at(start, quad), vec2u(state[4], state[5])));
}
`
    ),
    uniforms: uniforms(quads),
    workgroups: grid(Math.ceil(quads / INVOCATIONS7))
  };
}

// src/kernels/reduce.ts
var WORKGROUP2 = 256;
var SERIAL_WORKGROUP = 64;
function reduce(spec, caps) {
  const params = new Params();
  const sizes = spec.shape.map((size) => params.u32(size));
  const outputs = params.u32(product(spec.shape.slice(0, spec.kept)));
  const length = params.u32(product(spec.shape.slice(spec.kept)));
  const state = stateWgsl(spec.op, resultOf(spec.program));
  const element3 = elementWgsl2(spec, sizes, params);
  const finish = finishWgsl(spec, params);
  const wide = !caps.software && sideBySide(spec);
  const inputs = [...spec.program.inputs, ...spec.epilogue?.program.inputs ?? []];
  const main = wide ? wideMain(outputs) : serialMain(outputs);
  const text = `${halfWgsl(inputs)}
${inputs.map((dtype, i) => inputWgsl(i, i, dtype, 1)).join("\n")}
${wordOutputWgsl(inputs.length, outputType(spec))}
${params.declare(inputs.length + 1)}
${WORKGROUP_INDEX}
${state}
${element3}
${gatherWgsl(length, wide ? WORKGROUP2 : 1)}
${finish}
${main}`;
  const count = product(spec.shape.slice(0, spec.kept));
  return {
    name: `${spec.op}(${names(spec.program)})`,
    wgsl: `${laneAliases(1)}
${helperText(text)}
${text}`,
    uniforms: params.contents(),
    workgroups: grid(wide ? count : Math.ceil(count / SERIAL_WORKGROUP))
  };
}
var product = (sizes) => sizes.reduce((n, size) => n * size, 1);
var outputType = ({ op, program, epilogue }) => epilogue ? resultOf(epilogue.program) : reduceResult(op, resultOf(program));
function sideBySide({ shape, kept, program }) {
  const step = (strides, d) => Math.abs(strides[d] ?? 0);
  return program.body.some((i) => i.kind === "load" && step(i.access.strides, shape.length - 1) === 1) || kept === 0;
}
function stateWgsl(name, dtype) {
  const T = laneOf(dtype);
  const op = reduceOp(name);
  if (op.gives !== "index") {
    return `
alias State = ${T};
fn state_start() -> State { return ${op.start(T)}; }
fn state_of(value: ${T}, position: u32) -> State { return value; }
fn state_join(a: State, b: State) -> State { return ${op.join(T, "a", "b")}; }
fn state_result(a: State) -> ${T} { return a; }`;
  }
  const isNan = (x) => T === "F32" ? `op_isnan(${x})` : "false";
  return `
struct State { value: ${T}, position: u32 }
fn state_start() -> State { return State(${op.start(T)}, 0xffffffffu); }
fn state_of(value: ${T}, position: u32) -> State { return State(value, position); }
fn state_join(a: State, b: State) -> State {
  if (a.position == 0xffffffffu) { return b; }
  if (b.position == 0xffffffffu) { return a; }
  let nan_a = ${isNan("a.value")};
  let nan_b = ${isNan("b.value")};
  let tie = (nan_a && nan_b) || (!nan_a && !nan_b && a.value == b.value);
  let b_wins = select(!nan_a && (nan_b || ${op.join(T, "b.value", "a.value")}), b.position < a.position, tie);
  if (b_wins) { return b; }
  return a;
}
fn state_result(a: State) -> i32 { return i32(a.position); }`;
}
function elementWgsl2({ shape, kept, program }, sizes, params) {
  const body = programWgsl(program, {
    width: 1,
    params,
    firstInput: 0,
    address: (access) => `(${addressWgsl(access, params)})`,
    quad: () => null,
    accumulator: "",
    prefix: "v"
  });
  return `
fn element(o: u32, r: u32) -> ${scalarType(resultOf(program))} {
  ${decompose("o", sizes, 0, kept)}
  ${decompose("r", sizes, kept, shape.length)}
  ${body}
  return v${program.body.length - 1};
}`;
}
function finishWgsl(spec, params) {
  const reduced2 = reduceResult(spec.op, resultOf(spec.program));
  if (!spec.epilogue) return `fn finish(o: u32, value: ${scalarType(reduced2)}) { store(o, value); }`;
  const { shape, program } = spec.epilogue;
  const sizes = shape.map((size) => params.u32(size));
  const body = programWgsl(program, {
    width: 1,
    params,
    firstInput: spec.program.inputs.length,
    address: (access) => `(${addressWgsl(access, params)})`,
    quad: () => null,
    accumulator: "value",
    prefix: "e"
  });
  return `
fn finish(o: u32, value: ${scalarType(reduced2)}) {
  ${decompose("o", sizes, 0, shape.length)}
  ${body}
  store(o, e${program.body.length - 1});
}`;
}
function addressWgsl({ strides, offset }, params) {
  const terms = strides.flatMap((stride, d) => stride === 0 ? [] : [`c${d} * ${params.u32(stride)}`]);
  return [...terms, params.u32(offset)].join(" + ");
}
function decompose(index2, sizes, from, to2) {
  const lines = [];
  let rest = index2;
  for (let d = to2 - 1; d > from; d--) {
    lines.push(`let c${d} = ${rest} % ${sizes[d]}; let ${index2}${d} = ${rest} / ${sizes[d]};`);
    rest = `${index2}${d}`;
  }
  if (to2 > from) lines.push(`let c${from} = ${rest};`);
  return lines.join("\n  ");
}
var JOINED = 256;
var gatherWgsl = (length, step) => `
fn gather(o: u32, first: u32) -> State {
  var all = state_start();
  var some = state_start();
  var few = state_start();
  var n = 0u;
  for (var r = first; r < ${length}; r += ${step}u) {
    few = state_join(few, state_of(element(o, r), r));
    n++;
    if (n % ${JOINED}u > 0u) { continue; }
    some = state_join(some, few);
    few = state_start();
    if (n % ${JOINED ** 2}u > 0u) { continue; }
    all = state_join(all, some);
    some = state_start();
  }
  return state_join(state_join(all, some), few);
}`;
function serialMain(outputs) {
  return `
@compute @workgroup_size(${SERIAL_WORKGROUP})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let o = workgroup_index(id, count) * ${SERIAL_WORKGROUP}u + invocation;
  if (o >= ${outputs}) { return; }
  finish(o, state_result(gather(o, 0u)));
}
`;
}
function wideMain(outputs) {
  return `
var<workgroup> partial: array<State, ${WORKGROUP2}>;
@compute @workgroup_size(${WORKGROUP2})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let o = workgroup_index(id, count);
  if (o >= ${outputs}) { return; }
  partial[invocation] = gather(o, invocation);
  for (var half = ${WORKGROUP2 / 2}u; half > 0u; half = half / 2u) {
    workgroupBarrier();
    if (invocation < half) { partial[invocation] = state_join(partial[invocation], partial[invocation + half]); }
  }
  if (invocation == 0u) { finish(o, state_result(partial[0])); }
}
`;
}

// src/kernels/scan.ts
var LANES2 = 64;
var EACH = 8;
var TILE3 = LANES2 * EACH;
var SERIAL_WORKGROUP2 = 64;
function scan({ op, rows, width, dtype }, caps) {
  checkSizes("scan", { rows, width });
  const T = { float32: "f32", int32: "i32", uint32: "u32" }[dtype];
  const head = (
    /* wgsl */
    `
@group(0) @binding(0) var<storage, read> x: array<${T}>;
@group(0) @binding(1) var<storage, read_write> y: array<${T}>;
struct Sizes { rows: u32, width: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
const NOTHING = ${T}(${op === "sum" ? 0 : 1});
fn join(a: ${T}, b: ${T}) -> ${T} { return a ${op === "sum" ? "+" : "*"} b; }
`
  );
  return {
    name: `cum${op}`,
    wgsl: head + (caps.software ? SERIAL : tiled(T)),
    uniforms: uniforms(rows, width),
    workgroups: grid(caps.software ? Math.ceil(rows / SERIAL_WORKGROUP2) : rows)
  };
}
var SERIAL = (
  /* wgsl */
  `
@compute @workgroup_size(${SERIAL_WORKGROUP2})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row = workgroup_index(id, count) * ${SERIAL_WORKGROUP2}u + invocation;
  if (row >= sizes.rows) { return; }
  var state = NOTHING;
  for (var i = row * sizes.width; i < (row + 1) * sizes.width; i++) {
    state = join(state, x[i]);
    y[i] = state;
  }
}
`
);
var tiled = (T) => (
  /* wgsl */
  `
var<workgroup> tile: array<${T}, ${TILE3}>;
var<workgroup> totals: array<${T}, ${LANES2}>;
var<workgroup> before: ${T};

@compute @workgroup_size(${LANES2})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row = workgroup_index(id, count);
  let start = row * sizes.width;
  if (lane == 0u) { before = NOTHING; }
  for (var base = 0u; base < sizes.width; base += ${TILE3}u) {
    for (var i = lane; i < ${TILE3}u; i += ${LANES2}u) {
      var value = NOTHING;
      if (base + i < sizes.width && row < sizes.rows) { value = x[start + base + i]; }
      tile[i] = value;
    }
    workgroupBarrier();
    var state = NOTHING;
    for (var i = lane * ${EACH}u; i < (lane + 1u) * ${EACH}u; i++) {
      state = join(state, tile[i]);
      tile[i] = state;
    }
    totals[lane] = state;
    workgroupBarrier();
    if (lane == 0u) {
      var running = before;
      for (var i = 0u; i < ${LANES2}u; i++) {
        let total = totals[i];
        totals[i] = running;
        running = join(running, total);
      }
      before = running;
    }
    workgroupBarrier();
    for (var i = lane; i < ${TILE3}u; i += ${LANES2}u) {
      if (base + i < sizes.width && row < sizes.rows) { y[start + base + i] = join(totals[i / ${EACH}u], tile[i]); }
    }
    workgroupBarrier();
  }
}
`
);

// src/kernels/scatter_join.ts
var LANES3 = 64;
var SERIAL_WORKGROUP3 = 16;
function scatterJoin({ op, dtype, rows, width, count }, caps) {
  checkSizes("scatter_join", { rows, width, count });
  const T = { float32: "f32", int32: "i32", uint32: "u32" }[dtype];
  const head = (
    /* wgsl */
    `
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read> values: array<${T}>;
@group(0) @binding(2) var<storage, read_write> y: array<${T}>;
struct Sizes { rows: u32, width: u32, count: u32 }
@group(0) @binding(3) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
const NOTHING = ${T}(${op === "sum" ? 0 : 1});
fn join(a: ${T}, b: ${T}) -> ${T} { return a ${op === "sum" ? "+" : "*"} b; }
`
  );
  return {
    name: `scatter_${op}_${T}`,
    wgsl: head + (caps.software ? SERIAL2 : tiled2(T)),
    uniforms: uniforms(rows, width, count),
    workgroups: grid(caps.software ? Math.ceil(rows / SERIAL_WORKGROUP3) : rows)
  };
}
var SERIAL2 = (
  /* wgsl */
  `
@compute @workgroup_size(${SERIAL_WORKGROUP3})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = workgroup_index(id, groups) * ${SERIAL_WORKGROUP3}u + invocation;
  if (row >= sizes.rows) { return; }
  let start = row * sizes.width;
  for (var i = 0u; i < sizes.width; i++) { y[start + i] = NOTHING; }
  for (var i = row * sizes.count; i < (row + 1) * sizes.count; i++) {
    let place = u32(indices[i]);
    if (place < sizes.width) { y[start + place] = join(y[start + place], values[i]); }
  }
}
`
);
var tiled2 = (T) => (
  /* wgsl */
  `
var<workgroup> tile_places: array<u32, ${LANES3}>;
var<workgroup> tile_values: array<${T}, ${LANES3}>;

@compute @workgroup_size(${LANES3})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = workgroup_index(id, groups);
  if (row >= sizes.rows) { return; }
  let start = row * sizes.width;
  for (var i = lane; i < sizes.width; i += ${LANES3}u) { y[start + i] = NOTHING; }
  for (var base = 0u; base < sizes.count; base += ${LANES3}u) {
    let mine = row * sizes.count + min(base + lane, sizes.count - 1);
    tile_places[lane] = u32(indices[mine]);
    tile_values[lane] = values[mine];
    workgroupBarrier();
    for (var i = 0u; i < min(${LANES3}u, sizes.count - base); i++) {
      let place = tile_places[i];
      if (place % ${LANES3}u == lane && place < sizes.width) { y[start + place] = join(y[start + place], tile_values[i]); }
    }
    workgroupBarrier();
  }
}
`
);

// src/kernels/scatter_places.ts
var INVOCATIONS8 = 64;
function scatterPlaces({ rows, width, count }) {
  checkSizes("scatter_places", { rows, width, count });
  return {
    name: "scatter_places",
    wgsl: (
      /* wgsl */
      `
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read_write> places: array<atomic<i32>>;
struct Sizes { rows: u32, width: u32, count: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
${WORKGROUP_INDEX}
@compute @workgroup_size(${INVOCATIONS8})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = workgroup_index(id, groups);
  let there = row < sizes.rows;
  for (var i = invocation; i < sizes.width && there; i += ${INVOCATIONS8}u) { atomicStore(&places[row * sizes.width + i], -1); }
  storageBarrier();
  for (var i = invocation; i < sizes.count && there; i += ${INVOCATIONS8}u) {
    // A kernel cannot throw: an index out of range names no place.
    let place = u32(indices[row * sizes.count + i]);
    if (place < sizes.width) { atomicMax(&places[row * sizes.width + place], i32(i)); }
  }
}
`
    ),
    uniforms: uniforms(rows, width, count),
    workgroups: grid(rows)
  };
}

// src/kernels/segment_reduce.ts
var COLUMNS2 = 32;
function segmentReduce({ op, segments, width }, caps) {
  checkSizes("segment_reduce", { segments, width });
  const slices = caps.software ? 1 : 8;
  const join2 = { sum: "a + b", mean: "a + b", max: "op_max(a, b)", min: "op_min(a, b)" }[op];
  return {
    name: `segment_${op}`,
    get wgsl() {
      return (
        /* wgsl */
        `
${laneAliases(1)}
${helperText(join2)}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// What no rows at all reduce to: 0, or the infinity that loses every comparison. WGSL cannot spell infinity.
struct Sizes { segments: u32, width: u32, column_tiles: u32, empty: f32 }
@group(0) @binding(3) var<uniform> sizes: Sizes;
${slices > 1 ? `var<workgroup> slice_values: array<f32, ${COLUMNS2 * slices}>;` : ""}
${WORKGROUP_INDEX}
fn join(a: f32, b: f32) -> f32 { return ${join2}; }

@compute @workgroup_size(${COLUMNS2 * slices})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let index = workgroup_index(id, count);
  let segment = min(index / sizes.column_tiles, sizes.segments - 1);
  let column = index % sizes.column_tiles * ${COLUMNS2}u + invocation % ${COLUMNS2}u;
  let slice = invocation / ${COLUMNS2}u;
  var start = 0u;
  for (var s = 0u; s < segment; s++) { start += u32(lengths[s]); }
  let length = u32(lengths[segment]);
  var result = sizes.empty;
  if (column < sizes.width) {
    for (var row = slice; row < length; row += ${slices}u) { result = join(result, x[(start + row) * sizes.width + column]); }
  }
  ${slices > 1 ? (
          /* wgsl */
          `
  slice_values[invocation] = result;
  workgroupBarrier();
  if (slice > 0) { return; }
  for (var s = 1u; s < ${slices}u; s++) { result = join(result, slice_values[s * ${COLUMNS2}u + invocation]); }`
        ) : ""}
  if (column >= sizes.width || index >= sizes.column_tiles * sizes.segments) { return; }
  y[segment * sizes.width + column] = result${op === "mean" ? " / f32(length)" : ""};
}
`
      );
    },
    uniforms: uniforms(segments, width, Math.ceil(width / COLUMNS2), f322(op === "max" ? -Infinity : op === "min" ? Infinity : 0)),
    workgroups: grid(segments * Math.ceil(width / COLUMNS2))
  };
}

// src/kernels/softmax.ts
function softmax({ rows, width, log: log3 }, caps) {
  checkSizes("softmax", { rows, width });
  const lanes = caps.software ? 1 : 64;
  const rowsAtOnce = caps.software ? 4 : 1;
  const invocations = lanes * rowsAtOnce;
  const result = log3 ? "x[start + c] - largest - op_log(sum)" : "op_exp(x[start + c] - largest) / sum";
  return {
    name: log3 ? "log_softmax" : "softmax",
    wgsl: (
      /* wgsl */
      `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
struct Sizes { rows: u32, width: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
${laneAliases(1)}
${helperText(`op_exp ${result}`)}
${WORKGROUP_INDEX}
${rowReduceWgsl(["sum", "max"], lanes, invocations)}

@compute @workgroup_size(${invocations})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let row = workgroup_index(id, count) * ${rowsAtOnce}u + invocation / ${lanes}u;
  let lane = invocation % ${lanes}u;
  // Rows past the end repeat the last one, since every invocation has to reach the barriers.
  let start = min(row, sizes.rows - 1) * sizes.width;
  // A lane without elements of its own looks at the first: it changes no maximum.
  var largest = x[start];
  for (var c = lane; c < sizes.width; c += ${lanes}u) { largest = max(largest, x[start + c]); }
  largest = row_max(largest, invocation);
  var sum = 0.0;
  for (var c = lane; c < sizes.width; c += ${lanes}u) { sum += op_exp(x[start + c] - largest); }
  sum = row_sum(sum, invocation);
  if (row >= sizes.rows) { return; }
  for (var c = lane; c < sizes.width; c += ${lanes}u) {
    y[start + c] = ${result};
  }
}
`
    ),
    uniforms: uniforms(rows, width),
    workgroups: grid(Math.ceil(rows / rowsAtOnce))
  };
}

// src/kernels/sort_runs.ts
var INVOCATIONS9 = 256;
function sortRuns({ rows, width, dtype, descending, keep }) {
  checkSizes("sort_runs", { rows, width, keep });
  const runs = Math.ceil(width / RUN);
  const size = runs > 1 ? RUN : 2 ** Math.ceil(Math.log2(width));
  checkSizes("sort_runs", { padded: rows * runs * size });
  return {
    name: `sort_runs(${dtype})`,
    wgsl: (
      /* wgsl */
      `
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
struct Sizes { rows: u32, width: u32, size: u32, runs: u32, keep: u32, kept: u32 }
@group(0) @binding(2) var<uniform> sizes: Sizes;
var<workgroup> elements: array<vec2u, ${RUN}>;
${WORKGROUP_INDEX}
${orderWgsl(dtype, descending)}

@compute @workgroup_size(${INVOCATIONS9})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let first = workgroup_index(id, count) * ${RUN}u;
  for (var i = invocation; i < ${RUN}u; i += ${INVOCATIONS9}u) {
    let run = (first + i) / sizes.size;
    let row = run / sizes.runs;
    let column = run % sizes.runs * sizes.size + i % sizes.size;
    var element = vec2u(0xffffffffu);
    if (row < sizes.rows && column < sizes.width) { element = vec2u(key(x[row * sizes.width + column]), column); }
    elements[i] = element;
  }
  workgroupBarrier();
  for (var block = 2u; block <= sizes.size; block *= 2u) {
    for (var step = block / 2u; step > 0u; step /= 2u) {
      for (var pair = invocation; pair < ${RUN / 2}u; pair += ${INVOCATIONS9}u) {
        let i = pair / step * step * 2u + pair % step;
        let a = elements[i];
        let b = elements[i + step];
        // Blocks run up and down in turns, the last one, which is the whole run, up.
        if (precedes(b, a) == (((i % sizes.size) & block) == 0u)) { elements[i] = b; elements[i + step] = a; }
      }
      workgroupBarrier();
    }
  }
  for (var i = invocation; i < ${RUN}u; i += ${INVOCATIONS9}u) {
    let run = (first + i) / sizes.size;
    let row = run / sizes.runs;
    let start = run % sizes.runs * sizes.size;
    let place = i % sizes.size;
    if (row < sizes.rows && place < min(sizes.keep, sizes.width - start)) {
      y[row * sizes.kept + run % sizes.runs * sizes.keep + place] = elements[i].y;
    }
  }
}
`
    ),
    uniforms: uniforms(rows, width, size, runs, keep, keptOf(width, RUN, keep)),
    workgroups: grid(Math.ceil(rows * runs * size / RUN))
  };
}

// src/kernels/task.ts
function textOf(value, without = null) {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (!isObject(value)) return String(value);
  let text = "";
  for (const name in value) if (name !== without) text += `${textOf(value[name], without)},`;
  return `(${text})`;
}
var isObject = (value) => typeof value === "object" && value !== null;
function kernelFor(task, caps) {
  switch (task.kind) {
    case "elementwise":
      return elementwise(task.spec);
    case "reduce":
      return reduce(task.spec, caps);
    case "linear":
      return matmul(withEpilogue(task), caps);
    case "matmul":
      return batchMatmul({ ...task.spec, epilogue: epilogueOf(task.behind) });
    case "attention":
      return attention(task.spec, caps);
    case "norm":
      return norm(task.spec, caps);
    case "softmax":
      return softmax(task.spec, caps);
    case "segment_reduce":
      return segmentReduce(task.spec, caps);
    case "embedding":
      return embedding(task.spec);
    case "scan":
      return scan(task.spec, caps);
    case "sort_runs":
      return sortRuns(task.spec);
    case "merge_runs":
      return mergeRuns(task.spec);
    case "scatter_places":
      return scatterPlaces(task.spec);
    case "scatter_join":
      return scatterJoin(task.spec, caps);
    case "random":
      return random(task.spec);
    case "round_rows":
      return roundRows(task.spec);
    default:
      return task;
  }
}
function withEpilogue({ spec, behind }) {
  return {
    ...spec,
    get epilogue() {
      return epilogueOf(behind);
    }
  };
}
function epilogueOf(behind) {
  if (!behind) return NO_EPILOGUE;
  const { program, operands } = behind;
  const body = programWgsl(program, {
    width: 1,
    params: LITERALS,
    firstInput: 0,
    operand: (input2) => `e${input2}`,
    address: () => "",
    quad: () => null,
    accumulator: "acc",
    prefix: "v"
  });
  const names2 = ["acc", ...operands.map((_, i) => `e${i}`)];
  const helpers = `${helperText(body)}
fn op_epilogue(${names2.map((name) => `${name}: F32`).join(", ")}) -> F32 {
  ${body}
  return v${program.body.length - 1};
}`;
  return { operands, expression: `op_epilogue(${names2.join(", ")})`, helpers };
}

// src/kernels/lengths.ts
var LENGTHS = [1, 8, 16, 32, 64, 128, 256, 512, 2048];
var partsOf = (norm3) => norm3 ? Number(norm3.weight) + Number(norm3.bias) : 0;
function textKey(task, caps) {
  switch (task.kind) {
    case "linear":
      return lengthlessLinear(task, task.spec.norm) + textOf(matmulWay(task.spec, caps));
    case "attention":
      return lengthlessAttention(task) + (caps.software ? "" : textOf(attentionTile(task.spec)));
    case "norm":
      return textOf({ ...task, spec: { ...task.spec, rows: 0 } });
    case "segment_reduce":
      return `${task.kind} ${task.spec.op}`;
    case "round_rows":
      return task.kind;
    default:
      return null;
  }
}
function lengthlessKey(task, before) {
  if (task.kind === "attention") return lengthlessAttention(task);
  return task.kind === "linear" ? lengthlessLinear(task, task.spec.norm ?? before) : null;
}
var lengthlessAttention = (task) => textOf({ ...task, spec: { ...task.spec, batch: 0, maxQ: 0 } });
function lengthlessLinear({ kind, spec, behind }, norm3) {
  const own = norm3 && [norm3.kind, norm3.eps, norm3.weight, norm3.bias];
  const layer = textOf([kind, spec.N, spec.K, spec.weight, own]);
  return behind ? layer + textOf(behind.program.body, "access") + textOf(behind.operands) : layer;
}
function otherLengths(task, inputs, before, caps) {
  if (task.kind === "attention") return LENGTHS.map((maxQ) => ({ task: { ...task, spec: { ...task.spec, maxQ } }, inputs }));
  if (task.kind !== "linear") return [];
  const norm3 = task.spec.norm ?? before;
  const alone = inputs - partsOf(task.spec.norm);
  return LENGTHS.flatMap((M) => linearAt(task, M, norm3, alone, caps));
}
function linearAt(task, M, norm3, alone, caps) {
  const { N, K } = task.spec;
  const at2 = (own) => ({
    ...task,
    spec: { ...task.spec, M, norm: own },
    behind: task.behind && { ...task.behind, shape: [M, N] }
  });
  if (norm3 && fusesNorm({ M, K }, caps)) return [{ task: at2(norm3), inputs: alone + partsOf(norm3) }];
  const linear4 = [{ task: at2(null), inputs: alone }];
  if (matmulWay({ ...task.spec, M }, caps).kind === "dots") linear4.push({ task: { kind: "round_rows", spec: { rows: M, width: K } }, inputs: 1 });
  if (!norm3) return linear4;
  return [...linear4, { task: { kind: "norm", spec: { ...norm3, rows: M, width: K } }, inputs: 1 + partsOf(norm3) }];
}

// src/backend/webgpu/executable.ts
var GpuExecutable = class {
  constructor(gpu, plan, caps) {
    this.gpu = gpu;
    this.plan = plan;
    this.caps = caps;
    const { kernels, ofStep, bytes: bytes2 } = kernelsOf(plan, gpu, caps);
    this.dispatches = plan.steps.map(({ inputs, output }, i) => ({ kernel: at(ofStep, i), slots: [...inputs, output], bound: null }));
    this.uniforms = new Uint32Array(bytes2 / 4);
    for (const { uniforms: uniforms2, offset } of kernels) this.uniforms.set(uniforms2, offset[0] / 4);
    const waiting = kernels.filter(({ pipeline }) => !pipeline.value).map(({ pipeline }) => pipeline.ready);
    this.ready = waiting.length === 0 ? null : Promise.all(waiting).then(() => void (this.ready = null));
    this.ready?.catch(() => void 0);
  }
  gpu;
  plan;
  caps;
  ready;
  /** Uniforms of all kernels, each at a multiple of the offset that the device allows. */
  uniforms;
  dispatches;
  /** Compiles what texts of other lengths need, once this one's has been, and after its first run has been submitted. */
  compileAhead() {
    if (!this.caps.software) this.ready?.then(() => setTimeout(() => this.compileOthers())).catch(() => void 0);
  }
  compileOthers() {
    const { gpu, plan, caps } = this;
    const writers = /* @__PURE__ */ new Map();
    for (const { task, inputs, output } of plan.steps) {
      const writer = writers.get(inputs[0] ?? -1);
      writers.set(output, task.kind === "round_rows" && writer || task);
      const before = writer?.kind === "norm" ? writer.spec : null;
      const key = lengthlessKey(task, before);
      if (key === null || gpu.pipelines.ahead.has(key)) continue;
      gpu.pipelines.ahead.add(key);
      for (const ahead of otherLengths(task, inputs.length, before, caps)) {
        gpu.pipelines.get(kernelFor(ahead.task, caps), ahead.inputs, textKey(ahead.task, caps));
      }
    }
  }
  run(leaves, outputs, reads) {
    const { profiler } = this.gpu;
    if (profiler) return this.runTimed(profiler, leaves, outputs, reads);
    return this.gpu.submit(reads, (encoder) => {
      const buffers = this.buffersOf(leaves, outputs);
      const uniforms2 = this.gpu.uniforms.hold(this);
      const pass = encoder.beginComputePass();
      for (const dispatch of this.dispatches) this.encode(pass, dispatch, buffers, uniforms2);
      pass.end();
    });
  }
  /** Kernel by kernel, for torch.profile. */
  async runTimed(timer, leaves, outputs, reads) {
    await this.gpu.submit([], () => void 0);
    const buffers = this.buffersOf(leaves, outputs);
    const uniforms2 = this.gpu.uniforms.hold(this);
    for (const dispatch of this.dispatches) await timer.time(dispatch.kernel.name, (pass) => this.encode(pass, dispatch, buffers, uniforms2));
    return this.gpu.submit(reads, () => void 0);
  }
  buffersOf(leaves, outputs) {
    const { gpu, plan } = this;
    const buffers = [];
    for (const storage of leaves) buffers.push(gpu.bufferOf(storage));
    for (const storage of outputs) buffers.push(gpu.bufferOf(storage));
    plan.workspace.forEach((bytes2, place) => buffers.push(gpu.workspace.get(place, bytes2)));
    return buffers;
  }
  encode(pass, dispatch, buffers, uniforms2) {
    const { pipeline, offset, workgroups } = dispatch.kernel;
    if (!pipeline.value) throw new RuntimeError("a kernel ran before it was compiled");
    pass.setPipeline(pipeline.value);
    pass.setBindGroup(0, this.groupOf(dispatch, buffers, uniforms2), offset);
    pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  }
  groupOf(dispatch, buffers, uniforms2) {
    const { bound, slots, kernel } = dispatch;
    if (bound?.uniforms === uniforms2 && binds(bound.buffers, slots, buffers)) return bound.group;
    const own = slots.map((slot) => at(buffers, slot));
    const group = this.gpu.bindGroups.get(kernel.pipeline.layout, own, uniforms2, kernel.uniforms.byteLength);
    dispatch.bound = { buffers: own, uniforms: uniforms2, group };
    return group;
  }
};
function binds(bound, slots, buffers) {
  for (let i = 0; i < slots.length; i++) if (bound[i] !== buffers[slots[i] ?? 0]) return false;
  return true;
}
function kernelsOf({ steps }, { pipelines, device }, caps) {
  const alignment = device.limits.minUniformBufferOffsetAlignment;
  const kernels = [];
  const ofTask = /* @__PURE__ */ new Map();
  const ofText = /* @__PURE__ */ new Map();
  let bytes2 = 0;
  const make2 = ({ task, inputs }, key) => {
    const kernel = kernelFor(task, caps);
    const { name, workgroups, uniforms: uniforms2 } = kernel;
    const ready = { name, workgroups, uniforms: uniforms2, offset: [bytes2], pipeline: pipelines.get(kernel, inputs.length, key) };
    bytes2 += Math.ceil(uniforms2.byteLength / alignment) * alignment;
    kernels.push(ready);
    return ready;
  };
  const kernelOf = (step) => {
    const key = textKey(step.task, caps);
    if (key !== null) return make2(step, key);
    const text = textOf(step.task);
    const ready = ofText.get(text) ?? make2(step, null);
    ofText.set(text, ready);
    return ready;
  };
  const ofStep = steps.map((step) => {
    const ready = ofTask.get(step.task) ?? kernelOf(step);
    ofTask.set(step.task, ready);
    return ready;
  });
  return { kernels, ofStep, bytes: bytes2 };
}

// src/backend/webgpu/nudge.ts
function nudge(queue) {
  const channel = new MessageChannel();
  const start = performance.now();
  let next = FIRST_MS;
  channel.port1.onmessage = () => {
    if (performance.now() - start >= next) {
      queue.submit([]);
      next += Math.max(STEP_MS, next / 10);
    }
    if (next < LAST_MS) channel.port2.postMessage(null);
  };
  channel.port2.postMessage(null);
  return () => channel.port1.close();
}
var FIRST_MS = 0.25;
var STEP_MS = 0.1;
var LAST_MS = 10;

// src/backend/webgpu/kernel_timer.ts
var PAIRS = 2048;
var KernelTimer = class {
  constructor(device, finished) {
    this.device = device;
    this.finished = finished;
    this.clock = device.features.has("timestamp-query") ? "timestamp-query" : "host";
    this.queries = this.clock === "host" ? null : device.createQuerySet({ type: "timestamp", count: 2 * PAIRS });
  }
  device;
  finished;
  clock;
  queries;
  timings = [];
  /** Kernels whose timestamps have not been read yet. */
  pending = [];
  /** Submits one kernel, and resolves when the next one may be. */
  async time(name, encode2) {
    const encoder = this.device.createCommandEncoder({ label: name });
    const first = 2 * this.pending.length;
    const timestampWrites = this.queries && { querySet: this.queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
    const pass = encoder.beginComputePass({ label: name, ...timestampWrites && { timestampWrites } });
    encode2(pass);
    pass.end();
    const start = performance.now();
    this.device.queue.submit([encoder.finish()]);
    if (!this.queries) {
      await this.done();
      this.timings.push({ name, ms: performance.now() - start });
    } else if (this.pending.push(name) === PAIRS) await this.collect(this.queries);
  }
  async finish() {
    try {
      if (this.queries && this.pending.length > 0) await this.collect(this.queries);
    } finally {
      this.queries?.destroy();
      this.finished();
    }
    return this.timings;
  }
  async done() {
    const stop = nudge(this.device.queue);
    try {
      await this.device.queue.onSubmittedWorkDone();
    } finally {
      stop();
    }
  }
  /** Reads the timestamps of the kernels that are pending. */
  async collect(queries) {
    const names2 = this.pending;
    this.pending = [];
    const size = 16 * names2.length;
    const resolved = this.device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    const staging = this.device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(queries, 0, 2 * names2.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const nanoseconds = new DataView(staging.getMappedRange());
    names2.forEach((name, i) => {
      const [begin, end] = [nanoseconds.getBigInt64(16 * i, true), nanoseconds.getBigInt64(16 * i + 8, true)];
      this.timings.push({ name, ms: Number(end - begin) / 1e6 });
    });
    for (const buffer of [resolved, staging]) buffer.destroy();
  }
};

// src/backend/webgpu/bind_groups.ts
var KEPT = 4096;
var BindGroups = class {
  constructor(device) {
    this.device = device;
  }
  device;
  /** From the oldest to the youngest. */
  groups = /* @__PURE__ */ new Map();
  numbers = /* @__PURE__ */ new WeakMap();
  count = 0;
  /** The group that binds storage buffers in order, then the uniforms, of which a kernel reads `uniformBytes` at an offset. */
  get(layout, buffers, uniforms2, uniformBytes) {
    let key = `${this.numberOf(layout)} ${uniformBytes} ${this.numberOf(uniforms2)}`;
    for (const buffer of buffers) key += ` ${this.numberOf(buffer)}`;
    const known = this.groups.get(key);
    if (known) return known;
    const resources = [...buffers.map((buffer) => ({ buffer })), { buffer: uniforms2, size: uniformBytes }];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    const group = this.device.createBindGroup({ layout, entries });
    this.groups.set(key, group);
    const [oldest] = this.groups.keys();
    if (this.groups.size > KEPT && oldest !== void 0) this.groups.delete(oldest);
    return group;
  }
  numberOf(resource) {
    let number2 = this.numbers.get(resource);
    if (number2 === void 0) this.numbers.set(resource, number2 = this.count++);
    return number2;
  }
};

// src/backend/webgpu/pipelines.ts
var PipelineCache = class {
  constructor(device) {
    this.device = device;
  }
  device;
  /** What has been compiled for all lengths: keys of `lengthlessKey`. */
  ahead = /* @__PURE__ */ new Set();
  pipelines = /* @__PURE__ */ new Map();
  /** By the keys that stand for texts. */
  keyed = /* @__PURE__ */ new Map();
  layouts = /* @__PURE__ */ new Map();
  /** The kernel's pipeline; compiling starts at once and beside others. A key, where there is one, spares the text. */
  get(kernel, inputs, key) {
    if (key === null) return this.ofText(kernel, inputs);
    let pipeline = this.keyed.get(key);
    if (!pipeline) {
      this.keyed.set(key, pipeline = this.ofText(kernel, inputs));
      pipeline.ready.catch(() => this.keyed.delete(key));
    }
    return pipeline;
  }
  ofText(kernel, inputs) {
    const known = this.pipelines.get(kernel.wgsl);
    if (known) return known;
    const layout = this.layout(inputs);
    const pipeline = { layout, value: null, ready: this.compile(kernel, layout).then((value) => void (pipeline.value = value)) };
    pipeline.ready.catch(() => this.pipelines.delete(kernel.wgsl));
    this.pipelines.set(kernel.wgsl, pipeline);
    return pipeline;
  }
  async compile({ name, wgsl }, layout) {
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label: name, code: wgsl });
    void this.device.popErrorScope();
    try {
      return await this.device.createComputePipelineAsync({
        label: name,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main" }
      });
    } catch (error) {
      const { messages } = await module.getCompilationInfo();
      const reasons = messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`).join("; ");
      throw new RuntimeError(`kernel ${name} did not compile: ${reasons || String(error)}`);
    }
  }
  /** Inputs, the output, and the uniform at an offset of the run's uniform buffer. */
  layout(inputs) {
    const known = this.layouts.get(inputs);
    if (known) return known;
    const buffer = (binding, layout2) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: layout2
    });
    const entries = Array.from({ length: inputs }, (_, i) => buffer(i, { type: "read-only-storage" }));
    entries.push(buffer(inputs, { type: "storage" }), buffer(inputs + 1, { type: "uniform", hasDynamicOffset: true }));
    const layout = this.device.createBindGroupLayout({ label: `${inputs} inputs`, entries });
    this.layouts.set(inputs, layout);
    return layout;
  }
};

// src/backend/webgpu/pool.ts
var KEPT_BYTES = 64 * 2 ** 20;
var BufferPool = class {
  constructor(create, maxBytes) {
    this.create = create;
    this.maxBytes = maxBytes;
  }
  create;
  maxBytes;
  /** In the order in which they were freed. */
  free = [];
  freeBytes = 0;
  heldBytes = 0;
  /** Bytes of all buffers that exist, in use or kept. */
  get reserved() {
    return this.heldBytes;
  }
  /** A buffer for a result, whose size varies with the text's length: neighbouring lengths share one. */
  take(bytes2) {
    return this.takeExactly(Math.max(bytes2, Math.min(sizeClass(bytes2), this.maxBytes)));
  }
  /** A buffer for data; a new one is without slack, since a weight's would be lost for as long as that lives. */
  takeExactly(bytes2) {
    const size = bytes2 >= SMALL2 ? paddedBytes(bytes2) : sizeClass(bytes2);
    const kept = takeFitting(this.free, size, MOST_SLACK);
    if (kept) {
      this.freeBytes -= kept.size;
      return kept;
    }
    this.heldBytes += size;
    return this.create({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  }
  release(buffer) {
    this.free.push(buffer);
    this.freeBytes += buffer.size;
    while (this.freeBytes > KEPT_BYTES) {
      const oldest = this.free.shift();
      if (!oldest) break;
      this.freeBytes -= oldest.size;
      this.heldBytes -= oldest.size;
      oldest.destroy();
    }
  }
};
function takeFitting(kept, wanted, mostSlack) {
  let found = -1;
  let least2 = mostSlack * wanted;
  kept.forEach(({ size }, i) => {
    if (size < wanted || size > least2) return;
    found = i;
    least2 = size;
  });
  const [taken] = found < 0 ? [] : kept.splice(found, 1);
  return taken ?? null;
}
var MOST_SLACK = 9 / 8;
var SMALL2 = 2 ** 16;
function sizeClass(bytes2) {
  const power2 = 2 ** Math.ceil(Math.log2(Math.max(bytes2, 256)));
  const step = power2 <= SMALL2 ? power2 : power2 / 16;
  return Math.ceil(bytes2 / step) * step || step;
}

// src/backend/webgpu/readback.ts
var KEPT2 = 8;
var KEPT_BYTES2 = 16 * 2 ** 20;
var Readback = class {
  constructor(queue, create, maxBytes) {
    this.queue = queue;
    this.create = create;
    this.maxBytes = maxBytes;
  }
  queue;
  create;
  maxBytes;
  free = [];
  /** Encodes the copies. The function returned is called after the submit and gives the bytes. */
  encode(encoder, reads, bufferOf) {
    const batches = this.batches(reads).map((parts) => {
      const total = parts.reduce((sum2, { size }) => sum2 + size, 0);
      const copies = parts.map((part) => ({ ...part, buffer: bufferOf(part.read) }));
      const staging = this.take(total);
      for (const { buffer, from, at: at2, size } of copies) encoder.copyBufferToBuffer(buffer, from, staging, at2, size);
      return { parts, staging, total };
    });
    return async () => (await Promise.all(batches.map(({ parts, staging, total }) => this.receive(staging, parts, total)))).flat();
  }
  /** Reads that go through one staging buffer: as many as fit. */
  batches(reads) {
    const batches = [];
    let total = Infinity;
    for (const read of reads) {
      const from = Math.floor(read.offset / 4) * 4;
      const size = Math.ceil((read.offset + read.bytes) / 4) * 4 - from;
      if (total + size > this.maxBytes) {
        batches.push([]);
        total = 0;
      }
      batches.at(-1)?.push({ from, at: total, size, read });
      total += size;
    }
    return batches;
  }
  async receive(staging, parts, total) {
    const stop = nudge(this.queue);
    try {
      await staging.mapAsync(GPUMapMode.READ, 0, total);
    } finally {
      stop();
    }
    const mapped = staging.getMappedRange(0, total);
    const results = parts.map(({ at: at2, from, read }) => {
      const start = at2 + read.offset - from;
      return mapped.slice(start, start + read.bytes);
    });
    staging.unmap();
    if (this.free.length < KEPT2 && staging.size <= KEPT_BYTES2) this.free.push(staging);
    else staging.destroy();
    return results;
  }
  take(bytes2) {
    const found = this.free.findIndex((buffer) => buffer.size >= bytes2);
    const [kept] = found < 0 ? [] : this.free.splice(found, 1);
    const size = Math.max(bytes2, Math.min(this.maxBytes, Math.max(1024, 2 ** Math.ceil(Math.log2(bytes2)))));
    return kept ?? this.create({ label: "readback", size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }
};

// src/backend/webgpu/staging.ts
var LEAST_BYTES = 2 ** 17;
var MOST_BYTES = 4 * 2 ** 20;
var KEPT3 = 4;
var MOST_SLACK2 = 1.5;
var Staging = class {
  constructor(device) {
    this.device = device;
  }
  device;
  mapped = [];
  buffers = /* @__PURE__ */ new Set();
  waiting = [];
  get bytes() {
    return [...this.buffers].reduce((sum2, { size }) => sum2 + size, 0);
  }
  /** Takes the data, whose size is a multiple of 4, to be copied by the next `encode`; false where it has to go another way. */
  write(to2, data) {
    const bytes2 = data.byteLength;
    if (bytes2 < LEAST_BYTES || bytes2 > MOST_BYTES || bytes2 % 4 !== 0) return false;
    const from = this.take(bytes2);
    if (!from) return false;
    try {
      new Uint8Array(from.getMappedRange(0, bytes2)).set(data);
    } catch {
      return false;
    }
    from.unmap();
    this.waiting.push({ from, to: to2, bytes: bytes2 });
    return true;
  }
  /** Encodes the copies that wait. They wait on where the encoder is given up; after its submit `submitted` is to be called. */
  encode(encoder) {
    for (const { from, to: to2, bytes: bytes2 } of this.waiting) encoder.copyBufferToBuffer(from, 0, to2, 0, bytes2);
  }
  submitted() {
    for (const { from } of this.waiting.splice(0)) this.mapAgain(from);
  }
  get isWaiting() {
    return this.waiting.length > 0;
  }
  /** Whoever gets the buffer next must not find there what was meant for the one before. */
  forget(to2) {
    const forgotten = this.waiting.filter((copy) => copy.to === to2);
    if (forgotten.length === 0) return;
    this.waiting = this.waiting.filter((copy) => copy.to !== to2);
    for (const { from } of forgotten) this.mapAgain(from);
  }
  take(bytes2) {
    const kept = takeFitting(this.mapped, bytes2, MOST_SLACK2);
    if (kept) return kept;
    if (this.buffers.size >= KEPT3 && !this.drop()) return null;
    const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
    const buffer = this.device.createBuffer({ label: "staging", size: sizeClass(bytes2), usage, mappedAtCreation: true });
    this.buffers.add(buffer);
    return buffer;
  }
  /** Makes room for another buffer, unless all are on their way. */
  drop() {
    const oldest = this.mapped.shift();
    if (!oldest) return false;
    this.buffers.delete(oldest);
    oldest.destroy();
    return true;
  }
  mapAgain(buffer) {
    buffer.mapAsync(GPUMapMode.WRITE).then(
      () => void this.mapped.push(buffer),
      // The device is gone, and the buffer with it.
      () => this.buffers.delete(buffer)
    );
  }
};

// src/backend/webgpu/shared_buffers.ts
var Workspace2 = class {
  constructor(create, maxBytes) {
    this.create = create;
    this.maxBytes = maxBytes;
  }
  create;
  maxBytes;
  buffers = [];
  get(place, bytes2) {
    const held = this.buffers[place];
    if (held && held.size >= bytes2) return held;
    const wanted = Math.max(bytes2, Math.min(1.5 * (held?.size ?? 0), this.maxBytes - 16));
    const buffer = this.create({ label: `workspace ${place}`, size: paddedBytes(wanted), usage: GPUBufferUsage.STORAGE });
    held?.destroy();
    this.buffers[place] = buffer;
    return buffer;
  }
  get bytes() {
    return this.buffers.reduce((sum2, buffer) => sum2 + buffer.size, 0);
  }
};
var Uniforms = class {
  constructor(device) {
    this.device = device;
  }
  device;
  buffer = null;
  holder = null;
  /** The buffer, with the plan's uniforms in it. */
  hold(plan) {
    const { uniforms: uniforms2 } = plan;
    if (!this.buffer || this.buffer.size < uniforms2.byteLength) {
      this.buffer?.destroy();
      const size = 2 ** Math.ceil(Math.log2(Math.max(uniforms2.byteLength, 2 ** 16)));
      this.buffer = this.device.createBuffer({ label: "uniforms", size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
      this.holder = null;
    }
    if (this.holder !== plan) this.device.queue.writeBuffer(this.buffer, 0, uniforms2);
    this.holder = plan;
    return this.buffer;
  }
};

// src/backend/webgpu/webgpu.ts
var ASLEEP_AFTER_MS = 1;
var SENT_AHEAD_BYTES = 2 ** 16;
var WebGpuBackend = class _WebGpuBackend {
  name = "webgpu";
  device;
  caps;
  info;
  maxBytes;
  maxInputs;
  pipelines;
  workspace;
  uniforms;
  bindGroups;
  lost = null;
  /** Whether it is lost for lack of memory. */
  isFull = false;
  profiler = null;
  pool;
  readback;
  staging;
  allocated = 0;
  /** When the GPU process was last sent something ahead of a step, in performance.now()'s ms. */
  sentAhead = 0;
  constructor({ device, caps, info }) {
    this.device = device;
    this.caps = caps;
    this.info = info;
    this.maxBytes = largestBuffer(device.limits);
    this.maxInputs = device.limits.maxStorageBuffersPerShaderStage - 1;
    this.pipelines = new PipelineCache(device);
    const create = (descriptor) => this.createBuffer(descriptor);
    this.workspace = new Workspace2(create, this.maxBytes);
    this.uniforms = new Uniforms(device);
    this.bindGroups = new BindGroups(device);
    this.pool = new BufferPool(create, this.maxBytes);
    this.readback = new Readback(device.queue, create, Math.floor(device.limits.maxBufferSize / 4) * 4);
    this.staging = new Staging(device);
    device.addEventListener("uncapturederror", ({ error }) => {
      if (error instanceof GPUOutOfMemoryError) this.closeFull(error.message);
      else this.close(`the GPU device was closed after an error (${error.message})`);
    });
    void device.lost.then(({ message, reason }) => {
      if (/out.?of.?(device.?|host.?)?memory/i.test(message)) this.closeFull(message);
      else this.close(`the GPU device was lost (${message || reason})`);
    });
  }
  static async create(forced = {}) {
    return new _WebGpuBackend(await openDevice(forced));
  }
  fusesNorm(sizes) {
    return fusesNorm(sizes, this.caps);
  }
  upload(data) {
    const storage = this.own(data.byteLength, (bytes2) => this.pool.takeExactly(bytes2));
    const buffer = this.bufferOf(storage);
    try {
      if (performance.now() - this.sentAhead >= ASLEEP_AFTER_MS) this.sendAhead();
      if (!this.staging.write(buffer, data)) this.writeBuffer(buffer, data);
      if (data.byteLength >= SENT_AHEAD_BYTES) this.sendAhead();
    } catch (error) {
      storage.dispose();
      throw error;
    }
    return storage;
  }
  /** The GPU process takes in what there is while JavaScript goes on to say what becomes of it. */
  sendAhead() {
    this.device.queue.submit([]);
    this.sentAhead = performance.now();
  }
  writeBuffer(buffer, data) {
    const whole = data.byteLength - data.byteLength % 4;
    if (whole > 0) this.device.queue.writeBuffer(buffer, 0, data.buffer, data.byteOffset, whole);
    if (whole < data.byteLength) {
      const rest = new Uint8Array(4);
      rest.set(data.subarray(whole));
      this.device.queue.writeBuffer(buffer, whole, rest);
    }
  }
  allocate(bytes2) {
    return this.own(bytes2, (size) => this.pool.take(size));
  }
  own(bytes2, take2) {
    this.checkAlive();
    if (bytes2 > this.maxBytes)
      throw new RuntimeError(`a tensor of ${bytes2} bytes, but this adapter's buffers hold at most ${this.maxBytes}`);
    const buffer = take2(bytes2);
    this.allocated += paddedBytes(bytes2);
    return new Storage(this, buffer, bytes2);
  }
  release(buffer, bytes2) {
    this.allocated -= paddedBytes(bytes2);
    if (this.lost) return;
    this.staging.forget(buffer);
    this.pool.release(buffer);
  }
  bufferOf(storage) {
    return storage.bufferOf(this);
  }
  get tiles() {
    return this.caps.tiles ?? {};
  }
  set tiles(tiles) {
    this.caps = { ...this.caps, tiles };
  }
  tileChoices(sizes) {
    return this.caps.software ? [] : choices(sizes, this.caps);
  }
  prepare(plan, trial) {
    this.checkAlive();
    const caps = trial ? { ...this.caps, tiles: trial } : this.caps;
    const executable = new GpuExecutable(this, expand(plan, caps), caps);
    if (!trial) executable.compileAhead();
    return executable;
  }
  profile() {
    this.checkAlive();
    return this.profiler = new KernelTimer(this.device, () => this.profiler = null);
  }
  read(reads) {
    return this.submit(reads, () => void 0);
  }
  /** Encodes and submits at once; resolves when the bytes are here. */
  submit(reads, encode2) {
    this.checkAlive();
    const encoder = this.device.createCommandEncoder();
    this.staging.encode(encoder);
    encode2(encoder);
    const receive = reads.length > 0 ? this.readback.encode(encoder, reads, ({ storage }) => this.bufferOf(storage)) : null;
    this.device.queue.submit([encoder.finish()]);
    this.staging.submitted();
    return receive ? this.checked(receive()) : Promise.resolve([]);
  }
  async synchronize() {
    if (this.staging.isWaiting) await this.submit([], () => void 0);
    await this.checked(this.device.queue.onSubmittedWorkDone());
  }
  memory() {
    return { allocated: this.allocated, reserved: this.pool.reserved + this.workspace.bytes + this.staging.bytes };
  }
  destroy() {
    this.close("the device was closed");
  }
  /** Where there is no memory for the buffer, the device says so later, and is closed then. */
  createBuffer(descriptor) {
    if (this.lost) return this.device.createBuffer(descriptor);
    this.device.pushErrorScope("out-of-memory");
    const buffer = this.device.createBuffer(descriptor);
    const { size, label = "a tensor" } = descriptor;
    void this.device.popErrorScope().then(
      (error) => error && this.closeFull(`tried to allocate ${size} bytes for ${label}`),
      () => void 0
      // the device is gone, and says so itself
    );
    return buffer;
  }
  closeFull(what) {
    if (this.isFull) return;
    this.isFull = true;
    this.lose(`the GPU is out of memory: ${what} with ${this.memory().reserved} bytes in use`);
  }
  close(reason) {
    if (!this.lost) this.lose(reason);
  }
  lose(reason) {
    this.lost = `${reason}; call torch.init() again and make the tensors anew`;
    this.device.destroy();
  }
  /** What was awaited, unless the device is gone meanwhile. */
  async checked(awaited) {
    let result;
    try {
      result = await awaited;
    } catch (error) {
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 50))]);
      this.checkAlive();
      throw error;
    }
    this.checkAlive();
    return result;
  }
  checkAlive() {
    if (this.lost) throw this.isFull ? new OutOfMemoryError(this.lost) : new RuntimeError(this.lost);
  }
};

// src/tensor/devices.ts
var backends = /* @__PURE__ */ new Map();
var defaultDevice = null;
async function init(options = {}) {
  const { device = "webgpu", autotuned = null, caps } = keywords("init", [], [options], ["device", "autotuned", "caps"]);
  if (device !== "webgpu" && device !== "cpu")
    throw new RuntimeError(`init: expected one of webgpu, cpu as device, but got ${String(device)}`);
  const open = backends.get(device);
  if (!open || open.lost || caps) backends.set(device, device === "cpu" ? new CpuBackend() : await WebGpuBackend.create(caps));
  const backend = backendOf(device);
  if (autotuned && autotuned.adapter === adapterText(backend)) backend.tiles = { ...autotuned.tiles, ...backend.tiles };
  defaultDevice = device;
  return device;
}
function adapterText({ info }) {
  return [info.vendor, info.architecture, info.description].join(" / ");
}
function set_default_device(device) {
  backendOf(device);
  defaultDevice = device;
}
function backendOf(device) {
  const name = device ?? defaultDevice;
  if (name === null) throw new RuntimeError("no device yet: call `await torch.init()` first");
  const open = backends.get(name);
  if (open) return open;
  if (name !== "cpu") throw new RuntimeError(`device ${name} is not open: call \`await torch.init({ device: "${name}" })\` first`);
  const cpu = new CpuBackend();
  backends.set("cpu", cpu);
  return cpu;
}
var device_info = (device) => backendOf(device).info;
var synchronize = (device) => runnerOf(backendOf(device)).synchronize();
var memory_allocated = (device) => backendOf(device).memory().allocated;
var memory_reserved = (device) => backendOf(device).memory().reserved;
function close(device) {
  const backend = backendOf(device);
  backend.destroy();
  backends.delete(backend.name);
}

// src/tensor/shapes.ts
var shapes_exports = {};
__export(shapes_exports, {
  broadcast_to: () => broadcast_to,
  chunk: () => chunk,
  contiguous: () => contiguous,
  expand: () => expand2,
  expand_as: () => expand_as,
  flatten: () => flatten2,
  flip: () => flip,
  narrow: () => narrow,
  permute: () => permute,
  reshape: () => reshape,
  select: () => select2,
  sizesOf: () => sizesOf,
  slice: () => slice,
  split: () => split,
  squeeze: () => squeeze,
  t: () => t,
  transpose: () => transpose,
  unbind: () => unbind,
  unflatten: () => unflatten,
  unsqueeze: () => unsqueeze,
  view: () => view
});
var sizesOf = (sizes) => Array.isArray(sizes[0]) ? sizes[0] : sizes;
var reshape = named("reshape", ["input: Tensor", "shape", "..."], (input2, ...sizes) => {
  const shape = inferSize("reshape", sizesOf(sizes), input2.numel());
  return sameShape(shape, input2.shape) ? input2 : moved(input2, { kind: "reshape", shape }, shape);
});
var view = named("view", ["input: Tensor", "size", "..."], (input2, ...sizes) => reshape(input2, ...sizes));
var flatten2 = named(
  "flatten",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const { start_dim = 0, end_dim = -1 } = keywords("flatten", ["start_dim", "end_dim"], args);
    const start = wrapDim("flatten", start_dim, input2.ndim);
    const end = wrapDim("flatten", end_dim, input2.ndim);
    if (start > end) throw new RuntimeError("flatten: has invalid args: start_dim cannot come after end_dim");
    const { shape } = input2;
    return reshape(input2, [...shape.slice(0, start), numel(shape.slice(start, end + 1)), ...shape.slice(end + 1)]);
  }
);
var unflatten = named(
  "unflatten",
  ["input: Tensor", "dim: int", "sizes"],
  (input2, dim, sizes) => {
    const d = wrapDim("unflatten", dim, input2.ndim);
    const { shape } = input2;
    return reshape(input2, [...shape.slice(0, d), ...inferSize("unflatten", sizes, shape[d] ?? 1), ...shape.slice(d + 1)]);
  }
);
var permute = named("permute", ["input: Tensor", "dims", "..."], (input2, ...dims) => {
  const order2 = sizesOf(dims).map((dim) => wrapDim("permute", dim, input2.ndim));
  if (order2.length !== input2.ndim || new Set(order2).size !== order2.length) {
    throw new RuntimeError(
      `permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering: ${showShape(input2.shape)} and ${showShape(order2)}`
    );
  }
  return moved(
    input2,
    { kind: "permute", order: order2 },
    order2.map((dim) => input2.shape[dim] ?? 1)
  );
});
var transpose = named(
  "transpose",
  ["input: Tensor", "dim0: int", "dim1: int"],
  (input2, dim0, dim1) => {
    const a = wrapDim("transpose", dim0, input2.ndim);
    const b = wrapDim("transpose", dim1, input2.ndim);
    if (a === b) return input2;
    return permute(
      input2,
      input2.shape.map((_, d) => d === a ? b : d === b ? a : d)
    );
  }
);
var t = named("t", ["input: Tensor"], (input2) => {
  if (input2.ndim > 2) throw new RuntimeError(`t() expects a tensor with <= 2 dimensions, but self is ${input2.ndim}D`);
  return input2.ndim < 2 ? input2 : transpose(input2, 0, 1);
});
var expand2 = named("expand", ["input: Tensor", "size", "..."], (input2, ...sizes) => {
  const wanted = sizesOf(sizes);
  checkIntegers("expand", wanted);
  const missing = wanted.length - input2.ndim;
  const fail = () => new RuntimeError(
    `expand: The expanded size of the tensor must match the existing size at non-singleton dimensions: target ${showShape(wanted)}, tensor ${showShape(input2.shape)}`
  );
  if (missing < 0) throw fail();
  const shape = wanted.map((size, i) => {
    const own = input2.shape[i - missing];
    const target = size === -1 && own !== void 0 ? own : size;
    if (own !== void 0 && own !== 1 && own !== target) throw fail();
    return target;
  });
  checkShape("expand", shape);
  return sameShape(shape, input2.shape) ? input2 : moved(input2, { kind: "expand", shape }, shape);
});
var expand_as = named(
  "expand_as",
  ["input: Tensor", "other: Tensor"],
  (input2, other) => expand2(input2, other.shape)
);
var broadcast_to = named("broadcast_to", ["input: Tensor", "size"], (input2, shape) => expand2(input2, shape));
var squeeze = named(
  "squeeze",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const { dim } = keywords("squeeze", ["dim"], args);
    const dims = dim === void 0 ? input2.shape.map((_, d) => d) : [dim].flat().map((d) => wrapDim("squeeze", d, input2.ndim));
    const twice = dims.find((d, i) => dims.indexOf(d) < i);
    if (twice !== void 0) throw new RuntimeError(`squeeze: dim ${twice} appears multiple times in the list of dims`);
    return reshape(
      input2,
      input2.shape.filter((size, d) => size !== 1 || !dims.includes(d))
    );
  }
);
var unsqueeze = named("unsqueeze", ["input: Tensor", "dim: int"], (input2, dim) => {
  const d = wrapDim("unsqueeze", dim, input2.ndim + 1);
  return reshape(input2, [...input2.shape.slice(0, d), 1, ...input2.shape.slice(d)]);
});
var narrow = named(
  "narrow",
  ["input: Tensor", "dim: int", "start: int", "length: int"],
  (input2, dim, start, length) => {
    notSingle("narrow", input2);
    const d = wrapDim("narrow", dim, input2.ndim);
    const size = input2.shape[d] ?? 0;
    if (start < -size || start > size)
      throw new IndexError(`narrow: start out of range (expected to be in range of [${-size}, ${size}], but got ${start})`);
    const first = start < 0 ? start + size : start;
    if (length < 0 || first + length > size)
      throw new RuntimeError(`narrow: start (${start}) + length (${length}) exceeds dimension size (${size}).`);
    return slice(input2, d, first, length, 1);
  }
);
function notSingle(op, input2) {
  if (input2.ndim === 0) throw new RuntimeError(`${op}: cannot be applied to a 0-dim tensor`);
}
function slice(input2, dim, start, length, step) {
  if (start === 0 && step === 1 && length === input2.shape[dim]) return input2;
  return moved(
    input2,
    { kind: "slice", dim, start, length, step },
    input2.shape.map((size, i) => i === dim ? length : size)
  );
}
var select2 = named("select", ["input: Tensor", "dim: int", "index: int"], (input2, dim, index2) => {
  if (input2.ndim === 0) throw new IndexError("select: cannot be applied to a 0-dim tensor");
  const d = wrapDim("select", dim, input2.ndim);
  const size = input2.shape[d] ?? 0;
  if (index2 < -size || index2 >= size)
    throw new IndexError(`select(): index ${index2} out of range for tensor of size ${showShape(input2.shape)} at dimension ${dim}`);
  const one = slice(input2, d, index2 < 0 ? index2 + size : index2, 1, 1);
  return reshape(
    one,
    input2.shape.filter((_, i) => i !== d)
  );
});
var split = named(
  "split",
  ["tensor: Tensor", "split_size_or_sections", "..."],
  (input2, split_size_or_sections, ...args) => {
    const { dim = 0 } = keywords("split", ["dim"], args);
    notSingle("split", input2);
    const d = wrapDim("split", dim, input2.ndim);
    const size = input2.shape[d] ?? 0;
    const sections = typeof split_size_or_sections === "number" ? evenly(size, split_size_or_sections) : split_size_or_sections;
    checkIntegers("split", sections);
    const total = sections.reduce((sum2, length) => sum2 + length, 0);
    if (total !== size)
      throw new RuntimeError(
        `split_with_sizes expects split_sizes to sum exactly to ${size} (input tensor's size at dimension ${d}), but got split_sizes=${showShape(sections)}`
      );
    let start = 0;
    return sections.map((length) => {
      const part = narrow(input2, d, start, length);
      start += length;
      return part;
    });
  }
);
function evenly(size, part) {
  if (!Number.isInteger(part) || part < 0 || part === 0 && size > 0)
    throw new RuntimeError(
      `split: expects split_size be non-negative, and 0 only where the dimension is empty, but got split_size=${part}`
    );
  if (size === 0) return [0];
  return Array.from({ length: Math.ceil(size / part) }, (_, i) => Math.min(part, size - i * part));
}
var chunk = named(
  "chunk",
  ["input: Tensor", "chunks: int", "..."],
  (input2, chunks, ...args) => {
    if (!Number.isInteger(chunks) || chunks < 1)
      throw new RuntimeError(`chunk expects \`chunks\` to be greater than 0, got: ${chunks}`);
    notSingle("chunk", input2);
    const { dim = 0 } = keywords("chunk", ["dim"], args);
    const size = input2.shape[wrapDim("chunk", dim, input2.ndim)] ?? 0;
    if (size === 0) return split(input2, new Array(chunks).fill(0), dim);
    return split(input2, Math.max(1, Math.ceil(size / chunks)), dim);
  }
);
var unbind = named("unbind", ["input: Tensor", "..."], (input2, ...args) => {
  const { dim = 0 } = keywords("unbind", ["dim"], args);
  if (input2.ndim === 0) throw new IndexError("unbind: Dimension specified as 0 but tensor has no dimensions");
  const d = wrapDim("unbind", dim, input2.ndim);
  return Array.from({ length: input2.shape[d] ?? 0 }, (_, i) => select2(input2, d, i));
});
var flip = named("flip", ["input: Tensor", "dims", "..."], (input2, ...dims) => {
  const distinct = sizesOf(dims).length === 0 ? [] : wrapDims("flip", sizesOf(dims), input2.ndim);
  return distinct.reduce((flipped, d) => slice(flipped, d, Math.max(0, (input2.shape[d] ?? 1) - 1), input2.shape[d] ?? 1, -1), input2);
});
var contiguous = named("contiguous", ["input: Tensor"], (input2) => input2);

// src/tensor/creation.ts
function upload(bytes2, shape, dtype, device) {
  if (isPacked(dtype)) throw notPacked("frombuffer", dtype);
  const backend = backendOf(device);
  return new Tensor(dataNode(backend.upload(bytes2), shape, dtype, backend));
}
var tensor = named("tensor", ["data", "..."], (data, options = {}) => {
  const { dtype, device } = keywords("tensor", [], [options], ["dtype", "device"]);
  const host = flatten(data, dtype);
  checkShape("tensor", host.shape);
  return upload(host.bytes, host.shape, host.dtype, device);
});
var frombuffer = named("frombuffer", ["buffer", "..."], (buffer, options = {}) => {
  const given = keywords("frombuffer", [], [options], ["dtype", "count", "offset", "device"]);
  const { dtype = "float32", count = -1, offset = 0, device } = given;
  const all2 = bytesOf2(buffer);
  if (offset < 0 || offset > all2.length)
    throw new ValueError(`frombuffer: offset must be non-negative and no greater than buffer length (${all2.length}), but got ${offset}`);
  const size = dtype === "bool" ? 1 : itemSize(dtype);
  const rest = all2.length - offset;
  if (count < 0 && rest % size !== 0)
    throw new ValueError(
      `frombuffer: buffer length (${rest} bytes) after offset (${offset} bytes) must be a multiple of element size (${size})`
    );
  const elements = count < 0 ? rest / size : count;
  if (elements * size > rest)
    throw new ValueError(
      `frombuffer: requested buffer length (${elements} * ${size} bytes) after offset (${offset} bytes) must not be greater than actual buffer length (${all2.length} bytes)`
    );
  const held = backendOf(device).maxBytes;
  if (elements * itemSize(dtype) > held)
    throw new RuntimeError(
      `frombuffer: ${elements} elements of ${dtype} take ${elements * itemSize(dtype)} bytes, but this adapter's buffers hold at most ${held}`
    );
  const bytes2 = all2.subarray(offset, offset + elements * size);
  return upload(dtype === "bool" ? encode(bytes2, "bool") : bytes2, [elements], dtype, device);
});
function bytesOf2(buffer) {
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const name = Object.prototype.toString.call(buffer).slice("[object ".length, -1);
  if (name === "ArrayBuffer" || name === "SharedArrayBuffer") return new Uint8Array(buffer);
  throw new TypeError(`frombuffer: expected an ArrayBuffer or a view of one, got ${name}`);
}
var quantized_weight = named(
  "quantized_weight",
  ["values: Tensor", "scales: Tensor"],
  (values, scales) => {
    const dtype = ["qint8", "qint4"].find((name) => PACKED[name].held === values.dtype);
    const [rows = 0, elements = 0] = values.shape;
    const columns = dtype ? elements * PACKED[dtype].columns : 0;
    const fits = values.ndim === 2 && scales.ndim === 2 && scales.shape[0] === rows && scales.shape[1] === columns / QUANTIZED_GROUP;
    if (!dtype || !fits || scales.dtype !== "float16") {
      throw new RuntimeError(
        `quantized_weight: expected int8 (out, in) or uint32 (out, in / 8), and float16 (out, in / 32), got ${String(values)} and ${String(scales)}`
      );
    }
    return pack(values, scales, dtype);
  }
);
function pack(values, scales, dtype) {
  const [rows = 0, elements = 0] = values.shape;
  const { node } = make({ kind: "quantized" }, [values, scales], [rows, elements * PACKED[dtype].columns], dtype);
  if (!values.rows) return new Tensor(node);
  let start = 0;
  const parts = values.rows.map((part) => {
    const [count = 0] = part.shape;
    start += count;
    return pack(part, narrow(scales, 0, start - count, count), dtype);
  });
  return new Tensor(node, parts);
}
var full = named(
  "full",
  ["size", "fill_value", "..."],
  (size, fill_value, options = {}) => {
    if (typeof fill_value !== "number" && typeof fill_value !== "boolean")
      throw new TypeError(`full(): argument 'fill_value' (position 2) must be number, not ${fill_value === null ? "null" : typeof fill_value}`);
    const { dtype = dtypeOfScalar(fill_value), device } = keywords("full", [], [options], ["dtype", "device"]);
    return constant(Number(fill_value), checkShape("full", size), dtype, backendOf(device));
  }
);
function splitSizes(op, args, names2) {
  const last = args.at(-1);
  const given = typeof last === "object" && !Array.isArray(last);
  const options = keywords(op, [], given ? [last] : [], names2);
  return { sizes: sizesOf(given ? args.slice(0, -1) : args), options };
}
var filled = (op, value) => named(op, ["size", "..."], (...args) => {
  const { sizes, options } = splitSizes(op, args, ["dtype", "device"]);
  const { dtype = "float32", device } = options;
  return full(sizes, value, { dtype, ...device && { device } });
});
var zeros = filled("zeros", 0);
var ones = filled("ones", 1);
var empty = filled("empty", 0);
var like = (op, value) => named(op, ["input: Tensor", "..."], (input2, options = {}) => full_like(input2, value, options));
var full_like = named(
  "full_like",
  ["input: Tensor", "fill_value", "..."],
  (input2, fill_value, options = {}) => {
    const { dtype = input2.dtype, device } = keywords("full_like", [], [options], ["dtype", "device"]);
    return constant(Number(fill_value), input2.shape, dtype, device ? backendOf(device) : input2.backend);
  }
);
var zeros_like = like("zeros_like", 0);
var empty_like = like("empty_like", 0);
var ones_like = like("ones_like", 1);
var arange = named("arange", ["..."], (...args) => {
  const numbers = args.filter((value) => typeof value === "number");
  const names2 = numbers.length === 1 && !hasEnd(args.at(-1)) ? ["end"] : ["start", "end", "step"];
  const given = keywords("arange", names2, args, ["start", "end", "step", "dtype", "device"]);
  const { start = 0, end, step = 1, dtype, device } = given;
  if (end === void 0) throw new TypeError('arange() missing 1 required positional argument: "end"');
  if (step === 0) throw new RuntimeError("arange: step must be nonzero");
  if ((end - start) / step < 0) throw new RuntimeError("arange: upper bound and lower bound inconsistent with step sign");
  const count = Math.ceil((end - start) / step);
  const all2 = [start, end, step].every(Number.isInteger) ? [start, step, start + (count - 1) * step] : [];
  const type = dtype ?? (all2.length > 0 && all2.every((value) => dtypeOfScalar(value) === "int32") ? "int32" : "float32");
  if (type === "bool") throw new NotImplementedError("arange: not implemented for 'bool'");
  const [first, each2] = isFloat(type) ? [start, step] : [Math.trunc(start), Math.trunc(step)];
  return progression(first, each2, checkShape("arange", [count]), type, device);
});
var hasEnd = (value) => typeof value === "object" && value !== null && "end" in value;
var linspace = named(
  "linspace",
  ["start", "end", "steps: int", "..."],
  (start, end, steps, options = {}) => {
    const { dtype = "float32", device } = keywords("linspace", [], [options], ["dtype", "device"]);
    for (const bound of [start, end]) asElement("linspace", bound, dtype);
    return progression(start, steps > 1 ? (end - start) / (steps - 1) : 0, checkShape("linspace", [steps]), dtype, device);
  }
);
function progression(start, step, shape, dtype, device) {
  const numbers = range(numel(shape), backendOf(device));
  const type = isFloat(dtype) ? "float32" : [start, step].every(Number.isInteger) ? "int32" : "float32";
  const [first, each2] = type === "int32" ? [start | 0, step | 0] : [start, step];
  const scaled = each2 === 1 ? cast(numbers, type) : element("mul", cast(numbers, type), each2);
  return cast(first === 0 ? scaled : element("add", scaled, first), dtype);
}
var eye = named("eye", ["n: int", "..."], (n, ...args) => {
  const { m = n, dtype = "float32", device } = keywords("eye", ["m"], args, ["dtype", "device"]);
  checkShape("eye", [n, m]);
  const backend = backendOf(device);
  return cast(element("eq", unsqueeze(range(n, backend), 1), range(m, backend)), dtype);
});
var triangle = (op, keep) => named(op, ["input: Tensor", "..."], (input2, ...args) => {
  const { diagonal: diagonal2 = 0 } = keywords(op, ["diagonal"], args);
  const [rows, columns] = input2.shape.slice(-2);
  if (rows === void 0 || columns === void 0) throw new RuntimeError(`${op}: input tensor must have at least 2 dimensions`);
  const row = element("add", unsqueeze(range(rows, input2.backend), 1), diagonal2);
  return make(
    { kind: "element", name: "where" },
    [element(keep, range(columns, input2.backend), row), input2, constant(0, [], input2.dtype, input2.backend)],
    input2.shape,
    input2.dtype
  );
});
var tril = triangle("tril", "le");
var triu = triangle("triu", "ge");

// src/tensor/extremes.ts
var extremes_exports = {};
__export(extremes_exports, {
  amax: () => amax,
  amin: () => amin,
  aminmax: () => aminmax,
  argmax: () => argmax,
  argmin: () => argmin,
  max: () => max,
  min: () => min
});

// src/tensor/reduce.ts
function checkOneDim(name, dim) {
  if (Array.isArray(dim)) throw new TypeError(`${name}(): argument 'dim' must be int, not Array`);
}
function reduced(name, input2, dims, keepdim) {
  const argument = reduceArgument(name, input2.dtype);
  const result = reduceResult(name, argument);
  const shape = reducedShape(input2.shape, dims, keepdim);
  const { empty: empty2, gives, takes } = reduceOp(name);
  const own = gives === "same" && (takes === "any" || isFloat(input2.dtype)) ? input2.dtype : result;
  if (dims.some((d) => input2.shape[d] === 0)) {
    if (empty2 === void 0)
      throw new IndexError(`${name}: Expected reduction dim to be specified for input.numel() == 0, or to have non-zero size.`);
    return constant(empty2, shape, own, input2.backend);
  }
  return cast(make({ kind: "reduce", name, dims }, [cast(input2, argument)], shape, result), own);
}
var overDims = (name) => named(name, ["input: Tensor", "..."], (input2, ...args) => {
  const { dim, keepdim = false } = keywords(name, ["dim", "keepdim"], args);
  if ((name === "any" || name === "all") && Array.isArray(dim) && dim.length === 0) return cast(input2, "bool");
  if (dim === void 0 && input2.numel() === 0 && reduceOp(name).empty === void 0) throw nothingToReduce(name);
  return reduced(name, input2, wrapDims(name, dim, input2.ndim), keepdim);
});
var nothingToReduce = (name) => new RuntimeError(
  `${name}: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.`
);
var countOf = (input2, dims) => numel(dims.map((d) => input2.shape[d] ?? 1));

// src/tensor/extremes.ts
var amax = overDims("amax");
var amin = overDims("amin");
var position2 = (name) => named(name, ["input: Tensor", "..."], (input2, ...args) => {
  const { dim = null, keepdim = false } = keywords(name, ["dim", "keepdim"], args);
  checkOneDim(name, dim);
  if (input2.dtype === "bool") throw new RuntimeError(`${name}: does not support bool input`);
  return reduced(name, input2, wrapDims(name, dim, input2.ndim), keepdim);
});
var argmax = position2("argmax");
var argmin = position2("argmin");
var extremes = (name, values, indices, elementwise2) => {
  const extreme = named(name, ["input: Tensor", "..."], (input2, ...args) => {
    const [first] = args;
    if (first instanceof Tensor) return element(elementwise2, input2, first);
    if (args.length === 0) {
      return values(input2);
    }
    const { other, ...options } = keywords(name, ["dim", "keepdim"], args, ["other"]);
    if (other) return element(elementwise2, input2, other);
    checkOneDim(name, options.dim);
    if (typeof options.dim !== "number") throw new TypeError(`${name}(): expected a dim beside keepdim`);
    return { values: values(input2, options), indices: indices(input2.dtype === "bool" ? cast(input2, "int32") : input2, options) };
  });
  return extreme;
};
var max = extremes("max", amax, argmax, "maximum");
var min = extremes("min", amin, argmin, "minimum");
var aminmax = named(
  "aminmax",
  ["input: Tensor", "..."],
  (input2, options = {}) => {
    const { dim = null, keepdim = false } = keywords("aminmax", [], [options], ["dim", "keepdim"]);
    if (dim === null && input2.numel() === 0) throw nothingToReduce("aminmax");
    return { min: amin(input2, { dim, keepdim }), max: amax(input2, { dim, keepdim }) };
  }
);

// src/tensor/indexing.ts
var indexing_exports = {};
__export(indexing_exports, {
  checkIndex: () => checkIndex,
  gather: () => gather,
  index_select: () => index_select,
  take_along_dim: () => take_along_dim
});
function checkIndex(op, index2) {
  if (index2.dtype !== "int32" && index2.dtype !== "uint32")
    throw new RuntimeError(`${op}(): Expected dtype int32 for index, got ${index2.dtype}`);
}
var index_select = named(
  "index_select",
  ["input: Tensor", "dim: int", "index: Tensor"],
  (input2, dim, index2) => {
    const d = wrapDim("index_select", dim, input2.ndim);
    checkIndex("index_select", index2);
    if (index2.ndim > 1) throw new IndexError("index_select(): Index is supposed to be a vector");
    const count = index2.numel();
    const shape = input2.shape.map((size, i) => i === d ? count : size);
    const aligned2 = reshape(
      index2,
      shape.map((_, i) => i === d ? count : 1)
    );
    return make({ kind: "take", dim: d }, [input2, aligned2], shape, input2.dtype);
  }
);
var gather = named(
  "gather",
  ["input: Tensor", "dim: int", "index: Tensor", "..."],
  (input2, dim, index2, options = {}) => {
    keywords("gather", [], [options], ["sparse_grad"]);
    const d = wrapDim("gather", dim, input2.ndim);
    checkIndex("gather", index2);
    const [from, at2] = [input2, index2].map((tensor2) => tensor2.ndim === 0 ? reshape(tensor2, [1]) : tensor2);
    const fits = at2.ndim === from.ndim && at2.shape.every((size, i) => i === d || size <= (from.shape[i] ?? 0));
    if (!fits)
      throw new RuntimeError(
        `gather: Size does not match at dimension ${d}: expected index ${showShape(index2.shape)} to be no larger than self ${showShape(input2.shape)} apart from dimension ${d}`
      );
    return reshape(make({ kind: "take", dim: d }, [from, at2], at2.shape, input2.dtype), index2.shape);
  }
);
var take_along_dim = named(
  "take_along_dim",
  ["input: Tensor", "indices: Tensor", "..."],
  (input2, indices, ...args) => {
    const { dim = null } = keywords("take_along_dim", ["dim"], args);
    if (dim === null) return take_along_dim(reshape(input2, [-1]), reshape(indices, [-1]), 0);
    if (indices.ndim !== input2.ndim)
      throw new RuntimeError(
        `torch.take_along_dim(): input and indices should have the same number of dimensions, but got ${input2.ndim} and ${indices.ndim}`
      );
    const d = wrapDim("take_along_dim", dim, input2.ndim);
    checkIndex("take_along_dim", indices);
    const shape = input2.shape.map((size, i) => {
      const other = indices.shape[i] ?? 1;
      if (i === d) return other;
      if (size !== other && size !== 1 && other !== 1)
        throw new RuntimeError(`take_along_dim: shapes ${showShape(input2.shape)} and ${showShape(indices.shape)} do not broadcast`);
      return Math.max(size, other);
    });
    const source = shape.map((size, i) => i === d ? input2.shape[i] ?? 1 : size);
    const expanded = make({ kind: "move", move: { kind: "expand", shape: source } }, [input2], source, input2.dtype);
    return make({ kind: "take", dim: d }, [expanded, indices], shape, input2.dtype);
  }
);

// src/tensor/joins.ts
var cat = named(
  "cat",
  ["tensors: Tensors", "..."],
  (tensors, ...args) => {
    const { dim = 0 } = keywords("cat", ["dim"], args);
    const shaped = tensors.filter((tensor2) => tensor2.ndim !== 1 || tensor2.shape[0] !== 0);
    const [first = tensors[0]] = shaped;
    if (!first) throw new ValueError("cat: expected a non-empty list of Tensors");
    const d = wrapDim("cat", dim, first.ndim);
    const single = tensors.findIndex(({ ndim }) => ndim === 0);
    if (single >= 0) throw new RuntimeError(`cat: zero-dimensional tensor (at position ${single}) cannot be concatenated`);
    for (const { shape: shape2 } of shaped) {
      if (!sameShape(
        shape2.filter((_, i) => i !== d),
        first.shape.filter((_, i) => i !== d)
      )) {
        throw new RuntimeError(
          `cat: Sizes of tensors must match except in dimension ${d}: ${showShape(first.shape)} and ${showShape(shape2)}`
        );
      }
    }
    const dtype = tensors.map((tensor2) => tensor2.dtype).reduce((a, b) => a === b ? a : promoted("cat", tensors), first.dtype);
    const full2 = tensors.filter((tensor2) => tensor2.numel() > 0).map((tensor2) => cast(tensor2, dtype));
    const total = shaped.reduce((sum2, { shape: shape2 }) => sum2 + (shape2[d] ?? 0), 0);
    const shape = first.shape.map((size, i) => i === d ? total : size);
    const [one] = full2;
    if (!one) return constant(0, shape, dtype, first.backend);
    if (full2.length === 1) return copied(one);
    const isSplit = d === 0 && numel(shape) * itemSize(dtype) > one.backend.maxBytes;
    const parts = isSplit ? full2.map(copied) : full2;
    const whole = joinAll(parts, d);
    return isSplit ? new Tensor(whole.node, parts) : whole;
  }
);
function joinAll(tensors, dim) {
  const half2 = Math.ceil(tensors.length / 2);
  return tensors.length === 1 ? at(tensors, 0) : join(joinAll(tensors.slice(0, half2), dim), joinAll(tensors.slice(half2), dim), dim);
}
function join(a, b, dim) {
  const [first = 0, second = 0] = [a.shape[dim], b.shape[dim]];
  const total = first + second;
  const place = reshape(
    range(total, a.backend),
    a.shape.map((_, i) => i === dim ? total : 1)
  );
  const inFirst = element("lt", place, first);
  return make(
    { kind: "element", name: "where" },
    [inFirst, slice(a, dim, 0, total, 1), slice(b, dim, -first, total, 1)],
    slice(a, dim, 0, total, 1).shape,
    a.dtype
  );
}
var stack = named(
  "stack",
  ["tensors: Tensors", "..."],
  (tensors, ...args) => {
    const { dim = 0 } = keywords("stack", ["dim"], args);
    const [first] = tensors;
    if (!first) throw new RuntimeError("stack: expects a non-empty list of Tensors");
    const other = tensors.find(({ shape }) => !sameShape(shape, first.shape));
    if (other)
      throw new RuntimeError(`stack: expects each tensor to be equal size, got ${showShape(first.shape)} and ${showShape(other.shape)}`);
    return cat(
      tensors.map((tensor2) => unsqueeze(tensor2, dim)),
      { dim: wrapDim("stack", dim, first.ndim + 1) }
    );
  }
);

// src/tensor/reductions.ts
var reductions_exports = {};
__export(reductions_exports, {
  all: () => all,
  any: () => any,
  count_nonzero: () => count_nonzero,
  logsumexp: () => logsumexp,
  mean: () => mean,
  nanmean: () => nanmean,
  nansum: () => nansum,
  prod: () => prod,
  sum: () => sum
});
function joined2(name, input2, { dim, keepdim = false, dtype }) {
  const result = reduced(name, cast(input2, dtype ?? input2.dtype), wrapDims(name, dim, input2.ndim), keepdim);
  return dtype ? cast(result, dtype) : result;
}
var sum = named(
  "sum",
  ["input: Tensor", "..."],
  (input2, ...args) => joined2("sum", input2, keywords("sum", ["dim", "keepdim"], args, ["dtype"]))
);
var prod = named("prod", ["input: Tensor", "..."], (input2, ...args) => {
  const options = keywords("prod", ["dim", "keepdim"], args, ["dtype"]);
  checkOneDim("prod", options.dim);
  return joined2("prod", input2, options);
});
var mean = named("mean", ["input: Tensor", "..."], (input2, ...args) => {
  const options = keywords("mean", ["dim", "keepdim"], args, ["dtype"]);
  const { dim, keepdim = false } = options;
  const dtype = options.dtype ?? input2.dtype;
  if (!isFloat(dtype))
    throw new RuntimeError(`mean(): could not infer output dtype. Input dtype must be a floating point dtype. Got: ${dtype}`);
  const dims = wrapDims("mean", dim, input2.ndim);
  const total = reduced("sum", cast(input2, "float32"), dims, keepdim);
  return cast(element("div", total, countOf(input2, dims)), dtype);
});
var any = overDims("any");
var all = overDims("all");
var nansum = named(
  "nansum",
  ["input: Tensor", "..."],
  (input2, ...args) => sum(isFloat(input2.dtype) ? choose(element("isnan", input2), 0, input2) : input2, ...args)
);
var nanmean = named(
  "nanmean",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const options = keywords("nanmean", ["dim", "keepdim"], args, ["dtype"]);
    const { dim = null, keepdim = false } = options;
    const dtype = options.dtype ?? input2.dtype;
    if (!isFloat(input2.dtype) || !isFloat(dtype))
      throw new RuntimeError(`nanmean: expected floating point dtypes of input and result, but got ${input2.dtype} and ${dtype}`);
    const total = cast(nansum(input2, { dim, keepdim, dtype }), "float32");
    const count = sum(element("logical_not", element("isnan", input2)), { dim, keepdim });
    return cast(element("div", total, count), dtype);
  }
);
var count_nonzero = named(
  "count_nonzero",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const { dim = null } = keywords("count_nonzero", ["dim"], args);
    return sum(cast(input2, "bool"), { dim });
  }
);
var logsumexp = named(
  "logsumexp",
  ["input: Tensor", "dim", "..."],
  (input2, dim, ...args) => {
    const { keepdim = false } = keywords("logsumexp", ["keepdim"], args);
    if (dim === null) throw new TypeError("logsumexp(): argument 'dim' must be int or a list of ints, not null");
    const dims = wrapDims("logsumexp", dim, input2.ndim);
    const x = isFloat(input2.dtype) ? input2 : cast(input2, "float32");
    if (dims.some((d) => input2.shape[d] === 0))
      return constant(-Infinity, reducedShape(input2.shape, dims, keepdim), x.dtype, input2.backend);
    const top = reduced("amax", x, dims, true);
    const finite = choose(element("isfinite", top), top, 0);
    const total = element("log", reduced("sum", element("exp", element("sub", x, finite)), dims, true));
    const result = element("add", total, finite);
    return keepdim ? result : reshape(result, reducedShape(input2.shape, dims, false));
  }
);

// src/tensor/scans.ts
var scans_exports = {};
__export(scans_exports, {
  cumprod: () => cumprod,
  cumsum: () => cumsum
});
var running = (name, scan2) => named(name, ["input: Tensor", "dim: int", "..."], (input2, dim, options = {}) => {
  const { dtype = null } = keywords(name, [], [options], ["dtype"]);
  const d = wrapDim(name, dim, input2.ndim);
  const given = dtype ?? input2.dtype;
  const isPlain = input2.ndim === 0 || input2.numel() === 0;
  if (dtype === "bool" && isPlain) return cast(input2, "bool");
  if (dtype === "bool") throw new NotImplementedError(`${name}: not implemented for 'bool'`);
  const result = isFloat(given) || given === "uint32" ? given : dtype ?? "int32";
  const x = cast(cast(input2, result), isFloat(result) ? "float32" : result === "uint32" ? "uint32" : "int32");
  if (isPlain) return cast(x, result);
  const rows = transpose(x, d, -1);
  return cast(transpose(make({ kind: "scan", scan: scan2 }, [rows], rows.shape, x.dtype), d, -1), result);
});
var cumsum = running("cumsum", "sum");
var cumprod = running("cumprod", "prod");

// src/tensor/nonzero.ts
async function places(input2) {
  const flags = cast(reshape(input2, [-1]), "bool");
  const count = Number(await sum(flags).item());
  if (count === 0) return constant(0, [0], "int32", input2.backend);
  const targets = choose(flags, element("sub", cumsum(flags, 0), 1), -1);
  return reshape(make({ kind: "scatter_places" }, [reshape(targets, [1, -1])], [1, count], "int32"), [count]);
}
function coordinates(numbers, { shape }) {
  const strides = contiguousStrides(shape);
  return shape.map((size, d) => element("remainder", element("floor_divide", numbers, at(strides, d)), Math.max(1, size)));
}
var nonzero = named(
  "nonzero",
  ["input: Tensor", "..."],
  async (input2, options = {}) => {
    const { as_tuple = false } = keywords("nonzero", [], [options], ["as_tuple"]);
    const numbers = await places(input2);
    if (as_tuple) return coordinates(numbers, input2.ndim === 0 ? reshape(input2, [1]) : input2);
    const all2 = coordinates(numbers, input2);
    return all2.length > 0 ? stack(all2, 1) : constant(0, [numbers.numel(), 0], "int32", input2.backend);
  }
);
var argwhere = named("argwhere", ["input: Tensor"], (input2) => nonzero(input2));
var masked_select = named("masked_select", ["input: Tensor", "mask: Tensor"], (input2, mask) => {
  if (mask.dtype !== "bool") throw new RuntimeError(`masked_select: expected BoolTensor for mask, got ${mask.dtype}`);
  const shape = broadcastShapes("masked_select", input2.shape, mask.shape);
  const elements = reshape(expand2(input2, shape), [-1]);
  return places(expand2(mask, shape)).then(
    (numbers) => numbers.numel() === 0 ? constant(0, [0], input2.dtype, input2.backend) : make({ kind: "take", dim: 0 }, [elements, numbers], numbers.shape, input2.dtype)
  );
});
var maskedIndex = () => new NotImplementedError(
  "index: how many elements a bool mask picks is known only once it has been computed: await x.masked_select(mask), or take ...(await mask.nonzero({ as_tuple: true })) for an index"
);

// src/tensor/pointwise.ts
var pointwise_exports = {};
__export(pointwise_exports, {
  abs: () => abs,
  absolute: () => abs,
  acos: () => acos,
  acosh: () => acosh,
  addcdiv: () => addcdiv,
  addcmul: () => addcmul,
  arccos: () => acos,
  arccosh: () => acosh,
  arcsin: () => asin,
  arcsinh: () => asinh,
  arctan: () => atan,
  arctan2: () => atan2,
  arctanh: () => atanh,
  asin: () => asin,
  asinh: () => asinh,
  atan: () => atan,
  atan2: () => atan2,
  atanh: () => atanh,
  bitwise_and: () => bitwise_and,
  bitwise_left_shift: () => bitwise_left_shift,
  bitwise_not: () => bitwise_not,
  bitwise_or: () => bitwise_or,
  bitwise_right_shift: () => bitwise_right_shift,
  bitwise_xor: () => bitwise_xor,
  ceil: () => ceil,
  clamp: () => clamp,
  clamp_max: () => clamp_max,
  clamp_min: () => clamp_min,
  clip: () => clamp,
  cos: () => cos,
  cosh: () => cosh,
  eq: () => eq,
  erf: () => erf2,
  erfc: () => erfc2,
  erfinv: () => erfinv2,
  exp: () => exp,
  exp2: () => exp2,
  expm1: () => expm1,
  fix: () => trunc,
  floor: () => floor,
  floor_divide: () => floor_divide,
  fmod: () => fmod,
  frac: () => frac,
  ge: () => ge,
  greater: () => gt,
  greater_equal: () => ge,
  gt: () => gt,
  isfinite: () => isfinite,
  isinf: () => isinf,
  isnan: () => isnan,
  le: () => le,
  lerp: () => lerp,
  less: () => lt,
  less_equal: () => le,
  log: () => log,
  log10: () => log10,
  log1p: () => log1p,
  log2: () => log2,
  logical_and: () => logical_and,
  logical_not: () => logical_not,
  logical_or: () => logical_or,
  logical_xor: () => logical_xor,
  lt: () => lt,
  masked_fill: () => masked_fill,
  maximum: () => maximum,
  minimum: () => minimum,
  mul: () => mul,
  multiply: () => mul,
  ne: () => ne,
  neg: () => neg,
  negative: () => neg,
  not_equal: () => ne,
  positive: () => positive,
  reciprocal: () => reciprocal,
  relu: () => relu,
  remainder: () => remainder3,
  rsqrt: () => rsqrt,
  sgn: () => sign,
  sigmoid: () => sigmoid,
  sign: () => sign,
  signbit: () => signbit,
  sin: () => sin,
  sinh: () => sinh,
  sqrt: () => sqrt,
  square: () => square,
  tan: () => tan,
  tanh: () => tanh,
  trunc: () => trunc,
  where: () => where
});
var unary = (name) => named(name, ["input: Tensor"], (input2) => element(name, input2));
var binary = (name) => named(name, ["input", "other"], (input2, other) => element(name, input2, other));
var binaryOfTensor = (name) => named(name, ["input: Tensor", "other"], (input2, other) => element(name, input2, other));
var binaryOfTensors = (name) => named(name, ["input: Tensor", "other: Tensor"], (input2, other) => element(name, input2, other));
var bitwise = (name) => {
  const word3 = (operand) => typeof operand === "number" && Number.isInteger(operand) ? operand | 0 : operand;
  return named(name, ["input", "other"], (input2, other) => element(name, word3(input2), word3(other)));
};
var neg = unary("neg");
var positive = named("positive", ["input: Tensor"], (input2) => {
  if (input2.dtype === "bool") throw new RuntimeError("positive: The `+` operator, on a bool tensor is not supported.");
  return input2;
});
var abs = unary("abs");
var sign = unary("sign");
var square = named(
  "square",
  ["input: Tensor"],
  (input2) => element("square", input2.dtype === "bool" ? cast(input2, "int32") : input2)
);
var floor = unary("floor");
var ceil = unary("ceil");
var trunc = unary("trunc");
var frac = unary("frac");
var exp = unary("exp");
var exp2 = unary("exp2");
var expm1 = unary("expm1");
var log = unary("log");
var log2 = unary("log2");
var log10 = unary("log10");
var log1p = unary("log1p");
var sqrt = unary("sqrt");
var rsqrt = unary("rsqrt");
var reciprocal = unary("reciprocal");
var sin = unary("sin");
var cos = unary("cos");
var tan = unary("tan");
var asin = unary("asin");
var acos = unary("acos");
var atan = unary("atan");
var sinh = unary("sinh");
var cosh = unary("cosh");
var tanh = unary("tanh");
var asinh = unary("asinh");
var acosh = unary("acosh");
var atanh = unary("atanh");
var erf2 = unary("erf");
var erfc2 = unary("erfc");
var erfinv2 = unary("erfinv");
var sigmoid = unary("sigmoid");
var relu = unary("relu");
var isnan = unary("isnan");
var isinf = unary("isinf");
var isfinite = unary("isfinite");
var signbit = unary("signbit");
var logical_not = unary("logical_not");
var bitwise_not = unary("bitwise_not");
var mul = binary("mul");
var floor_divide = binary("floor_divide");
var remainder3 = binary("remainder");
var fmod = binaryOfTensor("fmod");
var maximum = binaryOfTensors("maximum");
var minimum = binaryOfTensors("minimum");
var atan2 = binaryOfTensors("atan2");
var eq = binaryOfTensor("eq");
var ne = binaryOfTensor("ne");
var lt = binaryOfTensor("lt");
var le = binaryOfTensor("le");
var gt = binaryOfTensor("gt");
var ge = binaryOfTensor("ge");
var logical_and = binaryOfTensors("logical_and");
var logical_or = binaryOfTensors("logical_or");
var logical_xor = binaryOfTensors("logical_xor");
var bitwise_and = bitwise("bitwise_and");
var bitwise_or = bitwise("bitwise_or");
var bitwise_xor = bitwise("bitwise_xor");
var bitwise_left_shift = bitwise("bitwise_left_shift");
var bitwise_right_shift = bitwise("bitwise_right_shift");
var clamp = named("clamp", ["input: Tensor", "..."], (input2, ...args) => {
  const { min: min2 = null, max: max2 = null } = keywords("clamp", ["min", "max"], args);
  if (min2 === null && max2 === null) throw new RuntimeError("clamp: At least one of 'min' or 'max' must not be None");
  if (min2 !== null && max2 !== null && min2 instanceof Tensor !== max2 instanceof Tensor)
    throw new TypeError("clamp(): arguments 'min' and 'max' must be two Tensors or two numbers");
  const raised = min2 === null ? input2 : bounded("maximum", input2, min2);
  return max2 === null ? raised : bounded("minimum", raised, max2);
});
function bounded(name, input2, bound) {
  if (typeof bound === "number") asElement("clamp", bound, promoted("clamp", [input2, bound]));
  return element(name, input2, bound);
}
var clamp_min = named(
  "clamp_min",
  ["input: Tensor", "min"],
  (input2, min2) => bounded("maximum", input2, min2)
);
var clamp_max = named(
  "clamp_max",
  ["input: Tensor", "max"],
  (input2, max2) => bounded("minimum", input2, max2)
);
var where = named("where", ["condition: Tensor", "..."], (condition, ...args) => {
  const { input: input2, other } = keywords("where", ["input", "other"], args);
  if (input2 === void 0 && other === void 0) return nonzero(condition, { as_tuple: true });
  const missing = input2 === void 0 ? "input" : "other";
  if (input2 === void 0 || other === void 0)
    throw new TypeError(`where() missing 1 required positional argument: "${missing}"`);
  return choose(condition, input2, other);
});
var masked_fill = named(
  "masked_fill",
  ["input: Tensor", "mask: Tensor", "value"],
  (input2, mask, value) => {
    if (value instanceof Tensor && value.ndim > 0)
      throw new RuntimeError(`masked_fill: only supports a 0-dimensional value tensor, but got tensor with ${value.ndim} dimension(s)`);
    const filling = value instanceof Tensor ? cast(value, input2.dtype) : asElement("masked_fill", Number(value), input2.dtype);
    return cast(choose(mask, filling, input2), input2.dtype);
  }
);
var lerp = named("lerp", ["input: Tensor", "end: Tensor", "weight"], (input2, end, weight) => {
  const [other = input2] = [end, weight].filter((x) => x instanceof Tensor && x.dtype !== input2.dtype);
  if (other !== input2)
    throw new RuntimeError(`lerp: expected dtype ${input2.dtype} for \`end\` and \`weight\` but got dtype ${other.dtype}`);
  if (!(weight instanceof Tensor) && typeof weight !== "number")
    throw new TypeError(`lerp(): argument 'weight' (position 3) must be Tensor or number, not ${typeof weight}`);
  if (!isFloat(input2.dtype)) throw new NotImplementedError(`lerp: not implemented for '${input2.dtype}'`);
  const [start, stop] = [cast(input2, "float32"), cast(end, "float32")];
  const distance = sub(stop, start);
  const fromStart = (share2) => add(start, mul(share2, distance));
  const fromEnd = (rest) => sub(stop, mul(distance, rest));
  if (typeof weight === "number") return cast(Math.abs(weight) < 0.5 ? fromStart(weight) : fromEnd(1 - weight), input2.dtype);
  const share = cast(weight, "float32");
  return cast(choose(element("lt", element("abs", share), 0.5), fromStart(share), fromEnd(element("sub", 1, share))), input2.dtype);
});
var valueOf = (op, options) => keywords(op, [], [options], ["value"]).value ?? 1;
function widened(tensors, dtype) {
  const wide = (tensor2) => cast(cast(tensor2, dtype), dtype === "float16" ? "float32" : dtype);
  return [wide(tensors[0]), wide(tensors[1]), wide(tensors[2])];
}
var addcmul = named(
  "addcmul",
  ["input: Tensor", "tensor1: Tensor", "tensor2: Tensor", "..."],
  (input2, tensor1, tensor2, options = {}) => {
    const value = valueOf("addcmul", options);
    const dtype = promoted("addcmul", [input2, tensor1, tensor2]);
    if (dtype === "bool") throw new NotImplementedError("addcmul: not implemented for 'bool'");
    const [x, a, b] = widened([input2, tensor1, tensor2], dtype);
    return cast(add(x, mul(a, b), { alpha: isFloat(dtype) ? value : Math.trunc(value) }), dtype);
  }
);
var addcdiv = named(
  "addcdiv",
  ["input: Tensor", "tensor1: Tensor", "tensor2: Tensor", "..."],
  (input2, tensor1, tensor2, options = {}) => {
    if (!isFloat(tensor1.dtype) && !isFloat(tensor2.dtype))
      throw new RuntimeError("addcdiv: Integer division with addcdiv is not supported; use div() with a rounding_mode, and add()");
    const dtype = promoted("addcdiv", [input2, tensor1, tensor2]);
    const [x, a, b] = widened([input2, tensor1, tensor2], dtype);
    return cast(add(x, div(a, b), { alpha: valueOf("addcdiv", options) }), dtype);
  }
);

// src/tensor/products.ts
var products_exports = {};
__export(products_exports, {
  addmm: () => addmm,
  baddbmm: () => baddbmm,
  bmm: () => bmm,
  dot: () => dot,
  linear: () => linear,
  matmul: () => matmul2,
  mm: () => mm,
  mv: () => mv,
  outer: () => outer
});
var matmul2 = named("matmul", ["input: Tensor", "other: Tensor"], (input2, other) => {
  if (input2.ndim === 0 || other.ndim === 0)
    throw new RuntimeError(`both arguments to matmul need to be at least 1D, but they are ${input2.ndim}D and ${other.ndim}D`);
  const a = input2.ndim === 1 ? unsqueeze(input2, 0) : input2;
  const b = other.ndim === 1 ? unsqueeze(other, 1) : other;
  const out = product2("matmul", a, b);
  const gone = [...input2.ndim === 1 ? [out.ndim - 2] : [], ...other.ndim === 1 ? [out.ndim - 1] : []];
  return gone.length === 0 ? out : reshape(out, reducedShape(out.shape, gone, false));
});
function product2(op, a, b) {
  const shape = matmulShape(op, a.shape, b.shape);
  const dtype = promoted(op, [a, b]);
  if (a.dtype !== b.dtype) throw new RuntimeError(`${op}: expected m1 and m2 to have the same dtype, but got: ${a.dtype} != ${b.dtype}`);
  if (dtype === "bool") throw new NotImplementedError(`${op}: not implemented for 'bool'`);
  if (!isFloat(dtype)) return integerProduct(a, b, dtype);
  if (a.shape.at(-1) === 0) return constant(0, shape, dtype, a.backend);
  if (shape.length - 2 > BATCH_DIMS) {
    const batch = shape.slice(0, -2);
    const flat = (x) => flatten2(expand2(x, [...batch, ...x.shape.slice(-2)]), 0, batch.length - 1);
    return reshape(product2(op, flat(a), flat(b)), shape);
  }
  return cast(make({ kind: "matmul" }, [cast(a, "float32"), cast(b, "float32")], shape, "float32"), dtype);
}
function integerProduct(a, b, dtype) {
  return cast(sum(element("mul", unsqueeze(a, -2), unsqueeze(transpose(b, -1, -2), -3)), -1), dtype);
}
var mm = named("mm", ["input: Tensor", "mat2: Tensor"], (input2, mat2) => {
  if (input2.ndim !== 2 || mat2.ndim !== 2)
    throw new RuntimeError(`mm: self and mat2 must be matrices, got ${showShape(input2.shape)} and ${showShape(mat2.shape)}`);
  return product2("mm", input2, mat2);
});
var bmm = named("bmm", ["input: Tensor", "mat2: Tensor"], (input2, mat2) => {
  if (input2.ndim !== 3 || mat2.ndim !== 3 || input2.shape[0] !== mat2.shape[0]) {
    throw new RuntimeError(
      `bmm: batch1 and batch2 must be 3D tensors of one batch size, got ${showShape(input2.shape)} and ${showShape(mat2.shape)}`
    );
  }
  return product2("bmm", input2, mat2);
});
var plus2 = (op, multiply, input2, a, b, options) => {
  const { beta = 1, alpha = 1 } = keywords(op, [], [options], ["beta", "alpha"]);
  const { dtype } = input2;
  if (a.dtype !== dtype || b.dtype !== dtype)
    throw new RuntimeError(`${op}: expected tensors of one dtype, but got ${dtype}, ${a.dtype} and ${b.dtype}`);
  const wide = (x) => dtype === "float16" ? cast(x, "float32") : x;
  const term = multiply(wide(a), wide(b));
  const self = wide(expand2(input2, term.shape));
  const times2 = (x, factor) => factor === 1 ? x : element("mul", x, isFloat(x.dtype) ? factor : Math.trunc(factor));
  return cast(beta === 0 ? times2(term, alpha) : element("add", times2(term, alpha), times2(self, beta)), dtype);
};
var addmm = named(
  "addmm",
  ["input: Tensor", "mat1: Tensor", "mat2: Tensor", "..."],
  (input2, mat1, mat2, options = {}) => plus2("addmm", mm, input2, mat1, mat2, options)
);
var baddbmm = named(
  "baddbmm",
  ["input: Tensor", "batch1: Tensor", "batch2: Tensor", "..."],
  (input2, batch1, batch2, options = {}) => plus2("baddbmm", bmm, input2, batch1, batch2, options)
);
var dot = named("dot", ["input: Tensor", "tensor: Tensor"], (input2, tensor2) => {
  if (input2.ndim !== 1 || tensor2.ndim !== 1)
    throw new RuntimeError(`dot: 1D tensors expected, but got ${input2.ndim}D and ${tensor2.ndim}D tensors`);
  return matmul2(input2, tensor2);
});
var mv = named("mv", ["input: Tensor", "vec: Tensor"], (input2, vec) => {
  if (input2.ndim !== 2 || vec.ndim !== 1)
    throw new RuntimeError(`mv: vector + matrix @ vector expected, got ${vec.ndim}, ${input2.ndim}, ${vec.ndim}`);
  return matmul2(input2, vec);
});
var outer = named("outer", ["input: Tensor", "vec2: Tensor"], (input2, vec2) => {
  if (input2.ndim !== 1 || vec2.ndim !== 1)
    throw new RuntimeError(`outer: Expected 1-D arguments, but got ${input2.ndim}-D and ${vec2.ndim}-D`);
  return element("mul", unsqueeze(input2, 1), unsqueeze(vec2, 0));
});
var linear = named(
  "linear",
  ["input: Tensor", "weight: Tensor", "..."],
  (input2, weight, ...args) => {
    const { bias = null } = keywords("linear", ["bias"], args);
    const vector = weight.ndim === 1;
    const shape = linearShape(input2.shape, vector ? [1, weight.shape[0] ?? 0] : weight.shape);
    if (!isFloat(input2.dtype) || !isFloat(weight.dtype)) return integerLinear(input2, weight, bias);
    const w = vector ? unsqueeze(weight, 0) : weight;
    const times2 = (rows) => make({ kind: "linear" }, [cast(input2, "float32"), rows], [...shape.slice(0, -1), rows.shape[0] ?? 0], "float32");
    const empty2 = numel(input2.shape.slice(-1)) === 0;
    const product3 = empty2 ? constant(0, shape, "float32", input2.backend) : w.rows ? cat(w.rows.map(times2), -1) : times2(w);
    const sum2 = bias === null ? product3 : element("add", product3, bias);
    const out = cast(sum2, input2.dtype);
    return vector ? reshape(out, shape.slice(0, -1)) : out;
  }
);
function integerLinear(input2, weight, bias) {
  const dtypes = [input2, weight, ...bias ? [bias] : []].map(({ dtype }) => dtype);
  if (new Set(dtypes).size > 1) throw new RuntimeError(`linear: expected tensors of one dtype, or of floats, got ${dtypes.join(", ")}`);
  const out = matmul2(input2, weight.ndim === 1 ? weight : transpose(weight, 0, 1));
  return bias ? element("add", out, bias) : out;
}

// src/tensor/sorting.ts
var sorting_exports = {};
__export(sorting_exports, {
  argsort: () => argsort,
  sort: () => sort,
  topk: () => topk
});
function positions(input2, descending, keep) {
  const width = input2.shape.at(-1) ?? 1;
  const shape = [...input2.shape.slice(0, -1), keep];
  if (numel(shape) === 0 || width === 0) return constant(0, shape, "int32", input2.backend);
  const x = reshape(words(input2), [-1, width]);
  const rows = numel(input2.shape) / width;
  let run = RUN;
  let kept = Math.min(keep, RUN);
  let count = keptOf(width, run, kept);
  let order2 = make({ kind: "sort_runs", descending, keep: kept }, [x], [rows, count], "int32");
  for (run = kept; count > run; run = kept) {
    kept = Math.min(keep, 2 * run);
    count = keptOf(count, 2 * run, kept);
    order2 = make({ kind: "merge_runs", descending, run, keep: kept }, [x, order2], [rows, count], "int32");
  }
  return reshape(order2, shape);
}
function words(input2) {
  if (input2.dtype === "float16" || isPacked(input2.dtype)) return cast(input2, "float32");
  return input2.dtype === "int8" ? cast(input2, "int32") : input2;
}
function ordered(name, input2, dim, descending, keep) {
  const d = wrapDim(name, dim, input2.ndim);
  if (input2.ndim === 0) {
    const { values: values2, indices } = ordered(name, reshape(input2, [1]), 0, descending, null);
    return { values: reshape(values2, []), indices: reshape(indices, []) };
  }
  const last = input2.ndim - 1;
  const rows = transpose(input2, d, last);
  const order2 = positions(rows, descending, keep ?? rows.shape[last] ?? 0);
  const values = order2.numel() === 0 ? constant(0, order2.shape, input2.dtype, input2.backend) : make({ kind: "take", dim: last }, [rows, order2], order2.shape, input2.dtype);
  return { values: transpose(values, d, last), indices: transpose(order2, d, last) };
}
var sort = named("sort", ["input: Tensor", "..."], (input2, ...args) => {
  const { dim = -1, descending = false } = keywords("sort", ["dim", "descending"], args, ["stable"]);
  return ordered("sort", input2, dim, descending, null);
});
var argsort = named(
  "argsort",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const { dim = -1, descending = false } = keywords("argsort", ["dim", "descending"], args, ["stable"]);
    return ordered("argsort", input2, dim, descending, null).indices;
  }
);
var topk = named(
  "topk",
  ["input: Tensor", "k: int", "..."],
  (input2, k, ...args) => {
    const { dim = -1, largest = true } = keywords("topk", ["dim", "largest", "sorted"], args);
    if (input2.dtype === "bool") throw new RuntimeError("topk: does not support bool dtypes");
    const d = wrapDim("topk", dim, input2.ndim);
    if (!Number.isInteger(k) || k < 0 || k > (input2.ndim === 0 ? 1 : input2.shape[d] ?? 0))
      throw new RuntimeError(`topk: selected index k out of range: ${String(k)} of ${input2.shape[d] ?? 1} at dimension ${d}`);
    return ordered("topk", input2, dim, largest, k);
  }
);

// src/tensor/random.ts
var Generator = class {
  state;
  seeded;
  constructor() {
    this.seeded = 0;
    this.state = [];
    this.seed();
  }
  /** Starts anew from a seed, an integer between -2^53 and 2^53; a negative one stands for itself + 2^64. */
  manual_seed(seed2) {
    if (!Number.isSafeInteger(seed2)) throw new RuntimeError(`manual_seed expected an integer between -2**53 and 2**53, got ${String(seed2)}`);
    const bits2 = BigInt.asUintN(64, BigInt(seed2));
    this.seeded = Number(bits2);
    this.state = [0, 0, 0, 0, Number(bits2 & 0xffffffffn), Number(bits2 >> 32n)];
    return this;
  }
  /** The seed. */
  initial_seed() {
    return this.seeded;
  }
  /** Starts anew from a seed that no one knows before, and gives it. */
  seed() {
    const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
    this.manual_seed(high % 2 ** 21 * 2 ** 32 + low);
    return this.seeded;
  }
  /** Where the generator is: four words of its counter, the lowest first, and two of its key, which is the seed. */
  get_state() {
    return Uint32Array.from(this.state);
  }
  /** Goes back to where `get_state()` was called. */
  set_state(state) {
    if (state.length !== PHILOX_STATE) throw new RuntimeError(`set_state: expected ${PHILOX_STATE} words, got ${state.length}`);
    this.state = advance(state, 0);
    return this;
  }
  /** @internal The state from which the next `count` numbers come, which are then behind it. */
  take(count) {
    const state = this.get_state();
    this.state = advance(state, Math.ceil(count / PHILOX_WORDS));
    return state;
  }
};
var defaultGenerator = new Generator();
var manual_seed = named("manual_seed", ["seed"], (seed2) => defaultGenerator.manual_seed(seed2));
var initial_seed = () => defaultGenerator.initial_seed();
var seed = () => defaultGenerator.seed();
var RANDOM = ["generator", "dtype", "device"];
function draw(distribution, shape, options) {
  const { generator, device } = options;
  if (generator != null && !(generator instanceof Generator))
    throw new TypeError(`${distribution}: argument 'generator' must be Generator, not ${typeof generator}`);
  const backend = backendOf(device);
  const count = numel(shape);
  const dtype = distribution === "bits" ? "uint32" : "float32";
  if (count === 0) return constant(0, shape, dtype, backend);
  const state = (generator ?? defaultGenerator).take(count);
  const storage = backend.upload(new Uint8Array(state.buffer));
  const numbers = make(
    { kind: "random", distribution },
    [new Tensor(dataNode(storage, [state.length], "uint32", backend))],
    [count],
    dtype
  );
  return reshape(numbers, shape);
}
var floats2 = (op, distribution) => named(op, ["size", "..."], (...args) => {
  const { sizes, options } = splitSizes(op, args, RANDOM);
  const { dtype = "float32" } = options;
  if (!isFloat(dtype)) throw new NotImplementedError(`${op}: expected a floating point dtype, got ${dtype}`);
  const numbers = draw(distribution, checkShape(op, sizes), options);
  return cast(distribution === "uniform" && dtype === "float16" ? shortened(numbers) : numbers, dtype);
});
var shortened = (numbers) => element("div", element("floor", element("mul", numbers, 2 ** 11)), 2 ** 11);
var rand = floats2("rand", "uniform");
var randn = floats2("randn", "normal");
var randint = named(
  "randint",
  ["..."],
  (...args) => {
    const [, second] = args;
    const twoBounds = typeof second === "number" || typeof second === "object" && "high" in second;
    const given = keywords("randint", twoBounds ? ["low", "high", "size"] : ["high", "size"], args, [
      ...RANDOM,
      "low",
      "high",
      "size"
    ]);
    const { low = 0, high, size, dtype = "int32", ...options } = given;
    if (typeof high !== "number" || !Array.isArray(size))
      throw new TypeError("randint() expects randint(high, size) or randint(low, high, size)");
    if (![low, high].every(Number.isInteger)) throw new TypeError(`randint() expects integers as bounds, but got ${low} and ${high}`);
    if (dtype === "bool" && (low < 0 || high > 2)) throw new RuntimeError(`randint: from ${low} to ${high} is out of bounds for bool`);
    if (low >= high || high - low > 2 ** 32)
      throw new RuntimeError(
        `random_ expects 'from' to be less than 'to', at most 2**32 apart, but got from=${low} >= to=${high}`
      );
    for (const bound of [low, high - 1]) {
      asElement("randint", bound, dtype);
      if (dtype !== "uint32") asElement("randint", bound, "int32");
    }
    const bits2 = draw("bits", checkShape("randint", size), options);
    const span = high - low;
    const within = cast(span === 2 ** 32 ? bits2 : element("remainder", bits2, constant(span, [], "uint32", bits2.backend)), "int32");
    return cast(element("add", within, low | 0), dtype);
  }
);
var like2 = (op, create) => named(
  op,
  ["input: Tensor", "..."],
  (input2, options = {}) => create([...input2.shape], { dtype: input2.dtype, device: input2.device, ...keywords(op, [], [options], RANDOM) })
);
var rand_like = like2("rand_like", rand);
var randn_like = like2("randn_like", randn);
var multinomial = named(
  "multinomial",
  ["input: Tensor", "num_samples: int", "..."],
  (input2, num_samples, ...args) => {
    const { replacement = false, generator = null } = keywords("multinomial", ["replacement"], args, ["generator"]);
    if (input2.ndim !== 1 && input2.ndim !== 2)
      throw new RuntimeError(`multinomial: prob_dist must be 1 or 2 dim, got ${showShape(input2.shape)}`);
    if (!isFloat(input2.dtype)) throw new RuntimeError(`multinomial only supports floating-point dtypes for input, got: ${input2.dtype}`);
    if (!Number.isInteger(num_samples) || num_samples < 1)
      throw new RuntimeError(`multinomial: cannot sample n_sample <= 0 samples, got ${String(num_samples)}`);
    const width = input2.shape.at(-1) ?? 0;
    if (!replacement && num_samples > width)
      throw new RuntimeError(
        `multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement, got ${num_samples} of ${width}`
      );
    const weights = element("div", cast(input2, "float32"), amax(cast(input2, "float32"), -1, true));
    const uniform2 = (shape) => draw("uniform", shape, { generator, device: input2.device });
    return replacement && num_samples > 1 ? drawnAgain(weights, num_samples, uniform2) : drawnOnce(weights, num_samples, uniform2);
  }
);
function drawnOnce(weights, count, uniform2) {
  const exponential = element("neg", element("log1p", element("neg", uniform2(weights.shape))));
  return topk(element("div", weights, element("maximum", exponential, 1e-30)), count).indices;
}
function drawnAgain(weights, count, uniform2) {
  const sums = cumsum(weights, -1);
  const width = weights.shape.at(-1) ?? 0;
  const total = narrow(sums, -1, width - 1, 1);
  const shares = element("mul", uniform2([...weights.shape.slice(0, -1), count]), total);
  return element("minimum", sum(element("le", unsqueeze(sums, -2), unsqueeze(shares, -1)), -1), width - 1);
}

// src/tensor/rearrange.ts
var rearrange_exports = {};
__export(rearrange_exports, {
  diagonal: () => diagonal,
  moveaxis: () => movedim,
  movedim: () => movedim,
  repeat: () => repeat2,
  repeat_interleave: () => repeat_interleave,
  roll: () => roll,
  swapaxes: () => swapaxes,
  swapdims: () => transpose,
  tile: () => tile2
});
var roll = named(
  "roll",
  ["input: Tensor", "shifts", "..."],
  (input2, shifts, ...args) => {
    const { dims = null } = keywords("roll", ["dims"], args);
    const by = [shifts].flat();
    checkIntegers("roll", by);
    const along = dims === null ? [] : [dims].flat();
    if (by.length === 0) throw new RuntimeError("roll: `shifts` required");
    if (along.length === 0 && by.length === 1) return reshape(rollOne(reshape(input2, [-1]), by[0] ?? 0, 0), input2.shape);
    if (along.length !== by.length)
      throw new RuntimeError(`roll: shifts and dimensions must align. shifts: ${by.length}, dims:${along.length}`);
    return along.reduce((rolled, dim, i) => rollOne(rolled, by[i] ?? 0, wrapDim("roll", dim, input2.ndim)), input2);
  }
);
function rollOne(input2, shift2, dim) {
  const size = input2.shape[dim] ?? 0;
  if (size === 0) return copied(input2);
  const first = (shift2 % size + size) % size;
  return first === 0 ? copied(input2) : cat([narrow(input2, dim, size - first, first), narrow(input2, dim, 0, size - first)], dim);
}
var repeat2 = named("repeat", ["input: Tensor", "repeats", "..."], (input2, ...sizes) => {
  const times2 = sizesOf(sizes);
  checkIntegers("repeat", times2);
  const missing = times2.length - input2.ndim;
  if (missing < 0)
    throw new RuntimeError(
      `repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: ${showShape(times2)} for ${showShape(input2.shape)}`
    );
  if (times2.some((count) => count < 0))
    throw new RuntimeError(`repeat: Trying to create tensor with negative dimension: ${showShape(times2)}`);
  const shape = [...new Array(missing).fill(1), ...input2.shape];
  const apart = shape.flatMap((size) => [1, size]);
  const larger3 = shape.flatMap((size, d) => [times2[d] ?? 1, size]);
  return copied(
    reshape(
      expand2(reshape(input2, apart), larger3),
      shape.map((size, d) => size * (times2[d] ?? 1))
    )
  );
});
var tile2 = named("tile", ["input: Tensor", "dims", "..."], (input2, ...dims) => {
  const times2 = sizesOf(dims);
  return repeat2(input2, [...new Array(Math.max(0, input2.ndim - times2.length)).fill(1), ...times2]);
});
var repeat_interleave = named(
  "repeat_interleave",
  ["input: Tensor", "repeats: int", "..."],
  (input2, repeats, ...args) => {
    const { dim = null } = keywords("repeat_interleave", ["dim"], args);
    if (!Number.isInteger(repeats) || repeats < 0)
      throw new RuntimeError(`repeat_interleave: repeats must be a non-negative integer, got ${String(repeats)}`);
    if (dim === null) return repeat_interleave(reshape(input2, [-1]), repeats, 0);
    const d = wrapDim("repeat_interleave", dim, input2.ndim);
    const { shape } = input2;
    const wide = expand2(unsqueeze(input2, d + 1), [...shape.slice(0, d + 1), repeats, ...shape.slice(d + 1)]);
    return copied(reshape(wide, [...shape.slice(0, d), (shape[d] ?? 1) * repeats, ...shape.slice(d + 1)]));
  }
);
var movedim = named(
  "movedim",
  ["input: Tensor", "source", "destination"],
  (input2, source, destination) => {
    const wrap = (dims) => [dims].flat().map((dim) => wrapDim("movedim", dim, input2.ndim));
    const [from, to2] = [wrap(source), wrap(destination)];
    if (from.length !== to2.length || new Set(from).size !== from.length || new Set(to2).size !== to2.length)
      throw new RuntimeError(
        `movedim: Invalid source or destination dims: source (${showShape(from)}) and destination (${showShape(to2)}), each of distinct dims and of one length`
      );
    const left = input2.shape.map((_, d) => d).filter((d) => !from.includes(d));
    const order2 = input2.shape.map((_, d) => {
      const moved2 = from[to2.indexOf(d)];
      return moved2 ?? left.shift() ?? 0;
    });
    return permute(input2, order2);
  }
);
var swapaxes = named(
  "swapaxes",
  ["input: Tensor", "axis0: int", "axis1: int"],
  (input2, axis0, axis1) => transpose(input2, axis0, axis1)
);
var diagonal = named(
  "diagonal",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const { offset = 0, dim1 = 0, dim2 = 1 } = keywords("diagonal", ["offset", "dim1", "dim2"], args);
    const [a, b] = [wrapDim("diagonal", dim1, input2.ndim), wrapDim("diagonal", dim2, input2.ndim)];
    if (a === b) throw new RuntimeError(`diagonal: diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
    const last = movedim(input2, [a, b], [-2, -1]);
    const [rows = 0, columns = 0] = last.shape.slice(-2);
    const count = Math.max(0, Math.min(rows - Math.max(0, -offset), columns - Math.max(0, offset)));
    const shape = [...last.shape.slice(0, -2), count, 1];
    const kept = narrow(last, -2, Math.min(rows, Math.max(0, -offset)), count);
    if (numel(shape) === 0) return reshape(narrow(kept, -1, 0, 0), shape.slice(0, -1));
    const moved2 = narrow(kept, -1, Math.max(0, offset), columns - Math.max(0, offset));
    const index2 = unsqueeze(range(count, input2.backend), 1);
    return reshape(make({ kind: "take", dim: moved2.ndim - 1 }, [moved2, index2], shape, input2.dtype), shape.slice(0, -1));
  }
);

// src/tensor/norm.ts
var norm2 = named(
  "norm",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const { p = 2, dim, keepdim = false, dtype } = keywords("norm", ["p", "dim", "keepdim"], args, ["dtype"]);
    if (!isFloat(input2.dtype)) throw new RuntimeError(`norm: only floating point dtypes are supported, got ${input2.dtype}`);
    const result = dtype ?? input2.dtype;
    if (promote("norm", result, input2.dtype) !== result)
      throw new RuntimeError(
        `norm: the dtype of the input (${input2.dtype}) should be convertible without narrowing to the specified dtype (${result})`
      );
    const dims = wrapDims("norm", dim, input2.ndim);
    const power2 = p === null ? 2 : p;
    checkOrder(power2, dims, dim, input2.shape);
    return cast(normOf(cast(input2, "float32"), power2 === "fro" ? 2 : power2, dims, keepdim), result);
  }
);
function checkOrder(p, dims, dim, shape) {
  if (p === "nuc") throw new NotImplementedError("norm: the nuclear norm, which takes singular values, is not implemented");
  if (p !== "fro" && typeof p !== "number") throw new RuntimeError(`norm: Order ${String(p)} not supported`);
  if (p === "fro" && dim != null && dims.length > 2)
    throw new RuntimeError(`norm: dim must be a 2-tuple for order fro. Got ${dims.join(" ")}`);
  const empty2 = dims.find((d) => shape[d] === 0);
  if (empty2 !== void 0 && p !== "fro" && (p < 0 || p === Infinity))
    throw new RuntimeError(
      `norm: cannot compute the ${p} norm on the dimension ${empty2} because this dimension is empty and the operation does not have an identity`
    );
}
function normOf(x, p, dims, keepdim) {
  if (p === 2) return element("sqrt", reduced("sum", element("square", x), dims, keepdim));
  const size = element("abs", x);
  if (p === 1) return reduced("sum", size, dims, keepdim);
  if (p === Infinity) return reduced("amax", size, dims, keepdim);
  if (p === -Infinity) return reduced("amin", size, dims, keepdim);
  if (p === 0) return reduced("sum", cast(element("ne", x, 0), "float32"), dims, keepdim);
  return element("pow", reduced("sum", element("pow", size, p), dims, keepdim), 1 / p);
}

// src/tensor/pad.ts
var MODES = ["constant", "reflect", "replicate", "circular"];
var pad = named(
  "pad",
  ["input: Tensor", "pad", "..."],
  (input2, widths, ...args) => {
    const { mode = "constant", value = null } = keywords("pad", ["mode", "value"], args);
    checkIntegers("pad", widths);
    if (!MODES.includes(mode)) throw new NotImplementedError(`pad: Unrecognised padding mode ${String(mode)}`);
    if (widths.length % 2 !== 0) throw new RuntimeError(`pad: Padding length must be divisible by 2, got ${widths.length}`);
    if (widths.length > 2 * input2.ndim)
      throw new RuntimeError(
        `pad: Padding length should be less than or equal to two times the input dimension but got padding length ${widths.length} and input of dimension ${input2.ndim}`
      );
    if (mode !== "constant" && value !== null && value !== 0)
      throw new RuntimeError(`pad: Padding mode "${mode}" doesn't take in value argument`);
    let out = input2;
    for (let i = 0; i < widths.length; i += 2) {
      const d = input2.ndim - 1 - i / 2;
      const [before = 0, after = 0] = [widths[i], widths[i + 1]];
      if ((input2.shape[d] ?? 0) + before + after < 0)
        throw new RuntimeError(
          `pad: The input size ${input2.shape[d]}, plus padding ${before} and ${after}, resulted in a negative output size`
        );
      out = mode === "constant" ? padConstant(out, d, before, after, value ?? 0) : padFrom(mode, out, d, before, after);
    }
    return out === input2 ? copied(input2) : out;
  }
);
function padConstant(input2, d, before, after, value) {
  const kept = narrow(input2, d, Math.max(0, -before), (input2.shape[d] ?? 0) + Math.min(0, before) + Math.min(0, after));
  const fill = (size) => constant(
    value,
    kept.shape.map((own, j) => j === d ? size : own),
    kept.dtype,
    kept.backend
  );
  return cat([fill(Math.max(0, before)), kept, fill(Math.max(0, after))], { dim: d });
}
function padFrom(mode, input2, d, before, after) {
  const size = input2.shape[d] ?? 0;
  const most = { reflect: size - 1, circular: size, replicate: size === 0 ? 0 : Infinity }[mode];
  if (before > most || after > most)
    throw new RuntimeError(
      `pad: Padding size should be less than or equal to what mode ${mode} has at dimension ${d} of ${showShape(input2.shape)}, got ${before} and ${after}`
    );
  if (before === 0 && after === 0) return input2;
  if (mode === "circular" && (before < 0 || after < 0))
    return padFrom(mode, padConstant(input2, d, Math.min(0, before), Math.min(0, after), 0), d, Math.max(0, before), Math.max(0, after));
  const count = size + before + after;
  const shape = input2.shape.map((own, j) => j === d ? count : own);
  const place = element("sub", range(count, input2.backend), before);
  const last = size - 1;
  const wrapped = {
    // |p| mirrors at the first element, and last - |last - …| at the last.
    reflect: () => element("sub", last, element("abs", element("sub", last, element("abs", place)))),
    replicate: () => element("minimum", element("maximum", place, 0), last),
    circular: () => element("remainder", place, size)
  }[mode]();
  const index2 = reshape(
    cast(wrapped, "int32"),
    shape.map((_, j) => j === d ? count : 1)
  );
  return make({ kind: "take", dim: d }, [input2, index2], shape, input2.dtype);
}

// src/tensor/scatter.ts
var scatter = named(
  "scatter",
  ["input: Tensor", "dim: int", "index: Tensor", "..."],
  (input2, dim, index2, ...args) => {
    const options = keywords("scatter", ["src"], args, ["value", "reduce"]);
    const { src = options.value, reduce: reduce2 = null } = options;
    if (src === void 0) throw new TypeError("scatter() missing argument: src, or value");
    if (reduce2 !== null && !Object.hasOwn(JOINS, reduce2))
      throw new RuntimeError(`scatter: reduce argument must be either add or multiply, got ${String(reduce2)}`);
    const source = src instanceof Tensor ? src : asElement("scatter", src, input2.dtype);
    return put("scatter", input2, dim, index2, source, reduce2);
  }
);
var scatter_add = named(
  "scatter_add",
  ["input: Tensor", "dim: int", "index: Tensor", "src: Tensor"],
  (input2, dim, index2, src) => put("scatter_add", input2, dim, index2, src, "add")
);
var JOINS = { add: "sum", multiply: "prod" };
function put(op, input2, dim, index2, src, reduce2) {
  const vector = (tensor2) => tensor2.ndim === 0 ? reshape(tensor2, [1]) : tensor2;
  if ([input2, index2, src].some((given) => given instanceof Tensor && given.ndim === 0))
    return reshape(put(op, vector(input2), dim, vector(index2), src instanceof Tensor ? vector(src) : src, reduce2), input2.shape);
  const d = checked(op, input2, dim, index2, src);
  if (index2.numel() === 0 || input2.numel() === 0) return copied(input2);
  return reduce2 === null ? replaced(input2, d, index2, src) : joined3(JOINS[reduce2], input2, d, index2, src);
}
function checked(op, input2, dim, index2, src) {
  const d = wrapDim(op, dim, input2.ndim);
  checkIndex(op, index2);
  if (src instanceof Tensor && src.dtype !== input2.dtype)
    throw new RuntimeError(`${op}(): Expected self.dtype to be equal to src.dtype, got ${input2.dtype} and ${src.dtype}`);
  if (index2.numel() === 0) return d;
  const sizes = src instanceof Tensor ? src.shape : index2.shape;
  const fits = index2.ndim === input2.ndim && sizes.length === index2.ndim;
  const within = (i, size) => (i === d || size <= (input2.shape[i] ?? 1)) && size <= (sizes[i] ?? 0);
  if (!fits)
    throw new RuntimeError(
      `${op}(): Index tensor must have the same number of dimensions as self and src tensor: ${showShape(index2.shape)}, ${showShape(input2.shape)} and ${showShape(sizes)}`
    );
  if (!index2.shape.every((size, i) => within(i, size)))
    throw new RuntimeError(
      `${op}(): Expected index ${showShape(index2.shape)} to be no larger than self ${showShape(input2.shape)} apart from dimension ${d} and to be no larger size than src ${showShape(sizes)}`
    );
  return d;
}
var under = (input2, shape) => shape.reduce((part, size, d) => narrow(part, d, 0, size), input2);
function over(input2, part, fill) {
  const widths = input2.shape.map((size, d) => [0, size - (part.shape[d] ?? 0)]).reverse();
  return pad(part, widths.flat(), { value: fill });
}
function replaced(input2, d, index2, src) {
  const last = input2.ndim - 1;
  const rows = transpose(cast(index2, "int32"), d, last);
  const shape = [...rows.shape.slice(0, -1), input2.shape[d] ?? 1];
  const places2 = transpose(make({ kind: "scatter_places" }, [rows], shape, "int32"), d, last);
  const named2 = over(input2, places2, -1);
  if (!(src instanceof Tensor)) return cast(choose(element("ge", named2, 0), src, input2), input2.dtype);
  const found = make({ kind: "take", dim: d }, [under(src, widened2(index2.shape, d, src)), places2], places2.shape, src.dtype);
  return choose(element("ge", named2, 0), over(input2, found, 0), input2);
}
var widened2 = (shape, d, src) => shape.map((size, i) => i === d ? src.shape[i] ?? size : size);
function joined3(join2, input2, d, index2, src) {
  const last = input2.ndim - 1;
  const dtype = isFloat(input2.dtype) ? "float32" : input2.dtype === "uint32" ? "uint32" : "int32";
  const rows = transpose(cast(index2, "int32"), d, last);
  const values = src instanceof Tensor ? cast(transpose(under(src, index2.shape), d, last), dtype) : constant(src, rows.shape, dtype, input2.backend);
  const shape = [...rows.shape.slice(0, -1), input2.shape[d] ?? 1];
  const part = transpose(make({ kind: "scatter_join", join: join2 }, [rows, values], shape, dtype), d, last);
  return cast(join2 === "sum" ? element("add", input2, over(input2, part, 0)) : element("mul", input2, over(input2, part, 1)), input2.dtype);
}

// src/tensor/softmax.ts
var softmaxOver = (name) => named(name, ["input: Tensor", "dim: int", "..."], (given, dim, options = {}) => {
  const { dtype = null } = keywords(name, [], [options], ["dtype"]);
  const input2 = dtype === null ? given : cast(given, dtype);
  const d = wrapDim(name, dim, input2.ndim);
  if (!isFloat(input2.dtype)) {
    if (input2.numel() === 0) return copied(input2);
    throw new NotImplementedError(`${name}: not implemented for '${input2.dtype}', only for floats`);
  }
  if (input2.ndim === 0) return reshape(softmaxRows(name, reshape(input2, [1])), []);
  const last = input2.ndim - 1;
  return transpose(softmaxRows(name, transpose(input2, d, last)), d, last);
});
function softmaxRows(name, input2) {
  const rows = cast(input2, "float32");
  return cast(
    input2.numel() === 0 ? rows : make({ kind: "softmax", log: name === "log_softmax" }, [rows], rows.shape, "float32"),
    input2.dtype
  );
}
var softmax2 = softmaxOver("softmax");
var log_softmax = softmaxOver("log_softmax");

// src/tensor/index_tensors.ts
function indexTensors(input2, indices) {
  const dims = indices.flatMap((index2, d) => index2 ? [d] : []);
  const tensors = indices.filter((index2) => index2 !== null);
  const picked2 = commonShape(tensors);
  for (const d of dims) {
    if (input2.shape[d] === 0 && numel(picked2) > 0) throw new IndexError("index: index is out of bounds for dimension with size 0");
  }
  const [first = 0] = dims;
  const sideBySide2 = dims.every((d, i) => d === first + i);
  const front = dims.map((_, i) => i);
  const rows = movedim(input2, dims, sideBySide2 ? dims : front);
  const start = sideBySide2 ? first : 0;
  const sizes = rows.shape.slice(start, start + dims.length);
  const [before, behind] = [rows.shape.slice(0, start), rows.shape.slice(start + dims.length)];
  const source = reshape(rows, [...before, numel(sizes), ...behind]);
  const places2 = reshape(
    linear2(
      tensors.map((tensor2) => expand2(cast(tensor2, "int32"), picked2)),
      sizes
    ),
    [...before.map(() => 1), numel(picked2), ...behind.map(() => 1)]
  );
  const taken = make({ kind: "take", dim: start }, [source, places2], [...before, numel(picked2), ...behind], input2.dtype);
  return reshape(taken, [...before, ...picked2, ...behind]);
}
function commonShape(tensors) {
  const shapes = tensors.map(({ shape }) => shape);
  try {
    return shapes.reduce((shape, other) => broadcastShapes("index", shape, other), []);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new IndexError(
      `index: shape mismatch: indexing tensors could not be broadcast together with shapes ${shapes.map(showShape).join(", ")}`
    );
  }
}
function linear2(indices, sizes) {
  const strides = contiguousStrides(sizes);
  const parts = indices.map((index2, i) => {
    const size = at(sizes, i);
    const place = choose(element("lt", index2, 0), element("add", index2, size), index2);
    const within2 = element("logical_and", element("ge", place, 0), element("lt", place, size));
    return { within: within2, step: element("mul", place, at(strides, i)) };
  });
  const within = parts.map((part) => part.within).reduce((a, b) => element("logical_and", a, b));
  const sum2 = parts.map((part) => part.step).reduce((a, b) => element("add", a, b));
  return choose(within, sum2, -1);
}

// src/tensor/slices.ts
var Slice = class {
  constructor(start = null, stop = null, step = null) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
  start;
  stop;
  step;
};
var index = named("index", ["input: Tensor", "indices"], (input2, indices) => {
  if (!Array.isArray(indices)) throw new TypeError(`index: expected an array of indices, got ${String(indices)}`);
  const taken = indices.filter((one) => one !== null && one !== "...").length;
  if (taken > input2.ndim) throw new IndexError(`index: too many indices for tensor of dimension ${input2.ndim}, got ${taken}`);
  if (indices.filter((one) => one === "...").length > 1) throw new IndexError("index: an index can only have a single ellipsis ('...')");
  let out = input2;
  const picks2 = [];
  for (const one of indices) {
    const dim = picks2.length;
    if (one === null) out = unsqueeze(out, dim);
    else if (one instanceof Slice) out = sliced(out, dim, one);
    else if (typeof one === "number") {
      out = picked(out, dim, one);
      continue;
    } else if (one === "...") {
      for (let d = taken; d < input2.ndim; d++) picks2.push(null);
      continue;
    } else {
      const tensor2 = integers(one, dim, out);
      if (tensor2.ndim > 0) {
        picks2.push(tensor2);
        continue;
      }
      out = indexTensors(out, [...picks2.map(() => null), tensor2]);
      continue;
    }
    picks2.push(null);
  }
  return picks2.some((pick) => pick !== null) ? indexTensors(out, picks2) : out;
});
function integers(one, dim, { shape, device }) {
  if (!(one instanceof Tensor)) {
    if (!Array.isArray(one))
      throw new IndexError(
        `index: only integers, Slice, null, "..." and tensors or arrays of integers are valid indices, got ${String(one)}`
      );
    const all2 = one.flat(Infinity);
    const size = shape[dim] ?? 0;
    const beyond = all2.find((at2) => typeof at2 !== "number" || !Number.isInteger(at2) || at2 < -size || at2 >= size);
    if (beyond !== void 0)
      throw new IndexError(`index: index ${String(beyond)} is out of bounds for dimension ${dim} with size ${size}`);
    return tensor(one, { dtype: "int32", device });
  }
  if (one.dtype === "bool") throw maskedIndex();
  if (one.dtype !== "int32" && one.dtype !== "uint32")
    throw new IndexError(`index: tensors used as indices must be int32 or uint32, got ${one.dtype}`);
  return one;
}
function picked(input2, dim, at2) {
  const size = input2.shape[dim] ?? 0;
  if (!Number.isInteger(at2)) throw new IndexError(`index: only integers are valid indices, got ${at2}`);
  if (at2 < -size || at2 >= size) throw new IndexError(`index: index ${at2} is out of bounds for dimension ${dim} with size ${size}`);
  return select2(input2, dim, at2);
}
function sliced(input2, dim, { start, stop, step }) {
  const size = input2.shape[dim] ?? 0;
  const by = step ?? 1;
  const odd = [start, stop, step].find((one) => one !== null && !Number.isInteger(one));
  if (odd !== void 0) throw new TypeError(`index: slice indices must be integers or null, got ${String(odd)}`);
  if (by < 1) throw new ValueError(`index: step must be greater than zero, got ${String(step)}`);
  const bound = (at2) => Math.min(size, Math.max(0, at2 < 0 ? at2 + size : at2));
  const first = bound(start ?? 0);
  const length = Math.max(0, Math.ceil((bound(stop ?? size) - first) / by));
  if (length === 0)
    return reshape(
      slice(input2, dim, 0, 0, 1),
      input2.shape.map((own, d) => d === dim ? 0 : own)
    );
  return slice(input2, dim, first, length, by);
}

// src/tensor/special.ts
var special_exports = {};
__export(special_exports, {
  allclose: () => allclose,
  copysign: () => copysign,
  deg2rad: () => deg2rad,
  equal: () => equal,
  float_power: () => float_power,
  fmax: () => fmax,
  fmin: () => fmin,
  heaviside: () => heaviside,
  hypot: () => hypot,
  isclose: () => isclose,
  isneginf: () => isneginf,
  isposinf: () => isposinf,
  logaddexp: () => logaddexp,
  logaddexp2: () => logaddexp2,
  logit: () => logit,
  nan_to_num: () => nan_to_num,
  rad2deg: () => rad2deg,
  sinc: () => sinc,
  xlogy: () => xlogy
});
var floating2 = (dtype) => isFloat(dtype) ? dtype : "float32";
var ofFloats = (name, compute) => (...operands) => {
  const dtype = floating2(promoted(name, operands));
  return cast(compute(...operands.map((operand) => operand instanceof Tensor ? cast(operand, "float32") : operand)), dtype);
};
var unary2 = (name, compute) => {
  const apply = ofFloats(name, compute);
  return named(name, ["input: Tensor"], (input2) => apply(input2));
};
var binaryOfFloats = (name, compute) => {
  const apply = binary2(name, compute);
  return named(name, ["input: Tensor", "other: Tensor"], (input2, other) => {
    const dtype = promoted(name, [input2, other]);
    if (!isFloat(dtype)) throw new NotImplementedError(`${name}: not implemented for '${dtype}', only for floats`);
    return apply(input2, other);
  });
};
var binary2 = (name, compute) => {
  const apply = ofFloats(name, compute);
  return named(name, ["input", "other"], (input2, other) => apply(input2, other));
};
var deg2rad = unary2("deg2rad", (x) => element("mul", x, Math.PI / 180));
var rad2deg = unary2("rad2deg", (x) => element("mul", x, 180 / Math.PI));
var sinc = unary2("sinc", (x) => {
  const angle = element("mul", x, Math.PI);
  return choose(element("eq", angle, 0), 1, element("div", element("sin", angle), angle));
});
var logit = named("logit", ["input: Tensor", "..."], (input2, ...args) => {
  const { eps = null } = keywords("logit", ["eps"], args);
  const odds = ofFloats("logit", (x = 0) => {
    const inside = eps === null ? x : element("minimum", element("maximum", x, eps), 1 - eps);
    return element("log", element("div", inside, element("sub", 1, inside)));
  });
  return odds(input2);
});
var logaddexp = binaryOfFloats("logaddexp", (a, b) => sumOfPowers(a, b, (x) => element("log1p", element("exp", x))));
var logaddexp2 = binaryOfFloats(
  "logaddexp2",
  (a, b) => sumOfPowers(a, b, (x) => element("mul", element("log1p", element("exp2", x)), Math.LOG2E))
);
function sumOfPowers(a, b, rest) {
  const top = element("maximum", a, b);
  const distance = element("abs", element("sub", a, b));
  return choose(element("isinf", top), top, element("add", top, rest(element("neg", distance))));
}
var hypot = binaryOfFloats("hypot", (a, b) => {
  const [x, y] = [element("abs", element("add", a, 0)), element("abs", element("add", b, 0))];
  const long = element("maximum", x, y);
  const ratio = element("div", element("minimum", x, y), long);
  const length = element("mul", long, element("sqrt", element("add", element("square", ratio), 1)));
  const infinite = element("logical_or", element("isinf", x), element("isinf", y));
  return choose(infinite, Infinity, choose(element("eq", long, 0), 0, length));
});
var xlogy = binary2("xlogy", (a, b) => {
  const isNumber = b instanceof Tensor ? element("logical_not", element("isnan", b)) : !Number.isNaN(b);
  const log3 = b instanceof Tensor ? element("log", b) : Math.log(Number(b));
  const isZero = a instanceof Tensor ? element("eq", a, 0) : Number(a) === 0;
  return choose(element("logical_and", isZero, isNumber), 0, element("mul", a, log3));
});
var copysign = named("copysign", ["input: Tensor", "other"], (input2, other) => {
  const sized = ofFloats("copysign", (a = 0, b = 0) => {
    const size = element("abs", a);
    if (b instanceof Tensor) return choose(element("signbit", b), element("neg", size), size);
    return Number(b) < 0 || Object.is(b, -0) ? element("neg", size) : size;
  });
  return sized(input2, other);
});
var fmax = named(
  "fmax",
  ["input: Tensor", "other: Tensor"],
  (input2, other) => present(input2, other, element("maximum", input2, other))
);
var fmin = named(
  "fmin",
  ["input: Tensor", "other: Tensor"],
  (input2, other) => present(input2, other, element("minimum", input2, other))
);
var present = (a, b, both) => isFloat(both.dtype) ? choose(element("isnan", a), b, choose(element("isnan", b), a, both)) : both;
var heaviside = named("heaviside", ["input: Tensor", "values: Tensor"], (input2, values) => {
  if (input2.dtype !== values.dtype)
    throw new RuntimeError(`heaviside: input and values with different dtypes are not implemented, got ${input2.dtype} and ${values.dtype}`);
  return choose(element("eq", input2, 0), values, cast(element("gt", input2, 0), input2.dtype));
});
var isposinf = named(
  "isposinf",
  ["input: Tensor"],
  (input2) => element("logical_and", element("isinf", input2), element("gt", input2, 0))
);
var isneginf = named(
  "isneginf",
  ["input: Tensor"],
  (input2) => element("logical_and", element("isinf", input2), element("lt", input2, 0))
);
var isclose = named(
  "isclose",
  ["input: Tensor", "other: Tensor", "..."],
  (input2, other, ...args) => {
    const { rtol = 1e-5, atol = 1e-8, equal_nan = false } = keywords("isclose", ["rtol", "atol", "equal_nan"], args);
    if (input2.dtype !== other.dtype) throw new RuntimeError(`isclose: ${input2.dtype} did not match ${other.dtype}`);
    const [a, b] = [cast(input2, "float32"), cast(other, "float32")];
    const distance = element("abs", element("sub", a, b));
    const near = element("le", distance, element("add", element("mul", element("abs", b), rtol), atol));
    const close2 = element("logical_or", element("eq", a, b), element("logical_and", near, element("isfinite", distance)));
    const nans = element("logical_and", element("isnan", a), element("isnan", b));
    return equal_nan ? element("logical_or", close2, nans) : close2;
  }
);
var allclose = named(
  "allclose",
  ["input: Tensor", "other: Tensor", "..."],
  (input2, other, ...args) => isTrue(all(isclose(input2, other, ...args)))
);
var equal = named(
  "equal",
  ["input: Tensor", "other: Tensor"],
  (input2, other) => sameShape(input2.shape, other.shape) ? isTrue(all(element("eq", input2, other))) : Promise.resolve(false)
);
var isTrue = async (one) => Boolean(await one.item());
var float_power = named("float_power", ["input", "exponent"], (input2, exponent) => {
  const wide = (given) => given instanceof Tensor ? cast(given, "float32") : Number(given);
  return pow(wide(input2), wide(exponent));
});
var LARGEST2 = { float16: 65504, float32: 34028234663852886e22 };
var nan_to_num = named(
  "nan_to_num",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const options = keywords("nan_to_num", ["nan", "posinf", "neginf"], args);
    if (!isFloat(input2.dtype)) return copied(input2);
    const largest = input2.dtype === "float16" ? LARGEST2.float16 : LARGEST2.float32;
    const { nan, posinf, neginf } = options;
    const noNan = choose(element("isnan", input2), nan ?? 0, input2);
    const noPlus = choose(isposinf(input2), posinf ?? largest, noNan);
    return choose(isneginf(input2), neginf ?? -largest, noPlus);
  }
);

// src/tensor/variance.ts
function optionsOf(op, args) {
  const names2 = typeof args[0] === "boolean" ? ["unbiased"] : ["dim", "unbiased", "keepdim"];
  const options = keywords(op, names2, args, ["dim", "unbiased", "keepdim", "correction"]);
  if (options.unbiased !== void 0 && options.correction !== void 0)
    throw new TypeError(`${op}(): expected correction or unbiased, not both`);
  return options;
}
function varianceOf(op, input2, options) {
  const { dim, keepdim = false, unbiased = true } = options;
  const correction = options.correction ?? (unbiased ? 1 : 0);
  if (!isFloat(input2.dtype)) throw new RuntimeError(`${op}: only floating point dtypes are supported, got ${input2.dtype}`);
  const dims = wrapDims(op, dim, input2.ndim);
  const x = cast(input2, "float32");
  const squares = element("square", element("sub", x, mean(x, { dim: dims, keepdim: true })));
  const degrees = Math.max(0, countOf(input2, dims) - correction);
  return element("div", reduced("sum", squares, dims, keepdim), degrees);
}
var spreadOf = (op) => {
  const compute = (input2, options) => {
    const variance2 = varianceOf(op, input2, options);
    return cast(op === "std" ? element("sqrt", variance2) : variance2, input2.dtype);
  };
  return [
    named(op, ["input: Tensor", "..."], (input2, ...args) => compute(input2, optionsOf(op, args))),
    named(`${op}_mean`, ["input: Tensor", "..."], (input2, ...args) => {
      const options = optionsOf(`${op}_mean`, args);
      const { dim = null, keepdim = false } = options;
      return [compute(input2, options), mean(input2, { dim, keepdim })];
    })
  ];
};
var [variance, var_mean] = spreadOf("var");
var [std, std_mean] = spreadOf("std");

// src/tensor/methods.ts
var { rsub: rsub2, ...plainArithmetic } = arithmetic_exports;
var { slice: slice2, sizesOf: sizesOf2, ...views } = shapes_exports;
var { checkIndex: checkIndex2, ...picks } = indexing_exports;
var { linear: linear3, ...plainProducts } = products_exports;
var METHODS = {
  ...conversion_exports,
  ...pointwise_exports,
  ...plainArithmetic,
  where: named(
    "where",
    ["input: Tensor", "condition: Tensor", "other"],
    (input2, condition, other) => where(condition, input2, other)
  ),
  ...special_exports,
  ...reductions_exports,
  ...extremes_exports,
  norm: norm2,
  std,
  var: variance,
  ...views,
  ...rearrange_exports,
  index,
  ...scans_exports,
  softmax: softmax2,
  log_softmax,
  ...sorting_exports,
  scatter,
  scatter_add,
  multinomial,
  argwhere,
  masked_select,
  nonzero,
  ...picks,
  ...plainProducts,
  full_like,
  ones_like,
  zeros_like,
  tril,
  triu
};
var GETTERS = {
  T: (input2) => permute(input2, input2.shape.map((_, d) => d).reverse()),
  mT: (input2) => transpose(input2, -2, -1)
};
for (const [name, fn] of Object.entries(METHODS)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(...args) {
      return fn(this, ...args);
    }
  });
}
for (const [name, compute] of Object.entries(GETTERS)) {
  Object.defineProperty(Tensor.prototype, name, {
    get() {
      return compute(this);
    }
  });
}

// src/nn/functional.ts
var functional_exports = {};
__export(functional_exports, {
  cosine_similarity: () => cosine_similarity,
  cross_entropy: () => cross_entropy,
  embedding: () => embedding2,
  gelu: () => gelu,
  group_norm: () => group_norm,
  layer_norm: () => layer_norm,
  linear: () => linear,
  log_softmax: () => log_softmax,
  nll_loss: () => nll_loss,
  normalize: () => normalize,
  pad: () => pad,
  relu: () => relu2,
  rms_norm: () => rms_norm,
  scaled_dot_product_attention: () => scaled_dot_product_attention,
  sigmoid: () => sigmoid,
  silu: () => silu,
  softmax: () => softmax2,
  softplus: () => softplus,
  tanh: () => tanh
});

// src/nn/options.ts
function checkInplace(op, args) {
  const { inplace = false } = keywords(op, ["inplace"], args);
  if (inplace) throw new NotImplementedError(`${op}: inplace must be false, as nothing here can be written in place`);
}
var EMBEDDING_OPTIONS = ["padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"];
function checkEmbedding(op, { padding_idx, max_norm }, rows) {
  if (max_norm != null) throw new NotImplementedError(`${op}: max_norm changes the weight, and nothing here can be written in place`);
  if (padding_idx != null && !(padding_idx >= -rows && padding_idx < rows))
    throw new RuntimeError(`${op}: padding_idx must be within num_embeddings, got ${padding_idx} of ${rows}`);
}

// src/nn/attention.ts
var varlen_attn = named(
  "varlen_attn",
  ["query: Tensor", "key: Tensor", "value: Tensor", "cu_seq_q: Tensor", "cu_seq_k", "max_q: int", "max_k: int", "..."],
  (query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, options = {}) => {
    const {
      scale,
      window_size = [-1, -1],
      enable_gqa = false
    } = keywords("varlen_attn", [], [options], ["scale", "window_size", "enable_gqa"]);
    const [left, right] = window_size;
    if (left !== -1 || right !== -1 && right !== 0)
      throw new RuntimeError(`varlen_attn: window_size [${left}, ${right}], expected [-1, -1] or [-1, 0]`);
    if (query.ndim !== 3 || key.ndim !== 3 || !sameShape(key.shape, value.shape) || key.shape[2] !== query.shape[2]) {
      throw new RuntimeError(
        `varlen_attn: expected q (T, H, D) and k, v of one shape, got ${[query, key, value].map(({ shape }) => showShape(shape)).join(", ")}`
      );
    }
    const [, heads = 1, headDim = 1] = query.shape;
    if (headDim > MAX_HEAD_DIM) throw new RuntimeError(`varlen_attn: heads of ${headDim}, at most ${MAX_HEAD_DIM}`);
    const ends = cu_seq_k ?? cu_seq_q;
    if (cu_seq_q.dtype !== "int32" || ends.dtype !== "int32" || cu_seq_q.ndim !== 1 || !sameShape(cu_seq_q.shape, ends.shape)) {
      throw new RuntimeError(
        `varlen_attn: expected cu_seq_q and cu_seq_k int32 of one length, got ${String(cu_seq_q)} and ${String(ends)}`
      );
    }
    if (!Number.isInteger(max_q) || !Number.isInteger(max_k))
      throw new RuntimeError(`varlen_attn: max_q and max_k are lengths, got ${max_q} and ${max_k}`);
    if (query.numel() === 0) return query;
    groupOf("varlen_attn", heads, key.shape[1] ?? 1, enable_gqa);
    const inputs = [query, key, value].map((tensor2) => cast(tensor2, "float32"));
    const op = { kind: "attention", maxQ: max_q, causal: right === 0, scale: scale ?? 1 / Math.sqrt(headDim) };
    return cast(make(op, [...inputs, cu_seq_q, ends], query.shape, "float32"), query.dtype);
  }
);
function groupOf(op, heads, own, enable_gqa) {
  if (heads === own || own === 1) return heads / own;
  if (!enable_gqa || heads % own !== 0)
    throw new RuntimeError(`${op}: ${heads} query heads and ${own} key heads; with enable_gqa the former must be a multiple of the latter`);
  return heads / own;
}
var scaled_dot_product_attention = named(
  "scaled_dot_product_attention",
  ["query: Tensor", "key: Tensor", "value: Tensor", "..."],
  (query, key, value, ...args) => {
    const op = "scaled_dot_product_attention";
    const options = keywords(op, ["attn_mask", "dropout_p", "is_causal"], args, ["scale", "enable_gqa"]);
    const { attn_mask = null, dropout_p = 0, is_causal = false, enable_gqa = false } = options;
    if (dropout_p !== 0) throw new RuntimeError(`${op}: this library only infers; dropout_p must be 0, got ${dropout_p}`);
    if (attn_mask && is_causal) throw new RuntimeError(`${op}: Explicit attn_mask should not be set when is_causal=True`);
    if (![query, key, value].every(({ dtype, ndim }) => isFloat(dtype) && ndim >= 2))
      throw new RuntimeError(`${op}: expected floating point tensors of at least 2 dimensions`);
    if (key.dtype !== query.dtype || value.dtype !== query.dtype)
      throw new RuntimeError(
        `${op}: Expected query, key, and value to have the same dtype, but got ${query.dtype}, ${key.dtype} and ${value.dtype}`
      );
    if (query.shape.at(-1) !== key.shape.at(-1) || key.shape.at(-2) !== value.shape.at(-2)) {
      const shapes = [query, key, value].map(({ shape }) => showShape(shape)).join(", ");
      throw new RuntimeError(`${op}: expected query (…, L, E), key (…, S, E) and value (…, S, Ev), got ${shapes}`);
    }
    if (attn_mask && !["bool", "float32", query.dtype].includes(attn_mask.dtype))
      throw new RuntimeError(
        `${op}: Expected attn_mask dtype to be bool or float or to match query dtype, but got ${attn_mask.dtype} and ${query.dtype}`
      );
    const [L = 0, E = 0] = query.shape.slice(-2);
    const scale = options.scale ?? 1 / Math.sqrt(E || 1);
    for (const { shape } of [key, value]) groupOf(op, query.shape.at(-3) ?? 1, shape.at(-3) ?? 1, enable_gqa);
    const uniform2 = sameShape(key.shape, value.shape) && sameShape(query.shape.slice(0, -3), key.shape.slice(0, -3)) && query.ndim === key.ndim;
    const square2 = !is_causal || L === key.shape.at(-2);
    if (!attn_mask && uniform2 && square2 && E <= MAX_HEAD_DIM && query.numel() > 0 && key.numel() > 0)
      return asSequences(query, key, value, is_causal, scale);
    return byScores(query, key, value, is_causal ? causalMask(L, key) : attn_mask, scale);
  }
);
var causalMask = (L, k) => tril(constant(1, [L, k.shape.at(-2) ?? 0], "bool", k.backend));
function byScores(query, key, value, mask, scale) {
  const [q, k, v] = [cast(query, "float32"), cast(key, "float32"), cast(value, "float32")];
  const scores = element("mul", byHeads(q, transpose(k, -2, -1)), scale);
  checkScores(scores, mask);
  return cast(byHeads(weightsOf(scores, mask), v), query.dtype);
}
function weightsOf(scores, mask) {
  if (mask === null || scores.numel() === 0) return softmax2(scores, { dim: -1 });
  const masked = mask.dtype === "bool" ? choose(mask, scores, -Infinity) : element("add", scores, cast(mask, scores.dtype));
  const isBlind = element("eq", amax(masked, -1, true), -Infinity);
  return choose(isBlind, 0, softmax2(masked, { dim: -1 }));
}
function checkScores({ shape, backend: { maxBytes } }, mask) {
  const op = "scaled_dot_product_attention";
  if (mask && !sameShape(broadcastShapes(op, shape, mask.shape), shape))
    throw new RuntimeError(`${op}: attn_mask ${showShape(mask.shape)} does not broadcast to the scores ${showShape(shape)}`);
  if (numel(shape) * 4 > maxBytes)
    throw new RuntimeError(
      `${op}: scores of shape ${showShape(shape)} take ${numel(shape) * 4} bytes, but this adapter's buffers hold at most ${maxBytes}`
    );
}
function byHeads(a, b) {
  const [heads = 1, own = 1] = [a.shape.at(-3), b.shape.at(-3)];
  if (heads === own) return matmul2(a, b);
  return flatten2(matmul2(unflatten(a, -3, [own, heads / own]), unsqueeze(b, -3)), -4, -3);
}
function asSequences(query, key, value, is_causal, scale) {
  const [L = 0, E = 0] = query.shape.slice(-2);
  const S = key.shape.at(-2) ?? 0;
  const options = { scale, window_size: [-1, is_causal ? 0 : -1], enable_gqa: true };
  const ends = (count, length) => element("mul", range(count + 1, query.backend), length);
  const grouped = query.shape.at(-3) !== key.shape.at(-3);
  const rowsFirst = grouped || query.ndim === 4 && (query.shape[0] === 1 || isTransposed(query));
  if (!rowsFirst) {
    const batch2 = numel(query.shape.slice(0, -2));
    const flat2 = (x) => reshape(x, [batch2 * (x.shape.at(-2) ?? 0), 1, E]);
    return reshape(varlen_attn(flat2(query), flat2(key), flat2(value), ends(batch2, L), ends(batch2, S), L, S, options), query.shape);
  }
  const batch = numel(query.shape.slice(0, -3));
  const flat = (x) => {
    const [heads = 1, length = 0] = x.shape.slice(-3);
    return reshape(permute(reshape(x, [batch, heads, length, E]), [0, 2, 1, 3]), [batch * length, heads, E]);
  };
  const out = varlen_attn(flat(query), flat(key), flat(value), ends(batch, L), ends(batch, S), L, S, options);
  return reshape(permute(reshape(out, [batch, L, -1, E]), [0, 2, 1, 3]), query.shape);
}
var isTransposed = ({ node }) => node.op.kind === "move" && node.op.move.kind === "permute";

// src/nn/losses.ts
var OPTIONS = ["weight", "size_average", "ignore_index", "reduce", "reduction"];
var CROSS_ENTROPY = [...OPTIONS, "label_smoothing"];
function reductionOf({ size_average = null, reduce: reduce2 = null, reduction = "mean" }) {
  if (size_average === null && reduce2 === null) return reduction;
  if (reduce2 === false) return "none";
  return size_average === false ? "sum" : "mean";
}
var classDim = (input2) => input2.ndim === 1 ? 0 : 1;
var nll_loss = named(
  "nll_loss",
  ["input: Tensor", "target: Tensor", "..."],
  (input2, target, ...args) => {
    const options = keywords("nll_loss", OPTIONS, args);
    if (!isFloat(input2.dtype)) throw new NotImplementedError(`nll_loss: expected floating point log-probabilities, got ${input2.dtype}`);
    const { weight = null, ignore_index = -100 } = options;
    const reduction = reductionOf(options);
    const { losses, weights } = classLosses("nll_loss", input2, target, weight, ignore_index);
    return reduction === "mean" ? element("div", sum(losses), sum(weights)) : reduceLosses("nll_loss", losses, reduction);
  }
);
function classLosses(op, input2, given, weight, ignored) {
  const d = classDim(input2);
  const isVector = input2.ndim === 1 && given.ndim === 1;
  if (isVector && given.numel() !== 1)
    throw new ValueError(`${op}: For 1D input, 1D target must have size 1, but got target size: ${given.numel()}`);
  const target = isVector ? squeeze(given) : given;
  const places2 = input2.shape.filter((_, i) => i !== d);
  if (target.dtype !== "int32") throw new RuntimeError(`${op}: expected target classes to be int32, got ${target.dtype}`);
  if (input2.ndim > 1 && target.ndim > 0 && input2.shape[0] !== target.shape[0])
    throw new ValueError(`${op}: Expected input batch_size (${input2.shape[0]}) to match target batch_size (${target.shape[0]})`);
  if (input2.ndim === 0 || !sameShape(places2, target.shape))
    throw new RuntimeError(`${op}: Expected target size ${showShape(places2)}, got ${showShape(target.shape)}`);
  const classes = input2.shape[d] ?? 0;
  if (weight && !sameShape(weight.shape, [classes]))
    throw new RuntimeError(
      `${op}: weight tensor should be defined either for all ${classes} classes or no classes but got ${showShape(weight.shape)}`
    );
  const kept = element("ne", target, ignored);
  const index2 = choose(kept, target, 0);
  const picked2 = squeeze(gather(input2, d, unsqueeze(index2, d)), d);
  const own = weight ? reshape(index_select(weight, 0, reshape(index2, [-1])), target.shape) : 1;
  return {
    losses: choose(kept, element("neg", element("mul", picked2, own)), 0),
    weights: choose(kept, own, cast(kept, input2.dtype)),
    kept
  };
}
function reduceLosses(op, losses, reduction) {
  switch (reduction) {
    case "none":
      return losses;
    case "sum":
      return sum(losses);
    case "mean":
      return mean(losses);
    default:
      throw new ValueError(`${op}: ${String(reduction)} is not a valid value for reduction`);
  }
}
var cross_entropy = named(
  "cross_entropy",
  ["input: Tensor", "target: Tensor", "..."],
  (input2, target, ...args) => {
    const op = "cross_entropy";
    const options = keywords(op, CROSS_ENTROPY, args);
    const { weight = null, ignore_index = -100, label_smoothing = 0 } = options;
    const reduction = reductionOf(options);
    if (!isFloat(input2.dtype)) throw new NotImplementedError(`${op}: expected floating point logits, got ${input2.dtype}`);
    if (!(label_smoothing >= 0 && label_smoothing <= 1))
      throw new RuntimeError(`${op}: label_smoothing must be between 0.0 and 1.0. Got: ${label_smoothing}`);
    const d = classDim(input2);
    const classes = input2.shape[d] ?? 0;
    const logs = log_softmax(input2, d);
    const along = weight && reshape(weight, [classes, ...input2.shape.slice(d + 1).map(() => 1)]);
    const weighted = along ? element("mul", logs, along) : logs;
    if (isFloat(target.dtype)) {
      if (ignore_index >= 0) throw new RuntimeError(`${op}: ignore_index is not supported for floating point target`);
      if (!sameShape(input2.shape, target.shape))
        throw new RuntimeError(
          `${op}: Expected floating point target of the input's shape ${showShape(input2.shape)}, got ${showShape(target.shape)}`
        );
      const smooth2 = label_smoothing === 0 ? target : element("add", element("mul", target, 1 - label_smoothing), label_smoothing / classes);
      const losses2 = element("neg", sum(element("mul", weighted, smooth2), d));
      return reduction === "mean" ? element("div", sum(losses2), losses2.numel()) : reduceLosses(op, losses2, reduction);
    }
    const { losses, weights, kept } = classLosses(op, logs, target, weight, ignore_index);
    const uniform2 = choose(kept, element("neg", sum(weighted, d)), 0);
    const smooth = label_smoothing === 0 ? losses : element("add", element("mul", losses, 1 - label_smoothing), element("mul", uniform2, label_smoothing / classes));
    return reduction === "mean" ? element("div", sum(smooth), sum(weights)) : reduceLosses(op, smooth, reduction);
  }
);

// src/nn/norms.ts
function checkNorm(op, input2, normalized_shape, parameters) {
  checkIntegers(op, normalized_shape);
  const tail = input2.shape.slice(input2.ndim - normalized_shape.length);
  if (normalized_shape.length === 0 || !sameShape(tail, normalized_shape)) {
    throw new RuntimeError(
      `${op}: Given normalized_shape=${showShape(normalized_shape)}, expected input with shape [*, ${normalized_shape.join(", ")}], but got input of size ${showShape(input2.shape)}`
    );
  }
  for (const parameter of parameters) {
    if (parameter && !sameShape(parameter.shape, normalized_shape)) {
      throw new RuntimeError(`${op}: Expected weight and bias of shape ${showShape(normalized_shape)}, got ${showShape(parameter.shape)}`);
    }
  }
  return normalized_shape.reduce((n, size) => n * size, 1);
}
function normed2(op, input2, normalized_shape, weight, bias, eps) {
  const width = checkNorm(`${op}_norm`, input2, normalized_shape, [weight, bias]);
  if (!isFloat(input2.dtype)) throw new NotImplementedError(`${op}_norm: expected a floating point tensor, got ${input2.dtype}`);
  if (input2.numel() === 0) return input2;
  const inputs = [input2, weight, bias].flatMap((tensor2) => tensor2 ? [cast(tensor2, "float32")] : []);
  const out = make({ kind: "norm", norm: op, width, eps, weight: weight !== null, bias: bias !== null }, inputs, input2.shape, "float32");
  return cast(out, input2.dtype);
}
var layer_norm = named(
  "layer_norm",
  ["input: Tensor", "normalized_shape", "..."],
  (input2, normalized_shape, ...args) => {
    const { weight = null, bias = null, eps = 1e-5 } = keywords("layer_norm", ["weight", "bias", "eps"], args);
    return normed2("layer", input2, normalized_shape, weight, bias, eps);
  }
);
var FLOAT32_EPS = 2 ** -23;
var rms_norm = named(
  "rms_norm",
  ["input: Tensor", "normalized_shape", "..."],
  (input2, normalized_shape, ...args) => {
    const { weight = null, eps = null } = keywords("rms_norm", ["weight", "eps"], args);
    return normed2("rms", input2, normalized_shape, weight, null, eps ?? FLOAT32_EPS);
  }
);
var group_norm = named(
  "group_norm",
  ["input: Tensor", "num_groups: int", "..."],
  (input2, num_groups, ...args) => {
    const { weight = null, bias = null, eps = 1e-5 } = keywords("group_norm", ["weight", "bias", "eps"], args);
    const [batch = 0, channels = 0] = input2.shape;
    if (input2.ndim < 2) throw new RuntimeError(`group_norm: Expected at least 2 dimensions for input tensor but received ${input2.ndim}`);
    if (!Number.isInteger(num_groups) || num_groups < 1 || channels % num_groups !== 0)
      throw new RuntimeError(
        `group_norm: Expected number of channels in input to be divisible by num_groups, but got input of shape ${showShape(input2.shape)} and num_groups=${num_groups}`
      );
    if (!isFloat(input2.dtype)) throw new NotImplementedError(`group_norm: expected a floating point tensor, got ${input2.dtype}`);
    for (const parameter of [weight, bias]) {
      if (parameter && (parameter.ndim !== 1 || parameter.shape[0] !== channels))
        throw new RuntimeError(`group_norm: Expected weight and bias of shape [${channels}], but got ${showShape(parameter.shape)}`);
    }
    if (input2.numel() === 0) return input2;
    const groups = reshape(cast(input2, "float32"), [batch * num_groups, -1]);
    const normed3 = reshape(layer_norm(groups, groups.shape.slice(1), null, null, eps), input2.shape);
    const perChannel = (parameter) => reshape(parameter, [channels, ...input2.shape.slice(2).map(() => 1)]);
    const scaled = weight ? element("mul", normed3, perChannel(weight)) : normed3;
    return cast(bias ? element("add", scaled, perChannel(bias)) : scaled, input2.dtype);
  }
);

// src/nn/functional.ts
var activation = (name) => named(name, ["input: Tensor", "..."], (input2, ...args) => {
  checkInplace(name, args);
  return element(name, input2);
});
var relu2 = activation("relu");
var silu = activation("silu");
var softplus = named(
  "softplus",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const { beta = 1, threshold = 20 } = keywords("softplus", ["beta", "threshold"], args);
    if (beta === 1 && threshold === 20) return element("softplus", input2);
    if (!isFloat(input2.dtype)) throw new NotImplementedError(`softplus: not implemented for '${input2.dtype}', only for floats`);
    const scaled = element("mul", cast(input2, "float32"), beta);
    const smooth = element("div", element("log1p", element("exp", scaled)), beta);
    return cast(choose(element("gt", scaled, threshold), cast(input2, "float32"), smooth), input2.dtype);
  }
);
var gelu = named("gelu", ["input: Tensor", "..."], (input2, options = {}) => {
  const { approximate = "none" } = keywords("gelu", [], [options], ["approximate"]);
  if (approximate !== "none" && approximate !== "tanh")
    throw new RuntimeError(`gelu: approximate argument must be either none or tanh, got ${String(approximate)}`);
  return element(approximate === "tanh" ? "gelu_tanh" : "gelu", input2);
});
var embedding2 = named(
  "embedding",
  ["input: Tensor", "weight: Tensor", "..."],
  (input2, weight, ...args) => {
    checkEmbedding("embedding", keywords("embedding", EMBEDDING_OPTIONS, args), weight.shape[0] ?? 0);
    if (input2.dtype !== "int32")
      throw new RuntimeError(`embedding: Expected tensor for argument #1 'indices' to have dtype int32, got ${input2.dtype}`);
    if (weight.ndim !== 2) throw new RuntimeError(`embedding: 'weight' must be 2-D, got ${String(weight)}`);
    const shape = [...input2.shape, weight.shape[1] ?? 0];
    if (!isFloat(weight.dtype)) return reshape(index_select(weight, 0, reshape(input2, [-1])), shape);
    const rows = input2.numel() === 0 ? constant(0, shape, "float32", input2.backend) : lookUp(input2, weight, shape);
    return weight.dtype === "float16" ? cast(rows, "float16") : rows;
  }
);
function lookUp(ids, weight, shape) {
  const from = (table, start2) => make({ kind: "embedding" }, [start2 === 0 ? ids : element("sub", ids, start2), table], shape, "float32");
  const [first, ...others] = weight.rows ?? [weight];
  if (!first) return from(weight, 0);
  let start = first.shape[0] ?? 0;
  return others.reduce(
    (found, part) => {
      const inLater = unsqueeze(element("ge", ids, start), -1);
      const later = from(part, start);
      start += part.shape[0] ?? 0;
      return choose(inLater, later, found);
    },
    from(first, 0)
  );
}
var normalize = named(
  "normalize",
  ["input: Tensor", "..."],
  (input2, ...args) => {
    const { p = 2, dim = 1, eps = 1e-12 } = keywords("normalize", ["p", "dim", "eps"], args);
    return element("div", input2, element("maximum", norm2(input2, { p, dim, keepdim: true }), eps));
  }
);
var cosine_similarity = named(
  "cosine_similarity",
  ["x1: Tensor", "x2: Tensor", "..."],
  (x1, x2, ...args) => {
    const { dim = 1, eps = 1e-8 } = keywords("cosine_similarity", ["dim", "eps"], args);
    const shape = broadcastShapes("cosine_similarity", x1.shape, x2.shape);
    const dtype = promoted("cosine_similarity", [x1, x2]);
    if (!isFloat(dtype)) throw new RuntimeError(`cosine_similarity: expected common dtype to be floating point, yet common dtype is ${dtype}`);
    const unit = (given) => {
      const x = expand2(isFloat(given.dtype) ? given : cast(given, dtype), shape);
      return element("div", x, element("maximum", norm2(x, { dim, keepdim: true }), eps));
    };
    return sum(element("mul", unit(x1), unit(x2)), { dim });
  }
);

// src/nn/modules/module.ts
var Module = class _Module {
  /** Names of tensors that are buffers, and whether they are saved. */
  #buffers = /* @__PURE__ */ new Map();
  training = true;
  /** Adds a tensor that is no parameter; it is part of the state unless it is not `persistent`. */
  register_buffer(name, tensor2, ...args) {
    const { persistent = true } = keywords("register_buffer", ["persistent"], args);
    this.#register("buffer", name, tensor2, this.#buffers.has(name));
    this.#buffers.set(name, persistent);
  }
  /** Adds a parameter, as `this[name] = param` does, under a name that nothing else has. */
  register_parameter(name, param) {
    const own = this[name];
    this.#register("parameter", name, param, (own === null || own instanceof Tensor) && !this.#buffers.has(name));
  }
  #register(kind, name, tensor2, isKnown) {
    if (typeof name !== "string") throw new TypeError(`${kind} name should be a string. Got ${typeName(name)}`);
    if (name.includes(".")) throw new KeyError(`${kind} name can't contain "."`);
    if (name === "") throw new KeyError(`${kind} name can't be empty string ""`);
    if (this[name] !== void 0 && !isKnown) throw new KeyError(`attribute '${name}' already exists`);
    if (tensor2 !== null && !(tensor2 instanceof Tensor))
      throw new TypeError(`cannot assign '${typeName(tensor2)}' object to ${kind} '${name}' (Tensor or null required)`);
    Object.assign(this, { [name]: tensor2 });
  }
  /** Sets `training`, here and below. Nothing in this library depends on it; a model's own forward may. */
  train(mode = true) {
    if (typeof mode !== "boolean") throw new ValueError("training mode is expected to be boolean");
    for (const module of this.modules()) module.training = mode;
    return this;
  }
  eval() {
    return this.train(false);
  }
  /** Calls a function with each module below, then with this one. */
  apply(fn) {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }
  /** Gives all parameters and buffers of floats another dtype of floats; packed ones stay. */
  to(dtype) {
    checkKind("to", "dtype", dtype);
    if (!isFloat(dtype) || isPacked(dtype))
      throw new TypeError(`nn.Module.to only accepts floating point dtypes, but got desired dtype=${dtype}`);
    const floats3 = [...this.parameters(), ...this.buffers()].filter((own) => isFloat(own.dtype) && !isPacked(own.dtype));
    const casts = new Map(floats3.map((own) => [own, cast(own, dtype)]));
    this.#replace((own) => casts.get(own));
    return this;
  }
  half() {
    return this.to("float16");
  }
  float() {
    return this.to("float32");
  }
  /** Children by name, each module once. */
  named_children() {
    const seen = /* @__PURE__ */ new Set();
    return this.#children().filter(([, child]) => !seen.has(child) && seen.add(child));
  }
  #children() {
    return Object.entries(this).filter((entry) => entry[1] instanceof _Module);
  }
  children() {
    return this.named_children().map(([, child]) => child);
  }
  /** The module and all below it, by name, each module once; its own is "". */
  named_modules(prefix = "") {
    const seen = /* @__PURE__ */ new Set();
    return this.#tree(prefix).filter(([, module]) => !seen.has(module) && seen.add(module));
  }
  /** The same, each module under all its names, as the state has it. */
  #tree(prefix = "") {
    return [[prefix, this], ...this.#children().flatMap(([name, child]) => child.#tree(prefix ? `${prefix}.${name}` : name))];
  }
  modules() {
    return this.named_modules().map(([, module]) => module);
  }
  /** Parameters by name, each tensor once. */
  named_parameters() {
    return unique(this.#places((key, { buffers }) => !buffers.has(key)));
  }
  parameters() {
    return this.named_parameters().map(([, tensor2]) => tensor2);
  }
  /** Buffers by name, each tensor once. */
  named_buffers() {
    return unique(this.#places((key, { buffers }) => buffers.has(key)));
  }
  buffers() {
    return this.named_buffers().map(([, tensor2]) => tensor2);
  }
  /** Everything that is to be saved, by name. */
  state_dict() {
    return new Map(this.#saved().map(({ name, tensor: tensor2 }) => [name, tensor2]));
  }
  /** Takes copies of the tensors, by name: all of them or, where something is wrong, none. What is one tensor under several names stays one. */
  load_state_dict(state_dict, ...args) {
    const { strict = true, assign = false } = keywords("load_state_dict", ["strict", "assign"], args);
    const given = state_dict instanceof Map ? state_dict : new Map(Object.entries(state_dict));
    const places2 = this.#saved();
    const known = new Set(places2.map(({ name }) => name));
    const missing_keys = [...known].filter((name) => !given.has(name));
    const unexpected_keys = [...given.keys()].filter((name) => !known.has(name));
    const errors = places2.flatMap(({ name, tensor: tensor2 }) => mismatch(name, given.get(name), tensor2, assign));
    if (strict && unexpected_keys.length > 0) errors.unshift(`Unexpected key(s) in state_dict: ${quoted(unexpected_keys)}. `);
    if (strict && missing_keys.length > 0) errors.unshift(`Missing key(s) in state_dict: ${quoted(missing_keys)}. `);
    if (errors.length > 0) throw new RuntimeError(`Error(s) in loading state_dict for ${this.constructor.name}:
	${errors.join("\n	")}`);
    const loaded = places2.flatMap((place) => ({ place, value: given.get(place.name) })).filter(({ value }) => value);
    if (assign) for (const { place, value } of loaded) place.owner[place.key] = value;
    else {
      const copies = new Map(loaded.map(({ place: { tensor: tensor2 }, value }) => [tensor2, value && cast(copied(value), tensor2.dtype)]));
      this.#replace((tensor2) => copies.get(tensor2));
    }
    return { missing_keys, unexpected_keys };
  }
  /** Frees the memory of all parameters and buffers. */
  dispose() {
    for (const tensor2 of [...this.parameters(), ...this.buffers()]) tensor2.dispose();
  }
  /** Puts other tensors in the places of its own, in all that one has. */
  #replace(by) {
    for (const { owner, key, tensor: tensor2 } of this.#places(() => true)) owner[key] = by(tensor2) ?? tensor2;
  }
  #saved() {
    return this.#places((key, { buffers }) => buffers.get(key) !== false);
  }
  /** Places of tensors: the module's own parameters, its own buffers, then those of its children. */
  #places(wanted) {
    return this.#tree().flatMap(([prefix, module]) => {
      const buffers = module.#buffers;
      const own = Object.entries(module).filter(
        (entry) => entry[1] instanceof Tensor && wanted(entry[0], { buffers })
      );
      own.sort(([a], [b]) => Number(buffers.has(a)) - Number(buffers.has(b)));
      const owner = module;
      return own.map(([key, tensor2]) => ({ name: prefix ? `${prefix}.${key}` : key, owner, key, tensor: tensor2 }));
    });
  }
};
function unique(places2) {
  const seen = /* @__PURE__ */ new Set();
  return places2.flatMap(({ name, tensor: tensor2 }) => {
    if (seen.has(tensor2)) return [];
    seen.add(tensor2);
    return [[name, tensor2]];
  });
}
var quoted = (names2) => names2.map((name) => `"${name}"`).join(", ");
function mismatch(name, given, own, assign) {
  if (given === void 0) return [];
  const unfit = (expected, received) => [
    `While copying the parameter named "${name}", expected ${expected}, but received ${received}`
  ];
  if (!(given instanceof Tensor)) return unfit("a Tensor", typeof given);
  if (!assign && given.device !== own.device) return unfit(`a Tensor on ${own.device}`, `one on ${given.device}`);
  if (sameShape(given.shape, own.shape)) return [];
  return [
    `size mismatch for ${name}: copying a param with shape ${showShape(given.shape)} from checkpoint, the shape in current model is ${showShape(own.shape)}.`
  ];
}

// src/nn/modules/layers.ts
var factory = ({ device, dtype }) => ({ ...device && { device }, ...dtype && { dtype } });
var INPUT = ["input: Tensor"];
var inputOf = (module, args) => arranged(module, INPUT, args)[0];
var uniform = (shape, bound, options) => element("mul", element("sub", rand([...shape], options), 0.5), 2 * bound);
var LINEAR = ["in_features: int", "out_features: int", "..."];
var Linear = class extends Module {
  weight;
  bias;
  constructor(...args) {
    super();
    const [in_features, out_features, ...others] = arranged("Linear", LINEAR, args);
    const { bias = true, ...options } = keywords("Linear", ["bias", "device", "dtype"], others);
    const bound = in_features > 0 ? 1 / Math.sqrt(in_features) : 0;
    this.weight = uniform([out_features, in_features], bound, factory(options));
    this.bias = bias ? uniform([out_features], bound, factory(options)) : null;
  }
  forward(...args) {
    return linear(inputOf("Linear", args), this.weight, this.bias);
  }
};
var EMBEDDING = ["num_embeddings: int", "embedding_dim: int", "..."];
var Embedding = class extends Module {
  weight;
  constructor(...args) {
    super();
    const [num_embeddings, embedding_dim, ...others] = arranged("Embedding", EMBEDDING, args);
    const options = keywords("Embedding", EMBEDDING_OPTIONS, others, ["device", "dtype"]);
    const { padding_idx = null } = options;
    checkEmbedding("Embedding", options, num_embeddings);
    const rows = randn(num_embeddings, embedding_dim, factory(options));
    this.weight = padding_idx === null ? rows : withoutRow(rows, wrapDim("Embedding", padding_idx, num_embeddings));
  }
  forward(...args) {
    return embedding2(inputOf("Embedding", args), this.weight);
  }
};
var withoutRow = (rows, row) => {
  const numbers = unsqueeze(range(rows.shape[0] ?? 0, rows.backend), 1);
  return element("mul", rows, cast(element("ne", numbers, row), rows.dtype));
};
var NORM = ["normalized_shape", "..."];
var shapeOf = (normalized_shape) => typeof normalized_shape === "number" ? [normalized_shape] : [...normalized_shape];
var LayerNorm = class extends Module {
  weight;
  bias;
  #shape;
  #eps;
  constructor(...args) {
    super();
    const [normalized_shape, ...others] = arranged("LayerNorm", NORM, args);
    const names2 = ["eps", "elementwise_affine", "bias"];
    const {
      eps = 1e-5,
      elementwise_affine = true,
      bias = true,
      ...options
    } = keywords("LayerNorm", names2, others, ["device", "dtype"]);
    this.#shape = shapeOf(normalized_shape);
    this.#eps = eps;
    this.weight = elementwise_affine ? ones(this.#shape, factory(options)) : null;
    this.bias = elementwise_affine && bias ? zeros(this.#shape, factory(options)) : null;
  }
  forward(...args) {
    return layer_norm(inputOf("LayerNorm", args), this.#shape, this.weight, this.bias, this.#eps);
  }
};
var RMSNorm = class extends Module {
  weight;
  #shape;
  #eps;
  constructor(...args) {
    super();
    const [normalized_shape, ...others] = arranged("RMSNorm", NORM, args);
    const names2 = ["eps", "elementwise_affine"];
    const { eps = null, elementwise_affine = true, ...options } = keywords("RMSNorm", names2, others, ["device", "dtype"]);
    this.#shape = shapeOf(normalized_shape);
    this.#eps = eps;
    this.weight = elementwise_affine ? ones(this.#shape, factory(options)) : null;
  }
  forward(...args) {
    const [x] = arranged("RMSNorm", ["x: Tensor"], args);
    return rms_norm(x, this.#shape, this.weight, this.#eps);
  }
};
var ReLU = class extends Module {
  constructor(...args) {
    super();
    checkInplace("ReLU", args);
  }
  forward(...args) {
    return relu2(inputOf("ReLU", args));
  }
};
var SiLU = class extends Module {
  constructor(...args) {
    super();
    checkInplace("SiLU", args);
  }
  forward(...args) {
    return silu(inputOf("SiLU", args));
  }
};
var GELU = class extends Module {
  #options;
  constructor(...args) {
    super();
    this.#options = keywords("GELU", ["approximate"], args);
  }
  forward(...args) {
    return gelu(inputOf("GELU", args), this.#options);
  }
};

// src/nn/modules/containers.ts
var Modules = class extends Module {
  append(module) {
    if (!(module instanceof Module)) throw new TypeError(`${this.constructor.name}: ${typeName(module)} is not a Module`);
    return Object.assign(this, { [this.length]: module });
  }
  extend(modules) {
    for (const module of modules) this.append(module);
    return this;
  }
  get length() {
    return [...this].length;
  }
  *[Symbol.iterator]() {
    for (const value of Object.values(this)) if (value instanceof Module) yield value;
  }
};
var ModuleList = class extends Modules {
  constructor(modules = []) {
    super();
    this.extend(modules);
  }
  forward() {
    throw new TypeError('Module [ModuleList] is missing the required "forward" function');
  }
};
var Sequential = class extends Modules {
  constructor(...modules) {
    super();
    this.extend(modules);
  }
  forward(...args) {
    return [...this].reduce((x, layer) => layer.forward(x), inputOf("Sequential", args));
  }
};

// src/nn/modules/multihead.ts
var FORWARD = ["key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal"];
var SIZES = ["embed_dim: int", "num_heads: int", "..."];
var INPUTS = ["query: Tensor", "key: Tensor", "value: Tensor", "..."];
var MultiheadAttention = class extends Module {
  in_proj_weight = null;
  q_proj_weight = null;
  k_proj_weight = null;
  v_proj_weight = null;
  in_proj_bias;
  out_proj;
  #heads;
  #batchFirst;
  constructor(...args) {
    super();
    const [embed_dim, num_heads, ...others] = arranged("MultiheadAttention", SIZES, args);
    const only = ["kdim", "vdim", "batch_first", "device", "dtype"];
    const given = keywords("MultiheadAttention", ["dropout", "bias"], others, only);
    const { bias = true, kdim, vdim, batch_first = false, device, dtype } = given;
    const options = { ...device && { device }, ...dtype && { dtype } };
    if (!(num_heads > 0) || embed_dim % num_heads !== 0)
      throw new RuntimeError(`MultiheadAttention: embed_dim must be divisible by num_heads, got ${embed_dim} and ${num_heads}`);
    this.#heads = num_heads;
    this.#batchFirst = batch_first;
    const [keys, values] = [kdim ?? embed_dim, vdim ?? embed_dim];
    const projection = (rows, columns) => uniform([rows, columns], Math.sqrt(6 / (rows + columns)), options);
    if (keys === embed_dim && values === embed_dim) {
      this.in_proj_weight = projection(3 * embed_dim, embed_dim);
    } else {
      this.q_proj_weight = projection(embed_dim, embed_dim);
      this.k_proj_weight = projection(embed_dim, keys);
      this.v_proj_weight = projection(embed_dim, values);
    }
    this.in_proj_bias = bias ? zeros(3 * embed_dim, options) : null;
    this.out_proj = new Linear(embed_dim, embed_dim, { bias, ...options });
    if (bias) this.out_proj.bias = zeros(embed_dim, options);
  }
  /** The result, and the weights of the keys, which are null if they are not needed. Sequences may be (L, E), (L, N, E) or, with batch_first, (N, L, E). */
  forward(...args) {
    const [query, key, value, ...others] = arranged("MultiheadAttention", INPUTS, args);
    const options = keywords("MultiheadAttention", FORWARD, others);
    const { need_weights = true, average_attn_weights = true } = options;
    const [q, k, v] = this.#projected(query, key, value);
    const single = query.ndim === 2;
    const mask = maskOf(options, q, k, single);
    if (!need_weights) {
      const causal = Boolean(options.is_causal) && !options.key_padding_mask && q.shape[2] === k.shape[2];
      const attended = scaled_dot_product_attention(q, k, v, causal ? { is_causal: true } : { attn_mask: mask });
      return [this.#joined(attended, single), null];
    }
    const [wideQ, wideK, wideV] = [cast(q, "float32"), cast(k, "float32"), cast(v, "float32")];
    const scores = element("mul", matmul2(wideQ, transpose(wideK, -2, -1)), 1 / Math.sqrt(q.shape[3] ?? 1));
    const weights = softmax2(mask ? element("add", scores, mask) : scores, -1);
    const shown = cast(average_attn_weights ? mean(weights, 1) : weights, q.dtype);
    return [this.#joined(cast(matmul2(weights, wideV), q.dtype), single), single ? squeeze(shown, 0) : shown];
  }
  /** Queries, keys and values, (N, heads, length, head size). */
  #projected(query, key, value) {
    const shapes = () => [query, key, value].map(({ shape }) => showShape(shape)).join(", ");
    if (![query, key, value].every(({ ndim }) => ndim === query.ndim) || query.ndim !== 2 && query.ndim !== 3)
      throw new RuntimeError(`MultiheadAttention: expected query, key and value of 2 or 3 dimensions, got ${shapes()}`);
    const batch = query.ndim === 2 ? null : this.#batchFirst ? 0 : 1;
    if (!sameShape(key.shape.slice(0, -1), value.shape.slice(0, -1)) || batch !== null && query.shape[batch] !== key.shape[batch])
      throw new RuntimeError(
        `MultiheadAttention: expected key and value of one length, and all three of one batch size, got ${shapes()}`
      );
    const sizes = [this.in_proj_weight ?? this.q_proj_weight, this.k_proj_weight, this.v_proj_weight].map((w) => w?.shape[1]);
    if (![query, key, value].every((x, i) => x.shape.at(-1) === (sizes[i] ?? sizes[0])))
      throw new RuntimeError(
        `MultiheadAttention: expected embedding dimensions of ${[0, 1, 2].map((i) => sizes[i] ?? sizes[0]).join(", ")}, got ${shapes()}`
      );
    if (this.in_proj_weight && query === key && key === value) {
      const [q, k, v] = chunk(linear(query, this.in_proj_weight, this.in_proj_bias), 3, -1);
      return [this.#split(q), this.#split(k), this.#split(v)];
    }
    const { in_proj_weight: packed, in_proj_bias: bias } = this;
    const [wq, wk, wv] = packed ? chunk(packed, 3, 0) : [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    if (!wq || !wk || !wv)
      throw new RuntimeError("MultiheadAttention: expected in_proj_weight, or q_proj_weight, k_proj_weight and v_proj_weight");
    const size = wq.shape[0] ?? 0;
    const project = (x, w, i) => this.#split(linear(x, w, bias && narrow(bias, 0, i * size, size)));
    return [project(query, wq, 0), project(key, wk, 1), project(value, wv, 2)];
  }
  #split(x) {
    const batched = x.ndim === 2 ? unsqueeze(x, 0) : this.#batchFirst ? x : transpose(x, 0, 1);
    const [N = 1, L = 0, E = 0] = batched.shape;
    return transpose(reshape(batched, [N, L, this.#heads, E / this.#heads]), 1, 2);
  }
  #joined(x, single) {
    const [N = 1, heads = 1, L = 0, size = 0] = x.shape;
    const out = this.out_proj.forward(reshape(transpose(x, 1, 2), [N, L, heads * size]));
    return single ? squeeze(out, 0) : this.#batchFirst ? out : transpose(out, 0, 1);
  }
};
function maskOf(options, q, k, single) {
  const { attn_mask = null, key_padding_mask = null, is_causal = false } = options;
  if (is_causal && !attn_mask) throw new RuntimeError("MultiheadAttention: Need attn_mask if specifying the is_causal hint.");
  const [N = 1, heads = 1, L = 0] = q.shape;
  const S = k.shape[2] ?? 0;
  const added = (name, mask, expected) => {
    if (mask.dtype !== "bool" && !isFloat(mask.dtype))
      throw new RuntimeError(`MultiheadAttention: only bool and floating types of ${name} are supported, got ${mask.dtype}`);
    if (!sameShape(mask.shape, expected))
      throw new RuntimeError(
        `MultiheadAttention: The shape of the ${name} is ${showShape(mask.shape)}, but should be ${showShape(expected)}`
      );
    return mask.dtype === "bool" ? choose(mask, -Infinity, 0) : cast(mask, "float32");
  };
  const perHead = attn_mask?.ndim === 3;
  const scores = attn_mask && added("attn_mask", attn_mask, perHead ? [N * heads, L, S] : [L, S]);
  const padding = key_padding_mask && added("key_padding_mask", key_padding_mask, single ? [S] : [N, S]);
  const both = [scores && perHead ? reshape(scores, [N, heads, L, S]) : scores, padding && reshape(padding, [N, 1, 1, S])];
  return both[0] && both[1] ? element("add", both[0], both[1]) : both[0] ?? both[1];
}

// src/tensor/safetensors.ts
var LENGTH_BYTES = 8;
var FORMATS = {
  F32: { dtype: "float32", bytes: 4 },
  F16: { dtype: "float16", bytes: 2 },
  I32: { dtype: "int32", bytes: 4 },
  U32: { dtype: "uint32", bytes: 4 },
  I8: { dtype: "int8", bytes: 1 },
  BOOL: { dtype: "bool", bytes: 1 },
  BF16: { dtype: "float32", bytes: 2, read: (data, at2) => wideBits(data.getUint16(at2, true)) },
  F64: { dtype: "float32", bytes: 8, read: (data, at2) => data.getFloat64(at2, true) },
  I64: { dtype: "int32", bytes: 8, read: (data, at2) => Number(data.getBigInt64(at2, true)) }
};
var word2 = new DataView(new ArrayBuffer(4));
function wideBits(bits2) {
  word2.setUint32(0, bits2 << 16);
  return word2.getFloat32(0);
}
function load2(data, options = {}) {
  const { device } = keywords("load", [], [options], ["device"]);
  const bytes2 = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  const { header, start } = headerOf(bytes2);
  const names2 = Object.keys(header).filter((name) => name !== "__metadata__");
  checkCoverage(
    names2.map((name) => header[name]),
    bytes2.length - start
  );
  const { maxBytes } = backendOf(device);
  const entries = names2.map((name) => entryOf(name, header[name], bytes2.subarray(start)));
  for (const entry of entries) checkEntry(entry, maxBytes);
  return new Map(entries.map((entry) => [entry.name, upload2(entry, maxBytes, device)]));
}
function headerOf(bytes2) {
  const fail = (why) => new RuntimeError(`safetensors: ${why}`);
  if (bytes2.length < LENGTH_BYTES) throw fail(`${bytes2.length} bytes, expected at least ${LENGTH_BYTES}`);
  const length = new DataView(bytes2.buffer, bytes2.byteOffset).getBigUint64(0, true);
  if (length > bytes2.length - LENGTH_BYTES) throw fail(`a header of ${length} bytes in a file of ${bytes2.length}`);
  const start = LENGTH_BYTES + Number(length);
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes2.subarray(LENGTH_BYTES, start)));
  } catch (error) {
    throw fail(`the header is no JSON: ${String(error)}`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw fail("the header is no JSON object");
  return { header, start };
}
function checkCoverage(entries, length) {
  const spans = entries.flatMap((entry) => {
    const { data_offsets: offsets } = entry ?? {};
    return isSizes(offsets) ? [offsets] : [];
  });
  if (spans.length < entries.length) return;
  let end = 0;
  for (const [begin = 0, stop = 0] of spans.sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d)) {
    if (begin !== end)
      throw new RuntimeError(
        `safetensors: bytes from ${Math.min(begin, end)} to ${Math.max(begin, end)} are of ${begin < end ? "two tensors" : "no tensor"}`
      );
    end = stop;
  }
  if (end < length) throw new RuntimeError(`safetensors: bytes from ${end} to ${length} are of no tensor`);
}
var isSizes = (value) => Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
function entryOf(name, entry, bytes2) {
  const { dtype = "", shape, data_offsets: offsets } = entry ?? {};
  if (!isSizes(shape) || !isSizes(offsets)) throw new RuntimeError(`safetensors: ${name}: expected a shape and two data_offsets`);
  const [begin = 0, end = 0] = offsets;
  if (begin > end || end > bytes2.length) throw new RuntimeError(`safetensors: ${name}: bytes ${begin} to ${end} of ${bytes2.length}`);
  const format = Object.hasOwn(FORMATS, dtype) ? FORMATS[dtype] : void 0;
  if (!format) throw new RuntimeError(`safetensors: ${name}: dtype ${dtype}, expected ${Object.keys(FORMATS).join(", ")}`);
  const size = shape.reduce((n, length) => n * length, format.bytes);
  if (end - begin !== size)
    throw new RuntimeError(`safetensors: ${name}: ${end - begin} bytes, expected ${size} for ${dtype} ${showShape(shape)}`);
  return { name, format, shape, bytes: bytes2.subarray(begin, end) };
}
function checkEntry({ name, format, shape, bytes: bytes2 }, maxBytes) {
  const held = shape[0] === 0 ? 0 : numel(shape.length < 2 ? shape : shape.slice(1)) * itemSize(format.dtype);
  if (held > maxBytes)
    throw new RuntimeError(
      `safetensors: ${name}: ${shape.length < 2 ? "it" : "a row of it"} takes ${held} bytes, but this adapter's buffers hold at most ${maxBytes}`
    );
  if (format.dtype !== "int32" || !format.read) return;
  const data = viewOf2(bytes2);
  for (let at2 = 0; at2 < bytes2.length; at2 += format.bytes) {
    const element3 = format.read(data, at2);
    if ((element3 | 0) !== element3) throw new RuntimeError(`safetensors: ${name}: ${element3} does not fit int32`);
  }
}
function upload2({ format, shape, bytes: bytes2 }, maxBytes, device) {
  const options = { dtype: format.dtype, ...device && { device } };
  const [rows = 1, ...row] = shape;
  const made = (own, size) => reshape(frombuffer(format.read ? converted2(own, format, format.read) : own, options), size);
  const each2 = Math.floor(maxBytes / (numel(row) * itemSize(format.dtype)));
  if (each2 >= rows) return made(bytes2, shape);
  const rowBytes = bytes2.length / rows;
  const parts = Array.from({ length: Math.ceil(rows / each2) }, (_, i) => {
    const start = i * each2;
    const count = Math.min(each2, rows - start);
    return made(bytes2.subarray(start * rowBytes, (start + count) * rowBytes), [count, ...row]);
  });
  const whole = cat(parts);
  for (const one of parts) one.dispose();
  return whole;
}
function converted2(bytes2, format, read) {
  const data = viewOf2(bytes2);
  const count = bytes2.length / format.bytes;
  const values = format.dtype === "int32" ? new Int32Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = read(data, i * format.bytes);
  return values;
}
var viewOf2 = ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength);

// src/tensor/autotune.ts
var WORTHWHILE = 0.95;
var MEASURED_MS = 3;
var FEWEST = 2;
var MOST = 64;
var ROUNDS2 = 3;
var DECIDING_ROUNDS = 6;
async function autotune(weights, options = {}) {
  const { milliseconds = 2e3 } = keywords("autotune", [], [options], ["milliseconds"]);
  if (!Array.isArray(weights) || !weights.every((weight) => weight instanceof Tensor))
    throw new TypeError("autotune: argument 'weights' (position 1) must be a list of Tensors");
  if (!(milliseconds >= 0)) throw new ValueError(`autotune: expected milliseconds of 0 or more, but got ${milliseconds}`);
  const [first] = weights;
  if (!first) throw new RuntimeError("autotune: expected at least one weight");
  const { backend } = first;
  const begun = performance.now();
  const sizes = weights.map(weightOf3).flatMap((weight) => TUNED_ROWS.map((M) => ({ ...weight, M })));
  for (const size of new Map(sizes.map((known) => [tilesKey(known), known])).values()) {
    if (performance.now() - begun > milliseconds) break;
    const tiles = backend.tileChoices(size);
    if (tiles.length === 0 || tiles.includes(backend.tiles[tilesKey(size)] ?? "")) continue;
    backend.tiles = { ...backend.tiles, [tilesKey(size)]: await fastest(backend, size, tiles) };
  }
  return { adapter: adapterText(backend), tiles: backend.tiles };
}
function weightOf3(tensor2) {
  const { node } = tensor2;
  const [N = 0, K = 0, ...others] = node.shape;
  const parts = node.op.kind === "quantized" ? node.inputs : [node];
  const storages = parts.flatMap(({ storage }) => storage ?? []);
  if (others.length > 0 || N === 0 || K === 0 || storages.length < parts.length)
    throw new RuntimeError(`autotune: expected weights (N, K) that are there, but got [${node.shape.join(", ")}]`);
  const weight = WEIGHT_DTYPES[node.dtype];
  if (!weight) throw new RuntimeError(`autotune: expected weights of ${Object.keys(WEIGHT_DTYPES).join(", ")}, but got ${node.dtype}`);
  return { N, K, weight, storages };
}
async function fastest(backend, size, tiles) {
  const { M, N, K } = size;
  const [usual = ""] = tiles;
  const x = backend.upload(new Uint8Array(Float32Array.from({ length: M * K }, () => Math.random() - 0.5).buffer));
  let y = null;
  const prepare = (tile3, repeats) => backend.prepare(planOf2(size, repeats), { [tilesKey(size)]: tile3 });
  const time = async (executable, output) => {
    const start = performance.now();
    await executable.run([x, ...size.storages], [output], [{ storage: output, offset: 0, bytes: 4 }]);
    return performance.now() - start;
  };
  size.storages.forEach((storage) => storage.pin());
  try {
    const output = y = backend.allocate(4 * M * N);
    const few = prepare(usual, FEWEST);
    await Promise.all([few, ...tiles.map((tile3) => prepare(tile3, FEWEST))].map(({ ready }) => ready));
    await time(few, output);
    const repeats = Math.min(MOST, Math.max(FEWEST, Math.ceil(FEWEST * MEASURED_MS / await time(few, output))));
    const executables = tiles.map((tile3) => prepare(tile3, repeats));
    const measure = (executable) => time(executable, output);
    const times2 = await least(executables, ROUNDS2, measure);
    const best = times2.indexOf(Math.min(...times2));
    const rivals = [at(executables, 0), at(executables, best)];
    const [ofUsual = 0, ofBest = 0] = best === 0 ? [] : await least(rivals, DECIDING_ROUNDS, measure);
    return ofBest < WORTHWHILE * ofUsual ? at(tiles, best) : usual;
  } finally {
    size.storages.forEach((storage) => storage.unpin());
    x.dispose();
    y?.dispose();
  }
}
async function least(executables, rounds, time) {
  const times2 = executables.map(() => Infinity);
  for (let round2 = 0; round2 < rounds; round2++) {
    const order2 = [...executables.entries()];
    for (const [i, executable] of round2 % 2 === 0 ? order2 : order2.reverse()) times2[i] = Math.min(times2[i] ?? Infinity, await time(executable));
  }
  return times2;
}
function planOf2({ M, N, K, weight, storages }, repeats) {
  const task = { kind: "linear", spec: { M, N, K, weight, norm: null }, behind: null };
  const inputs = [0, ...storages.map((_, i) => i + 1)];
  const step = { task, inputs, output: inputs.length };
  return { leaves: inputs.length, outputs: [4 * M * N], workspace: [], steps: Array.from({ length: repeats }, () => step) };
}

// src/graph/record.ts
var parameterNode = (shape, dtype, backend) => new Node({ kind: "parameter" }, [], shape, dtype, backend);
var recordings = 0;
function record(parameters, results, backend) {
  const copies = results.map((node) => node.isLeaf ? copyNode(node) : node);
  const graph = walk(copies);
  const { plan, leaves } = planOf(graph, backend);
  return {
    backend,
    recorded: { number: recordings++, plan, executable: null },
    leaves: leaves.map((leaf) => {
      const argument = parameters.indexOf(leaf);
      return argument < 0 ? leaf : argument;
    }),
    outputs: graph.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    results: copies.map((node) => graph.outputs.indexOf(node))
  };
}
function replay({ backend, recorded, leaves, outputs, results }, args) {
  const inputs = leaves.map((leaf) => typeof leaf === "number" ? at(args, leaf) : leaf);
  const ops = outputs.map((_, output) => ({ kind: "call", call: null, output }));
  const nodes = outputs.map(({ shape, dtype }, i) => new Node(at(ops, i), inputs, shape, dtype, backend));
  const call = { recorded, leaves: inputs, outputs: nodes };
  for (const op of ops) op.call = call;
  return results.map((i) => at(nodes, i));
}

// src/tensor/compile.ts
var KEPT4 = 64;
function compile2(fn, options = {}) {
  if (typeof fn !== "function") throw new TypeError(`compile: expected a function, got ${fn === null ? "null" : typeof fn}`);
  keywords("compile", [], [options]);
  const devices = /* @__PURE__ */ new WeakMap();
  return (...args) => {
    const given = tensorsIn(args);
    const [first] = given;
    if (!first) throw new RuntimeError("compile: expected a tensor among the arguments");
    const kept = devices.get(first.backend) ?? /* @__PURE__ */ new Map();
    devices.set(first.backend, kept);
    const key = describe(args);
    let known = kept.get(key);
    if (known) kept.delete(key);
    else known = trace(fn, args, given, first.backend);
    kept.set(key, known);
    const [oldest] = kept.keys();
    if (kept.size > KEPT4 && oldest !== void 0) kept.delete(oldest);
    const nodes = replay(known.recording, buffersOf(given));
    return exchange(
      known.form,
      nodes.map((node) => new Tensor(node))
    );
  };
}
function trace(fn, args, given, backend) {
  const parameters = given.map(parameterOf);
  const form = fn(...exchange(args, parameters));
  const results = tensorsIn(form);
  if (results.length === 0) throw new RuntimeError("compile: the function returned no tensor");
  return {
    form,
    recording: record(
      buffersOf(parameters),
      results.map((tensor2) => tensor2.node),
      backend
    )
  };
}
function buffersOf(tensors, found = []) {
  for (const { rows, node } of tensors) {
    if (rows) buffersOf(rows, found);
    else if (node.op.kind === "quantized") found.push(...node.inputs);
    else found.push(node);
  }
  return found;
}
function parameterOf({ rows, node }) {
  if (rows) return new Tensor(node, rows.map(parameterOf));
  const { op, shape, dtype, backend } = node;
  if (op.kind !== "quantized") return new Tensor(parameterNode(shape, dtype, backend));
  const parts = node.inputs.map((part) => parameterNode(part.shape, part.dtype, backend));
  return new Tensor(new Node(op, parts, shape, dtype, backend));
}
function tensorsIn(tree, found = []) {
  if (tree instanceof Tensor) found.push(tree);
  else if (Array.isArray(tree)) for (const inner of tree) tensorsIn(inner, found);
  else if (isLiteral2(tree)) for (const name in tree) tensorsIn(tree[name], found);
  return found;
}
function exchange(tree, tensors) {
  let next = 0;
  const visit = (at2) => {
    if (at2 instanceof Tensor) return tensors[next++];
    if (Array.isArray(at2)) return at2.map(visit);
    if (!isLiteral2(at2)) return at2;
    const literal = {};
    for (const name in at2) literal[name] = visit(at2[name]);
    return literal;
  };
  return visit(tree);
}
function describe(tree) {
  if (tree instanceof Tensor) return tree.rows ? `parts${describe(tree.rows)}` : tree.node.form;
  if (Array.isArray(tree)) {
    let text = "[";
    for (const inner of tree) text += `${describe(inner)},`;
    return `${text}]`;
  }
  if (isLiteral2(tree)) {
    let text = "{";
    for (const name in tree) text += `${name.length}:${name}:${describe(tree[name])},`;
    return `${text}}`;
  }
  switch (typeof tree) {
    case "string":
      return `"${tree.length}:${tree}`;
    case "number":
      return Object.is(tree, -0) ? "-0" : String(tree);
    case "boolean":
    case "undefined":
      return String(tree);
    default:
      if (tree === null) return "null";
      throw new TypeError("compile: arguments are tensors, plain values, arrays and object literals of them");
  }
}
function isLiteral2(value) {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

// src/tensor/profile.ts
async function profile(fn, options = {}) {
  if (typeof fn !== "function") throw new TypeError(`profile: expected a function, got ${fn === null ? "null" : typeof fn}`);
  const { device } = keywords("profile", [], [options], ["device"]);
  const backend = backendOf(device);
  await synchronize(device);
  if (backend.profiler) throw new RuntimeError(`profile: another profile of ${backend.name} is under way`);
  const profiler = backend.profile();
  let timings;
  try {
    await fn();
  } finally {
    await synchronize(device).catch(() => void 0);
    timings = await profiler.finish();
  }
  return { clock: profiler.clock, rows: summed(timings) };
}
function summed(timings) {
  const rows = /* @__PURE__ */ new Map();
  for (const { name, ms } of timings) {
    const { calls, total } = rows.get(name) ?? { calls: 0, total: 0 };
    rows.set(name, { calls: calls + 1, total: total + ms });
  }
  return [...rows].map(([name, { calls, total }]) => ({ name, calls, total, mean: total / calls })).sort((a, b) => b.total - a.total);
}

// src/tensor/einsum.ts
var einsum = named(
  "einsum",
  ["..."],
  (equation, ...operands) => {
    const tensors = operands.flat();
    if (typeof equation !== "string") throw new TypeError(`einsum(): argument 'equation' (position 1) must be str, not ${typeof equation}`);
    const [left = "", right, ...more] = equation.replaceAll(" ", "").split("->");
    if (more.length > 0) throw new RuntimeError(`einsum(): invalid subscript given, expected one arrow at most: ${equation}`);
    const terms = left.split(",");
    const other = tensors.findIndex((tensor2) => !(tensor2 instanceof Tensor));
    if (other >= 0) throw new TypeError(`einsum: expected Tensor as operand ${other}, got ${typeof tensors[other]}`);
    if (tensors.length === 0) throw new RuntimeError("einsum(): must provide at least one operand");
    if (terms.length !== tensors.length)
      throw new RuntimeError(
        `einsum(): ${terms.length < tensors.length ? "more" : "fewer"} operands were provided than specified in the equation ${equation}`
      );
    let hidden = 0;
    const named2 = terms.map((term, i) => {
      const tensor2 = at(tensors, i);
      const names2 = namesOf(term, tensor2.ndim, i);
      hidden = Math.max(hidden, names2.filter((name) => name < "A").length);
      return withoutRepeats({ tensor: tensor2, names: names2 });
    });
    const output = right === void 0 ? implicit(named2, left) : expandEllipsis(checkTerm(right), hidden);
    if (new Set(output).size !== output.length)
      throw new RuntimeError(`einsum(): output subscript appears more than once in the output: ${equation}`);
    const missing = output.find((name) => !named2.some(({ names: names2 }) => names2.includes(name)));
    if (missing !== void 0)
      throw new RuntimeError(`einsum(): output subscript ${missing} does not appear in the equation for any input operand`);
    return contractAll(named2, output);
  }
);
function checkTerm(term) {
  const bad = /[^A-Za-z]/.exec(term.replace("...", ""));
  if (bad) throw new RuntimeError(`einsum(): invalid subscript given, subscripts must be in [a-zA-Z], got ${bad[0]} in ${term}`);
  return term;
}
function namesOf(term, ndim, operand) {
  const named2 = checkTerm(term).replace("...", "").length;
  if (term.includes("...") ? named2 > ndim : named2 !== ndim)
    throw new RuntimeError(
      `einsum(): the number of subscripts in the equation (${named2}) does not match the number of dimensions (${ndim}) for operand ${operand}${term.includes("...") ? "" : " and no ellipsis was given"}`
    );
  return expandEllipsis(term, ndim - named2);
}
function expandEllipsis(term, count) {
  const [before = "", after] = term.split("...");
  if (after === void 0) return [...before];
  return [...before, ...Array.from({ length: count }, (_, i) => String.fromCharCode("0".charCodeAt(0) + count - 1 - i)), ...after];
}
function implicit(named2, left) {
  const letters = [...left.replace(/[^A-Za-z]/g, "")];
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  const dots = new Set(named2.flatMap(({ names: names2 }) => names2.filter((name) => name < "A")));
  return [...[...dots].sort().reverse(), ...once];
}
function withoutRepeats({ tensor: tensor2, names: names2 }) {
  const second = names2.findIndex((name, d) => names2.indexOf(name) < d);
  if (second < 0) return { tensor: tensor2, names: names2 };
  const first = names2.indexOf(at(names2, second));
  if (tensor2.shape[first] !== tensor2.shape[second])
    throw new RuntimeError(
      `einsum(): subscript ${names2[second]} is repeated for operand but the sizes don't match, ${tensor2.shape[second]} != ${tensor2.shape[first]}`
    );
  const rest = names2.filter((_, d) => d !== first && d !== second);
  return withoutRepeats({ tensor: diagonal(tensor2, 0, first, second), names: [...rest, at(names2, second)] });
}
function contractAll(named2, output) {
  checkSizes2(named2);
  const [first, ...others] = named2;
  if (!first) throw new RuntimeError("einsum(): must provide at least one operand");
  const joined4 = others.reduce((a, b, i) => contract(a, b, [...output, ...others.slice(i + 1).flatMap(({ names: names3 }) => names3)]), first);
  const { tensor: tensor2, names: names2 } = summed2(joined4, output);
  return permute(
    tensor2,
    output.map((name) => names2.indexOf(name))
  );
}
function checkSizes2(named2) {
  const sizes = /* @__PURE__ */ new Map();
  for (const { tensor: tensor2, names: names2 } of named2) {
    names2.forEach((name, d) => {
      const size = at(tensor2.shape, d);
      const known = sizes.get(name) ?? 1;
      if (known !== 1 && size !== 1 && known !== size)
        throw new RuntimeError(
          `einsum(): subscript ${name} has size ${size} for operand ${showShape(tensor2.shape)} which does not broadcast with previously seen size ${known}`
        );
      if (size !== 1 || !sizes.has(name)) sizes.set(name, size);
    });
  }
}
function summed2({ tensor: tensor2, names: names2 }, needed) {
  const gone = names2.flatMap((name, d) => needed.includes(name) ? [] : [d]);
  return gone.length === 0 ? { tensor: tensor2, names: names2 } : { tensor: sum(tensor2, gone), names: names2.filter((name) => needed.includes(name)) };
}
function contract(left, right, needed) {
  const a = summed2(left, [...needed, ...right.names]);
  const b = summed2(right, [...needed, ...left.names]);
  const both = a.names.filter((name) => b.names.includes(name));
  const inner = both.filter((name) => !needed.includes(name));
  const batch = both.filter((name) => needed.includes(name));
  const rows = a.names.filter((name) => !both.includes(name));
  const columns = b.names.filter((name) => !both.includes(name));
  const names2 = [...batch, ...rows, ...columns];
  const sizeOf = (name) => sizeIn(a, name) === 1 ? sizeIn(b, name) : sizeIn(a, name);
  if (inner.length === 0) {
    const one = aligned(a, [...batch, ...rows], columns.length);
    return { tensor: element("mul", one, aligned(b, [...batch, ...columns], 0, batch.length, rows.length)), names: names2 };
  }
  const count = (group) => group.reduce((n, name) => n * sizeOf(name), 1);
  const x = reshape(ordered2(a, [...batch, ...rows, ...inner], inner, sizeOf), [
    ...batch.map((n) => sizeIn(a, n)),
    count(rows),
    count(inner)
  ]);
  const y = reshape(ordered2(b, [...batch, ...inner, ...columns], inner, sizeOf), [
    ...batch.map((n) => sizeIn(b, n)),
    count(inner),
    count(columns)
  ]);
  return { tensor: reshape(matmul2(x, y), names2.map(sizeOf)), names: names2 };
}
var sizeIn = ({ tensor: tensor2, names: names2 }, name) => tensor2.shape[names2.indexOf(name)] ?? 1;
function ordered2({ tensor: tensor2, names: names2 }, order2, wide, sizeOf) {
  const moved2 = permute(
    tensor2,
    order2.map((name) => names2.indexOf(name))
  );
  return expand2(
    moved2,
    order2.map((name, d) => wide.includes(name) ? sizeOf(name) : at(moved2.shape, d))
  );
}
function aligned({ tensor: tensor2, names: names2 }, order2, behind, skip = 0, between2 = 0) {
  const moved2 = permute(
    tensor2,
    order2.map((name) => names2.indexOf(name))
  );
  const ones2 = (count) => new Array(count).fill(1);
  return reshape(moved2, [...moved2.shape.slice(0, skip), ...ones2(between2), ...moved2.shape.slice(skip), ...ones2(behind)]);
}

// src/nn/segments.ts
var segment_reduce = named(
  "segment_reduce",
  ["data: Tensor", "reduce", "..."],
  (data, reduce2, options = {}) => {
    const { lengths, axis = 0 } = keywords("segment_reduce", [], [options], ["lengths", "axis", "unsafe"]);
    if (!["sum", "mean", "max", "min"].includes(reduce2))
      throw new RuntimeError(`segment_reduce: unsupported reduction ${String(reduce2)}, expected sum, mean, max or min`);
    if (axis !== 0 || data.ndim === 0)
      throw new RuntimeError(
        `segment_reduce: expected axis 0 of a tensor of at least one dimension, got axis ${axis} of ${showShape(data.shape)}`
      );
    if (lengths?.dtype !== "int32" || lengths.ndim !== 1)
      throw new RuntimeError(`segment_reduce: expected lengths to be int32 of one dimension, got ${String(lengths)}`);
    const shape = [lengths.numel(), ...data.shape.slice(1)];
    if (data.numel() === 0) return constant(EMPTY[reduce2], shape, "float32", data.backend);
    return cast(make({ kind: "segment_reduce", reduce: reduce2 }, [cast(data, "float32"), lengths], shape, "float32"), data.dtype);
  }
);
var EMPTY = { sum: 0, mean: NaN, max: -Infinity, min: Infinity };

// src/index.ts
var nn = {
  functional: functional_exports,
  attention: { varlen: { varlen_attn } },
  Module,
  ModuleList,
  Sequential,
  Linear,
  Embedding,
  LayerNorm,
  RMSNorm,
  MultiheadAttention,
  ReLU,
  GELU,
  SiLU
};
var safetensors = { load: load2 };
var float32 = "float32";
var float16 = "float16";
var int32 = "int32";
var uint32 = "uint32";
var int8 = "int8";
var bool2 = "bool";
var qint8 = "qint8";
var qint4 = "qint4";
export {
  Generator,
  IndexError,
  KeyError,
  NotImplementedError,
  OutOfMemoryError,
  RuntimeError,
  Slice,
  Tensor,
  ValueError,
  abs,
  abs as absolute,
  acos,
  acosh,
  add,
  addcdiv,
  addcmul,
  addmm,
  all,
  allclose,
  amax,
  amin,
  aminmax,
  any,
  arange,
  acos as arccos,
  acosh as arccosh,
  asin as arcsin,
  asinh as arcsinh,
  atan as arctan,
  atan2 as arctan2,
  atanh as arctanh,
  argmax,
  argmin,
  argsort,
  argwhere,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  autotune,
  baddbmm,
  bitwise_and,
  bitwise_left_shift,
  bitwise_not,
  bitwise_or,
  bitwise_right_shift,
  bitwise_xor,
  bmm,
  bool2 as bool,
  broadcast_to,
  cat,
  ceil,
  chunk,
  clamp,
  clamp_max,
  clamp_min,
  clamp as clip,
  clone,
  close,
  compile2 as compile,
  cat as concat,
  cat as concatenate,
  copysign,
  cos,
  cosh,
  cosine_similarity,
  count_nonzero,
  cumprod,
  cumsum,
  deg2rad,
  dequantize,
  device_info,
  diagonal,
  div,
  div as divide,
  dot,
  einsum,
  empty,
  empty_like,
  eq,
  equal,
  erf2 as erf,
  erfc2 as erfc,
  erfinv2 as erfinv,
  exp,
  exp2,
  expm1,
  eye,
  trunc as fix,
  flatten2 as flatten,
  flip,
  float16,
  float32,
  float_power,
  floor,
  floor_divide,
  fmax,
  fmin,
  fmod,
  frac,
  frombuffer,
  full,
  full_like,
  gather,
  ge,
  gt as greater,
  ge as greater_equal,
  group_norm,
  gt,
  heaviside,
  hypot,
  index_select,
  init,
  initial_seed,
  int32,
  int8,
  isclose,
  isfinite,
  isinf,
  isnan,
  isneginf,
  isposinf,
  layer_norm,
  le,
  lerp,
  lt as less,
  le as less_equal,
  linspace,
  log,
  log10,
  log1p,
  log2,
  log_softmax,
  logaddexp,
  logaddexp2,
  logical_and,
  logical_not,
  logical_or,
  logical_xor,
  logit,
  logsumexp,
  lt,
  manual_seed,
  masked_fill,
  masked_select,
  matmul2 as matmul,
  max,
  maximum,
  mean,
  memory_allocated,
  memory_reserved,
  min,
  minimum,
  mm,
  movedim as moveaxis,
  movedim,
  mul,
  multinomial,
  mul as multiply,
  mv,
  nan_to_num,
  nanmean,
  nansum,
  narrow,
  ne,
  neg,
  neg as negative,
  nn,
  nonzero,
  norm2 as norm,
  ne as not_equal,
  ones,
  ones_like,
  outer,
  permute,
  positive,
  pow,
  prod,
  profile,
  qint4,
  qint8,
  quantized_weight,
  rad2deg,
  rand,
  rand_like,
  randint,
  randn,
  randn_like,
  reciprocal,
  relu,
  remainder3 as remainder,
  repeat_interleave,
  reshape,
  rms_norm,
  roll,
  round,
  rsqrt,
  rsub,
  safetensors,
  scaled_dot_product_attention,
  scatter,
  scatter_add,
  seed,
  segment_reduce,
  select2 as select,
  set_default_device,
  sign as sgn,
  sigmoid,
  sign,
  signbit,
  sin,
  sinc,
  sinh,
  softmax2 as softmax,
  sort,
  split,
  sqrt,
  square,
  squeeze,
  stack,
  std,
  std_mean,
  sub,
  sub as subtract,
  sum,
  swapaxes,
  transpose as swapdims,
  synchronize,
  t,
  take_along_dim,
  tan,
  tanh,
  tensor,
  tile2 as tile,
  topk,
  transpose,
  tril,
  triu,
  div as true_divide,
  trunc,
  uint32,
  unbind,
  unflatten,
  unsqueeze,
  variance as var,
  var_mean,
  where,
  xlogy,
  zeros,
  zeros_like
};
