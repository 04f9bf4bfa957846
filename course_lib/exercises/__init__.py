"""The exercises of the notebooks, a module for each subject: exact answers, and the wrong ones
worth a hint.

Importing the package registers them all with `course_lib.checks`.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
