// SPDX-License-Identifier: MIT
//
// The map as a picture: zoom, drag, hover, choose. Boxes stay where they are while filters change; what the filters leave out fades.

const map = d3.select("#map");
const tip = document.getElementById("tip");
let graph = null, ties = null, links = null, labels = null, boxes = null;

const inner = map.append("g");
const zoom = d3.zoom().scaleExtent([0.05, 4]).on("zoom", function (event) { inner.attr("transform", (d3.event || event).transform); });
map.call(zoom).on("dblclick.zoom", null);
map.append("defs").selectAll("marker").data(["plain", "failed", "chosen"]).join("marker")
    .attr("id", (kind) => `arrow-${kind}`).attr("class", (kind) => `arrow ${kind}`)
    .attr("viewBox", "0 0 8 8").attr("refX", 7).attr("refY", 4).attr("markerWidth", 9).attr("markerHeight", 9)
    .attr("markerUnits", "userSpaceOnUse").attr("orient", "auto-start-reverse")
    .append("path").attr("d", "M0,0.5 L8,4 L0,7.5 Z");

// ---- Where a link runs

// Beside the end that has no other link, else nearer to where fewer meet.
const BESIDE = 0.85;
const labelAt = ({from, to}) => from.links.length === to.links.length ? 0.5 : to.links.length === 1 ? BESIDE : from.links.length === 1 ? 1 - BESIDE
    : from.links.length > to.links.length ? 0.7 : 0.3;

// Leaves and enters at the sides that face each other. A label beside an end stands level with it, on the side that the line does not
// come from.
function linkPath(link) {
    const {from, to} = link;
    link.between = null;
    link.above = 5;
    if (from === to) {
        const x = from.x + from.width / 4, y = from.y - from.height / 2;
        link.middle = [x, y - 30];
        return `M${x - 14},${y} C${x - 30},${y - 40} ${x + 30},${y - 40} ${x + 14},${y}`;
    }
    const dx = to.x - from.x, dy = to.y - from.y;
    const both = graph.back.has(`${to.key}>${from.key}`) ? 9 : 0; // two ways: side by side
    if (Math.abs(dx) > (from.width + to.width) / 2 + 30) {
        const side = Math.sign(dx), shift = both * side;
        const x1 = from.x + side * from.width / 2, x2 = to.x - side * to.width / 2, middle = (x1 + x2) / 2;
        const at = labelAt(link);
        link.between = [Math.min(x1, x2), Math.max(x1, x2)];
        const [near, far] = at > 0.5 ? [to, from] : [from, to], beside = Math.max(at, 1 - at) === BESIDE;
        link.middle = [d3.interpolateNumber(x1, x2)(at), (beside ? near.y : d3.interpolateNumber(from.y, to.y)(at * at * (3 - 2 * at))) + shift];
        if (beside && far.y < near.y) link.above = -15;
        return `M${x1},${from.y + shift} C${middle},${from.y + shift} ${middle},${to.y + shift} ${x2},${to.y + shift}`;
    }
    const side = Math.sign(dy) || 1, shift = both * side;
    const y1 = from.y + side * from.height / 2, y2 = to.y - side * to.height / 2, middle = (y1 + y2) / 2;
    const at = labelAt(link);
    link.middle = [d3.interpolateNumber(from.x, to.x)(at * at * (3 - 2 * at)) + shift, d3.interpolateNumber(y1, y2)(at)];
    return `M${from.x + shift},${y1} C${from.x + shift},${middle} ${to.x + shift},${middle} ${to.x + shift},${y2}`;
}

// From bottom to bottom, below the boxes between: no link runs there.
function tiePath({from, to}) {
    const y1 = from.y + from.height / 2, y2 = to.y + to.height / 2, low = Math.max(y1, y2) + 22;
    return `M${from.x},${y1} C${from.x},${low} ${to.x},${low} ${to.x},${y2}`;
}

function redrawLinks(some) {
    ties.attr("d", tiePath);
    some.select(".line").attr("d", linkPath);
    some.select(".reach").attr("d", function () { return this.parentNode.querySelector(".line").getAttribute("d"); });
    placeLabels();
}

