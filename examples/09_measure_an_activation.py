"""Measure what activations cost on this machine."""

import swimrl

record = swimrl.bench.run("activations", act=["swim", "swish", "relu"], quick=True)
record.print()
for cost in record.results().all():
    if cost.against_reference:
        print(cost.activation, cost.implementation, cost.work, cost.against_reference.value)
