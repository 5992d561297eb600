"""One network trained from scratch by K-FAC at learning rates that are held: a CSV."""

from functools import partial

from hold_learning_rates import hold_each
from normscope.analysis import open_data
from normscope.images import datasets
from normscope.job import log_to
from normscope.networks import second_order


def main(job):
    device, dataset = open_data(job)
    size = job.params.batch_size
    batch, *_ = datasets.fixed_batches(dataset, int(job.wildcards.seed), size, size)
    hold_each(job, device, dataset, partial(second_order.hold, batch=batch))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
