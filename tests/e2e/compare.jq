# SPDX-License-Identifier: MIT
#
# Compares events (`sockatlas events --json`, slurped) with what a target's .expect file ($expect, its text) says, one line an
# event: WORD KEY=VALUE... A VALUE is text, JSON, or
#   $NAME   binds at first sight, must be equal from then on, and is never null
#   *       anything but null
#   !TEXT   anything but TEXT
# Keys that a line does not name may be anything. Prints a line for each difference, nothing when there is none.

def text: if type == "string" then . else tojson end;

def pairs: [splits(" +") | select(. != "")] | {word: .[0], keys: [.[1:][] | capture("^(?<key>[^=]+)=(?<value>.*)$")]};

def check($event; $line; $number):
  reduce $line.keys[] as {$key, $value} (.;
    ($event | if has($key) then .[$key] | text else "(no such key)" end) as $seen
    | if $value == "*" then if $seen == "null" then .wrong += ["\($number): \($line.word): \($key) is null"] else . end
      elif $value | startswith("!") then
        if $seen == $value[1:] or $seen == "null" then .wrong += ["\($number): \($line.word): \($key) is \($seen)"] else . end
      elif ($value | startswith("$")) and (.bound | has($value) | not) then
        if $seen == "null" then .wrong += ["\($number): \($line.word): \($key) is null"] else .bound[$value] = $seen end
      else
        (if $value | startswith("$") then .bound[$value] else $value end) as $wanted
        | if $seen == $wanted then . else
            .wrong += ["\($number): \($line.word): \($key): expected \($value) (\($wanted)), seen \($seen)"] end
      end);

[.[] | select(.event as $word | ["image", "run", "gone"] | index($word) | not)] as $events
| [$expect | split("\n")[] | select(. != "" and (startswith("#") | not)) | pairs] as $lines
| reduce range([($events | length), ($lines | length)] | max) as $i ({bound: {}, wrong: []};
    if $events[$i] == null then .wrong += ["\($i + 1): expected \($lines[$i].word), seen nothing"]
    elif $lines[$i] == null then .wrong += ["\($i + 1): expected nothing, seen \($events[$i] | tojson)"]
    elif $events[$i].event != $lines[$i].word then
      .wrong += ["\($i + 1): expected \($lines[$i].word), seen \($events[$i] | tojson)"]
    else check($events[$i]; $lines[$i]; $i + 1) end)
| .wrong[]
