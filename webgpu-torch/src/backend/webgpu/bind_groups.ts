/** Bind groups, shared by all plans: a layer binds the same weights and workspace whatever the length of the text. */

/** Groups kept; a layer of GPT-2 takes five to seven. */
const KEPT = 4096;

export class BindGroups {
  /** From the oldest to the youngest. */
  private readonly groups = new Map<string, GPUBindGroup>();
  private readonly numbers = new WeakMap<object, number>();
  private count = 0;

  constructor(private readonly device: GPUDevice) {}

  /** The group that binds storage buffers in order, then the uniforms, of which a kernel reads `uniformBytes` at an offset. */
  get(layout: GPUBindGroupLayout, buffers: readonly GPUBuffer[], uniforms: GPUBuffer, uniformBytes: number): GPUBindGroup {
    let key = `${this.numberOf(layout)} ${uniformBytes} ${this.numberOf(uniforms)}`;
    for (const buffer of buffers) key += ` ${this.numberOf(buffer)}`;
    const known = this.groups.get(key);
    if (known) return known;
    const resources = [...buffers.map((buffer) => ({ buffer })), { buffer: uniforms, size: uniformBytes }];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    const group = this.device.createBindGroup({ layout, entries });
    this.groups.set(key, group);
    const [oldest] = this.groups.keys();
    if (this.groups.size > KEPT && oldest !== undefined) this.groups.delete(oldest);
    return group;
  }

  private numberOf(resource: object): number {
    let number = this.numbers.get(resource);
    if (number === undefined) this.numbers.set(resource, (number = this.count++));
    return number;
  }
}
