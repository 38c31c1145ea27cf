"""stateprint: fingerprints requests to LLM APIs and says of each whether it is stateless or stateful, and why.

import stateprint as sp
sp.classify(b'{"model":"gpt-5","input":"and then?","previous_response_id":"resp_1"}').state     # 'stateful'
sp.peek("gateway.jsonl")                                                # its format, and why
sp.scan("gateway.jsonl").to_pandas()
"""

from typing import TYPE_CHECKING, Any

from .api import classify, explain, fingerprint, identify
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
from .table import Table
from .verdict import Explanation, Fingerprint, Identification, Mark, Verdict
from .version import __version__

if TYPE_CHECKING:
    from ._coverage import Coverage, coverage
    from ._peek import Candidate, Peek, peek
    from ._same_call import SameCalls, same_call
    from ._scan import Scan, scan

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

_LATER = {
    "Candidate": "_peek",
    "Coverage": "_coverage",
    "Peek": "_peek",
    "SameCalls": "_same_call",
    "Scan": "_scan",
    "coverage": "_coverage",
    "peek": "_peek",
    "same_call": "_same_call",
    "scan": "_scan",
}
"""What is imported when it is asked for, and its module: `import stateprint` is to take no time. The modules have an underscore, since `scan`
and its like are functions of this one."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
