// SPDX-License-Identifier: MIT
//
// The filters' controls, and who is drawn again when what changes.

const control = (id) => document.getElementById(id);

function fill(select, values) {
    for (const value of values) select.append(element("option", {value}, value));
}

const distinct = (values) => [...new Set(values.filter((value) => value !== null && value !== ""))];
fill(control("program"), distinct(data.map.nodes.map((node) => node.name)).sort((a, b) => a.localeCompare(b, "en", {numeric: true})));
fill(control("transport"), distinct(sockets.map((socket) => socket.transport).concat(edges.map((edge) => edge.transport))).sort());
fill(control("ports"), distinct(edges.map((edge) => edge.server_port).concat(data.map.listeners.map((listener) => listener.port))).sort((a, b) => a - b));
control("by").value = state.by;

for (const id of ["search", "port"]) control(id).addEventListener("input", () => change({[id]: control(id).value.trim()}));
for (const id of ["program", "transport"]) control(id).addEventListener("change", () => change({[id]: control(id).value}));
control("failed").addEventListener("change", () => change({failed: control("failed").checked}));
control("by").addEventListener("change", () => change({by: control("by").value, unfolded: new Set(), scope: null}));
control("filters").addEventListener("submit", (event) => event.preventDefault());
control("clear").addEventListener("click", (event) => {
    event.preventDefault();
    for (const id of ["search", "port", "program", "transport"]) control(id).value = "";
    control("failed").checked = false;
    change({search: "", port: "", program: "", transport: "", failed: false, time: null, scope: null, socket: null});
});

document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing) {
        event.preventDefault();
        control("search").focus();
    } else if (event.key === "Escape" && !event.defaultPrevented && (state.socket || state.scope)) {
        const back = !state.socket && cameFrom && cameFrom.isConnected && inspector.contains(document.activeElement);
        change(state.socket ? {socket: null} : {scope: null});
        if (back) cameFrom.focus();
    }
});

function summarise() {
    const made = d3.sum(edges, (edge) => shown.edges.has(edge) ? counted(edge).connections : 0);
    const failed = d3.sum(edges, (edge) => shown.edges.has(edge) ? counted(edge).failed : 0);
    const parts = [countText(shown.edges.size, "edge"), countText(made, "connection"), failed ? `${failed.toLocaleString("en")} failed` : null,
        `${countText(shown.sockets.length, "socket")}${shown.scoped.length === shown.sockets.length ? "" : `, ${shown.scoped.length.toLocaleString("en")} chosen`}`,
        state.time ? `${sinceText(state.time[0])} to ${sinceText(state.time[1])} s` : null];
    control("summary").replaceChildren(...parts.filter(Boolean).flatMap((part, at) => [at ? " · " : "", element("span", {}, part)]));
    control("clear").disabled = !filtering() && !state.scope && !state.socket;
}

listeners.push((changed) => {
    if (changed.has("by") || changed.has("unfolded")) drawMap();
    paintMap();
    inspect();
    if (changed.size === 1 && changed.has("socket")) scrollToChosen();
    drawTable();
    if (!pairsTable.hidden) drawPairs();
    drawTimeline();
    summarise();
});

const counts = distinct(edges.map((edge) => transportClass(edge.transport)));
control("legend").append(...["tcp", "udp", "unix", "other"].filter((kind) => counts.includes(kind)).map((kind) => element("span", {class: kind}, kind)),
    edges.some((edge) => edge.failed) ? element("span", {class: "failed"}, "failed") : "");
if (data.map.nodes.some((node) => node.workers.size)) control("legend").append(element("span", {}, "dotted: accepts for who listens"));
if (!edges.length) control("legend").append(element("span", {}, "no process talked to another"));

apply();
drawMap();
paintMap();
inspect();
drawTable();
drawTimeline();
summarise();

let resized = 0;
addEventListener("resize", () => {
    cancelAnimationFrame(resized);
    resized = requestAnimationFrame(() => {
        showAll();
        drawTimeline();
        drawRows();
    });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawTimeline);
