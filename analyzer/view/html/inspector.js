// SPDX-License-Identifier: MIT
//
// What is known of what is chosen: a box, a link, an edge, a socket with its settings and events.

const inspector = document.getElementById("inspector");
const LISTED = 40;

function facts(pairs) {
    return element("dl", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").flatMap(([key, value]) =>
        [element("dt", {}, key), element("dd", {}, value instanceof Node ? value : String(value))]));
}

function choice(text, note, choose, kind) {
    return element("button", {class: `choice ${kind || ""}`, onclick: choose}, element("span", {}, text), element("small", {}, note));
}

function edgeNote(edge) {
    const count = counted(edge);
    return [count.connections || !count.failed ? countText(count.connections, "connection") : null, count.failed ? `${count.failed} failed` : null,
        edge.bytes_sent === null ? null : `${bytesText(edge.bytes_sent)} out, ${bytesText(edge.bytes_received)} in`].filter(Boolean).join(", ");
}

function edgeChoice(edge, link) {
    const direction = `${nodes[edge.from].title} → ${nodes[edge.to].title}`;
    return choice(direction, `${edge.service}${edge.name ? ` (${edge.name})` : ""}: ${edgeNote(edge)}`,
        () => change({scope: {kind: "edge", edge, link}, socket: null}), edge.failed ? "failed" : "");
}

function listOf(title, items, make) {
    if (!items.length) return [];
    return [element("h3", {}, title), ...items.slice(0, LISTED).map(make),
        items.length > LISTED ? element("p", {class: "more"}, `and ${(items.length - LISTED).toLocaleString("en")} more`) : null];
}

function socketChoice(socket) {
    const ends = [endpointText(socket.local_address, socket.local_port), endpointText(socket.peer_address, socket.peer_port)].filter(Boolean).join(" – ");
    return choice(`${nodes[socket.process]?.title ?? "?"}, fd ${socket.fd ?? "?"}`, `${socket.role}, ${socket.error || socket.state}${ends ? `, ${ends}` : ""}`,
        () => change({socket}), socket.failed ? "failed" : "");
}

// ---- Box, link, edge

function processFacts(node) {
    return facts([["kind", node.kind === "process" ? null : node.kind], ["pid", node.pid], ["parent", node.ppid], ["program", node.exe],
        ["command", node.cmdline], ["address", node.address], ["host", severalHosts ? data.map.hosts[node.host]?.name : null],
        ["started", node.start_us === null ? null : `${sinceText(node.start_us)} s`], ["ended", node.end_us === null ? null : `${sinceText(node.end_us)} s`]]);
}

// Of one group a box each of its processes, or one for all again.
function foldChoice(group) {
    const key = groupKey(group.members[0]), folded = group.members.length > 1;
    if (folded && state.by !== "process") return choice("Unfold: a box for each process", "", () => fold(key, false), "fold");
    return !folded && state.unfolded.has(key) ? choice(`Fold: one box for ${groupName(group.members[0])}`, "", () => fold(key, true), "fold") : null;
}

function showGroup({group}) {
    const all = [...new Set(group.members.flatMap((node) => node.edges))].filter((edge) => shown.edges.has(edge));
    const inside = new Set(group.members.map((node) => node.id));
    const coverage = data.map.coverage.filter((note) => inside.has(note.node));
    return [element("h2", {}, group.label), group.members.length === 1 ? processFacts(group.members[0])
        : element("p", {}, `${group.members.length} processes`), foldChoice(group),
    ...listOf("Listens on", group.members.flatMap((node) => node.listeners), ({transport, address, port, accepted, peak}) =>
        element("p", {class: "line"}, `${transport} ${endpointText(address, port)}: accepted ${accepted}, at most ${peak} at once`)),
    ...listOf("Accept for it", [...new Set(group.members.flatMap((node) => [...node.workers]))].filter((worker) => !inside.has(worker.id)),
        (worker) => element("p", {class: "line"}, worker.title)),
    ...listOf("Accepts for", data.map.nodes.filter((node) => !inside.has(node.id) && [...node.workers].some((worker) => inside.has(worker.id))),
        (node) => element("p", {class: "line"}, `${node.title}, which listens`)),
    ...listOf("Talks to", all.filter((edge) => inside.has(edge.from)), (edge) => edgeChoice(edge)),
    ...listOf("Is talked to by", all.filter((edge) => inside.has(edge.to) && !inside.has(edge.from)), (edge) => edgeChoice(edge)),
    ...listOf("Not seen", coverage, (note) => element("p", {class: "line warned"}, `${note.what}: ${note.detail}`)),
    ...(group.members.length > 1 ? listOf("Processes", group.members, (node) => element("p", {class: "line"}, node.title)) : [])];
}

function showLink({link}) {
    return [element("h2", {}, `${link.from.label} → ${link.to.label}`),
        ...listOf("Edges", link.edges.filter((edge) => shown.edges.has(edge)), (edge) => edgeChoice(edge, link))];
}

