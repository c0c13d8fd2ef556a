"""What a request may be written as: one table of forms, and one reader for the client and every door."""

from rasterwire.forms.reader import Misfit, Reading, fill_export, fill_params, fill_request
from rasterwire.forms.unaffected import unaffected

__all__ = ["Misfit", "Reading", "fill_export", "fill_params", "fill_request", "unaffected"]
