"""What metrics and traces cost a request, here and in the peers; and what a scanner does to the series."""
