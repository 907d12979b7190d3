// SPDX-License-Identifier: MIT
//
// Opens one page of `map --format html` and looks whether it shows the map that stands beside it as JSON. Prints `ok WHAT` or
// `not ok WHAT: seen` for each case; with SOCKATLAS_SHOTS a picture is kept there.
//
//     node look.js CHROMIUM FOLDER NAME          FOLDER/NAME.html and FOLDER/NAME.json

"use strict";
const fs = require("fs");
const path = require("path");
const launch = require("./chromium.js");

const [, , executablePath, folder, name] = process.argv;
const map = JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`), "utf8"));
const drawn = map.edges.filter((edge) => edge.match !== "pair" || edge.from !== edge.to);
const shown = new Set(drawn.flatMap((edge) => [edge.from, edge.to]).concat(map.listeners.map((listener) => listener.node)));
const titles = map.nodes.filter((node) => shown.has(node.id)).map((node) => node.comm || node.address).sort();

const check = (what, good, seen) => console.log(good ? `ok ${name}: ${what}` : `not ok ${name}: ${what}: ${JSON.stringify(seen)}`);
const is = (what, expected, seen) => check(what, JSON.stringify(expected) === JSON.stringify(seen), seen);

// Two texts of the picture, or a text and a box that is not its own, that lie on each other.
function overlaps() {
    const places = [...document.querySelectorAll("#map text")].filter((text) => text.textContent && getComputedStyle(text).visibility !== "hidden")
        .map((text) => ({said: text.textContent, box: text.closest(".box"), at: text.getBoundingClientRect()}));
    const boxes = [...document.querySelectorAll(".box")].map((box) => ({said: box.querySelector(".title").textContent, box, at: box.getBoundingClientRect()}));
    const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
    const found = [];
    places.forEach((text, index) => {
        places.slice(index + 1).forEach((other) => over(text.at, other.at) && found.push(`${text.said} / ${other.said}`));
        boxes.forEach((other) => other.box !== text.box && over(text.at, other.at) && found.push(`${text.said} / the box ${other.said}`));
    });
    return found;
}

(async () => {
    const browser = await launch(executablePath, folder);
    try {
        const page = await browser.newPage();
        const complaints = [], asked = [], file = `file://${folder}/${name}.html`;
        page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(String(error)));
        page.on("request", (request) => request.url().startsWith("data:") || asked.push(request.url()));
        await page.setViewport({width: 1440, height: 900});
        await page.goto(file);
        if (process.env.SOCKATLAS_SHOTS) await page.screenshot({path: path.join(process.env.SOCKATLAS_SHOTS, `${name}.png`)});
        is("the page loads without complaints", [], complaints);
        is("it asks for its own file only", [file], asked);
        is("a box for each process that talked or listens", titles, (await page.$$eval(".box .title", (found) => found.map((each) => each.textContent))).sort());
        is("a link for each pair of them", new Set(drawn.map((edge) => `${edge.from}>${edge.to}`)).size, await page.$$eval(".link", (found) => found.length));
        is("no label lies on another, or on a box", [], await page.evaluate(overlaps));
    } finally {
        await browser.close();
    }
})().catch((error) => {
    console.error(error.stack);
    process.exitCode = 1;
});
