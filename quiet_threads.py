"""Lets PyTorch's OpenMP threads spin briefly between uses. Import before torch.

They spin for milliseconds by default, on cores that a browser on the same machine wants
too: a request of 10 ms took 488 ms beside a busy one, and 12 to 16 ms with threads that
sleep at once. But waking one takes longer than a short text's matrix product, fifty
times a request, so they wait some tenths of a millisecond for the next one.
OpenMP reads the variables once, when torch loads it.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "8000")
