"""How far two paths may differ, on vectors of length 1, and why.

All are bounds on the largest difference of one number.
"""

# The same float32 arithmetic in another order: sums of up to a few thousand products
# differ in their last bits, and layers carry that on.
F32 = 2e-5
# float16 keeps 11 bits: each weight or hidden number is off by up to 2**-12 of itself.
F16 = 1e-3
# 8 bits: each number is off by up to 1/254 of the largest in its group or token.
Q8 = 0.02
# 4 bits: by up to 1/14 of the largest in its group. The direction remains; how well is
# for benchmarks/quality.py to say.
Q4 = 0.15
# bfloat16 keeps 8 bits, in every operation rather than once.
BF16 = 0.03

BY_DTYPE = {"f32": F32, "f16": F16, "q8": Q8, "q4": Q4}
