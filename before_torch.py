"""What PyTorch's speed on a CPU depends on in the process. Import before torch.

Threads that spin briefly: OpenMP's do so for milliseconds by default, on cores that a
browser on the same machine wants too: a request of 10 ms took 488 ms beside a busy one,
and 12 to 16 ms with threads that sleep at once. But waking one takes longer than a
short text's matrix product, fifty times a request, so they wait some tenths of a
millisecond for the next one. OpenMP reads the variables once, when torch loads it.

Pages of 2 MiB for weights: looking up those of 4 KiB took a fifth of the time of a
short text's matrix products. Each matrix takes up to 2 MiB more for it.

Freed memory that is kept: glibc gives a layer's large tensors back to the system, and
to get the next layer's, page by page and zeroed, took up to a tenth of a batch's time.
"""

import ctypes
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "8000")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
MIB = 2**20
if sys.platform == "linux":
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 32 * MIB)  # the most that it takes
        mallopt(M_TRIM_THRESHOLD, 256 * MIB)
