"""Activations as functions that JAX can transform."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from swimrl.activations.code import code_of
from swimrl.activations.language.names import parse_name
from swimrl.errors import InputError


def jax_activation(name: str) -> Callable[..., Any]:
    """Return an activation as a JAX function, for Flax, SBX, Brax and everything else that uses JAX.

    The function works under ``jit``, ``vmap`` and ``grad``. Its derivatives are the formula's own, at kinks
    too. ``swimrl activations show NAME --code jax`` prints the same function as text.

    Args:
        name: What ``--act`` takes, such as ``"swim"`` or ``"expr: x*sigmoid(b*x); b=1"``; a formula, not a
            module.

    Returns:
        ``f(x, *parameters)``. ``x`` is a floating array of any shape; the result has its shape and dtype. The
        parameters are those that are ``trainable``, with their initial values as defaults. JAX can
        differentiate by them; a Flax module must declare them to learn them.

    Raises:
        UnknownNameError: If there is no such activation.
        InputError: If it is a module, or JAX is not installed.

    Example:
        >>> import swimrl
        >>> swim = swimrl.jax_activation("swim")  # doctest: +SKIP
        >>> policy_kwargs = dict(activation_fn=swim)  # for sbx.TD3  # doctest: +SKIP
    """
    return _function(code_of(parse_name(name), "jax"))


@functools.lru_cache(maxsize=256)
def _function(code: str) -> Callable[..., Any]:
    try:
        import jax  # here, so that the error is one line
    except ImportError as error:
        raise InputError("JAX functions need jax; install it with: pip install 'swimrl[jax]'") from error
    namespace: dict[str, Any] = {}
    exec(compile(code, "<swimrl jax activation>", "exec"), namespace)  # noqa: S102 - text of our own printer
    functions: list[Callable[..., Any]] = [f for f in namespace.values() if isinstance(f, jax.custom_jvp)]
    return functions[0]
