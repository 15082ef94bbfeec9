"""What shows, beside the service's own tests, that a migration changed nothing: tests made from today's behaviour, and a security scan."""

from ._security import SecurityScan, scan_security

__all__ = ["SecurityScan", "scan_security"]
