"""Us and the peers on the same work, in one process tree; ratios, never absolute promises."""