function showEdge({edge, link}) {
    const here = edge.list.filter((socket) => socketPasses(socket, true)), up = link && link.edges.length > 1;
    const matches = {exact: "both ends are in the trace", pair: "a socket pair", path: "by path and credentials", nat: "the address is translated on the way",
        untraced: "the peer is not traced", external: "the peer is outside"};
    return [up ? choice("‹ all edges of this link", "", () => change({scope: {kind: "link", link}, socket: null}), "up") : null,
        element("h2", {}, `${nodes[edge.from].title} → ${nodes[edge.to].title}`),
        facts([["over", edge.service], ["name", edge.name], ["connections", `${edge.connections}${edge.open ? `, ${edge.open} open` : ""}`],
            ["failed", edge.failed ? element("span", {class: "failed"}, String(edge.failed)) : null],
            ["bytes", edge.bytes_sent === null ? null : `${bytesText(edge.bytes_sent)} out, ${bytesText(edge.bytes_received)} in`],
            ["first", edge.first_us === null ? null : `${sinceText(edge.first_us)} s`], ["last", edge.last_us === null ? null : `${sinceText(edge.last_us)} s`],
            ["matched", matches[edge.match] ?? "the other half was not accepted"]]),
        ...listOf(`Sockets${edge.list.length < edge.sockets ? ` (${edge.list.length} of ${edge.sockets})` : ""}`, here, socketChoice)];
}

// ---- Socket

function valueText(value) {
    return value === null ? "?" : String(value);
}

function settings(socket) {
    if (!socket.options.length) return [];
    return [element("h3", {}, "Settings"), element("table", {class: "settings"}, element("thead", {}, element("tr", {},
        ["option", "asked", "in force"].map((title) => element("th", {scope: "col"}, title)))), element("tbody", {}, socket.options.map((option) =>
        element("tr", {class: verdict(option)}, element("td", {title: option.level}, option.name), element("td", {}, valueText(option.requested)),
            element("td", {}, option.error || (option.effective === null ? "not known" : valueText(option.effective)), verdict(option) && !option.error ? ` (${verdict(option)})` : "")))))];
}

function eventsOf(socket) {
    const events = eventsBySocket.get(socket.socket) || [];
    if (!events.length) return data.events_left_out ? [element("p", {class: "more"}, "Its events are not in this page.")] : [];
    return [element("h3", {}, "Events"), element("ol", {class: "events"}, events.map((event) => element("li", {class: / = -1 /.test(event.text) ? "failed" : null},
        element("time", {}, sinceText(event.time)), event.process === socket.process ? null : element("em", {}, nodes[event.process]?.title ?? "?"),
        element("code", {}, event.text))))];
}

function tcpFacts(tcp) {
    if (!tcp) return [];
    const {rtt_us, rttvar_us, retransmits, lost, snd_mss, rcv_mss, pmtu, snd_cwnd, congestion} = tcp;
    return [element("h3", {}, "TCP at its end"), facts([["round trip", `${durationText(rtt_us)} ± ${durationText(rttvar_us)}`],
        ["retransmits", retransmits], ["lost", lost], ["segment size", `${snd_mss} out, ${rcv_mss} in`], ["path MTU", pmtu], ["window", `${snd_cwnd} segments`],
        ["congestion", congestion]])];
}

function showSocket(socket) {
    const peer = socketById.get(socket.peer_socket), node = nodes[socket.process];
    const others = (socket.holders || []).filter((id) => id !== socket.process).map((id) => nodes[id]?.title).filter(Boolean);
    return [choice("‹ back", state.scope ? "" : "to the whole trace", () => change({socket: null}), "up"),
        element("h2", {}, `${node ? node.title : "?"}, fd ${socket.fd ?? "?"}`),
        facts([["over", `${socket.transport} (${socket.family}, ${socket.type})`], ["role", socket.role],
            ["state", socket.failed ? element("span", {class: "failed"}, [socket.state, socket.error].filter(Boolean).join(", ")) : socket.state],
            ["local", endpointText(socket.local_address, socket.local_port)], ["peer", endpointText(socket.peer_address, socket.peer_port)], ["name", socket.peer_name],
            ["opened", socket.opened_us === null ? null : `${sinceText(socket.opened_us)} s`],
            ["connected", socket.connected_us === null ? null : `${sinceText(socket.connected_us)} s${socket.connect_us === null ? "" : `, took ${durationText(socket.connect_us)}`}`],
            ["gave up", socket.state === "failed" && socket.connect_us !== null ? `after ${durationText(socket.connect_us)}` : null],
            ["closed", socket.closed_us === null ? null : `${sinceText(socket.closed_us)} s`],
            ["bytes", socket.bytes_sent === null ? null : `${bytesText(socket.bytes_sent)} out, ${bytesText(socket.bytes_received)} in`],
            ["buffers", socket.rcvbuf === null && socket.sndbuf === null ? null : `${bytesText(socket.sndbuf) || "?"} out, ${bytesText(socket.rcvbuf) || "?"} in`],
            ["also held by", others.join(", ")], ["cookie", socket.cookie], ["community id", socket.community_id]]),
        peer ? choice("The other end", `${nodes[peer.process]?.title ?? "?"}, fd ${peer.fd ?? "?"}`, () => change({socket: peer})) : null,
        ...settings(socket), ...tcpFacts(socket.tcp), ...eventsOf(socket)];
}

