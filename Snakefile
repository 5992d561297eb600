"""How batch norm allows high learning rates: networks, curvature, figures."""

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.current_basedir}/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/surroundings.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/paths.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/initialisation.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/outputs.smk"
include: "workflow/rules/curvature.smk"
include: "workflow/rules/perturbations.smk"
include: "workflow/rules/figures_networks.smk"
include: "workflow/rules/figures_initialisation.smk"
include: "workflow/rules/figures_outputs.smk"
include: "workflow/rules/figures_curvature.smk"
include: "workflow/rules/report.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        rules.render_page.output.page,
