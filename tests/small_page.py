"""The page of a run that has a training path and little else, made by hand."""

from types import SimpleNamespace

import numpy as np
import torch
import yaml
from path_files import EPOCHS, path_overlaps, training_path
from running import ROOT

import judge_claims
import render_page
from normscope import store
from normscope.curvature import decomposition
from normscope.outputs import path_logits

# None that a claim is about, so that only what a slider moves has to be made.
NETWORKS = {
    f"{norm}_norm": {"norm": norm, "norm_position": "before_activation"}
    for norm in ("layer", "group", "instance")
}
RATES = [0.0, 0.1, 0.2, 0.4, 0.25, 0.0]


def resource(name):
    return yaml.safe_load((ROOT / "workflow/resources" / name).read_text())


def run_with_path(results):
    """Files of a run of NETWORKS at one seed; the paths of their path_logits.h5."""
    rng = torch.Generator().manual_seed(0)
    found = []
    for place, name in enumerate(NETWORKS):
        folder = results / "seed0" / name
        # Curvature of the second is 30 times that of others. The leading eigenvalue is
        # negative once, and of the second network all are.
        curvature = np.array([1, -2, 3, 2, 4, 8.0]) * (30 if place == 1 else 1)
        second = np.where((curvature < 0) & (place == 1), curvature / 2, 0.4)
        training_path(
            folder,
            learning_rate=RATES,
            lambda_1=curvature,
            lambda_2=second,
            lambda_3=-0.2,
            batch_sharpness=abs(curvature) * 1.5,
            limit=1.3571,
        )
        path_overlaps(folder, "mean", 0.8 - 0.2 * place)
        looks = [
            {
                "logits": (0.1 + epoch / 5) * torch.randn(64, 3, generator=rng)
                + place * torch.arange(3),
                "mean": place * torch.arange(3.0),
                "predicted_share": torch.tensor([0.2, 0.3, 0.5]).roll(epoch),
                "loss": torch.tensor(2.0 - epoch / 20 + place),
                "accuracy": torch.tensor(0.3 + epoch / 40),
            }
            for epoch in EPOCHS
        ]
        found.append(str(folder / "path_logits.h5"))
        about = {"classes": ["cat", "</script>", "dog"], "images": 64}
        arrays = path_logits.arrays(EPOCHS, looks)
        store.write(found[-1], path_logits.LAYOUT, arrays, about)
    pairs = {
        "eigenvalues": np.ones(2),
        "eigenvectors": np.eye(2, 3),
        "residual_norms": np.zeros(2),
    }
    about = {"images": 64, "batch_size": 64, "device": "cpu", "torch": "2"}
    path = str(results / "seed0/layer_norm/hessian.h5")
    store.write(path, decomposition.LAYOUT, pairs, about)
    return found


def job(**parts):
    """What a script's main gets, as far as these two ask."""
    named = {name: SimpleNamespace(**values) for name, values in parts.items()}
    return SimpleNamespace(**named, config={"run": "small"})


def render(results, logits):
    """The text of the page of the files in the folder, with these path_logits.h5."""
    figures, about = resource("figures.yaml"), resource("about.yaml")
    story = resource("story.yaml") | {
        key: about[key] for key in ("experience", "files", "pilot")
    }
    shared = {
        "sections": figures["sections"],
        "changes": [],
        "seeds": [0],
        "networks": NETWORKS,
        "experiments": {},
    }
    dataset = {"dataset": str(results / "dataset.h5")}
    judged = {name: str(results / f"claims.{name}") for name in ("csv", "html")}
    of_claims = {"claims": resource("claims.yaml"), "chains": 20}
    of_claims |= {"quantities": resource("quantities.yaml")}
    judge_claims.main(job(input=dataset, output=judged, params=shared | of_claims))
    data = [*map(str, results.glob("seed0/*/*.*"))]
    given = {"claims": judged["csv"], "data": data, "logits": logits}
    of_page = {
        "figures": figures["figures"],
        "story": story,
        "scope": [],
        "step": 0.01,
        "vectors": 2,
        "benchmarks": str(results),
    }
    render_page.main(
        job(
            input=dataset | given | {"figures": [], "walks": []},
            output={"page": str(results / "index.html")},
            params=shared | of_page,
        )
    )
    return (results / "index.html").read_text()
