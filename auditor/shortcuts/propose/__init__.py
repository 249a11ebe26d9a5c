"""What candidates are proposed from: one file each, which registers its function by a name."""

from auditor.base.registry import import_all
from auditor.shortcuts import whole_pictures

import_all(__name__, __path__)
import_all(whole_pictures.__name__, whole_pictures.__path__)
