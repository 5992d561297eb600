"""Ways to the leading eigenpairs of a network's Hessian: normscope's and its peers'.

Each takes a network, batches and k, and gives what is `Found`.
"""

from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch.func import functional_call, grad, jvp, linearize
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import normalize

from normscope import devices
from normscope.curvature.hessian import Hessian
from normscope.curvature.lanczos import leading_eigenpairs
from normscope.networks.losses import smoothed_cross_entropy
from normscope.networks.parameters import detached, flatten, unflatten

TOLERANCE = 1e-3


class Found(NamedTuple):
    """Eigenvalues (k,), eigenvectors (k, P), the number of products, and the seconds of
    compiling that come before them.
    """

    values: np.ndarray
    vectors: np.ndarray
    products: int
    setup_seconds: float = 0.0


class Loss(torch.nn.Module):
    """The runs' loss as a module, which the peers ask for."""

    reduction = "mean"

    def forward(self, logits, labels):
        return smoothed_cross_entropy(logits, labels, 0.5)


def worst_residual(network, batches, values, vectors):
    """The largest ||H v - lambda v|| / |lambda|, in float64 by double backward."""
    weights = {
        name: value.detach().double().requires_grad_()
        for name, value in network.named_parameters()
    }
    state = weights | {
        name: value.double()
        for name, value in network.named_buffers()
        if value.is_floating_point()
    }
    device = batches[0][0].device
    values = torch.from_numpy(values).double().to(device)
    vectors = normalize(torch.from_numpy(vectors).double().to(device))
    products = torch.zeros_like(vectors)
    for images, labels in batches:
        # Other kinds of attention can be differentiated once alone.
        with sdpa_kernel(SDPBackend.MATH):
            logits = functional_call(network, state, (images.double(),))
        loss = Loss()(logits, labels)
        gradient = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        for row, vector in zip(products, vectors, strict=True):
            slope = flatten(gradient) @ vector
            row += flatten(
                torch.autograd.grad(slope, list(weights.values()), retain_graph=True)
            )
    rests = products / len(batches) - values[:, None] * vectors
    return (rests.norm(dim=1) / values.abs()).max().item()


def product(network, batches, vector):
    """H v by two backward passes a batch."""
    weights = list(network.parameters())
    total = torch.zeros_like(vector)
    for images, labels in batches:
        with sdpa_kernel(SDPBackend.MATH):
            loss = Loss()(network(images), labels)
        gradient = flatten(torch.autograd.grad(loss, weights, create_graph=True))
        total += flatten(torch.autograd.grad(gradient @ vector, weights))
    return total / len(batches)


class Counted:
    """A function that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *arguments):
        self.calls += 1
        return self.function(*arguments)


def scipy_pairs(matvec, dimension, k):
    """Those of ARPACK's implicitly restarted Lanczos, from a fixed start."""
    counted = Counted(matvec)
    operator = LinearOperator((dimension, dimension), counted, dtype=np.float32)
    start = np.random.default_rng(0).normal(size=dimension)
    values, vectors = eigsh(operator, k, tol=TOLERANCE, v0=start)
    return Found(values, vectors.T, counted.calls)


def normscope(starts, network, batches, k):
    hessian = Hessian(network, Loss(), batches, memory_gb=2.4)
    rng = devices.generator(0, "bench")
    pairs = leading_eigenpairs(hessian, k, TOLERANCE, rng, starts=starts)
    return Found(pairs.eigenvalues.numpy(), pairs.eigenvectors.numpy(), pairs.matvecs)


def double_backward(network, batches, k):
    def matvec(vector):
        return product(network, batches, torch.from_numpy(vector).float()).numpy()

    dimension = sum(weight.numel() for weight in network.parameters())
    return scipy_pairs(matvec, dimension, k)


def gradient_function(network, images, labels):
    """The gradient of a batch's loss, as a function of the parameters."""

    def loss(parameters):
        return Loss()(functional_call(network, parameters, (images,)), labels)

    return grad(loss)


