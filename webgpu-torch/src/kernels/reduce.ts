/** Reductions, with a fused chain computed on the way in and another on the way out. */

import { type DType, laneOf } from "../base/dtype";
import { helperText } from "../ops/helpers";
import { reduceOp, type ReduceName, reduceResult } from "../ops/reduce";
import type { Caps } from "./caps";
import { type ElementwiseSpec, names } from "./elementwise";
import { grid, type Kernel, WORKGROUP_INDEX } from "./kernel";
import { halfWgsl, inputWgsl, laneAliases, scalarType, wordOutputWgsl } from "./lanes";
import { Params } from "./params";
import { type Access, type Program, resultOf } from "./program";
import { programWgsl } from "./program_wgsl";

export interface ReduceSpec {
  readonly op: ReduceName;
  /** Sizes of the dimensions that stay, then of those that are reduced; `kept` of them stay. */
  readonly shape: readonly number[];
  readonly kept: number;
  /** What is reduced, over `shape`. */
  readonly program: Program;
  /** What becomes of the results; its inputs follow the program's. */
  readonly epilogue: ElementwiseSpec | null;
}

const WORKGROUP = 256;
const SERIAL_WORKGROUP = 64;

/** Inputs: the program's, the epilogue's. Output: one element for each combination of the dimensions that stay. */
export function reduce(spec: ReduceSpec, caps: Caps): Kernel {
  const params = new Params();
  const sizes = spec.shape.map((size) => params.u32(size));
  const outputs = params.u32(product(spec.shape.slice(0, spec.kept)));
  const length = params.u32(product(spec.shape.slice(spec.kept)));
  const state = stateWgsl(spec.op, resultOf(spec.program));
  const element = elementWgsl(spec, sizes, params);
  const finish = finishWgsl(spec, params);
  // A workgroup a result where the reduced elements lie side by side; an invocation a result where the results do.
  const wide = !caps.software && sideBySide(spec);
  const inputs = [...spec.program.inputs, ...(spec.epilogue?.program.inputs ?? [])];
  const main = wide ? wideMain(outputs) : serialMain(outputs);
  const text = `${halfWgsl(inputs)}
${inputs.map((dtype, i) => inputWgsl(i, i, dtype, 1)).join("\n")}
${wordOutputWgsl(inputs.length, outputType(spec))}
${params.declare(inputs.length + 1)}
${WORKGROUP_INDEX}
${state}
${element}
${gatherWgsl(length, wide ? WORKGROUP : 1)}
${finish}
${main}`;
  const count = product(spec.shape.slice(0, spec.kept));
  return {
    name: `${spec.op}(${names(spec.program)})`,
    wgsl: `${laneAliases(1)}\n${helperText(text)}\n${text}`,
    uniforms: params.contents(),
    workgroups: grid(wide ? count : Math.ceil(count / SERIAL_WORKGROUP)),
  };
}

const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);

const outputType = ({ op, program, epilogue }: ReduceSpec): DType =>
  epilogue ? resultOf(epilogue.program) : reduceResult(op, resultOf(program));

/** Whether the innermost reduced dimension is the one that memory steps through. */
function sideBySide({ shape, kept, program }: ReduceSpec): boolean {
  const step = (strides: readonly number[], d: number) => Math.abs(strides[d] ?? 0);
  return program.body.some((i) => i.kind === "load" && step(i.access.strides, shape.length - 1) === 1) || kept === 0;
}

/** The state of a reduction: a value, or a value and its position. */
function stateWgsl(name: ReduceName, dtype: DType): string {
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
  const isNan = (x: string) => (T === "F32" ? `op_isnan(${x})` : "false");
  // Position 0xffffffff is that of no element. Of equals the first wins; NaN beats everything.
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

/** `element(o, r)`: element r of what is reduced into result o. */
function elementWgsl({ shape, kept, program }: ReduceSpec, sizes: readonly string[], params: Params): string {
  const body = programWgsl(program, {
    width: 1,
    params,
    firstInput: 0,
    address: (access) => `(${addressWgsl(access, params)})`,
    quad: () => null,
    accumulator: "",
    prefix: "v",
  });
  return `
fn element(o: u32, r: u32) -> ${scalarType(resultOf(program))} {
  ${decompose("o", sizes, 0, kept)}
  ${decompose("r", sizes, kept, shape.length)}
  ${body}
  return v${program.body.length - 1};
}`;
}

/** `finish(o, value)`: the result as it is stored. */
function finishWgsl(spec: ReduceSpec, params: Params): string {
  const reduced = reduceResult(spec.op, resultOf(spec.program));
  if (!spec.epilogue) return `fn finish(o: u32, value: ${scalarType(reduced)}) { store(o, value); }`;
  const { shape, program } = spec.epilogue;
  const sizes = shape.map((size) => params.u32(size));
  const body = programWgsl(program, {
    width: 1,
    params,
    firstInput: spec.program.inputs.length,
    address: (access) => `(${addressWgsl(access, params)})`,
    quad: () => null,
    accumulator: "value",
    prefix: "e",
  });
  return `
fn finish(o: u32, value: ${scalarType(reduced)}) {
  ${decompose("o", sizes, 0, shape.length)}
  ${body}
  store(o, e${program.body.length - 1});
}`;
}

function addressWgsl({ strides, offset }: Access, params: Params): string {
  const terms = strides.flatMap((stride, d) => (stride === 0 ? [] : [`c${d} * ${params.u32(stride)}`]));
  return [...terms, params.u32(offset)].join(" + ");
}

/** Coordinates c(from) … c(to - 1) of an index. */
function decompose(index: string, sizes: readonly string[], from: number, to: number): string {
  const lines: string[] = [];
  let rest = index;
  for (let d = to - 1; d > from; d--) {
    lines.push(`let c${d} = ${rest} % ${sizes[d]}; let ${index}${d} = ${rest} / ${sizes[d]};`);
    rest = `${index}${d}`;
  }
  if (to > from) lines.push(`let c${from} = ${rest};`);
  return lines.join("\n  ");
}

/** States that are joined one by one before their sum, say, is joined to a larger one. */
const JOINED = 256;

/** `gather(o, first)`: every step-th element of result o. Millions added one by one to their sum would lose most of their digits. */
const gatherWgsl = (length: string, step: number): string => `
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

function serialMain(outputs: string): string {
  return `
@compute @workgroup_size(${SERIAL_WORKGROUP})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let o = workgroup_index(id, count) * ${SERIAL_WORKGROUP}u + invocation;
  if (o >= ${outputs}) { return; }
  finish(o, state_result(gather(o, 0u)));
}
`;
}

function wideMain(outputs: string): string {
  return `
var<workgroup> partial: array<State, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) invocation: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u) {
  let o = workgroup_index(id, count);
  if (o >= ${outputs}) { return; }
  partial[invocation] = gather(o, invocation);
  for (var half = ${WORKGROUP / 2}u; half > 0u; half = half / 2u) {
    workgroupBarrier();
    if (invocation < half) { partial[invocation] = state_join(partial[invocation], partial[invocation + half]); }
  }
  if (invocation == 0u) { finish(o, state_result(partial[0])); }
}
`;
}
