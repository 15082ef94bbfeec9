from prometheus_client import Counter, Histogram

REQUESTS = Counter("orders_http_requests_total", "HTTP requests", ["method", "path", "status"])
REQUEST_SECONDS = Histogram("orders_http_request_seconds", "Time to answer", ["method", "path"])
ORDERS_PLACED = Counter("orders_placed_total", "Orders placed", ["country"])
ORDER_CENTS = Counter("orders_revenue_cents_total", "Value of the orders placed, in cents")
ORDERS_CANCELLED = Counter("orders_cancelled_total", "Orders cancelled")
EVENTS_FAILED = Counter("orders_events_failed_total", "Events that could not be published")
LOGINS = Counter("orders_logins_total", "Attempts to log in", ["outcome"])
