"""The migration engine against LibCST, ast-grep, pyupgrade and a bare parse, on one real tree and on the adversarial programs."""