// Between the boxes, where there is space.
function placeLabels() {
    labels.select("text").attr("x", function ({middle, between}) {
        const half = this.textContent.length * 3 + 8;
        return between && between[1] - between[0] > 2 * half ? Math.max(between[0] + half, Math.min(between[1] - half, middle[0])) : middle[0];
    }).attr("y", ({middle, above}) => middle[1] - above);
}

// ---- What stands on it

function linkServices(link) {
    const services = new Map();
    for (const edge of link.edges) {
        if (!shown.edges.has(edge)) continue;
        const count = counted(edge), all = services.get(edge.service) || {connections: 0, failed: 0, edge};
        all.connections += count.connections;
        all.failed += count.failed;
        services.set(edge.service, all);
    }
    return [...services.values()];
}

function serviceShort(edge) {
    if (edge.match === "pair") return "socket pair";
    if (edge.server_port !== null) return `${edge.transport} :${edge.server_port}`;
    return `${edge.transport} ${clippedPath(edge.server_address || "(unnamed)", 22)}`;
}

function linkLabel(link) {
    const services = linkServices(link);
    const [first] = services;
    if (!first) return "";
    const failed = d3.sum(services, (service) => service.failed), made = d3.sum(services, (service) => service.connections);
    return serviceShort(first.edge) + (services.length > 1 ? ` and ${services.length - 1} more` : "") + (made > 1 ? `, ×${made.toLocaleString("en")}` : "")
        + (failed ? `, ${failed.toLocaleString("en")} failed` : "");
}

const linkFailed = (link) => link.edges.some((edge) => shown.edges.has(edge) && counted(edge).failed);
const linkShown = (link) => link.edges.some((edge) => shown.edges.has(edge));
const transportClass = (transport) => ["tcp", "udp", "unix"].includes(transport) ? transport : "other";

function linkKind(link) {
    const kinds = new Set(link.edges.map((edge) => transportClass(edge.transport)));
    return kinds.size === 1 ? [...kinds][0] : "other";
}

function linkText(link) {
    return [`${link.from.label} to ${link.to.label}`, ...linkServices(link).slice(0, 6).map(({edge, connections: made, failed}) =>
        `${edge.service}${edge.name ? ` (${edge.name})` : ""}: ${countText(made, "connection")}${failed ? `, ${failed} failed` : ""}`)].join("\n");
}

function boxText(group) {
    const [first] = group.members;
    const lines = [group.label];
    if (group.members.length === 1 && first.cmdline) lines.push(clipped(first.cmdline, 200));
    const accept = new Set(group.members.flatMap((node) => [...node.workers]).filter((worker) => !group.members.includes(worker)));
    if (accept.size) lines.push(`for it accept: ${[...accept].slice(0, 6).map((worker) => worker.title).join(", ")}${accept.size > 6 ? ", …" : ""}`);
    for (const {transport, address, port, accepted} of group.members.flatMap((node) => node.listeners).slice(0, 6))
        lines.push(`listens on ${transport} ${endpointText(address, port)}, accepted ${accepted}`);
    return lines.join("\n");
}

// ---- Choosing and hovering

const chooseGroup = (group) => change({scope: {kind: "group", group}, socket: null});
const chooseLink = (link) => change({scope: link.edges.length === 1 ? {kind: "edge", edge: link.edges[0], link} : {kind: "link", link}, socket: null});

function fold(key, folded) {
    const unfolded = new Set(state.unfolded);
    if (folded) unfolded.delete(key);
    else unfolded.add(key);
    change({unfolded, scope: null, socket: null});
}

// A double click does what the details' choice to fold does.
function toggleFold(group) {
    const key = groupKey(group.members[0]);
    if (state.by !== "process" && (group.members.length > 1 || state.unfolded.has(key))) fold(key, state.unfolded.has(key));
}

// From a box, the keys go on to its details (where its links are listed), and Escape leads back.
let cameFrom = null;

function pressed(choose) {
    return function (event) {
        const happened = d3.event || event;
        if (happened.key !== "Enter" && happened.key !== " ") return;
        happened.preventDefault();
        cameFrom = this;
        choose(d3.select(this).datum());
        inspector.focus();
    };
}