// ---- What doctor found

const severityClass = {error: "failed", warning: "warned", note: ""};

function findingWho({process, comm, pid}) {
    return process === null ? "" : nodes[process]?.title ?? `${comm ?? "?"} (${pid ?? "?"})`;
}

function findingChoice(finding) {
    const note = [finding.severity, finding.rule, findingWho(finding), finding.times > 1 ? `${finding.times.toLocaleString("en")} times` : null];
    return choice(finding.message, note.filter(Boolean).join(" · "), () => change({scope: {kind: "finding", finding}, socket: null}),
        `finding ${severityClass[finding.severity]}`);
}

function evidenceLine({time_us: time, socket: id, text}) {
    const socket = socketById.get(id), when = time === null ? "" : `${sinceText(time)} s`;
    return socket ? choice(text, when, () => change({socket})) : element("p", {class: "line"}, when ? `${when}: ${text}` : text);
}

function showFinding({finding}) {
    const few = finding.sockets.size ? finding.times > finding.evidence.length ? "Lit up are the sockets of the first times." : null
        : finding.socket === null ? "It is about no socket: its process is lit up." : "Its sockets are not in this page: its process is lit up.";
    return [choice("‹ all findings", "", () => change({scope: null, socket: null}), "up"),
        element("h2", {class: severityClass[finding.severity]}, finding.message),
        facts([["rule", finding.rule], ["severity", finding.severity], ["process", findingWho(finding)],
            ["times", finding.times > 1 ? finding.times.toLocaleString("en") : null], ["known", finding.inferred ? "concluded from what was seen" : null]]),
        few ? element("p", {class: "hint"}, few) : null,
        ...listOf("Seen", finding.evidence, evidenceLine),
        element("h3", {}, "Why it matters"), element("p", {class: "line"}, finding.why),
        finding.remedy ? element("h3", {}, "What to do") : null, finding.remedy ? element("p", {class: "line"}, finding.remedy) : null];
}

function findingsList() {
    const {findings, findings_left_out: more} = data;
    if (!findings.length) return [element("h3", {}, "Findings"), element("p", {class: "line", id: "no-finding"}, "doctor found nothing.")];
    return [element("h3", {}, "Findings"), ...findings.map(findingChoice),
        more ? element("p", {class: "warned"}, `and ${more.toLocaleString("en")} more: \`sockatlas doctor\` shows them`) : null];
}

// ---- Nothing chosen

function leftOut() {
    const parts = [data.sockets_left_out ? countText(data.sockets_left_out, "socket") : null, data.events_left_out ? countText(data.events_left_out, "event") : null];
    if (!parts.some(Boolean)) return [];
    return [element("p", {class: "warned", id: "left-out"}, `The trace is larger than a page: ${parts.filter(Boolean).join(" and ")} left out. `
        + "The picture counts them, the timeline and the table do not; `sockatlas list` and `sockatlas events` show them.")];
}

function showTrace() {
    const failing = edges.filter((edge) => edge.failed && shown.edges.has(edge)).sort((a, b) => b.failed - a.failed);
    return [element("h2", {}, "The trace"),
        facts([["from", new Date(data.origin_us / 1000).toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC")], ["lasted", durationText(lastTime - firstTime)],
            ["hosts", data.map.hosts.map((host) => host.name).join(", ")], ["processes", nodes.filter((node) => node.kind === "process").length],
            ["sockets", sockets.length + data.sockets_left_out], ["connections", d3.sum(edges, (edge) => edge.inner ? 0 : edge.connections).toLocaleString("en")]]),
        ...leftOut(), element("p", {class: "hint"}, "Choose a box, an arrow, or a line of the table. Drag over the timeline to look at a range of time."),
        ...findingsList(),
        ...listOf("Failures", failing, (edge) => edgeChoice(edge)),
        ...listOf("Not seen", data.map.coverage, (note) =>
            element("p", {class: "line warned"}, `${note.node === null ? "the trace" : nodes[note.node].title}: ${note.what}: ${note.detail}`))];
}

function inspect() {
    const {scope, socket} = state;
    const content = socket ? showSocket(socket) : !scope ? showTrace()
        : scope.kind === "finding" ? showFinding(scope) : scope.kind === "pair" ? showPair(scope) : scope.kind === "group" ? showGroup(scope) : scope.kind === "link" ? showLink(scope) : showEdge(scope);
    const focused = inspector.contains(document.activeElement);
    inspector.replaceChildren(...content.filter(Boolean));
    inspector.scrollTop = 0;
    if (focused) inspector.focus();
}
