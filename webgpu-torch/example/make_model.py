"""Trains the example's model, which knows the sine, and writes sine.safetensors."""

import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(1, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 1)
    )
    x = torch.linspace(-math.pi, math.pi, 512)[:, None]
    optimizer = torch.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        error = nn.functional.mse_loss(model(x), x.sin())
        error.backward()
        return error

    for _ in range(60):
        optimizer.step(loss)
    print("largest error:", (model(x) - x.sin()).abs().max().item())
    save_file(model.state_dict(), Path(__file__).with_name("sine.safetensors"))


if __name__ == "__main__":
    main()
