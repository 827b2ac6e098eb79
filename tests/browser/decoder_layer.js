// @ts-check
/** A decoder layer as Llama and Qwen3 have it, made of webgpu-torch's modules and functions: the page's side of test_decoder_layer.py. */

/**
 * @typedef {object} Config as Hugging Face's
 * @property {number} hidden_size
 * @property {number} intermediate_size
 * @property {number} num_attention_heads
 * @property {number} num_key_value_heads
 * @property {number} head_dim
 * @property {number} rms_norm_eps
 * @property {number} rope_theta
 * @property {boolean} qk_norm
 */

/** @param {any} torch @param {Config} config */
function makeDecoderLayer(torch, config) {
  const { nn } = torch;
  const F = nn.functional;
  const { hidden_size, num_attention_heads, num_key_value_heads, head_dim, rms_norm_eps } = config;
  const linear = (/** @type {number} */ from, /** @type {number} */ to) => new nn.Linear(from, to, { bias: false });
  const norm = (/** @type {number} */ size) => new nn.RMSNorm(size, { eps: rms_norm_eps });

  class Attention extends nn.Module {
    constructor() {
      super();
      this.q_proj = linear(hidden_size, num_attention_heads * head_dim);
      this.k_proj = linear(hidden_size, num_key_value_heads * head_dim);
      this.v_proj = linear(hidden_size, num_key_value_heads * head_dim);
      this.o_proj = linear(num_attention_heads * head_dim, hidden_size);
      if (config.qk_norm) Object.assign(this, { q_norm: norm(head_dim), k_norm: norm(head_dim) });
    }

    /** x (B, T, E), with keys and values of earlier positions before its own. */
    forward(/** @type {any} */ x, /** @type {any} */ cos, /** @type {any} */ sin, /** @type {any} */ cache = null) {
      const [B, T] = x.shape;
      const heads = (/** @type {any} */ y, /** @type {any} */ scale) => {
        const split = y.reshape(B, T, -1, head_dim);
        return (scale ? scale.forward(split) : split).transpose(1, 2); // (B, heads, T, D)
      };
      const q = rotate(heads(this.q_proj.forward(x), this.q_norm), cos, sin);
      const own = [rotate(heads(this.k_proj.forward(x), this.k_norm), cos, sin), heads(this.v_proj.forward(x), null)];
      const [k, v] = cache ? own.map((tensor, i) => torch.cat([cache[i], tensor], 2)) : own;
      const attended = F.scaled_dot_product_attention(q, k, v, { is_causal: T > 1, enable_gqa: true });
      return [this.o_proj.forward(attended.transpose(1, 2).reshape(B, T, -1)), [k, v]];
    }
  }

  class Mlp extends nn.Module {
    constructor() {
      super();
      this.gate_proj = linear(hidden_size, config.intermediate_size);
      this.up_proj = linear(hidden_size, config.intermediate_size);
      this.down_proj = linear(config.intermediate_size, hidden_size);
    }

    forward(/** @type {any} */ x) {
      return this.down_proj.forward(F.silu(this.gate_proj.forward(x)).mul(this.up_proj.forward(x)));
    }
  }

  class DecoderLayer extends nn.Module {
    constructor() {
      super();
      this.self_attn = new Attention();
      this.mlp = new Mlp();
      this.input_layernorm = norm(hidden_size);
      this.post_attention_layernorm = norm(hidden_size);
    }

    forward(/** @type {any} */ x, /** @type {any} */ cos, /** @type {any} */ sin, /** @type {any} */ cache = null) {
      const [attended, kept] = this.self_attn.forward(this.input_layernorm.forward(x), cos, sin, cache);
      const h = x.add(attended);
      return [h.add(this.mlp.forward(this.post_attention_layernorm.forward(h))), kept];
    }
  }

  /** Pairs (i, i + D/2) turned by their position's angles. */
  function rotate(/** @type {any} */ x, /** @type {any} */ cos, /** @type {any} */ sin) {
    const [one, other] = x.chunk(2, -1);
    return x.mul(cos).add(torch.cat([other.neg(), one], -1).mul(sin));
  }

  return new DecoderLayer();
}

/** Cosines and sines of positions start … start + T - 1, (T, D). @param {any} torch @param {Config} config @param {number} start @param {number} T */
function rotaryAngles(torch, { head_dim, rope_theta }, start, T) {
  const frequencies = torch.pow(rope_theta, torch.arange(0, head_dim, 2).float().div(-head_dim));
  const angles = torch.outer(torch.arange(start, start + T).float(), frequencies);
  const both = torch.cat([angles, angles], -1);
  return [both.cos(), both.sin()];
}

/**
 * The layer's result for all of x at once, and for its last position by itself behind the cache of those before.
 * @param {any} torch @param {{config: Config, state: string, x: any}} asked @param {string} device
 */
async function runDecoderLayer(torch, { config, state, x }, device) {
  torch.set_default_device(device);
  try {
    const layer = makeDecoderLayer(torch, config);
    layer.load_state_dict(torch.safetensors.load(Uint8Array.from(atob(state), (c) => c.charCodeAt(0))));
    const input = torch.tensor(x);
    const T = input.size(1);
    const [whole] = layer.forward(input, ...rotaryAngles(torch, config, 0, T));
    const [, cache] = layer.forward(input.narrow(1, 0, T - 1), ...rotaryAngles(torch, config, 0, T - 1));
    const [last] = layer.forward(input.narrow(1, T - 1, 1), ...rotaryAngles(torch, config, T - 1, 1), cache);
    const names = layer.named_parameters().map(([/** @type {string} */ name]) => name);
    return { names, whole: await whole.tolist(), last: await last.tolist() };
  } finally {
    torch.set_default_device("webgpu");
  }
}

Object.assign(globalThis, { runDecoderLayer });
