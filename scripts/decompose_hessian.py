"""Leading eigenpairs of the Hessian of the loss at a network: hessian.h5."""

from normscope import curvature
from normscope.job import log_to


def main(job):
    hessian, attributes = curvature.hessian_of(job)
    curvature.write_leading_eigenpairs(job, hessian, attributes)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake)
