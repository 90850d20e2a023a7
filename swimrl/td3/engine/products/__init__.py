"""Which library computes a matrix product, chosen for each shape by measuring speed and error.

On one and the same processor the libraries in NumPy and PyTorch differ by a factor of two, and not always in
the same direction: a library that does not know the processor's model takes its slower instructions. So each
shape is measured once, in the memory layout in which the engine uses it. The choice is kept in a file for
this host, and the next run makes the same choice: the order of sums depends on it, hence the last digit.

A backend whose error against float64 is not that of float32 arithmetic is never chosen, however fast it is.
PyTorch's ``medium`` precision selects oneDNN everywhere, but on processors with units for bfloat16 matrices
it also lets oneDNN round to bfloat16. There oneDNN is no candidate, and a choice made elsewhere that names it
is refused.

- `planner`: chooses a backend for each product of the engine and binds it.
- `choice`: which of the measured backends is taken.
- `measurement`: seconds and error of each backend.
- `choices_file`: the choices that were made on this host.
- `backends`: the calls that compute a product, in float32 or bfloat16.
- `tiles`: our own product.
- `precision`: PyTorch's setting for the whole process, while products are computed.
"""
