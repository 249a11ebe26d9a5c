from auditor.api.auditing import audit as audit
from auditor.api.finished import Finding as Finding
from auditor.api.finished import Gate as Gate
from auditor.api.finished import Run as Run
from auditor.api.finished import open_run as open_run
from auditor.base.heatmaps import heat as heat
from auditor.base.heatmaps import overlay as overlay
from auditor.relevance.explainer import Explainer as Explainer
from auditor.relevance.sweep.conditions import Condition as Condition
from auditor.relevance.sweep.conditions import Selection as Selection
from auditor.relevance.sweep.results import Explanation as Explanation

__version__: str
