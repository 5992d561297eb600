"""Densities and traces of the whole spectra of the Hessian and the Gauss-Newton matrix:
spectrum.h5.
"""

import torch

from normscope import devices, store
from normscope.curvature import decomposition
from normscope.curvature.gauss_newton import GaussNewton
from normscope.curvature.quadrature import Rest, mean_and_error, whole
from normscope.job import log_to, progress
from normscope.resume import resumable

SIZES = "starts nodes"
LAYOUT = {
    "*/nodes": (SIZES, "the known eigenvalues, then Ritz values of the rest"),
    "*/weights": (SIZES, "share of all eigenvalues at each node, of each random start"),
    "*/samples": ("samples", "estimates of the trace, each from one random vector"),
}


def main(job):
    hessian, attributes = decomposition.hessian_of(job)
    operators = {"hessian": hessian, "gauss_newton": GaussNewton(hessian)}
    arrays, facts = {}, {}
    with resumable(job, job.output.spectrum) as state:
        saved = state.load() or {}
        for name, operator in operators.items():
            path = getattr(job.input, name)
            pairs, _ = store.read(path, "eigenvalues", "eigenvectors")
            store.require_same_size(
                {
                    job.input.network: hessian.dimension,
                    path: pairs["eigenvectors"].shape[1],
                }
            )
            known = torch.from_numpy(pairs["eigenvalues"])
            vectors = torch.from_numpy(pairs["eigenvectors"]).to(hessian.device)
            found = samples(job, name, Rest(operator, vectors), saved, state)
            nodes, weights = whole(
                found["nodes"], found["weights"], known, hessian.dimension
            )
            trace, error = mean_and_error(found["traces"])
            arrays |= store.nested(
                {
                    "nodes": nodes.numpy(),
                    "weights": weights.numpy(),
                    "samples": (known.sum() + found["traces"]).numpy(),
                },
                name,
            )
            facts[name] = {
                "trace": known.sum().item() + trace,
                "trace_error": error,
                "known": len(known),
            }
        store.write(job.output.spectrum, LAYOUT, arrays, attributes, facts)


def samples(job, name, rest, saved, state) -> dict[str, torch.Tensor]:
    """Nodes and weights of each start, and estimates of the rest's trace: of each start
    from its first product, and from further products.
    """
    settings, seed = job.params.spectrum, int(job.wildcards.seed)
    found = saved.setdefault(name, {"nodes": [], "weights": [], "traces": []})
    bar = progress(settings["starts"], f"{job.wildcards.network} {name}", "starts")
    for number in range(len(found["nodes"]), settings["starts"]):
        rng = devices.generator(seed, "spectrum", name, number)
        nodes, weights = rest.quadrature(settings["steps"], rng)
        found["nodes"].append(nodes)
        found["weights"].append(weights)
        # v'Av is the first moment of the start's density.
        found["traces"].append((weights @ nodes).item() * rest.dimension)
        state.save(saved)
        bar.update()
        print(f"{name}: start {number + 1}, {len(nodes)} products")
    bar.close()
    rng = devices.generator(seed, "trace", name)
    more = [rest.trace_sample(rng) for _ in range(settings["trace_products"])]
    return {
        "nodes": torch.stack(found["nodes"]),
        "weights": torch.stack(found["weights"]),
        "traces": torch.tensor(found["traces"] + more, dtype=torch.float64),
    }


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
