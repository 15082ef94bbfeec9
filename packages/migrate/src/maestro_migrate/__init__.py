"""The migration engine: inventory, plan, rewrite, verify, report, roll back."""
