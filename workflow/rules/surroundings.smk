# This checkout, wherever it is, whatever else is called as its modules, and whoever
# includes it.
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

CHECKOUT = Path(str(workflow.current_basedir)).parents[1]
SCRIPTS = CHECKOUT / "scripts"


def own(name):
    """A module of the package, by its file."""
    path = SCRIPTS / f"normscope/{name}.py"
    spec = spec_from_file_location(f"{SCRIPTS}/{name}", path)
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


own("surroundings").settle(str(SCRIPTS))
own("locks").start_jobs()
