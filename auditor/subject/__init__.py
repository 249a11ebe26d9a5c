"""The subject of an audit: the model and the validation set it is looked at with."""

import auditor.subject.hugging_face
import auditor.subject.overcomplete_models
import auditor.subject.timm_models  # noqa: F401  (enters the source timm:NAME)
from auditor.subject.dictionaries import CONCEPT_SOURCES, Dictionary
from auditor.subject.given import Given, given
from auditor.subject.models import MODEL_SOURCES, BuiltModel
from auditor.subject.preprocessing import Preprocessing
from auditor.subject.sources import DATA_SOURCES
from auditor.subject.subject import Quarantine, Subject, Usable, load_subject

__all__ = [
    "CONCEPT_SOURCES",
    "DATA_SOURCES",
    "MODEL_SOURCES",
    "BuiltModel",
    "Dictionary",
    "Given",
    "Preprocessing",
    "Quarantine",
    "Subject",
    "Usable",
    "given",
    "load_subject",
]
