// SPDX-License-Identifier: MIT
//
// Opens the pages that browser.sh made and uses them as people do. Prints `ok WHAT` or `not ok WHAT: seen` for each case.
//
//     node browser.js CHROMIUM FOLDER

"use strict";
const fs = require("fs");
const path = require("path");
const modules = path.join(__dirname, "../../build/npm/node_modules");
const launch = require("./chromium.js");

const [, , executablePath, folder] = process.argv;
const shots = process.env.SOCKATLAS_SHOTS;
const map = JSON.parse(fs.readFileSync(path.join(folder, "small.json"), "utf8"));
const drawnEdges = map.edges.filter((edge) => edge.match !== "pair" || edge.from !== edge.to);
const hostile = 'a"<b>&\\\\;{%|`#'; // as `map` prints it: a backslash doubled

function check(what, good, seen) {
    console.log(good ? `ok ${what}` : `not ok ${what}: ${JSON.stringify(seen)}`);
}

const is = (what, expected, seen) => check(what, JSON.stringify(expected) === JSON.stringify(seen), seen);

let browser, page, complaints, asked;

async function open(name, scheme = "light") {
    if (page) await page.close();
    page = await browser.newPage();
    complaints = [];
    asked = [];
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => request.url().startsWith("data:") || asked.push(request.url()));
    await page.setViewport({width: 1440, height: 900});
    await page.emulateMediaFeatures([{name: "prefers-color-scheme", value: scheme}]);
    await page.goto(`file://${folder}/${name}.html`);
}

const shot = (name) => shots ? page.screenshot({path: path.join(shots, `${name}.png`)}) : null;
const text = (selector) => page.$eval(selector, (found) => found.textContent);
const texts = (selector) => page.$$eval(selector, (found) => found.map((each) => each.textContent));
const count = (selector) => page.$$eval(selector, (found) => found.length);
const rowCount = async () => Number(await page.$eval("#table", (table) => table.getAttribute("aria-rowcount"))) - 1;
const click = (selector) => page.$eval(selector, (found) => found.dispatchEvent(new MouseEvent("click", {bubbles: true})));
const clear = () => click("#clear");

async function type(selector, value) {
    await page.click(selector, {count: 3});
    await page.keyboard.type(value);
}

async function drag(selector, from, to) {
    const box = await (await page.$(selector)).boundingBox();
    await page.mouse.move(box.x + box.width * from, box.y + box.height / 3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * to, box.y + box.height / 3, {steps: 4});
    await page.mouse.up();
}

// ---- Cases

async function loads() {
    await open("small");
    is("small: loads without complaints", [], complaints);
    is("small: asks for its own file only", [`file://${folder}/small.html`], asked);
    is("small: nothing in the trace runs", "sockatlas map", await page.title());
    const boxes = new Set(drawnEdges.flatMap((edge) => [edge.from, edge.to]).concat(map.listeners.map((listener) => listener.node)));
    is("small: a box for each process that talked or listens", boxes.size, await count(".box"));
    is("small: a link for each pair of them", new Set(drawnEdges.map((edge) => `${edge.from}>${edge.to}`)).size, await count(".link"));
    check("small: a hostile name is shown as it is", (await texts(".box .title")).includes(hostile), await texts(".box .title"));
    is("small: a failure is red", drawnEdges.filter((edge) => edge.failed).length, await count(".link.failed"));
    check("small: the summary counts", (await text("#summary")).startsWith(`${drawnEdges.length} edges · `), await text("#summary"));
    await shot("small-light");
}

