"""Keeps PyTorch's OpenMP threads asleep between uses. Import before torch.

They spin by default, on cores that a browser on the same machine wants too: a request
of 10 ms took 488 ms beside a busy one, and 12 to 16 ms with threads that sleep. OpenMP
reads the variable once, when torch loads it.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
