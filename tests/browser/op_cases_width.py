"""Cases of what a dtype cannot hold: values on the way, numbers, bits shifted out."""

import torch
from op_case import Case, case

SDPA = "nn.functional.scaled_dot_product_attention"
generator = torch.Generator().manual_seed(12)

# Their products are beyond float16, until they are scaled.
LOUD = torch.full((1, 1, 2, 64), 35.0).half()
BROAD = torch.randn(1, 2, 5, 64, generator=generator).half() * 40
SEEN = torch.ones(2, 2) > 0
CUBE = torch.randn(2, 3, 4, generator=generator)
BLANK, VALUES = torch.ones(2, 3, 0), torch.arange(12.0).view(2, 3, 2)

attention: list[Case] = [
    case(SDPA, *3 * [LOUD], SEEN),
    case(SDPA, *3 * [LOUD], torch.zeros(2, 2)),
    case(SDPA, LOUD, LOUD, LOUD[..., :3]),
    case(SDPA, LOUD[:, :, :1], LOUD, LOUD, is_causal=True),
    case(SDPA, *3 * [BROAD], torch.ones(5, 5).tril() > 0),
    # All scores of vectors without elements are one, and so are the weights.
    case(SDPA, BLANK, BLANK, VALUES),
    case(SDPA, BLANK, BLANK, VALUES, is_causal=True),
    case(SDPA, BLANK, BLANK, VALUES, torch.ones(3, 3).tril() > 0, scale=2.0),
]

refused_attention: list[Case] = [
    case(SDPA, CUBE, CUBE.half(), CUBE),
    case(SDPA, CUBE, CUBE, CUBE.half()),
    case(SDPA, *3 * [CUBE], torch.ones(5, 1, 3, 3)),
    case(SDPA, *3 * [CUBE], torch.ones(1, 1, 3, 3) > 0),
    case(SDPA, *3 * [CUBE[:1]], torch.ones(5, 3, 3)),
    case(SDPA, *3 * [CUBE[0]], torch.ones(1, 3, 3)),
]

WIDTHS = [*attention]
REFUSED_WIDTHS = [*refused_attention]
