#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Traces whose every string from outside is a hostile one, through every command and format. hostile_names.py SOCKATLAS BASE.jsonl...
`--mixed` in place of SOCKATLAS writes mixed.jsonl, all of the strings in one trace, and checks nothing.

Each base trace is exported JSON Lines; its names of programs, hosts, files, unix paths, looked up names, arguments, option values and blind
spots are replaced by one string at a time, for two hosts, and each output is held to what its format demands, to have no character that
may steer whoever looks at it, and to have as many lines as it has with a harmless string in the same places. Speaks "ok WHAT", "not ok WHAT"."""
import csv
import html.parser
import io
import json
import os
import re
import subprocess
import sys
import xml.parsers.expat
import zlib

SOCKATLAS, BASES = sys.argv[1], sys.argv[2:]
TOKEN = b"X7q"
HARMLESS = b"harmless" + TOKEN
HOSTILE = {
    "a terminal's title": b"\x1b]0;P\x07",
    "C1 as a byte": b"\x9b31m",
    "C1 as UTF-8": b"\xc2\x9b31m",
    "line ends and tabs": b"\r\na\tb\x0b\x0c",
    "backspaces and DEL": b"a\x08\x08\x7f",
    "a unit separator": b"a\x1fb\x1ec",
    "overrides of direction": "\u202eab\u2066".encode(),
    "marks of direction": "\u200e\u200f\u061c".encode(),
    "line separators": "\u2028\u2029".encode(),
    "a surrogate": b"\xed\xa0\x80\xed\xb0\x80",
    "no UTF-8": b"\xff\xfe\xc0\x80\xf5",
    "no characters": b"\xef\xbf\xbe\xef\xbf\xbf",
    "the end of a script": b"</script>",
    "a comment of HTML": b"<!--<script>",
    "an image of HTML": b"\"><img src=x onerror=alert(1)>",
    "the end of CDATA": b"]]>&lt;&",
    "a formula with =": b"=1+1",
    "a formula with +": b"+1+1",
    "a formula with -": b"-1+1",
    "a formula with @": b"@SUM(1)",
    "an apostrophe": b"'=1",
    "quotes and commas": b"a\",b;'c`",
    "backslashes": b"\\N\\\"\\\\",
    "conversions": b"%n%s%1000d",
    "Mermaid's own": b"\"]%%{x}%%#1;",
    "wide characters": "漢字か".encode(),
    "combining marks": "e\u0301\u0302\u0303".encode(),
    "an emoji": "\U0001f600".encode(),
    "nothing but a space": b" ",
}
REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
SLOTS_MOST = 64  # no record takes more
SIZES = {"boot_id": 39, "host_name": 71, "comm": 15, "congestion": 15, "exe": 400, "detail": 60, "name": 200, "service": 20, "path": 100, "cgroup": 100}


class Wrong(Exception):
    pass


def must(condition, what):
    if not condition:
        raise Wrong(what)


# ---- Traces

def escaped(value, size):
    return "".join(f"\\x{byte:02x}" for byte in value[:size])


def hostile_line(line, name, host):
    """One line of an export with `name` in place of each string that came from outside."""
    for key, size in SIZES.items():
        if key == "name" and line["event"] != "name":
            continue
        if isinstance(line.get(key), str) and line[key]:
            line[key] = escaped(name if key != "boot_id" else name + host, size)
    if "cmdline" in line:
        line["cmdline"] = [escaped(name, 100) for _ in line["cmdline"]]
    if "file" in line:
        line["file"] = escaped(name.replace(b"\0", b""), 100)
    if "command" in line:
        line["command"] = escaped(name, 100)
    for key in line:
        old = line[key]
        if line.get("address_family") == "AF_UNIX" and key.endswith("_address") and old:
            tell = b"%x" % zlib.crc32(old.encode())
            line[key] = "@" + escaped(name + tell, 100) if old[0] == "@" else escaped(name + tell, 100)
    if line["event"] == "option" and line.get("name") in ("TCP_CONGESTION", "SO_BINDTODEVICE"):
        for key in ("requested_bytes", "effective_bytes"):
            if line.get(key):
                line[key] = name[:15].hex()
        line.pop("raw", None)
    line.pop("raw", None)
    return line


def write_trace(path, name_of, hosts):
    with open(path, "w", encoding="ascii") as out:
        image = 0
        for host in hosts:
            for base in BASES:
                with open(base, encoding="utf-8") as lines:
                    lines = [json.loads(line) for line in lines]
                least = image
                for line in lines:
                    line["image"] += least
                    for key in ("slot", "fork_slot"):  # a longer name takes more slots
                        if isinstance(line.get(key), int):
                            line[key] *= SLOTS_MOST
                    image = max(image, line["image"] + 1)
                    line["host"] = hosts.index(host)
                    out.write(json.dumps(hostile_line(line, name_of(), host)) + "\n")


# ---- What formats demand

def text_of(output, newline="\n", blanks=""):
    text = output.decode("utf-8")  # strict
    found = REFUSED.search(text.replace(newline, ""))
    must(not found, f"{found and found.group()!r} in {text[max(0, found.start() - 40):found.start() + 20]!r}" if found else "")
    must("\t" not in text or blanks, f"a tab in {text[:200]!r}")
    return text


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)


def json_of(text):
    value = json.loads(text)
    for each in strings(value):
        must(not REFUSED.search(each) and "\n" not in each, f"a string of JSON holds {each!r}")
    return value


def check_text(output):
    return text_of(output)


def check_json(output):
    text = text_of(output, blanks="\t")  # between values; none stands in a string, or it were no JSON
    json_of(text)
    return text


def check_lines(output):
    text = text_of(output)
    for line in text.splitlines():
        json_of(line)
    return text


def check_csv(output):
    text = text_of(output, "\r\n")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    for row in rows:
        must(len(row) == len(rows[0]), f"{len(row)} cells in a table of {len(rows[0])}")
        for cell in row:
            must(cell[:1] not in tuple("=+-@\t\r") or not cell or re.fullmatch(r"-?[0-9.]+", cell), f"a formula: {cell!r}")
    listed = subprocess.run([SOCKATLAS, "list", "--json", "trace.jsonl"], capture_output=True, check=True).stdout.decode().splitlines()
    must(len(rows) == len(listed) + 1, f"{len(rows) - 1} rows for {len(listed)} sockets")
    for row, line in zip(rows[1:], listed):
        row = dict(zip(rows[0], row))
        for key, value in json.loads(line).items():
            if isinstance(value, str):
                cell = row[key][1:] if row[key].startswith("'") else row[key]
                must(cell == value, f"{key}: {cell!r} is not {value!r}")
    return text


def check_dot(output):
    text = text_of(output)
    drawn = subprocess.run(["dot", "-Tsvg"], input=output, capture_output=True)
    must(drawn.returncode == 0 and not drawn.stderr, f"dot says {drawn.stderr!r}")
    return text


def check_svg(output):
    found = []
    parser = xml.parsers.expat.ParserCreate("UTF-8")
    parser.StartElementHandler = lambda name, attributes: found.append(name)
    parser.Parse(output, True)
    must(set(found) <= {"svg", "g", "title", "polygon", "polyline", "path", "text", "ellipse"}, f"elements {sorted(set(found))}")
    text_of(output)
    return "\n".join(found)


def check_mermaid(output):
    text = text_of(output)
    for line in text.splitlines():
        rest = re.sub(r'"[^"]*"', '""', line)
        quoted = "".join(re.findall(r'"([^"]*)"', line)).replace("<br/>", "")
        must('"' not in rest.replace('""', ""), f"a quote too many in {line!r}")
        must(not re.search(r"[<>&`\\%{}\[\]]|#(?!\d+;)", quoted), f"no plain text in {line!r}")
    return text


class Page(html.parser.HTMLParser):
    """The elements of the page, and the text of its script elements."""

    def __init__(self):
        super().__init__()
        self.elements, self.scripts = [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(sorted(attrs))))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "script":
            self.scripts.append(data)


def check_html(output):
    text_of(output, blanks="\t")  # the page's own script has tabs
    page = Page()
    page.feed(output.decode())
    data = [script for script in page.scripts if script.lstrip().startswith('{"map"')]
    must(len(data) == 1, f"{len(data)} elements of data")
    must("<" not in data[0], "a < in the data")
    json_of(data[0])
    return "\n".join(map(str, page.elements))


def check_zeek(output):
    text = output.decode("ascii")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    must(len({len(row) for row in rows}) <= 1, "rows of different lengths")
    return text


# ---- Commands

def on_terminal(command):
    """As a terminal of 80 columns gets it, without colours."""
    import fcntl, pty, struct, termios
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(command, stdout=other, stderr=other, stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
    os.close(other)
    output = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        output += part
    os.close(main)
    process.wait()
    return process.returncode, output.replace(b"\r\n", b"\n")


VIEWS = [  # words, check, whether its lines are counted, whether the name has to be found in it
    (["list"], check_text, True, True),
    (["list", "--json"], check_lines, True, True),
    (["list", "--csv"], check_csv, True, True),
    (["events"], check_text, True, True),
    (["events", "--json"], check_lines, True, True),
    (["map"], check_text, True, True),
    (["map", "--by", "program"], check_text, True, True),
    (["map", "--format", "json"], check_json, True, True),
    (["map", "--format", "dot"], check_dot, True, True),
    (["map", "--format", "mermaid"], check_mermaid, True, True),
    (["map", "--format", "svg"], check_svg, True, False),
    (["map", "--format", "html"], check_html, True, False),
    (["tuned"], check_text, True, True),
    (["tuned", "--json"], check_lines, True, True),
    (["doctor"], check_text, False, True),
    (["doctor", "--format", "json"], check_lines, True, True),
    (["doctor", "--format", "sarif"], check_json, True, True),
    (["export", "--format", "jsonl"], check_lines, True, True),
    (["export", "--format", "csv"], check_csv, True, True),
    (["export", "--format", "chrome"], check_json, True, True),
    (["export", "--format", "zeek"], check_zeek, True, False),
]
WRAPPED = [["list"], ["events"], ["map"], ["tuned"], ["doctor"]]
SHOWN = []  # sockets


def outputs(name):
    """What each view says of trace.jsonl: a name for it, its output's lines as its format counts them, and the output."""
    for words, check, counted, named in VIEWS:
        run = subprocess.run([SOCKATLAS, *words, "trace.jsonl"], capture_output=True, timeout=60)
        yield " ".join(words), run, check, counted, named
    for socket in SHOWN:
        for words in (["show", socket], ["show", "--json", socket]):
            run = subprocess.run([SOCKATLAS, *words, "trace.jsonl"], capture_output=True, timeout=60)
            yield " ".join(words), run, check_json if "--json" in words else check_text, True, False
    for words in (["diff"], ["diff", "--json"]):
        run = subprocess.run([SOCKATLAS, *words, "other.jsonl", "trace.jsonl"], capture_output=True, timeout=60)
        yield " ".join(words), run, check_lines if "--json" in words else check_text, False, True
    for words in WRAPPED:
        status, output = on_terminal([SOCKATLAS, *words, "trace.jsonl"])
        yield " ".join(words) + " on a terminal", subprocess.CompletedProcess(words, status, output, b""), check_text, False, False


