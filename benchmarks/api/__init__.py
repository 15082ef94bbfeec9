"""What the additions around a request cost, beside the ways in which services do it by hand or with peers."""
