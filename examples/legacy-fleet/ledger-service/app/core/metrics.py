from prometheus_client import Counter, Histogram

ENTRIES_POSTED = Counter("ledger_entries_posted_total", "Journal entries posted", ["currency"])
ENTRIES_REJECTED = Counter("ledger_entries_rejected_total", "Journal entries refused", ["reason"])
REQUEST_SECONDS = Histogram(
    "ledger_request_seconds", "Time spent answering", ["method", "status"], buckets=(0.01, 0.05, 0.1, 0.5, 1, 5)
)
