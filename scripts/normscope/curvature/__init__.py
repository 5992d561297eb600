"""The Hessian of the loss, its leading eigenpairs, and where they lie."""
