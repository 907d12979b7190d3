// SPDX-License-Identifier: MIT
//
// Boxes (each a process, or a program, a unit, a container, a host), the links between them, and where the boxes stand: in columns from initiators to
// acceptors while these stay short, else by forces.

// Beyond so many boxes each has one line of text.
const COMPACT_FROM = 70;
// A longer column would be too small to read.
const COLUMN_MOST = 18;

const hostName = (id) => data.map.hosts[id]?.name ?? `host ${id}`;

// As `map --by` names them: what is in no unit goes by its container, what is in none by its program.
function placeOf(node, by) {
    if (by === "host") return hostName(node.host);
    const container = node.container && /^[0-9a-f]{64}$/.test(node.container) ? node.container.slice(0, 12) : node.container;
    return (by === "unit" && node.unit) || ((by === "unit" || by === "container") && container) || null;
}

const groupName = (node) => placeOf(node, state.by) || node.name;
const groupKey = (node) => placeOf(node, state.by) ? JSON.stringify([node.host, placeOf(node, state.by)])
    : JSON.stringify([node.kind, node.host, node.exe, node.name]);

function groupOf(node) {
    if (state.by === "process" || node.host === null || (node.kind === "external" && state.by !== "host")) return `n${node.id}`;
    const key = groupKey(node);
    return state.unfolded.has(key) ? `n${node.id}` : key;
}

// From who listens to who accepts for it, each pair of boxes once.
function tiesOf(drawn, of) {
    const ties = new Map();
    for (const node of drawn)
        for (const worker of node.workers) {
            const from = of.get(node.id), to = of.get(worker.id);
            if (from && to && from !== to) ties.set(`${from.key}>${to.key}`, {from, to});
        }
    return [...ties.values()];
}

function buildGraph() {
    const groups = new Map(), links = new Map(), of = new Map();
    const drawn = nodes.filter((node) => node.edges.some((edge) => !edge.inner) || node.listeners.length);
    for (const node of drawn) {
        const key = groupOf(node);
        if (!groups.has(key)) groups.set(key, {key, members: [], kind: node.kind, links: []});
        groups.get(key).members.push(node);
        of.set(node.id, groups.get(key));
    }
    for (const group of groups.values()) describe(group, groups.size > COMPACT_FROM);
    if (groups.size > COMPACT_FROM) tint([...groups.values()]);
    for (const edge of edges) {
        const from = of.get(edge.from), to = of.get(edge.to);
        if (!from || !to || edge.inner) continue;
        const key = `${from.key}>${to.key}`;
        if (!links.has(key)) links.set(key, {key, from, to, edges: []});
        links.get(key).edges.push(edge);
    }
    for (const link of links.values()) {
        link.from.links.push(link);
        if (link.to !== link.from) link.to.links.push(link);
    }
    return {groups: [...groups.values()], links: [...links.values()], ties: tiesOf(drawn, of)};
}

function describe(group, compact) {
    const [first] = group.members, many = group.members.length > 1;
    const served = new Set(group.members.flatMap((node) => node.listeners.map((listener) =>
        `${listener.transport === "tcp" ? "" : listener.transport + " "}${listener.port === null ? listener.address.replace(/.*\//, "…/") : ":" + listener.port}`)));
    const name = many ? groupName(first) : first.name;
    group.title = clipped(name, 26);
    group.detail = group.kind === "external" ? "outside the trace" : many ? `${group.members.length} processes` : `pid ${first.pid ?? "?"}`;
    if (group.kind === "untraced") group.detail += ", untraced";
    if (severalHosts && group.kind !== "external") group.detail += ` on ${hostName(first.host)}`;
    if (served.size) group.detail += `, serves ${clipped([...served].slice(0, 2).join(" "), 22)}${served.size > 2 ? " …" : ""}`;
    group.label = many ? `${name} ×${group.members.length}` : first.title;
    group.width = Math.max(90, group.title.length * 8.2 + 26, group.detail.length * 6.1 + 26);
    group.height = 44;
    if (!compact) return;
    group.title = clipped(many ? group.label : group.kind === "external" ? first.name : `${first.name} ${first.pid ?? ""}`, 22);
    group.detail = "";
    group.width = group.title.length * 7.9 + 16;
    group.height = 26;
}

// Where there are many boxes, those of one program have one colour; the rarer programs share one.
function tint(groups) {
    const sizes = d3.rollup ? d3.rollup(groups, (some) => some.length, (group) => group.members[0].name) : null;
    const names = [...new Set(groups.filter((group) => group.kind !== "external").map((group) => group.members[0].name))];
    if (sizes) names.sort((a, b) => sizes.get(b) - sizes.get(a));
    const hues = new Map(names.map((name, i) => [name, d3.schemeTableau10[Math.min(i, 9)]]));
    for (const group of groups) {
        group.hue = hues.get(group.members[0].name);
        if (group.hue) group.width += 8;
    }
}

