"""Layers of Llama and Qwen3 against Hugging Face's, made of what there is.

RMS norm, rotary positions, grouped heads, a key-value cache and a gated MLP: adding
such a model takes no new kernel.
"""

import base64
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from playwright.sync_api import Page
from transformers import LlamaConfig, Qwen3Config
from transformers.models.llama.modeling_llama import (
    LlamaDecoderLayer,
    LlamaRotaryEmbedding,
)
from transformers.models.qwen3.modeling_qwen3 import (
    Qwen3DecoderLayer,
    Qwen3RotaryEmbedding,
)

SCRIPT = Path(__file__).with_name("decoder_layer.js").read_text()
# Of numbers around 1, after some ten products in float32.
TOLERANCE = 1e-5

SIZES: dict[str, Any] = {
    "hidden_size": 36,
    "intermediate_size": 72,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "rms_norm_eps": 1e-5,
    "num_hidden_layers": 1,
    "attn_implementation": "sdpa",
}
FAMILIES = {
    "llama": (LlamaConfig, LlamaDecoderLayer, LlamaRotaryEmbedding),
    "qwen3": (Qwen3Config, Qwen3DecoderLayer, Qwen3RotaryEmbedding),
}


@pytest.mark.parametrize("device", ["cpu", "webgpu"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("batch", "tokens"), [(1, 9), (2, 5)])
def test_a_decoder_layer_gives_what_hugging_faces_gives(
    torch_page: Page, family: str, batch: int, tokens: int, device: str
) -> None:
    torch.manual_seed(0)
    make_config, make_layer, make_rotary = FAMILIES[family]
    config = make_config(
        **SIZES, rope_parameters={"rope_type": "default", "rope_theta": 1e4}
    )
    layer = make_layer(config, layer_idx=0).eval()
    x = torch.randn(batch, tokens, config.hidden_size)
    with torch.inference_mode():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
        positions = torch.arange(tokens)[None]
        rotary = make_rotary(config)(x, positions)
        causal = torch.ones(tokens, tokens).tril().bool()[None, None]
        expected = layer(x, attention_mask=causal, position_embeddings=rotary)
    state = {name: tensor.contiguous() for name, tensor in layer.state_dict().items()}
    torch_page.evaluate(SCRIPT)
    answer = torch_page.evaluate(
        "([asked, device]) => runDecoderLayer(torch, asked, device)",
        [
            {
                "config": {
                    **SIZES,
                    "rope_theta": 1e4,
                    "qk_norm": family == "qwen3",
                },
                "state": base64.b64encode(safetensors.torch.save(state)).decode(),
                "x": x.tolist(),
            },
            device,
        ],
    )
    assert set(answer["names"]) == set(state)
    close = {"rtol": TOLERANCE, "atol": TOLERANCE}
    torch.testing.assert_close(torch.tensor(answer["whole"]), expected, **close)
    torch.testing.assert_close(torch.tensor(answer["last"]), expected[:, -1:], **close)
