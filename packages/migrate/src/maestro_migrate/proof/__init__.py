"""What shows, beside the service's own tests, that a migration changed nothing: tests made from today's behaviour, and a security scan."""

from ._generated import Generated, generate
from ._pins import FILE_NAME
from ._security import SecurityScan, scan_security

__all__ = ["FILE_NAME", "Generated", "SecurityScan", "generate", "scan_security"]
