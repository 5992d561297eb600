"""Where users look for it; the workflow is in workflow/."""


include: "workflow/Snakefile"


localrules:
    default,


# An included file has no default target.
rule default:
    default_target: True
    input:
        rules.all.input,
