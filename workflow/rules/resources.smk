# What a scheduler is told of each job, from the config's sizes; ample on purpose, as a
# job over its memory is killed. Every further attempt gets as much again.
from ctypes import CDLL, byref, c_int
from math import ceil

SOURCE = resource("workflow/resources/sources.yaml")[config["dataset"]["name"]]


def class_count(dataset):
    """Classes of the images; of a folder that is not there yet, ten."""
    train = Path(dataset["root"] or "").expanduser() / "train"
    if "classes" in SOURCE or not train.is_dir():
        return SOURCE.get("classes", 10)
    return sum(path.is_dir() for path in train.iterdir())


def convolutions(widths):
    """Inputs, outputs and pixels of each 3 x 3 convolution of the network."""
    layers = [(3, widths[0], 32**2)]
    for halvings, (narrow, wide) in enumerate(zip(widths, widths[1:])):
        pixels = (32 >> halvings) ** 2
        layers += [(narrow, wide, pixels), (wide, wide, pixels // 4)]
    return layers


# A folder that is used whole counts as CIFAR-10, which has 60,000 images.
IMAGES = sum(
    config["dataset"][f"{split}_size"] or SOURCE.get(split, usual)
    for split, usual in (("train", 50000), ("test", 10000))
)
CLASSES = class_count(config["dataset"])
MOMENTS = 3 * CLASSES
LAYERS = convolutions(config["network"]["widths"])
PARAMETERS = sum(9 * inputs * outputs for inputs, outputs, _ in LAYERS)
ACTIVATIONS = sum(outputs * pixels for _, outputs, pixels in LAYERS)
FLOPS_PER_IMAGE = sum(
    18 * inputs * outputs * pixels for inputs, outputs, pixels in LAYERS
)

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


def memory(vectors=0, batch=0, gigabytes=0):
    """MB of host memory, as if the GPU's were in it.

    For Python and torch, all images, that many parameter-sized vectors in float32, the
    activations of a batch ten times over, and gigabytes besides; for null, which takes
    half of what a job on the CPU has or half of the GPU's own, as much again.
    """
    megabytes = (
        4000
        + 1e-6 * 8 * 3 * 32**2 * IMAGES
        + 1e-6 * 4 * PARAMETERS * vectors
        + 1e-6 * 4 * ACTIVATIONS * batch * 10
    )
    more = (0 if GPU else megabytes) if gigabytes is None else 1074 * gigabytes
    return lambda wildcards, attempt: attempt * ceil(megabytes + more)


def minutes(images=0):
    """Run time of a job that takes that many images forward through the network."""
    total = 10 + images * FLOPS_PER_IMAGE / SPEED
    return lambda wildcards, attempt: attempt * ceil(total)


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