def over_batches(network, batches, k, derivative):
    """The pairs of the mean of what `derivative(number, point, direction)` gives."""
    point = detached(network)

    def matvec(vector):
        direction = unflatten(torch.from_numpy(vector).float(), point)
        total = sum(
            flatten(derivative(number, point, direction).values())
            for number in range(len(batches))
        )
        return (total / len(batches)).detach().numpy()

    return scipy_pairs(matvec, sum(value.numel() for value in point.values()), k)


def jvp_of_gradient(network, batches, k):
    gradients = [gradient_function(network, *batch) for batch in batches]

    def derivative(number, point, direction):
        return jvp(gradients[number], (point,), (direction,))[1]

    with sdpa_kernel(SDPBackend.MATH):
        return over_batches(network, batches, k, derivative)


def linearised(network, batches, k):
    """Not of the article's networks: a map through functions that work in place, such
    as their softplus, is wrong from its second call on.
    """
    with sdpa_kernel(SDPBackend.MATH):
        maps = [
            linearize(gradient_function(network, *batch), detached(network))[1]
            for batch in batches
        ]
        return over_batches(network, batches, k, lambda n, point, v: maps[n](v))


def curvlinops_operator(network, batches):
    from curvlinops import HessianLinearOperator

    weights = list(network.parameters())
    return HessianLinearOperator(
        network, Loss(), weights, batches, check_deterministic=False
    )


def compiled_curvlinops(network, batches):
    """Its product over a batch, traced and compiled; all batches have one size.

    torch.compile alone finds nothing to compile in it: it does not look into vmap.
    """
    operator = curvlinops_operator(network, batches)
    eager, compiled = operator._mp, []

    @torch.no_grad()  # of the compiled product nobody wants a gradient
    def product_of_batch(*arguments):
        if not compiled:
            compiled.append(torch.compile(make_fx(eager)(*arguments)))
        return compiled[0](*arguments)

    operator._mp = product_of_batch
    return operator


def curvlinops(network, batches, k):
    with sdpa_kernel(SDPBackend.MATH):
        operator = curvlinops_operator(network, batches).to_scipy()
        return scipy_pairs(operator.matvec, operator.shape[0], k)


def curvlinops_compiled(network, batches, k):
    with sdpa_kernel(SDPBackend.MATH):
        operator = compiled_curvlinops(network, batches).to_scipy()
        start = perf_counter()
        operator.matvec(np.ones(operator.shape[0], np.float32))
        setup_seconds = perf_counter() - start
        found = scipy_pairs(operator.matvec, operator.shape[0], k)
        return found._replace(setup_seconds=setup_seconds)


def hessian_eigenthings(steps_per_pair, network, batches, k):
    from hessian_eigenthings.algorithms.lanczos import lanczos
    from hessian_eigenthings.operators.hessian import HessianOperator

    def loss(model, batch):
        return Loss()(model(batch[0]), batch[1])

    operator = HessianOperator(network, batches, loss)
    with sdpa_kernel(SDPBackend.MATH):
        found = lanczos(
            operator, k=k, max_iter=steps_per_pair * k, tol=TOLERANCE, seed=0
        )
    return Found(
        found.eigenvalues.numpy(), found.eigenvectors.numpy(), found.iterations
    )


def pyhessian(network, batches, k):
    from pyhessian import hessian

    torch.manual_seed(0)
    solver = hessian(network, Loss(), dataloader=batches, cuda=False)
    counted = Counted(solver.dataloader_hv_product)
    solver.dataloader_hv_product = counted
    values, vectors = solver.eigenvalues(top_n=k)
    stacked = np.stack([flatten(vector).numpy() for vector in vectors])
    return Found(np.array(values), stacked, counted.calls)


METHODS = {
    "normscope": partial(normscope, 2),
    "normscope, one start": partial(normscope, 1),
    "double backward + eigsh": double_backward,
    "jvp of the gradient + eigsh": jvp_of_gradient,
    "torch.func.linearize + eigsh": linearised,
    "curvlinops + eigsh": curvlinops,
    "curvlinops compiled + eigsh": curvlinops_compiled,
    # With its default of 2 k steps the last pairs do not converge.
    "hessian-eigenthings, 3k steps": partial(hessian_eigenthings, 3),
    "PyHessian": pyhessian,
}