function showTip(text, at) {
    const frame = document.getElementById("picture").getBoundingClientRect();
    tip.textContent = text;
    tip.hidden = false;
    tip.style.left = Math.max(4, Math.min(at.x - frame.left + 14, frame.width - tip.offsetWidth - 4)) + "px";
    tip.style.top = Math.max(4, Math.min(at.y - frame.top + 14, frame.height - tip.offsetHeight - 4)) + "px";
}

function hover(selection, text) {
    const enter = function (event) {
        const happened = d3.event || event, datum = d3.select(this).datum();
        const box = this.getBoundingClientRect();
        showTip(text(datum), happened.type === "focus" ? {x: box.right, y: box.bottom} : {x: happened.clientX, y: happened.clientY});
        highlight(datum);
    };
    const leave = () => {
        tip.hidden = true;
        highlight(null);
    };
    selection.on("mousemove", enter).on("mouseleave", leave).on("focus", enter).on("blur", leave);
}

// Whom a finding or a service pair is about: links with one of its edges, boxes with one of its processes.
function addFound(near, finding) {
    for (const group of graph.groups) if (group.members.some((node) => finding.nodes.has(node.id))) near.add(group);
    for (const link of graph.links) if (link.edges.some((edge) => finding.edges.has(edge))) near.add(link).add(link.from).add(link.to);
}

// The neighbourhood of what the pointer is on; else of the finding or pair that is chosen.
function highlight(datum) {
    const near = new Set(), found = !datum && state.scope ? state.scope.finding || state.scope.pair : null;
    if (datum && datum.links) {
        near.add(datum);
        for (const link of datum.links) near.add(link).add(link.from).add(link.to);
    } else if (datum) {
        near.add(datum).add(datum.from).add(datum.to);
    } else if (found) {
        addFound(near, found);
    }
    inner.classed("hovering", near.size > 0);
    links.classed("near", (link) => near.has(link));
    labels.classed("near", (link) => near.has(link));
    boxes.classed("near", (group) => near.has(group));
    ties.classed("near", ({from, to}) => near.has(from) && near.has(to));
}

// ---- Drawing

function drawMap() {
    graph = buildGraph();
    graph.back = new Set(graph.links.map((link) => link.key));
    const {width, height} = document.getElementById("map").getBoundingClientRect();
    layOut(graph, width && height ? width / height : 2);
    inner.selectAll("*").remove();
    ties = inner.append("g").selectAll("path").data(graph.ties).join("path").attr("class", "tie").attr("aria-hidden", "true");
    links = inner.append("g").selectAll("g").data(graph.links).join("g").attr("class", (link) => `link ${linkKind(link)}`)
        .attr("tabindex", -1).attr("role", "button");
    links.append("path").attr("class", "line").attr("stroke-width", (link) =>
        Math.min(6, 1.2 + Math.log10(1 + d3.sum(link.edges, (edge) => edge.connections))));
    links.append("path").attr("class", "reach");
    labels = inner.append("g").selectAll("g").data(graph.links).join("g").attr("class", "label").attr("aria-hidden", "true"); // above all lines
    labels.append("text");
    boxes = inner.append("g").selectAll("g").data(graph.groups).join("g").attr("class", (group) => `box ${group.kind}`)
        .classed("many", (group) => group.members.length > 1).attr("tabindex", 0).attr("role", "button");
    boxes.append("rect").attr("class", "behind").attr("x", (group) => -group.width / 2 + 4).attr("y", (group) => -group.height / 2 + 4)
        .attr("width", (group) => group.width).attr("height", (group) => group.height).attr("rx", 7);
    boxes.append("rect").attr("x", (group) => -group.width / 2).attr("y", (group) => -group.height / 2)
        .attr("width", (group) => group.width).attr("height", (group) => group.height).attr("rx", (group) => group.kind === "external" ? 22 : 7);
    boxes.filter((group) => group.hue).append("rect").attr("class", "hue").attr("x", (group) => -group.width / 2 + 3)
        .attr("y", (group) => -group.height / 2 + 4).attr("width", 5).attr("height", (group) => group.height - 8).attr("rx", 2).style("fill", (group) => group.hue);
    boxes.append("text").attr("class", "title").attr("x", (group) => group.hue ? 4 : 0).attr("y", -3).attr("dy", (group) => group.detail ? 0 : 7).text((group) => group.title);
    boxes.append("text").attr("class", "detail").attr("y", 14).text((group) => group.detail);
    links.on("click", function () { chooseLink(d3.select(this).datum()); }).on("keydown", pressed(chooseLink));
    boxes.on("dblclick", function () { toggleFold(d3.select(this).datum()); });
    boxes.on("click", function () { chooseGroup(d3.select(this).datum()); }).on("keydown", pressed(chooseGroup));
    hover(links, linkText);
    hover(boxes, boxText);
    boxes.call(d3.drag().clickDistance(4).on("drag", function (event) {
        const happened = d3.event || event, group = d3.select(this).datum();
        group.x += happened.dx;
        group.y += happened.dy;
        place(d3.select(this));
        redrawLinks(links.filter((link) => link.from === group || link.to === group));
    }));
    place(boxes);
    redrawLinks(links);
    map.append(() => document.querySelector("#map > defs"));
    showAll();
}

