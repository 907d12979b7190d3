#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `map --format html` in a real browser, and `--format mermaid` in Mermaid itself. Needs Chromium, node and what `make deps-html` puts
# below build/; SOCKATLAS_SHOTS=DIR keeps pictures of what was seen.
. "$(dirname "$0")/../e2e/lib.sh"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
missing=
[ -n "$browser" ] || missing="there is no Chromium"
command -v node >/dev/null || missing="there is no node"
[ -d "$top/build/npm/node_modules/puppeteer-core" ] || missing="\`make deps-html\` was not run"

# A name and an argument that would break out of their place, a refused connection, unix sockets, a pair.
hostile='a"<b>&\;{%|`#'
cp "$targets/tcp_both_ends" "$hostile"
"$sockatlas" run -d small sh -c './"$1" "$2"; "$3"/connect_refused; "$3"/unix_stream; "$3"/options; "$3"/fork_listener' sh "$hostile" \
    '</script><script>document.title="owned"</script>' "$targets" >out 2>&1
"$sockatlas" map --format html -o small.html small 2>err
if [ -s err ] && grep -q 'not in this build' err; then
    case_is "a build without the page: one line" 1 "$(wc -l <err)"
    case_skip "the page in a browser" "this build is without d3"
    finish
fi
case_is "the page is one element of data after another of script" 3 "$(grep -c '</script' small.html)"
case_is "it asks for nothing from elsewhere" "" "$(grep -noE '(src|href)="?(https?:)?//[^"]*' small.html)"
if [ -n "$missing" ]; then
    case_skip "the page in a browser" "$missing"
    finish
fi

"$sockatlas" map --format json -o small.json small
"$sockatlas" map --format mermaid -o small.mermaid small
"$sockatlas" doctor --json small >small.findings
"$sockatlas" list --json --internal small >small.list
"$sockatlas" summary --json small >small.summary
# Names of all kinds that steer terminals and end formats, in every place where a name can stand.
"$sockatlas" export --format jsonl -o small.jsonl small
"$sockatlas" export --format jsonl -o kinds.jsonl "$top/tests/traces/v1-kinds"
python3 "$top/tests/e2e/hostile_names.py" --mixed small.jsonl kinds.jsonl
for format in html json mermaid; do
    "$sockatlas" map --format $format -o hostile.$format mixed.jsonl
done
"$top/build/html/generate" large 50 150 26000
"$sockatlas" map --format html -o large.html large
"$top/build/html/generate" thousand 200 800 4000
"$sockatlas" map --format html -o thousand.html thousand
"$sockatlas" run -d empty true 2>/dev/null
"$sockatlas" map --format html -o empty.html empty
mkdir profile
node "$top/tests/html/browser.js" "$browser" "$work" >seen 2>complaints
status=$?
cases_of "$(cat seen)"
# What filters leave out is not there, and what is shown keeps its numbers.
"$sockatlas" map --format html --comm 'connect_refused,unix_stream' -o part.html small
"$sockatlas" map --format json --comm 'connect_refused,unix_stream' -o part.json small
cases_of "$(node "$top/tests/html/look.js" "$browser" "$work" part 2>>complaints)"
case_is "the browser's script ends well" "0 " "$status $(cat complaints)"
finish
