"""Measure what activations, actions and training cost on this machine.

examples:
  swimrl bench activations swim swish relu --quick
  swimrl bench paper --act swim swish relu
  swimrl bench policy --act swim
  swimrl bench train --act swim relu --against sb3 --json FILE
  swimrl bench show FILE
"""

COMMANDS = {
    "activations": "What an activation costs: value, gradients, memory",
    "paper": "The Swim paper's timing, and the same done properly",
    "policy": "How long a policy takes for one action",
    "train": "Environment steps and updates a second, beside peers",
    "compare": "What changed from one record to another",
    "show": "Print a record, or several merged",
}
"""Each has a file ``bench_NAME``."""
