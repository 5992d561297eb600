"""Files of the way through training, made by hand, that tests share."""

import numpy as np
import pandas as pd

from normscope import store
from normscope.images import datasets
from normscope.results import paths

EPOCHS = [0, 1, 2, 5, 10, 20]
CLASSES = 3


def csv(folder, name, rows):
    """Write the rows to a file of that name, in a folder that is made."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def training_path(folder, **columns):
    """Ones everywhere but in the given columns, which are by epoch."""
    rows = pd.DataFrame(1.0, index=range(len(EPOCHS)), columns=list(paths.PATH))
    rows["epoch"] = EPOCHS
    for name, values in columns.items():
        rows[name] = values
    csv(folder, "training_path.csv", rows)


def path_overlaps(folder, column, value, placebo=0.1):
    """The column has that value in two of three eigenvectors at epoch 20, as many as
    there are classes less one, and others elsewhere; placebos one everywhere.
    """
    rows = pd.DataFrame(
        0.05, index=range(3 * len(EPOCHS)), columns=list(paths.OVERLAPS)
    )
    rows["epoch"] = np.repeat(EPOCHS, 3)
    rows["eigenvector"] = [1, 2, 3] * len(EPOCHS)
    rows[["placebo", "placebo_all"]] = placebo
    rows[column] = [0.0, 1.0, 0.0] * (len(EPOCHS) - 1) + [value, value, 0.0]
    csv(folder, "path_overlaps.csv", rows)
    images, labels = np.zeros((3, 3, 32, 32), np.uint8), np.arange(3)
    arrays = {
        f"{split}/{name}": values
        for split in ("train", "test")
        for name, values in (("images", images), ("labels", labels))
    }
    about = {"classes": list("abc"), "source": "hand"}
    about |= {"mean": np.zeros(3), "std": np.ones(3)}
    path = folder.parents[1] / "dataset.h5"
    store.write(str(path), datasets.LAYOUT, arrays, about)
