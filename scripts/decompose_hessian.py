"""Leading eigenpairs of the Hessian of the loss at a network: hessian.h5."""

from normscope import curvature
from normscope.job import log_to


def main(job):
    point = curvature.at_network(job)
    curvature.write_leading_eigenpairs(job, point.hessian, point.attributes)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
