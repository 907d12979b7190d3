# SPDX-License-Identifier: MIT
"""A path with a delay, for the targets: what is sent to FAR comes back to NEAR as if from there, some time later. Source
and destination change places, so checksums stay, and who connects to FAR reaches who listens at NEAR."""
import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

NEAR, FAR = "10.9.0.1", "10.9.0.2"


def forward(tun, ended, delay, wanted):
    waiting = collections.deque()
    while True:
        patience = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        ready = select.select([tun, ended], [], [], patience)[0]
        if ended in ready:
            return
        if tun in ready:
            packet = os.read(tun, 65536)
            if packet[0] >> 4 == 4 and wanted(packet):
                waiting.append((time.monotonic() + delay, packet[:12] + packet[16:20] + packet[12:16] + packet[20:]))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(tun, waiting.popleft()[1])


def lay(delay, wanted=lambda packet: True):
    """DELAY seconds each way; packets that are not wanted are lost. A child forwards them until the maker ends, or exits
    77 with him where there is no /dev/net/tun that may be opened."""
    try:
        tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"path", 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    except OSError as error:
        print(f"/dev/net/tun: {error}", file=sys.stderr)
        sys.exit(77)
    subprocess.run(["ip", "address", "add", NEAR, "peer", FAR, "dev", "path"], check=True)
    subprocess.run(["ip", "link", "set", "path", "up"], check=True)
    ended, held = os.pipe()
    if os.fork() == 0:
        os.close(held)
        forward(tun, ended, delay, wanted)
        os._exit(0)
    os.close(ended)
    os.close(tun)
    return held
