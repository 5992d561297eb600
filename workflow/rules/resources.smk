# What a scheduler is told of each job, from the config's sizes; ample on purpose, as a
# job over its memory is killed. Every further attempt gets as much again.
import json
import shlex
import subprocess
import sys
from ctypes import CDLL, byref, c_int
from functools import cache
from hashlib import sha256
from math import ceil

SOURCE = resource("workflow/resources/sources.yaml")[config["dataset"]["name"]]


def class_count(dataset):
    """Classes of the images; of a folder that is not there yet, ten."""
    train = Path(dataset["root"] or "").expanduser() / "train"
    if "classes" in SOURCE or not train.is_dir():
        return SOURCE.get("classes", 10)
    return sum(path.is_dir() for path in train.iterdir())


def chain_sizes(widths, classes, size):
    """Parameters of the article's network, and of one image the numbers that its layers
    with weights put out, and the flops.
    """
    layers = [(3, widths[0], 9, size**2)]
    for halvings, (narrow, wide) in enumerate(zip(widths, widths[1:])):
        pixels = (size >> halvings) ** 2
        layers += [(narrow, wide, 9, pixels), (wide, wide, 9, pixels // 4)]
    layers.append((widths[-1], classes, 1, 1))
    weights = [inputs * outputs * area for inputs, outputs, area, _ in layers]
    return {
        "parameters": sum(weights),
        "activations": sum(outputs * pixels for _, outputs, _, pixels in layers),
        "flops": sum(2 * own * layer[-1] for own, layer in zip(weights, layers)),
    }


# A folder that is used whole counts as CIFAR-10, which has 60,000 images.
IMAGES = sum(
    config["dataset"][f"{split}_size"] or SOURCE.get(split, usual)
    for split, usual in (("train", 50000), ("test", 10000))
)
CLASSES = class_count(config["dataset"])
MOMENTS = 3 * CLASSES
SIZE = config["dataset"].get("size", 32)
CHAIN = chain_sizes(config["network"]["widths"], CLASSES, SIZE)
# Lines that leave the layers with weights as they are. What other networks need is
# measured on them, for which a process must import torch: seconds, so that of the
# article's own the closed form above says the same.
SAME_SIZES = {*roles.OF_ARTICLE, "training", "init_scale", "ghost_batch"}


@cache
def other_sizes():
    """The sizes of all networks that are no such chain, by name; kept beside the results
    for the jobs, which each ask again.
    """
    asked = {
        name: {
            "variant": VARIANTS[name],
            **config["network"],
            "classes": CLASSES,
            "size": SIZE,
        }
        for name in TRAINED
        if VARIANTS[name].keys() - SAME_SIZES
    }
    if not asked:
        return {}
    layers = [
        layers_of(VARIANTS[name], config["network"]["activation"]) for name in asked
    ]
    question = json.dumps([asked, layers, code("normscope/networks/sizes.py")])
    digest = sha256(question.encode()).hexdigest()[:16]
    kept = Path(f".snakemake/sizes/{digest}.json")
    if not kept.exists():
        done = subprocess.run(
            [*shlex.split(sys.executable), "-m", "normscope.networks.sizes"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise WorkflowError(done.stderr.strip().splitlines()[-1])
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(done.stdout.splitlines()[-1])
    return json.loads(kept.read_text())


def sizes(wildcards):
    """Those of the job's network, or of the article's."""
    name = wildcards.get("network")
    if name is None or not original(name).keys() - SAME_SIZES:
        return CHAIN
    return other_sizes()[VARIANTS[name].get("freeze", name)]


# What is wrong with a network is said before any job starts.
if workflow.is_main_process:
    for name in FROZEN:
        source = VARIANTS[name]["freeze"]
        if "module" in VARIANTS[source] and not other_sizes()[source]["freezable"]:
            raise WorkflowError(
                f"config key networks.{name}.freeze: {source} has no batch norm with "
                f"running statistics; drop {name}"
            )
    other_sizes()

# Whether jobs run on this machine, and not on the nodes of a cluster.
LOCAL = workflow.is_main_process and workflow.resource_settings.nodes is None


def finds_gpu():
    """Whether the CUDA driver shows a device; to ask torch would take seconds."""
    try:
        driver = CDLL("libcuda.so.1")
    except OSError:
        return False
    count = c_int()
    driver.cuInit(0)
    return driver.cuDeviceGetCount(byref(count)) == 0 and count.value > 0


ON_CPU = config["device"] == "cpu" or (
    config["device"] == "auto" and LOCAL and not finds_gpu()
)
# A job on the CPU takes no GPU from a scheduler.
GPU = int(not ON_CPU)
# On the CPU of this machine about four jobs run side by side. That is faster than one of
# all cores: each starts Python and torch on one core, and small convolutions gain little
# from a second.
THREADS = max(1, (workflow.resource_settings.cores or 1) // 4)
if GPU or not LOCAL:
    THREADS = 8
# Jobs that the longest chain of jobs goes through start before those that wait for no one.
ON_THE_WAY = 1
# Flops per minute: CPU cores at 50 GFLOPS (two were measured at 70 to 300), or a GPU at
# 3 TFLOPS.
SPEED = 60 * (3e12 if GPU else 5e10)


def asked(value, wildcards):
    """A number, or what a function of the wildcards gives for it."""
    return value(wildcards) if callable(value) else value


def memory(vectors=0, batch=0, gigabytes=0):
    """MB of host memory, as if the GPU's were in it.

    For Python and torch, all images, that many parameter-sized vectors in float32, the
    activations of a batch ten times over, and gigabytes besides; for null, which takes
    half of what a job on the CPU has or half of the GPU's own, as much again.
    """

    def megabytes(wildcards, attempt):
        own = sizes(wildcards)
        needed = (
            4000
            + 1e-6 * 8 * 3 * SIZE**2 * IMAGES
            + 1e-6 * 4 * own["parameters"] * vectors
            + 1e-6 * 4 * own["activations"] * asked(batch, wildcards) * 10
        )
        more = (0 if GPU else needed) if gigabytes is None else 1074 * gigabytes
        return attempt * ceil(needed + more)

    return megabytes


def minutes(images=0):
    """Run time of a job that takes that many images forward through the network."""

    def total(wildcards, attempt):
        flops = sizes(wildcards)["flops"] * asked(images, wildcards)
        return attempt * ceil(10 + flops / SPEED)

    return total


HELD = config["learning_rate_stress"]["held"]


def held_images(wildcards):
    """Passes forward that take as long as training at all held learning rates."""
    batch_size = training_of(wildcards.network)["batch_size"]
    return 3 * batch_size * HELD["steps"] * len(HELD["rates"])


def training_images(wildcards):
    """Passes forward that take as long as training."""
    return 3 * IMAGES * training_of(wildcards.network)["epochs"]


# Of each of many chains: enough, as statistics are of all channels of a layer together.
CHAIN_IMAGES = min(128, config["initialisation"]["images"])


def chain_minutes(wildcards, attempt):
    """Run time of all chains of an experiment, on CPU cores at 50 GFLOPS."""
    depth, width = (
        EXPERIMENTS[wildcards.experiment][key] for key in ("depth", "width")
    )
    chains = config["initialisation"]["chains"]
    products = 2 * chains * CHAIN_IMAGES * depth * width**2
    return attempt * ceil(10 + products / (60 * 5e10))


# Lanczos vectors, and the copy of them that is saved.
HESSIAN_VECTORS = 2 * (5 * config["hessian"]["k"] + 10)
# Ten products for each eigenpair, each as long as nine passes forward.
HESSIAN_IMAGES = config["hessian"]["images"] * 10 * config["hessian"]["k"] * 9