const place = (some) => some.attr("transform", (group) => `translate(${group.x},${group.y})`);

function showAll() {
    const {width, height} = document.getElementById("map").getBoundingClientRect();
    if (!graph.groups.length || !width || !height) return;
    const left = d3.min(graph.groups, (group) => group.x - group.width / 2), right = d3.max(graph.groups, (group) => group.x + group.width / 2);
    const top = d3.min(graph.groups, (group) => group.y - group.height / 2), bottom = d3.max(graph.groups, (group) => group.y + group.height / 2);
    const scale = Math.min(1.25, (width - 60) / (right - left), (height - 80) / (bottom - top));
    map.call(zoom.transform, d3.zoomIdentity.translate(width / 2, height / 2).scale(scale).translate(-(left + right) / 2, -(top + bottom) / 2));
}

function isChosen(datum) {
    const {scope} = state;
    if (!scope) return false;
    return scope.group === datum || scope.link === datum || (scope.kind === "edge" && datum.edges && datum.edges.includes(scope.edge));
}

function paintMap() {
    const near = new Set();
    for (const link of graph.links) if (linkShown(link)) near.add(link.from).add(link.to);
    const labelled = graph.links.filter(linkShown).length <= (graph.forced ? 12 : 60);
    inner.classed("labelled", labelled);
    links.classed("faded", (link) => !linkShown(link)).classed("failed", linkFailed).classed("chosen", isChosen)
        .attr("aria-label", linkText).attr("aria-pressed", isChosen);
    links.select(".line").each(function (link) {
        const kind = isChosen(link) ? "chosen" : linkFailed(link) ? "failed" : "plain";
        d3.select(this).attr("marker-end", `url(#arrow-${kind})`)
            .attr("marker-start", link.edges.every((edge) => edge.match === "pair") ? `url(#arrow-${kind})` : null)
            .classed("broken", linkFailed(link) && link.edges.every((edge) => !counted(edge).connections));
    });
    labels.classed("faded", (link) => !linkShown(link)).classed("failed", linkFailed).classed("chosen", isChosen).select("text").text(linkLabel);
    placeLabels();
    boxes.classed("faded", (group) => filtering() && !near.has(group)).classed("chosen", isChosen)
        .attr("aria-label", boxText).attr("aria-pressed", isChosen);
    highlight(null);
}

map.on("click", function (event) {
    const happened = d3.event || event;
    if (happened.target === this && state.scope) change({scope: null, socket: null});
});
map.on("keydown", (event) => {
    const happened = d3.event || event, step = 60 / d3.zoomTransform(map.node()).k;
    const move = {ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step]}[happened.key];
    if (move) map.call(zoom.translateBy, ...move);
    else if (happened.key === "+" || happened.key === "-") map.call(zoom.scaleBy, happened.key === "+" ? 1.4 : 0.7);
    else if (happened.key === "0") showAll();
    else return;
    happened.preventDefault();
});
for (const button of document.querySelectorAll("#zoom button"))
    button.addEventListener("click", () => button.dataset.zoom === "0" ? showAll() : map.call(zoom.scaleBy, Number(button.dataset.zoom)));
