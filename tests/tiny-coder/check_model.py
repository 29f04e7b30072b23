#!/usr/bin/env python3
"""Compares `model.forward` with transformers' own forward pass, in float32 on the CPU."""

import torch

import model as network


@torch.no_grad()
def main():
    model = network.new(1, num_hidden_layers=3)
    first, second = torch.randint(0, 4096, (50,)), torch.randint(0, 4096, (33,))
    reference = torch.cat([model(tokens[None]).logits[0] for tokens in (first, second)])
    tokens = torch.cat([first, second])
    positions = torch.cat([torch.arange(50), torch.arange(33)])
    ends = torch.tensor([0, 50, 83, 83], dtype=torch.int32)
    plain, _ = network.forward(model, tokens, positions, ends, 64, torch.tensor(0.0), torch.float32)
    difference = (plain - reference).norm() / reference.norm()
    assert difference < 1e-5, f"forward differs from transformers' by {difference}"
    # Rounding the weights beforehand and rounding them on the way is the same.
    again, _ = network.forward(model, tokens, positions, ends, 64, torch.tensor(1.0), torch.float32)
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            weight.copy_(network.rounded(weight, network.bits_of(name), torch.tensor(1.0)))
    reference = torch.cat([model(tokens[None]).logits[0] for tokens in (first, second)])
    difference = (again - reference).norm() / reference.norm()
    assert difference < 1e-4, f"rounded, forward differs from transformers' by {difference}"
    print("forward computes what transformers computes")


if __name__ == "__main__":
    main()
