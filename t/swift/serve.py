"""Serves OpenStack Swift with its S3 API on free ports of 127.0.0.1, in one process.

Usage: serve.py FOLDER REGION [DOMAIN]

The account, container and object servers and the proxy run side by side, with one replica in
FOLDER, whose file system must take extended attributes. When they listen, the proxy's port is
printed on a line of its own. The process ends when its standard input does.
"""

import os
import sys
import warnings

# Swift 2.38 is built on it all the same.
warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")

from swift.common import utils, wsgi  # noqa: E402

utils.monkey_patch()

import eventlet  # noqa: E402
import eventlet.wsgi  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402

STORAGE = ("account", "container", "object")

COMMON = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
bind_ip = 127.0.0.1
bind_port = {port}
"""

STORAGE_CONF = COMMON + """
[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
"""

# Without s3_acl every user of the account may do everything; what is refused is refused for its
# signature. The time a request may be off is fifteen minutes, as with AWS.
PROXY_CONF = COMMON + """
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth bulk copy slo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:gatekeeper]
use = egg:swift#gatekeeper

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:s3api]
use = egg:swift#s3api
location = {region}
storage_domain = {domain}
s3_acl = false
allowable_clock_skew = 900

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin

[filter:bulk]
use = egg:swift#bulk

[filter:copy]
use = egg:swift#copy

[filter:slo]
use = egg:swift#slo
"""


def build_ring(folder, kind, port):
    """Writes a ring of one device, which gets every partition."""
    builder = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
    builder.add_dev(
        {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "d1", "meta": "",
         "ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    )
    builder.rebalance(seed=1)
    builder.get_ring().save(os.path.join(folder, kind + ".ring.gz"))


def main():
    folder, region = sys.argv[1:3]
    domain = sys.argv[3] if len(sys.argv) > 3 else ""

    os.makedirs(os.path.join(folder, "devices", "d1"), exist_ok=True)
    with open(os.path.join(folder, "swift.conf"), "w") as conf:
        conf.write("[swift-hash]\nswift_hash_path_suffix = tests\n")
    utils.set_swift_dir(folder)

    # All sockets listen before any server is loaded: the rings name their ports.
    sockets = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in (*STORAGE, "proxy")}
    ports = {kind: sockets[kind].getsockname()[1] for kind in sockets}
    for kind in STORAGE:
        build_ring(folder, kind, ports[kind])

    for kind, socket in sockets.items():
        text = PROXY_CONF if kind == "proxy" else STORAGE_CONF
        path = os.path.join(folder, kind + "-server.conf")
        with open(path, "w") as conf:
            conf.write(
                text.format(
                    folder=folder, kind=kind, port=ports[kind], region=region, domain=domain
                )
            )
        app = wsgi.loadapp(path)
        eventlet.spawn(
            eventlet.wsgi.server,
            socket,
            app,
            log=utils.NullLogger(),
            protocol=SwiftHttpProtocol,
            capitalize_response_headers=False,
        )

    print(ports["proxy"], flush=True)
    eventlet.hubs.trampoline(sys.stdin.fileno(), read=True)


if __name__ == "__main__":
    main()
