// SPDX-License-Identifier: MIT
//
// The service pairs with their figures, as `sockatlas summary` has them: of the whole trace, whatever the filters leave.

const pairsTable = document.getElementById("pairs-table");
const PAIRS_SHOWN = 300;
const pairLabel = (label, processes) => processes > 1 ? `${label} ×${processes}` : label;

function pairOver(pair) {
    return `${pair.transport} ${endpointText(pair.server_address, pair.server_port)}${pair.more_addresses ? ` and ${pair.more_addresses} more` : ""}`;
}

function figureText(value, unit) {
    if (value === null || value === undefined) return "";
    if (unit === "bytes") return bytesText(value);
    if (unit === "us") return durationText(value);
    return unit === "rate" ? value.toFixed(value < 9.95 ? 1 : 0) : value.toLocaleString("en");
}

// Its edges: between processes of the two groups, over what it is about.
function findPair(pair) {
    pair.edges = new Set(edges.filter((edge) => data.groups[edge.from] === pair.from_group && data.groups[edge.to] === pair.to_group
        && edge.transport === pair.transport && (pair.more_addresses > 0 || (edge.server_address === pair.server_address && edge.server_port === pair.server_port))));
    pair.nodes = new Set([...pair.edges].flatMap((edge) => [edge.from, edge.to]));
}

// title, the pair's value, its text, a class
const pairColumns = [
    ["from", (pair) => pairLabel(pair.from, pair.from_processes)], ["to", (pair) => pairLabel(pair.to, pair.to_processes)], ["over", pairOver],
    ["first", (pair) => pair.first_us ?? 0, (pair) => sinceText(pair.first_us ?? data.origin_us)],
    ...data.figures.map(([name, title, unit]) => [title, (pair) => pair[name] ?? -1, (pair) => figureText(pair[name], unit), unit === "count" || unit === "rate" ? name : unit]),
];
let pairsBy = pairColumns[3], pairsDown = false;

function choosePair(pair) {
    if (!pair.edges) findPair(pair);
    change({scope: {kind: "pair", pair}, socket: null});
}

function pairRow(pair) {
    const row = element("tr", {tabindex: 0, class: pair.failed ? "failing" : null, "aria-selected": String(Boolean(state.scope) && state.scope.pair === pair), onclick: () => choosePair(pair)},
        pairColumns.map(([, value, show]) => element("td", {class: show ? "number" : null}, (show || value)(pair))));
    row.addEventListener("keydown", (event) => {
        if (event.key === "Enter") choosePair(pair);
    });
    return row;
}

function drawPairs() {
    const [, key] = pairsBy, direction = pairsDown ? -1 : 1;
    const compared = (a, b) => typeof a === "number" ? a - b : a.localeCompare(b, "en", {numeric: true});
    const sortedPairs = [...data.pairs].sort((a, b) => direction * compared(key(a), key(b)));
    const heads = pairColumns.map((column) => element("th", {scope: "col", "aria-sort": column === pairsBy ? (pairsDown ? "descending" : "ascending") : "none"},
        element("button", {onclick: () => {
            pairsDown = pairsBy === column ? !pairsDown : Boolean(column[2]) && column !== pairColumns[3];
            pairsBy = column;
            drawPairs();
        }}, column[0])));
    const more = data.pairs.length - PAIRS_SHOWN;
    pairsTable.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, sortedPairs.slice(0, PAIRS_SHOWN).map(pairRow))),
        ...(more > 0 ? [element("p", {class: "empty"}, `and ${more.toLocaleString("en")} more; a title sorts`)] : []));
}

function showPair({pair}) {
    return [element("h2", {}, `${pairLabel(pair.from, pair.from_processes)} → ${pairLabel(pair.to, pair.to_processes)}`),
        facts([["over", pairOver(pair)], ["name", pair.name], ...data.figures.map(([name, , unit]) => [name.replace(/_us$/, "").replaceAll("_", " "), figureText(pair[name], unit)]),
            ["errors", pair.errors.map(({error, count}) => `${count} ${error}`).join(", ")]]),
        ...listOf("Edges", [...pair.edges], (edge) => edgeChoice(edge))];
}

for (const tab of document.querySelectorAll("#tabs button"))
    tab.addEventListener("click", () => {
        for (const each of document.querySelectorAll("#tabs button")) {
            each.setAttribute("aria-selected", String(each === tab));
            document.getElementById(each.dataset.shows).hidden = each !== tab;
        }
        if (tab.dataset.shows === "table") drawRows();
        else drawPairs();
    });