def lines_of(name):
    write_trace("trace.jsonl", lambda: name, [b"A", b"B"])
    seen = {}
    for what, run, check, counted, named in outputs(name):
        must(run.returncode in (0, 1, 3) and (run.returncode != 1 or "diff" in what), f"{what}: status {run.returncode}: {run.stderr[:300]!r}")
        must(not run.stderr or "diff" in what, f"{what}: stderr {run.stderr[:300]!r}")
        try:
            text = check(run.stdout)
            text_of(run.stderr)
        except (Wrong, UnicodeError, ValueError, csv.Error, xml.parsers.expat.ExpatError) as error:
            raise Wrong(f"{what}: {error}") from error
        must(not named or len(name) > 15 or TOKEN.decode() in text, f"{what}: the name is not recognisable")
        seen[what] = text.count("\n") if counted else None
    return seen


# ---- Messages

def messages(name):
    """Complaints that name a file, an argument or a value with the string in it."""
    path = name.replace(b"\0", b"").replace(b"/", b"_") + b".atlas"
    os.makedirs(b"names", exist_ok=True)
    path = b"names/" + path
    with open(path, "wb") as out:
        out.write(b"no trace at all")
    folder = b"names/folder-" + name.replace(b"/", b"_")
    os.makedirs(folder, exist_ok=True)
    with open(folder + b"/" + os.path.basename(path), "wb") as out:
        out.write(b"neither")
    value = name.replace(b"\0", b"")
    absent = b"names/none/" + value
    commands = [[command, each] for command in ("list", "map", "events", "doctor", "tuned") for each in (path, folder, absent)]
    commands += [["show", "1", path], ["show", value, "trace.jsonl"], ["diff", path, absent], ["top", absent], ["export", "--format", value],
                 ["map", "--format", value], ["map", "--by", value], ["list", "-o", absent, "trace.jsonl"], ["list", "--role", value],
                 ["list", "--address", value], ["list", "--port", value], ["list", "--since", value], ["list", "--pid", value],
                 ["list", "--transport", value], ["run", "-d", absent, "true"], ["run", "-d", "names", "true"], ["run", b"names/" + value],
                 ["run", path], [value]] + [[command, b"--" + value] for command in ("list", "map", "top", "run", "export", "diff")]
    for words in commands:
        run = subprocess.run([SOCKATLAS, *words], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        try:
            text = text_of(run.stderr)
            text_of(run.stdout)
        except (Wrong, UnicodeError) as error:
            raise Wrong(f"{words}: {error}") from error
        must(run.returncode not in (0, -6, -11), f"{words}: status {run.returncode}")
        lines = text.splitlines()
        most = 2 if words[0] in ("diff",) else 1
        told = [line for line in lines if not line.startswith("Try `") and "for more information" not in line and line not in ("more information.", "information.")]
        must(1 <= len(told) <= most, f"{words}: lines {lines}")
    for variable in ("SOCKATLAS_LIMIT", "SOCKATLAS_SHIM"):
        run = subprocess.run([SOCKATLAS, "run", "-d", "unmade", "true"], capture_output=True, timeout=60,
                             env={**os.environb, variable.encode(): b"/" + value})
        must(run.returncode == 125 and len(text_of(run.stderr).splitlines()) == 1, f"{variable}: {run.stderr!r}")
    made = b"names/made-" + value.replace(b"/", b"_")
    run = subprocess.run([SOCKATLAS, "run", "-d", made, "true"], capture_output=True, timeout=60)
    must(run.returncode == 0 and len(text_of(run.stderr).splitlines()) == 3, f"run -d: {run.stderr!r}")


def say(what, function, *arguments):
    try:
        value = function(*arguments)
        print("ok", what)
        return value
    except Wrong as error:
        print("not ok", what)
        print("  ", str(error).encode("ascii", "backslashreplace").decode()[:1000])
        return None


names = [hostile + TOKEN for hostile in HOSTILE.values()]
turn = iter(range(1 << 30))
write_trace("mixed.jsonl", lambda: names[next(turn) % len(names)], [b"A", b"B"])
if SOCKATLAS == "--mixed":
    sys.exit(0)
write_trace("trace.jsonl", lambda: HARMLESS, [b"A", b"B"])
write_trace("other.jsonl", lambda: b"other", [b"A"])
listed = [json.loads(line) for line in
          subprocess.run([SOCKATLAS, "list", "--json", "trace.jsonl"], capture_output=True, check=True).stdout.splitlines()]
for wanted in (lambda s: s["peer_name"], lambda s: s["family"] == "AF_UNIX" and s["peer_socket"], lambda s: s["options"]):
    SHOWN += [str(next(s for s in listed if wanted(s))["socket"])]
harmless = say("a harmless name: what all others are held to", lines_of, HARMLESS)
for what, hostile in HOSTILE.items():
    seen = say(f"{what}: every output", lines_of, hostile + TOKEN)
    if seen and harmless:
        other = {view: (count, harmless[view]) for view, count in seen.items() if count != harmless[view]}
        print("not ok" if other else "ok", f"{what}: as many lines as with a harmless name", *([other] if other else []))
    say(f"{what}: every message", messages, hostile + TOKEN)
