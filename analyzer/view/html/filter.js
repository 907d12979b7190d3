// SPDX-License-Identifier: MIT
//
// What is shown: the filters' values, what is chosen, and who wants to know when they change.

const state = {
    search: "", program: "", port: "", transport: "", failed: false,
    time: null, // [from, until] in microseconds
    by: data.by || (data.map.nodes.length > 30 ? "program" : "process"), // what has a box: a process, program, unit, container or host
    unfolded: new Set(), // the keys of groups whose processes are shown although all others are one box each
    scope: null, // {kind: "group", group} | {kind: "link", link} | {kind: "edge", edge} | {kind: "finding", finding} | {kind: "pair", pair}: what the table is about
    socket: null, // the chosen one
};
const listeners = [];
const shown = {sockets: [], connections: [], edges: new Set(), counts: new Map(), scoped: []};

// change({...}): sets some of `state`, then tells every listener which keys changed.
function change(values) {
    Object.assign(state, values);
    const changed = new Set(Object.keys(values));
    if (![...changed].every((key) => key === "socket")) apply();
    for (const listener of listeners) listener(changed);
}

const filtering = () => Boolean(state.search || state.program || state.port || state.transport || state.failed || state.time);

function nodesPass(a, b) {
    return !state.program || (a && a.name === state.program) || (b && b.name === state.program);
}

function textPasses(a, b, own) {
    if (!state.search) return true;
    const wanted = state.search.toLowerCase();
    return [a && a.search, b && b.search, own()].some((text) => text && text.includes(wanted));
}

function socketPasses(socket, inTime) {
    const a = nodes[socket.process], b = nodes[socket.peer_process];
    if (state.transport && socket.transport !== state.transport) return false;
    if (state.failed && !socket.failed) return false;
    if (state.port && String(socket.local_port) !== state.port && String(socket.peer_port) !== state.port) return false;
    if (inTime && state.time && (socket.end < state.time[0] || socket.start > state.time[1])) return false;
    return nodesPass(a, b) && textPasses(a, b, () => socketSearch(socket));
}

// For edges whose sockets the page does not have.
function edgePasses(edge) {
    const a = nodes[edge.from], b = nodes[edge.to];
    if (state.transport && edge.transport !== state.transport) return false;
    if (state.failed && !edge.failed) return false;
    if (state.port && String(edge.server_port) !== state.port) return false;
    if (state.time && edge.first_us !== null && (edge.last_us < state.time[0] || edge.first_us > state.time[1])) return false;
    return nodesPass(a, b) && textPasses(a, b, () => edge.search);
}

function inScope(socket) {
    const {scope} = state;
    if (!scope) return true;
    if (scope.kind === "edge") return socket.edge === scope.edge;
    if (scope.kind === "link") return Boolean(socket.edge) && scope.link.edges.includes(socket.edge);
    if (scope.kind === "finding") return scope.finding.sockets.size ? scope.finding.sockets.has(socket) : socket.process === scope.finding.process;
    if (scope.kind === "pair") return scope.pair.edges.has(socket.edge);
    if (!scope.ids) scope.ids = new Set(scope.group.members.map((node) => node.id));
    return scope.ids.has(socket.process) || scope.ids.has(socket.peer_process) || socket.holders.some((id) => scope.ids.has(id));
}

function apply() {
    shown.sockets = sockets.filter((socket) => socketPasses(socket, true));
    shown.connections = connections.filter((socket) => socketPasses(socket, false));
    shown.edges = new Set();
    shown.counts = new Map();
    for (const socket of shown.sockets) {
        if (!socket.edge || socket.edge.inner) continue;
        shown.edges.add(socket.edge);
        if (!socket.connection) continue;
        const count = shown.counts.get(socket.edge) || {connections: 0, failed: 0};
        count[socket.state === "failed" ? "failed" : "connections"]++;
        shown.counts.set(socket.edge, count);
    }
    for (const edge of edges)
        if (!edge.inner && edge.list.length < edge.sockets && edgePasses(edge)) shown.edges.add(edge);
    shown.scoped = shown.sockets.filter(inScope);
}

// An edge's counts: all of them, or those that the filters leave.
function counted(edge) {
    if (!filtering() || edge.list.length < edge.sockets) return edge;
    return shown.counts.get(edge) || {connections: 0, failed: 0};
}
