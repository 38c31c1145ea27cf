"""stateprint: fingerprints requests to LLM APIs and says of each whether it is stateless or stateful, and why.

import stateprint as sp
sp.classify(b'{"model":"gpt-5","input":"and then?","previous_response_id":"resp_1"}').state     # 'stateful'
sp.peek("gateway.jsonl")                                                # its format, and why
sp.scan("gateway.jsonl").to_pandas()
"""

from .api import classify, explain, fingerprint, identify
from .coverage import Coverage, coverage
from .engine import LENSES, Engine, Lens, kernels, limits
from .errors import (
    CompressedInputError,
    ConfigError,
    EncodingUnsupported,
    InputError,
    InputLimitExceeded,
    InputWarning,
    InternalError,
    MissingExtra,
    OutputError,
    PayloadEncodingError,
    PayloadError,
    PayloadLimitError,
    PayloadSyntaxError,
    StateprintError,
)
from .peek import Candidate, Peek, peek
from .same_call import SameCalls, same_call
from .scan import Scan, scan
from .table import Table
from .verdict import Explanation, Fingerprint, Identification, Mark, Verdict
from .version import __version__

__all__ = [
    "LENSES",
    "Candidate",
    "CompressedInputError",
    "ConfigError",
    "Coverage",
    "EncodingUnsupported",
    "Engine",
    "Explanation",
    "Fingerprint",
    "Identification",
    "InputError",
    "InputLimitExceeded",
    "InputWarning",
    "InternalError",
    "Lens",
    "Mark",
    "MissingExtra",
    "OutputError",
    "PayloadEncodingError",
    "PayloadError",
    "PayloadLimitError",
    "PayloadSyntaxError",
    "Peek",
    "SameCalls",
    "Scan",
    "StateprintError",
    "Table",
    "Verdict",
    "__version__",
    "classify",
    "coverage",
    "explain",
    "fingerprint",
    "identify",
    "kernels",
    "limits",
    "peek",
    "same_call",
    "scan",
]
