// SPDX-License-Identifier: MIT
//
// What the trace says: nodes and edges as in `map --format json`, sockets as in `list --json`, with what refers to what.

const data = JSON.parse(document.getElementById("data").textContent);
const {edges} = data.map;
const nodes = []; // by id; what filters left out is not there
for (const node of data.map.nodes) nodes[node.id] = node;
const words = data.words;

const valueOf = (value) => typeof value === "number" && value < 0 ? words[-1 - value] : value;

function socketOf(row) {
    const socket = {};
    data.columns.forEach(([key, ...members], i) => {
        const value = row[i];
        if (!members.length || value === null) {
            socket[key] = valueOf(value);
            return;
        }
        socket[key] = {};
        members.forEach((member, j) => { socket[key][member] = valueOf(value[j]); });
    });
    return socket;
}

const sockets = data.sockets.map(socketOf);
data.sockets = null;
const socketById = new Map(sockets.map((socket) => [socket.socket, socket]));

const eventsBySocket = new Map();
for (const [socket, time, process, text] of data.events) {
    if (!eventsBySocket.has(socket)) eventsBySocket.set(socket, []);
    eventsBySocket.get(socket).push({time, process, text});
}
data.events = null;

// ---- Nodes

const severalHosts = data.map.hosts.length > 1;
for (const node of data.map.nodes) {
    node.name = node.comm || node.address || (node.exe || "").replace(/.*\//, "") || "?";
    node.title = node.kind === "external" ? node.name : `${node.name} (${node.pid ?? "?"})`;
    node.search = [node.name, node.pid, node.exe, node.cmdline, node.address].filter((part) => part !== null).join("\n").toLowerCase();
    node.edges = [];
    node.listeners = [];
}
for (const listener of data.map.listeners) nodes[listener.node].listeners.push(listener);

// ---- Edges, and which edge a socket belongs to

const edgeKey = (from, to, transport, address, port) => JSON.stringify([from, to, transport, address, port]);
const edgeIndex = new Map();

function fileEdge(key, edge) {
    if (!edgeIndex.has(key)) edgeIndex.set(key, edge);
}

edges.forEach((edge, id) => {
    edge.id = id;
    edge.list = [];
    edge.service = edge.match === "pair" ? `${edge.transport} socket pair`
        : `${edge.transport} ${endpointText(edge.server_address, edge.server_port)}`;
    if (edge.name === edge.server_address) edge.name = null;
    edge.search = [edge.service, edge.name].filter((part) => part !== null).join("\n").toLowerCase();
    nodes[edge.from].edges.push(edge);
    if (edge.to !== edge.from) nodes[edge.to].edges.push(edge);
    fileEdge(edgeKey(edge.from, edge.to, edge.transport, edge.server_address, edge.server_port), edge);
});
for (const edge of edges) {
    fileEdge(edgeKey(edge.from, "?", edge.transport, edge.server_address, edge.server_port), edge);
    fileEdge(edgeKey(edge.from, edge.to, edge.transport, "?", "?"), edge);
}

// A translated address differs at the two ends; an untraced peer may have become known late: then less must agree.
function edgeOf(socket) {
    const {process, peer_process: peer, transport} = socket;
    const asClient = [socket.peer_address, socket.peer_port], asServer = [socket.local_address, socket.local_port];
    const client = edgeIndex.get(edgeKey(process, peer, transport, ...asClient));
    const server = edgeIndex.get(edgeKey(peer, process, transport, ...asServer));
    const first = socket.role === "server" ? server || client : client || server;
    return first || edgeIndex.get(edgeKey(process, "?", transport, ...asClient))
        || edgeIndex.get(edgeKey(process, peer, transport, "?", "?")) || edgeIndex.get(edgeKey(peer, process, transport, "?", "?")) || null;
}

// A pair of sockets that one process made for itself: in the table, not in the picture.
for (const edge of edges) edge.inner = edge.match === "pair" && edge.from === edge.to;

const talking = new Set(["client", "server", "pair", "datagram"]);
let firstTime = data.origin_us, lastTime = data.origin_us;
for (const socket of sockets) {
    socket.failed = socket.failures > 0;
    socket.edge = talking.has(socket.role) || socket.failed ? edgeOf(socket) : null;
    if (socket.edge) socket.edge.list.push(socket);
    socket.start = socket.opened_us ?? socket.connected_us ?? data.origin_us;
    for (const time of [socket.start, socket.connected_us, socket.closed_us])
        if (time !== null) lastTime = Math.max(lastTime, time);
}
for (const edge of edges) if (edge.last_us !== null) lastTime = Math.max(lastTime, edge.last_us);
for (const socket of sockets) {
    // A failure ends with the attempt, however long the socket is kept.
    socket.end = socket.connected_us === null && socket.failed ? socket.start + (socket.connect_us || 0) : Math.max(socket.start, socket.closed_us ?? lastTime);
    firstTime = Math.min(firstTime, socket.start);
}
sockets.sort((a, b) => a.start - b.start || a.socket - b.socket);
if (lastTime <= firstTime) lastTime = firstTime + 1;

// One of a connection's two ends stands for it in the timeline: the initiator's, where that is in the trace.
function isConnection(socket) {
    if (!socket.edge || socket.edge.inner) return false;
    const other = socketById.get(socket.peer_socket);
    if (!other || other.edge !== socket.edge) return true;
    if (socket.role === "datagram" && other.peer_socket !== socket.socket) return true; // the other end has several peers
    return socket.role === "client" || (socket.role !== "server" && socket.socket < other.socket);
}
for (const socket of sockets) socket.connection = isConnection(socket);
const connections = sockets.filter((socket) => socket.connection);

function socketSearch(socket) {
    if (socket.search === undefined)
        socket.search = [endpointText(socket.local_address, socket.local_port), endpointText(socket.peer_address, socket.peer_port),
            socket.peer_name, socket.error, socket.state, socket.role, socket.cookie, socket.community_id,
            ...socket.options.map((option) => option.name)].filter((part) => part !== null).join("\n").toLowerCase();
    return socket.search;
}

// A setting that is not what the program asked for: "refused", "clamped", ...; "" else. The kernel doubles the buffers it grants.
const verdict = (option) => ["as_asked", "doubled", "found"].includes(option.verdict) ? "" : option.verdict;

// ---- Who accepts for whom: of those that hold a process's listening socket, those that were connected to at its address

for (const node of data.map.nodes) node.workers = new Set();
for (const socket of sockets) {
    if (socket.role !== "listener" || !nodes[socket.process]) continue;
    for (const id of socket.holders || [])
        if (id !== socket.process && nodes[id] && nodes[id].edges.some((edge) => edge.to === id && edge.transport === socket.transport
            && edge.server_port === socket.local_port && (socket.local_port !== null || edge.server_address === socket.local_address)))
            nodes[socket.process].workers.add(nodes[id]);
}

// ---- What doctor found, and whom it is about: its sockets with their other ends, their edges, their processes

for (const finding of data.findings) {
    const own = [finding.socket, ...finding.evidence.map(({socket}) => socket)].map((id) => socketById.get(id)).filter(Boolean);
    finding.sockets = new Set(own.flatMap((socket) => [socket, socketById.get(socket.peer_socket)]).filter(Boolean));
    finding.edges = new Set([...finding.sockets].map((socket) => socket.edge).filter(Boolean));
    finding.nodes = new Set([finding.process, ...[...finding.sockets].map((socket) => socket.process),
        ...[...finding.edges].flatMap((edge) => [edge.from, edge.to])]);
}
