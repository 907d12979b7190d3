# SPDX-License-Identifier: MIT
"""scale.py SOCKATLAS GENERATE WORK: `list` streams, and its memory is what is alive at once. TAP without a plan."""
import subprocess
import sys
import threading

sockatlas, generate, work = sys.argv[1:]
SMALL, LARGE = 100_000, 1_000_000


def generated(events):
    folder = f"{work}/{events}"
    subprocess.run([generate, folder, str(events)], check=True)
    return folder


def peak(folder):
    """Kilobytes, of a child of its own: ru_maxrss of children is the largest of all so far."""
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    return int(subprocess.run([sys.executable, "-c", code, sockatlas, "list", "--json", folder], check=True,
                              stdout=subprocess.PIPE).stdout)


def first_line_comes_before_the_rest(folder):
    lines = subprocess.run([sockatlas, "export", "--format", "jsonl", folder], check=True,
                           stdout=subprocess.PIPE).stdout
    half = lines.index(b"\n", len(lines) // 2) + 1
    child = subprocess.Popen([sockatlas, "list", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    watchdog = threading.Timer(120, child.kill)
    watchdog.start()
    count = [0]
    came = threading.Event()

    def read():
        for _ in child.stdout:
            count[0] += 1
            came.set()
        came.set()

    reader = threading.Thread(target=read)
    reader.start()
    child.stdin.write(lines[:half])
    child.stdin.flush()
    came.wait()
    early = count[0]
    child.stdin.write(lines[half:])
    child.stdin.close()
    reader.join()
    watchdog.cancel()
    return early, count[0], child.wait()


small, large = generated(SMALL), generated(LARGE)
early, all_lines, status = first_line_comes_before_the_rest(small)
print("ok" if early > 0 and status == 0 else "not ok", "1 - list: lines come out while half of the input is not there yet")
print("ok" if all_lines == SMALL // 8 * 2 + 4 else "not ok", f"2 - list: all {all_lines} sockets come out")
low, high = peak(small), peak(large)
print(f"# peak: {low} kB at {SMALL} events, {high} kB at {LARGE}")
print("ok" if high < low * 1.25 else "not ok", "3 - list: ten times the events need no more memory")
print("1..3")
