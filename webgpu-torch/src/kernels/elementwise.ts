/** One pass over a tensor: a fused chain of element-wise operations, with views, broadcasts and indices read in place. */

import { contiguousStrides } from "../base/shape";
import { helperText } from "../ops/helpers";
import { grid, type Kernel, WORKGROUP_INDEX } from "./kernel";
import { halfWgsl, inputWgsl, laneAliases, outputWgsl, type Width } from "./lanes";
import { Params } from "./params";
import { type Access, type Program, resultOf } from "./program";
import { programWgsl } from "./program_wgsl";

export interface ElementwiseSpec {
  /** The output's shape, neighbouring dimensions merged where every access allows it. */
  readonly shape: readonly number[];
  readonly program: Program;
}

const WORKGROUP = 64;

/** Inputs: the program's. Output: its result, contiguous. Every invocation computes four neighbouring elements. */
export function elementwise({ shape, program }: ElementwiseSpec): Kernel {
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
    prefix: "v",
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
    wgsl: `${laneAliases(4)}\n${helperText(body)}\n${text}`,
    uniforms: params.contents(),
    workgroups: grid(Math.ceil(quads / WORKGROUP)),
  };
}

/** The operations of a program, for errors and profiles. */
export function names(program: Program): string {
  return (
    program.body.flatMap((i) => (i.kind === "apply" ? [i.op] : i.kind === "take" || i.kind === "cast" ? [i.kind] : [])).join(" ") || "copy"
  );
}

/** Whether four neighbouring elements of the output read four neighbouring elements, the first at a multiple of four. */
function readsQuads(shape: readonly number[], { strides, offset }: Access): boolean {
  if (offset % 4 !== 0 || shape.length === 0) return false;
  if (isFlat(shape, strides)) return true;
  const last = shape.length - 1;
  return strides[last] === 1 && (shape[last] ?? 1) % 4 === 0 && strides.every((stride, d) => d === last || stride % 4 === 0);
}

const isFlat = (shape: readonly number[], strides: readonly number[]): boolean =>
  contiguousStrides(shape).every((stride, d) => stride === strides[d]);

/** An input is declared in fours where all that read it read fours. */
function inputWidth(shape: readonly number[], program: Program, input: number): Width {
  const reads = program.body.filter((i) => (i.kind === "load" || i.kind === "take") && i.input === input);
  return reads.every((i) => i.kind === "load" && readsQuads(shape, i.access)) ? 4 : 1;
}

/** Writes the addresses that a program reads, decomposing the element's index no more often than needed. */
class Addresses {
  readonly lines: string[] = [];
  private readonly sizes: readonly string[];
  private one: readonly string[] | null = null;
  private vector: readonly string[] | null = null;

  constructor(
    private readonly shape: readonly number[],
    private readonly params: Params,
  ) {
    this.sizes = shape.map((size) => params.u32(size));
  }

  /** The address of the first of four, where they lie side by side. */
  quad(access: Access): string | null {
    if (!readsQuads(this.shape, access)) return null;
    const offset = this.params.u32(access.offset);
    if (isFlat(this.shape, access.strides)) return `first + ${offset}`;
    this.one ??= this.coordinates("c", "first");
    return this.sum(access, this.one, offset);
  }

  /** The addresses of all four, as vec4u. */
  four(access: Access): string {
    this.vector ??= this.coordinates("cs", "(vec4u(first) + vec4u(0, 1, 2, 3))");
    return `(vec4u() + ${this.sum(access, this.vector, this.params.u32(access.offset))})`;
  }

  private sum({ strides }: Access, coordinates: readonly string[], offset: string): string {
    const terms = strides.flatMap((stride, d) => (stride === 0 ? [] : [`${coordinates[d]} * ${this.params.u32(stride)}`]));
    return [...terms, offset].join(" + ");
  }

  private coordinates(prefix: string, index: string): readonly string[] {
    const last = this.shape.length - 1;
    let rest = index;
    for (let d = last; d > 0; d--) {
      this.lines.push(`let ${prefix}${d} = ${rest} % ${this.sizes[d]};`, `let ${prefix}r${d} = ${rest} / ${this.sizes[d]};`);
      rest = `${prefix}r${d}`;
    }
    this.lines.push(`let ${prefix}0 = ${rest};`);
    return this.shape.map((_, d) => `${prefix}${d}`);
  }
}
