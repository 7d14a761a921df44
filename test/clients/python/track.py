"""What the official Python client says, unmodified: only host and port are others. It speaks HTTPS alone."""

import sys

from customerio import APIClient, CustomerIO, CustomerIOException, SendEmailRequest

client = CustomerIO("dev", "dev", host="127.0.0.1", port=int(sys.argv[1]))

client.identify(id="py/1 +", email="py@example.com", plan="pro", big=12345678901234567890)
client.track("py/1 +", "order", data={"total": 19.9})
client.track_anonymous("anon-py", "visited", data={"page": "home"})
client.pageview("py/1 +", "/pricing", referrer="x")
client.backfill("py/1 +", "long ago", 1600000000, n=1)
client.add_device("py/1 +", "token-py", "ios", app_version="1.2")
client.add_device("py/1 +", "token-gone", "android")
client.delete_device("py/1 +", "token-gone")
client.identify(id="py-second", city="Paris")
client.merge_customers("id", "py/1 +", "id", "py-second")
client.identify(id="py-gone", a=1)
client.delete("py-gone")
client.identify(id="py-blocked", a=1)
client.suppress("py-blocked")
client.identify(id="py-freed", a=1)
client.suppress("py-freed")
client.unsuppress("py-freed")
client.identify(id="py-freed", b=2)
client.batch([{"type": "person", "action": "identify", "identifiers": {"id": "py-v2"}, "attributes": {"n": 1}}])

# Sends are not taken yet, and the client must be able to read why.
app = APIClient("dev", url=f"https://127.0.0.1:{sys.argv[1]}")
try:
    app.send_email(SendEmailRequest(to="a@example.com", identifiers={"id": "1"}, transactional_message_id=1))
except CustomerIOException as refused:
    print(refused)
