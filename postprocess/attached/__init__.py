"""What a person holds, carries or rides, and what hangs on the outline."""

from postprocess.attached.objects import attached_objects
from postprocess.attached.table import TABLE, AttachedRule

__all__ = ["TABLE", "AttachedRule", "attached_objects"]
