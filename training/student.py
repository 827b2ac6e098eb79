"""The student: GPT-2 as transformers builds it, its pooling, its start."""

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from training.recipe import Stage
from training.teacher import Teacher


def build(stage: Stage, device: torch.device) -> GPT2LMHeadModel:
    """A GPT-2 whose layers add nothing yet; the caller seeds torch.

    GPT-2's own start has layers that drown the token embeddings, which would undo
    `warm_start`; so output projections are zero and positions faint.
    """
    config = GPT2Config(
        vocab_size=stage.vocab_size,
        n_positions=stage.n_positions,
        n_embd=stage.n_embd,
        n_layer=stage.n_layer,
        n_head=stage.n_head,
        # The same function as gelu_new, which the export names, in one kernel.
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=stage.dropout,
        embd_pdrop=stage.dropout,
        attn_pdrop=stage.dropout,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = random_gpt2(config, device)
    for layer in model.transformer.h:
        silence(layer)
    with torch.no_grad():
        model.transformer.wpe.weight.mul_(0.25)
    return model


def random_gpt2(config: GPT2Config, device: torch.device) -> GPT2LMHeadModel:
    """GPT-2's own random start."""
    return on_device(GPT2LMHeadModel(config), device)  # type: ignore[no-untyped-call]


def on_device(model: GPT2LMHeadModel, device: torch.device) -> GPT2LMHeadModel:
    """The model there, in eval(): transformers' own methods lose the types."""
    nn.Module.to(model, device)
    nn.Module.eval(model)
    return model


def silence(layer: nn.Module) -> None:
    """Make a layer add nothing to its input, until training moves it."""
    for name, parameter in layer.named_parameters():
        if ".c_proj." in name:
            nn.init.zeros_(parameter)


def warm_start(
    model: GPT2LMHeadModel, tokenizer: Tokenizer, teacher: Teacher, directions: Tensor
) -> None:
    """Set the token embeddings to the teacher's view of each token, read as a text.

    Seen through `directions`, and less their mean, which says "a single word" rather
    than which. Tokens that are no text by themselves keep their random start.
    """
    words = [tokenizer.decode([i]).strip() for i in range(tokenizer.get_vocab_size())]
    known = [i for i, word in enumerate(words) if any(c.isalnum() for c in word)]
    seen = teacher.embed([words[i] for i in known]) @ directions
    seen = F.normalize(seen - seen.mean(0), dim=-1)
    weight = model.transformer.wte.weight
    # Random rows are about this long; equal lengths keep GPT-2's start otherwise.
    length = model.config.initializer_range * weight.shape[1] ** 0.5
    with torch.no_grad():
        weight[known] = seen.to(weight) * length


def mean_pool(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Unit vectors from the first lengths[b] rows of hidden[b]; (B, T, C) to (B, C)."""
    inside = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
    summed = (hidden.float() * inside[:, :, None]).sum(1)  # (B, C)
    return F.normalize(summed, dim=-1)