async function chooses() {
    await click(".link.failed");
    check("a link chosen tells of its edge", (await text("#inspector")).includes("the peer is outside"), await text("#inspector"));
    is("a link chosen leaves its sockets in the table", 1, await rowCount());
    await page.click("#rows .row");
    check("a socket chosen tells its error", (await text("#inspector")).includes("failed, ECONNREFUSED"), await text("#inspector"));
    check("a socket chosen tells its events", (await texts("#inspector .events code")).some((line) => /^connect\(.* = -1 ECONNREFUSED <.*>$/.test(line)),
        await texts("#inspector .events code"));
    await page.click("#inspector .up");
    check("back leads to the edge", (await text("#inspector h2")).includes("→ 127.0.0.1"), await text("#inspector h2"));
    await clear();
    await type("#search", "SO_KEEPALIVE");
    await page.click("#rows .row");
    check("a socket chosen tells its settings", (await texts("#inspector .settings td:first-child")).includes("SO_KEEPALIVE"), await text("#inspector"));
    await shot("small-socket");
    await clear();
}

// What doctor said of the same trace, one panel of it; a finding chosen lights its sockets and edges, and the rest fades.
async function findings() {
    const found = fs.readFileSync(path.join(folder, "small.findings"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const sockets = fs.readFileSync(path.join(folder, "small.list"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const near = (what) => page.$$eval(`.${what}.near`, (all) => all.length);
    is("findings: those of doctor, in its order", found.map((finding) => finding.message), await texts("#inspector .finding span"));
    const index = found.findIndex((finding) => finding.rule === "connect-refused" || /ECONNREFUSED|refused/.test(finding.message));
    const wanted = new Set([found[index].socket, ...found[index].evidence.map(({socket}) => socket)].filter((id) => id !== null));
    const ends = sockets.filter((socket) => wanted.has(socket.socket) || wanted.has(socket.peer_socket));
    await page.mouse.move(5, 400);
    await page.click(`#inspector .finding:nth-of-type(${index + 1})`);
    is("a finding chosen: its link is lit", 1, await near("link"));
    is("a finding chosen: that is the failed one", 1, await count(".link.near.failed"));
    is("a finding chosen: the boxes at its ends are lit", 2, await near("box"));
    is("a finding chosen: the rest fades", "0.15", await page.$eval(".box:not(.near)", (box) => getComputedStyle(box).opacity));
    is("a finding chosen: its sockets are in the table", ends.length, await rowCount());
    check("a finding chosen: the panel says why and what to do", (await text("#inspector")).includes(found[index].why)
        && (await text("#inspector")).includes(found[index].remedy), await text("#inspector"));
    check("a finding chosen: its evidence is told", found[index].evidence.every(({text: said}) => said === null) || (await text("#inspector")).includes(found[index].evidence[0].text),
        await text("#inspector"));
    await shot("small-finding");
    await page.hover(".box:not(.near)");
    await page.mouse.move(5, 400);
    is("a pointer that came and went leaves the finding lit", [1, 2], [await near("link"), await near("box")]);
    await page.click("#inspector .up");
    is("back to all findings: nothing is lit", [0, found.length], [await near("box"), await count("#inspector .finding")]);
    const opened = await texts("#rows .row span:nth-child(8)");
    is("rows are in time order", [...opened].sort((a, b) => a - b), opened);
    await clear();
}

// Who listens and who accepts are two processes in fork_listener.
async function ties() {
    const listening = map.listeners.filter((listener) => map.nodes[listener.node].comm === "fork_listener").map((listener) => listener.node);
    const worker = drawnEdges.find((edge) => listening.includes(edge.to) === false && map.nodes[edge.to].comm === "fork_listener").to;
    is("a listener is tied to its worker", 1, await count(".tie"));
    await page.evaluate((pid) => [...document.querySelectorAll(".box")].find((box) => box.textContent.includes(`pid ${pid}`))
        .dispatchEvent(new MouseEvent("click", {bubbles: true})), map.nodes[worker].pid);
    check("the worker's details say for whom it accepts", (await texts("#inspector h3")).includes("Accepts for"), await text("#inspector"));
    await shot("small-tie");
    await clear();
}

// The figures of `summary`, those that began first above; a pair chosen lights its edges.
async function pairs() {
    const lines = fs.readFileSync(path.join(folder, "small.summary"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const cells = (row) => texts(`#pairs-table tbody tr:nth-child(${row}) td`);
    await page.click("#tabs [data-shows=pairs-table]");
    is("pairs: a row for each line of summary", lines.length, await count("#pairs-table tbody tr"));
    lines.sort((a, b) => a.first_us - b.first_us);
    is("pairs: in time order", lines.map((line) => line.from_processes > 1 ? `${line.from} ×${line.from_processes}` : line.from), await texts("#pairs-table tbody td:nth-child(1)"));
    is("pairs: summary's count of connections", lines.map((line) => String(line.connections)), await texts("#pairs-table tbody td:nth-child(5)"));
    is("pairs: as many figures as summary has", Object.keys(lines[0]).length - 13, (await cells(1)).length - 4);
    const failing = lines.findIndex((line) => line.failed) + 1;
    check("pairs: an unknown figure is empty", (await cells(failing)).includes(""), await cells(failing));
    await page.click(`#pairs-table tbody tr:nth-child(${failing})`);
    is("a pair chosen: its link is lit", [1, 1], [await count(".link.near"), await count(".link.near.failed")]);
    check("a pair chosen: its errors are told", (await text("#inspector")).includes("1 ECONNREFUSED"), await text("#inspector"));
    await shot("small-pairs");
    await page.click("#pairs-table th:nth-child(6) button");
    is("pairs: a title sorts, the largest first", lines.find((line) => line.failed).from, (await cells(1))[0]);
    await page.click("#tabs [data-shows=table]");
    is("a pair chosen: its socket is in the table", 1, await rowCount());
    await clear();
}

async function filters() {
    const all = await rowCount();
    await page.click("#failed");
    is("failed only: links", 1, await count(".link:not(.faded)"));
    check("failed only: rows", await rowCount() > 0 && await rowCount() === await count("#rows .row.failed"), await rowCount());
    await clear();
    is("clear brings all back", all, await rowCount());
    const {server_port: port} = drawnEdges.find((edge) => edge.failed);
    await type("#port", String(port));
    is("port: links", drawnEdges.filter((edge) => edge.server_port === port).length, await count(".link:not(.faded)"));
    await clear();
    await page.select("#transport", "unix");
    is("transport: links", drawnEdges.filter((edge) => edge.transport === "unix").length, await count(".link:not(.faded)"));
    await clear();
    await page.select("#program", hostile);
    is("program: links", 1, await count(".link:not(.faded)"));
    await clear();
    await type("#search", "ECONNREFUSED");
    is("search: links", 1, await count(".link:not(.faded)"));
    await type("#search", "nothing is called so");
    is("search without a find: links", 0, await count(".link:not(.faded)"));
    check("search without a find: said", (await text("#rows")).includes("No socket passes"), await text("#rows"));
    await clear();
}

async function brushes() {
    const all = await rowCount(), links = await count(".link:not(.faded)");
    await drag("#timeline", 0.85, 0.995);
    check("a range of time leaves fewer sockets", await rowCount() < all, await rowCount());
    check("a range of time leaves fewer links", await count(".link:not(.faded)") < links, await count(".link:not(.faded)"));
    check("a range of time is told", / \d+\.\d+ to \d+\.\d+ s$/.test(await text("#summary")), await text("#summary"));
    await page.focus("#timeline");
    const before = await text("#summary");
    await page.keyboard.press("ArrowLeft");
    check("an arrow key moves the range", before !== await text("#summary"), await text("#summary"));
    await page.keyboard.press("Escape");
    is("Escape clears the range", all, await rowCount());
}

async function movesAndKeys() {
    const transform = () => page.$eval("#map > g", (inner) => inner.getAttribute("transform"));
    const before = await transform();
    await page.click("#zoom button");
    check("the zoom button zooms", before !== await transform(), await transform());
    await page.click("#zoom button:last-child");
    is("fit shows all again", before, await transform());
    const place = () => page.$eval(".box", (box) => box.getAttribute("transform"));
    const [stood, line] = [await place(), await page.$eval(".link .line", (found) => found.getAttribute("d"))];
    const box = await (await page.$(".box")).boundingBox();
    await page.mouse.move(box.x + 20, box.y + 15);
    await page.mouse.down();
    await page.mouse.move(box.x + 70, box.y + 45, {steps: 4});
    await page.mouse.up();
    check("a box can be dragged", stood !== await place(), await place());
    check("its link goes with it", line !== await page.$eval(".link .line", (found) => found.getAttribute("d")), line);
    await page.mouse.move(5, 400);
    await page.hover(".box");
    check("hovering tells", !await page.$eval("#tip", (tip) => tip.hidden) && (await text("#tip")).length > 3, await text("#tip"));
    await page.$eval(".box", (found) => found.focus());
    await page.keyboard.press("Enter");
    check("Enter chooses a box", await count(".box.chosen") === 1, await count(".box.chosen"));
    is("its details have the keys then", "inspector", await page.evaluate(() => document.activeElement.id));
    await page.keyboard.press("Tab");
    check("its links are listed there", await page.evaluate(() => document.activeElement.matches("#inspector .choice")), await text("#inspector"));
    await page.keyboard.press("Escape");
    is("Escape lets it go", 0, await count(".box.chosen"));
    check("Escape leads back to the box", await page.evaluate(() => document.activeElement.matches(".box")), await page.evaluate(() => document.activeElement.outerHTML.slice(0, 80)));
    await page.focus("#table");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    is("arrow keys choose a line", ["2"], await page.$$eval(".row[aria-selected=true]", (found) => found.map((row) => String(row.getAttribute("aria-rowindex") - 1))));
    await click("#titles button:nth-child(2)");
    is("a title sorts", "ascending", await page.$eval("#titles button:nth-child(2)", (title) => title.getAttribute("aria-sort")));
    await clear();
    is("small: nothing complained meanwhile", [], complaints);
}

async function looks() {
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await open("small", "dark");
    check("a dark page where that is wanted", light !== await background(), await background());
    await shot("small-dark");
    await open("empty");
    is("empty: loads without complaints", [], complaints);
    is("empty: no finding, said", "doctor found nothing.", await text("#no-finding"));
    check("empty: says so", (await text("#legend")).includes("no process talked to another"), await text("#legend"));
}

// In a window of any usual width no part leaves it, all of the top line can be read, and the picture keeps space.
async function fits(name, scheme) {
    await open(name, scheme);
    await drag("#timeline", 0.1, 0.99); // the summary's longest form
    const [texts, table] = [await text("#summary"), await rowCount()];
    for (const width of [640, 800, 1100, 1600]) {
        await page.setViewport({width, height: 900});
        await page.waitForFunction((wanted) => innerWidth === wanted, {}, width);
        const seen = await page.evaluate(() => {
            const parts = [...document.querySelectorAll("header h1, #filters > *, #summary span")].map((part) => [part.textContent.trim().slice(0, 20), part.getBoundingClientRect()]);
            const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
            const header = document.querySelector("header").getBoundingClientRect(), wrong = [];
            for (const part of document.querySelectorAll("header, main, #picture, #inspector, #timeline, #sockets"))
                if (part.getBoundingClientRect().right > innerWidth) wrong.push(`${part.id || part.tagName} leaves the window`);
            parts.forEach(([said, at], index) => {
                if (at.left < 0 || at.right > innerWidth || at.bottom > header.bottom) wrong.push(`${said} sticks out`);
                parts.slice(index + 1).forEach(([other, there]) => over(at, there) && wrong.push(`${said} / ${other}`));
            });
            const summary = document.querySelector("#summary");
            if (summary.scrollWidth > summary.clientWidth) wrong.push("the summary is cut");
            if (document.querySelector("#picture").getBoundingClientRect().height < 200) wrong.push("no space for the picture");
            return wrong;
        });
        is(`${name}, ${scheme}, ${width} pixels: all is in the window`, [], seen);
        await shot(`${name}-${scheme}-${width}`);
    }
    is(`${name}, ${scheme}: nothing else changes with the width`, [texts, table, []], [await text("#summary"), await rowCount(), complaints]);
}

async function widths() {
    for (const name of ["small", "large"])
        for (const scheme of ["light", "dark"]) await fits(name, scheme);
}

async function large() {
    await open("large");
    is("large: loads without complaints", [], complaints);
    is("large: programs are one box each at first", 7, await count(".box"));
    check("large: the table has all sockets of the page", await rowCount() > 45000, await rowCount());
    check("large: few lines are elements", await count("#rows .row") < 100, await count("#rows .row"));
    check("large: what was left out is said", /sockets.* left out/.test(await text("#left-out")), await text("#inspector"));
    await shot("large-light");
    await page.$eval("#table", (table) => { table.scrollTop = 500000; });
    await page.waitForFunction(() => Number(document.querySelector("#rows .row").getAttribute("aria-rowindex")) > 10000);
    check("large: the table scrolls", await count("#rows .row") > 5, await count("#rows .row"));
    await drag("#timeline", 0.4, 0.42);
    check("large: a range of time leaves some", await rowCount() > 100 && await rowCount() < 20000, await rowCount());
    await clear();
    await page.select("#by", "process");
    is("large: a box for each process", 201, await count(".box"));
    const tall = await page.$$eval(".box .title", (titles) => Math.min(...titles.map((title) => title.getBoundingClientRect().height)));
    check("large: their names can be read", tall > 6, tall);
    const [space, used] = await page.evaluate(() => [document.querySelector("#map"), document.querySelector("#map > g")].map((part) => {
        const {width, height} = part.getBoundingClientRect();
        return width * height;
    }));
    check("large: the picture is filled", used > space * 0.5, used / space);
    check("large: each has its program's colour", await count(".box .hue") === 200, await count(".box .hue"));
    await page.click("#failed");
    check("large: failures only", await count(".link:not(.faded)") > 100 && await count(".link:not(.faded)") <= 150, await count(".link:not(.faded)"));
    await shot("large-processes");
    is("large: nothing complained meanwhile", [], complaints);
}

// A thousand processes: a box for each program at first; one program unfolds and folds again.
async function thousand() {
    await open("thousand");
    is("thousand: loads without complaints", [], complaints);
    const few = await count(".box");
    check("thousand: a box for each program", few < 12, few);
    await shot("thousand-folded");
    const many = (await texts(".box .detail")).find((detail) => detail.startsWith("40 processes"));
    const unfoldable = await page.$$eval(".box .detail", (details) => details.findIndex((detail) => detail.textContent.startsWith("40 processes")));
    check("thousand: a program of 40 processes", many !== undefined, await texts(".box .detail"));
    await page.$$eval(".box", (all, at) => all[at].dispatchEvent(new MouseEvent("click", {bubbles: true})), unfoldable);
    await page.click("#inspector .fold");
    is("thousand: unfolded, a box for each of its processes", few + 39, await count(".box"));
    const small = await page.$$eval(".box .title", (titles) => Math.min(...titles.map((title) => title.getBoundingClientRect().height)));
    check("thousand: unfolded, names can be read", small > 8, small);
    await shot("thousand-unfolded");
    await page.$$eval(".box", (all) => all.find((box) => / \d+$|\(\d+\)/.test(box.getAttribute("aria-label").split("\n")[0])
        && !box.classList.contains("external")).dispatchEvent(new MouseEvent("dblclick", {bubbles: true})));
    is("thousand: a double click folds it again", few, await count(".box"));
    await page.select("#by", "host");
    is("thousand: a box for the host, with the address that is one of its own", 1, await count(".box"));
    await page.select("#by", "unit");
    is("thousand: what is in no unit stands by its program", few, await count(".box"));
    is("thousand: nothing complained meanwhile", [], complaints);
}

// Whatever things are called, nothing of it becomes an element, runs or turns the direction of text.
async function hostileNames() {
    const scripts = async () => [await count("script"), await count("img"), await count("iframe")];
    await open("small");
    const usual = await scripts();
    await open("hostile");
    page.once("dialog", (dialog) => { complaints.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
    const named = JSON.parse(fs.readFileSync(path.join(folder, "hostile.json"), "utf8"));
    is("hostile: loads without complaints", [], complaints);
    check("hostile: all of the map is there", await count(".box") > 10 && named.nodes.length > 10, await count(".box"));
    // What is not said whole is cut; a loopback address is one node, whatever names were looked up for it.
    const titles = await texts(".box .title");
    check("hostile: names are recognisable", titles.filter((title) => title.includes("X7q")).length > 6 &&
        titles.every((title) => title.includes("X7q") || title.endsWith("…") || title === "127.0.0.1"), titles);
    for (const selector of ["#rows .row", ".box", ".link"])
        for (let i = 0; i < Math.min(await count(selector), 40); i++) {
            await page.$$eval(selector, (found, at) => found[at]?.dispatchEvent(new MouseEvent("click", {bubbles: true})), i);
            const steering = (await text("body")).match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
            if (steering) complaints.push(`${selector} ${i}: ${JSON.stringify(steering[0])}`);
        }
    is("hostile: chosen one by one, none steers or complains", [], complaints);
    is("hostile: no element comes of a name", usual, await scripts());
    is("hostile: nothing in the trace runs", "sockatlas map", await page.title());
    is("hostile: it asks for its own file only", [`file://${folder}/hostile.html`], asked);
    await shot("hostile");
}

async function mermaidOf(name) {
    await page.close();
    page = await browser.newPage();
    await page.addScriptTag({path: path.join(modules, "mermaid/dist/mermaid.min.js")});
    return page.evaluate(async (diagram) => {
        window.mermaid.initialize({startOnLoad: false});
        await window.mermaid.parse(diagram);
        const {svg} = await window.mermaid.render("drawn", diagram);
        document.body.innerHTML = svg;
        return {nodes: [...document.querySelectorAll(".node")].map((node) => node.textContent), edges: document.querySelectorAll("path.flowchart-link").length,
            strange: document.querySelectorAll("img, body script, iframe").length};
    }, fs.readFileSync(path.join(folder, `${name}.mermaid`), "utf8")).catch((error) => ({error: String(error)}));
}

async function mermaidOfHostileNames() {
    const drawn = await mermaidOf("hostile");
    check("hostile, mermaid: draws", drawn.edges > 0, drawn);
    check("hostile, mermaid: names are recognisable", (drawn.nodes || []).some((node) => node.includes("X7q")), drawn);
    is("hostile, mermaid: no element comes of a name", 0, drawn.strange);
}

async function mermaid() {
    const drawn = await mermaidOf("small");
    is("mermaid: draws every edge", drawnEdges.length, drawn.edges ?? drawn);
    check("mermaid: a hostile name is drawn as it is", (drawn.nodes || []).some((node) => node.includes(`${hostile} (`)), drawn);
    await shot("mermaid");
}

(async () => {
    browser = await launch(executablePath, folder);
    try {
        for (const part of [loads, chooses, findings, ties, pairs, filters, brushes, movesAndKeys, looks, widths, large, thousand, hostileNames, mermaid, mermaidOfHostileNames]) await part();
    } finally {
        await browser.close();
    }
})().catch((error) => {
    console.error(error.stack);
    process.exitCode = 1;
});
