// SPDX-License-Identifier: MIT
//
// The sockets, one line each; only the lines in sight are elements.

const table = document.getElementById("table");
const titles = document.getElementById("titles");
const rows = document.getElementById("rows");
const ROW = 24;

function tunedText(socket) {
    const bad = socket.options.filter(verdict).length;
    return socket.options.length ? `${socket.options.length}${bad ? `, ${bad} differ${bad === 1 ? "s" : ""}` : ""}` : "";
}

// title, width, what it shows, what it sorts by (else what it shows), a class for the cell
const columns = [
    ["process", "15em", (socket) => nodes[socket.process] ? nodes[socket.process].title : "?"],
    ["fd", "3.5em", (socket) => socket.fd === null ? "" : String(socket.fd), (socket) => socket.fd ?? -1, () => "number"],
    ["over", "4.5em", (socket) => socket.transport],
    ["role", "5em", (socket) => socket.role],
    ["state", "9.5em", (socket) => socket.error || socket.state, null, (socket) => socket.failed ? "failed" : ""],
    ["local", "minmax(9em,1fr)", (socket) => endpointText(socket.local_address, socket.local_port)],
    ["peer", "minmax(9em,1fr)", (socket) => endpointText(socket.peer_address, socket.peer_port)],
    ["opened", "6.5em", (socket) => sinceText(socket.opened_us), (socket) => socket.opened_us ?? 0, () => "number"],
    ["lived", "5em", (socket) => durationText(socket.closed_us === null || socket.opened_us === null ? null : socket.closed_us - socket.opened_us),
        (socket) => (socket.closed_us ?? lastTime) - socket.start, () => "number"],
    ["connect", "5em", (socket) => durationText(socket.connect_us), (socket) => socket.connect_us ?? -1, () => "number"],
    ["out", "5em", (socket) => bytesText(socket.bytes_sent), (socket) => socket.bytes_sent ?? -1, () => "number"],
    ["in", "5em", (socket) => bytesText(socket.bytes_received), (socket) => socket.bytes_received ?? -1, () => "number"],
    ["tuned", "8.5em", tunedText, (socket) => socket.options.length + 1000 * socket.options.filter(verdict).length,
        (socket) => socket.options.some(verdict) ? "warned" : ""],
];
const template = columns.map(([, width]) => width).join(" ");
let sortBy = null, sortDown = false, sorted = [];

function sortColumn(column) {
    sortDown = sortBy === column && !sortDown;
    sortBy = column;
    drawTable();
}

columns.forEach((column) => titles.append(element("button", {role: "columnheader", onclick: () => sortColumn(column)}, column[0])));
titles.style.gridTemplateColumns = template;

function sortRows() {
    sorted = shown.scoped;
    if (!sortBy) return;
    const key = sortBy[3] || sortBy[2], direction = sortDown ? -1 : 1;
    const keyed = sorted.map((socket) => [key(socket), socket]);
    keyed.sort(([a], [b]) => direction * (typeof a === "number" ? a - b : a.localeCompare(b, "en", {numeric: true})));
    sorted = keyed.map(([, socket]) => socket);
}

function rowOf(socket, index) {
    const row = element("div", {role: "row", "aria-rowindex": index + 2, id: `socket-${socket.socket}`, class: `row${socket.failed ? " failed" : ""}`,
        "aria-selected": String(socket === state.socket), style: `top:${index * ROW}px;grid-template-columns:${template}`,
        onclick: () => change({socket})});
    for (const [, , text, , kind] of columns) {
        const cell = element("span", {role: "gridcell", class: kind ? kind(socket) : null}, text(socket));
        if (cell.textContent.length > 12) cell.title = cell.textContent;
        row.append(cell);
    }
    return row;
}

function drawRows() {
    const first = Math.max(0, Math.floor(table.scrollTop / ROW) - 4), count = Math.ceil(table.clientHeight / ROW) + 8;
    rows.style.height = `${sorted.length * ROW}px`;
    rows.replaceChildren(...sorted.slice(first, first + count).map((socket, i) => rowOf(socket, first + i)));
    if (!sorted.length) rows.replaceChildren(element("p", {class: "empty"}, sockets.length ? "No socket passes the filters." : "The trace has no sockets."));
    const index = sorted.indexOf(state.socket);
    if (index >= first && index < first + count) table.setAttribute("aria-activedescendant", `socket-${state.socket.socket}`);
    else table.removeAttribute("aria-activedescendant");
}

function drawTable() {
    sortRows();
    table.setAttribute("aria-rowcount", sorted.length + 1);
    [...titles.children].forEach((title, i) =>
        title.setAttribute("aria-sort", columns[i] === sortBy ? (sortDown ? "descending" : "ascending") : "none"));
    drawRows();
}

function scrollToChosen() {
    const index = sorted.indexOf(state.socket), top = index * ROW, height = table.clientHeight - titles.offsetHeight;
    if (index < 0) return;
    if (top < table.scrollTop) table.scrollTop = top;
    else if (top + ROW > table.scrollTop + height) table.scrollTop = top + ROW - height;
}

table.addEventListener("scroll", drawRows);
table.addEventListener("keydown", (event) => {
    if (event.target !== table) return;
    const page = Math.max(1, Math.floor(table.clientHeight / ROW) - 2), now = sorted.indexOf(state.socket);
    const next = {ArrowDown: now + 1, ArrowUp: now < 0 ? 0 : now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: sorted.length - 1}[event.key];
    if (next === undefined || !sorted.length) return;
    event.preventDefault();
    change({socket: sorted[Math.max(0, Math.min(sorted.length - 1, next))]});
});
