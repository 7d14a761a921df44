"""What the official Python client of the Pipelines API says, gzipped, unmodified but for the host."""

import sys

from customerio import analytics

analytics.write_key = "dev"
analytics.host = sys.argv[1]
analytics.gzip = True
analytics.on_error = lambda error, items: sys.exit(f"{error}: {items}")

analytics.identify("cdp-1", {"email": "cdp@example.com", "plan": "pro"})
analytics.track("cdp-1", "order", {"total": 19.9})
analytics.page("cdp-1", "docs", "home", {"path": "/"})
analytics.screen("cdp-1", "app", "start")
analytics.group("cdp-1", "acme", {"name": "Acme"})
analytics.identify("cdp-second", {"city": "Paris"})
analytics.alias("cdp-second", "cdp-1")
analytics.identify("cdp-gone", {"a": 1})
analytics.track("cdp-gone", "User Deleted")
analytics.shutdown()