// ---- Columns

// Longest way from an initiator; a way back that closes a circle does not count.
function rank(graph) {
    const open = new Set(), done = new Set();
    const follow = (group) => {
        if (done.has(group)) return group.rank;
        open.add(group);
        group.rank = 0;
        for (const link of group.links)
            if (link.to === group && link.from !== group && !open.has(link.from)) group.rank = Math.max(group.rank, follow(link.from) + 1);
        open.delete(group);
        done.add(group);
        return group.rank;
    };
    graph.groups.forEach(follow);
}

function parts(graph) {
    const seen = new Set(), all = [];
    for (const start of graph.groups) {
        if (seen.has(start)) continue;
        const part = [start];
        seen.add(start);
        for (let i = 0; i < part.length; i++)
            for (const link of part[i].links)
                for (const next of [link.from, link.to])
                    if (!seen.has(next)) seen.add(next) && part.push(next);
        all.push(part);
    }
    return all.sort((a, b) => b.length - a.length);
}

function columnsOf(part) {
    const columns = [];
    for (const group of part) (columns[group.rank] = columns[group.rank] || []).push(group);
    return columns.filter((column) => column);
}

// Each group goes where its neighbours are, to and fro a few times: few links cross.
function order(columns) {
    const place = new Map();
    const number = (column) => column.forEach((group, i) => place.set(group, i - column.length / 2));
    columns.forEach(number);
    for (let sweep = 0; sweep < 8; sweep++) {
        for (const column of sweep % 2 ? [...columns].reverse() : columns) {
            const wish = new Map(column.map((group) => [group, d3.mean(group.links, (link) => place.get(link.from === group ? link.to : link.from)) ?? 0]));
            column.sort((a, b) => wish.get(a) - wish.get(b));
            number(column);
        }
    }
}

// A part's groups around its own origin, and its size. Columns are flush with the links between them.
function placeColumns(columns, shape) {
    const row = columns[0][0].height + 30, height = d3.max(columns, (column) => column.length) * row;
    const boxed = d3.sum(columns, (column) => d3.max(column, (group) => group.width));
    const gap = Math.max(200, Math.min(360, (height * shape - boxed) / Math.max(1, columns.length - 1)));
    let left = 0;
    for (const column of columns) {
        const width = d3.max(column, (group) => group.width), step = Math.min(row * 1.6, height / column.length);
        column.forEach((group, i) => {
            group.x = column === columns[0] ? left + width - group.width / 2 : left + group.width / 2;
            group.y = height / 2 + (i - (column.length - 1) / 2) * step;
        });
        left += width + gap;
    }
    return {groups: columns.flat(), width: left - gap, height};
}

// Parts beside each other in rows as wide as the picture's shape wants.
function placeParts(all, shape) {
    const gap = 70, wide = Math.max(d3.max(all, (part) => part.width), Math.sqrt(d3.sum(all, (part) => (part.width + gap) * (part.height + gap)) * shape));
    let left = 0, top = 0, tallest = 0;
    for (const part of all) {
        if (left && left + part.width > wide) {
            left = 0;
            top += tallest + gap / 2;
            tallest = 0;
        }
        for (const group of part.groups) {
            group.x += left;
            group.y += top;
        }
        left += part.width + gap;
        tallest = Math.max(tallest, part.height);
    }
}

// A round cloud, pressed flat to the picture's shape: boxes are wide and low, and so is the space that each then has.
function placeByForce(graph, shape) {
    const flat = Math.max(1.4, Math.min(2.6, shape));
    graph.groups.forEach((group, i) => {
        group.x = group.rank * 200 + Math.cos(i * 2.4) * 12 * Math.sqrt(i);
        group.y = Math.sin(i * 2.4) * 12 * Math.sqrt(i);
    });
    d3.forceSimulation(graph.groups)
        .force("link", d3.forceLink(graph.links.map((link) => ({source: link.from, target: link.to})).filter((link) => link.source !== link.target))
            .distance(90).strength(0.03))
        .force("charge", d3.forceManyBody().strength(-60).distanceMax(400))
        .force("x", d3.forceX(0).strength(0.06))
        .force("y", d3.forceY(0).strength(0.06))
        .force("collide", d3.forceCollide((group) => Math.hypot(group.width, group.height * flat) * 0.46 + 3).iterations(3))
        .stop().tick(260);
    for (const group of graph.groups) group.y /= flat;
}

function layOut(graph, shape) {
    rank(graph);
    const columns = parts(graph).map(columnsOf);
    columns.forEach(order);
    if (!columns.length) return;
    graph.forced = columns.some((part) => part.some((column) => column.length > COLUMN_MOST));
    if (graph.forced) placeByForce(graph, shape);
    else placeParts(columns.map((part) => placeColumns(part, columns.length > 1 ? 0 : shape)), shape);
}
