// SPDX-License-Identifier: MIT
//
// Numbers and values as people read them, and elements made of text: nothing out of a trace is ever read as HTML.

function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
        if (key === "onclick") made.addEventListener("click", value);
        else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false).map((child) =>
        typeof child === "number" ? String(child) : child));
    return made;
}

// Three digits with the largest unit that leaves at least 1.
function scaled(value, units) {
    let unit = 0;
    while (value >= 999.5 && unit + 1 < units.length) {
        value /= 1000;
        unit++;
    }
    return (unit && value < 9.95 ? value.toFixed(1) : value.toFixed(0)) + " " + units[unit];
}

const bytesText = (value) => value === null ? "" : scaled(value, ["B", "kB", "MB", "GB", "TB", "PB"]);
const durationText = (us) => us === null ? "" : scaled(us, ["us", "ms", "s"]);
const sinceText = (us) => us === null ? "" : ((us - data.origin_us) / 1e6).toFixed(us - data.origin_us < 1e8 ? 6 : 3);
const countText = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

function endpointText(address, port) {
    if (address === null) return "";
    if (port === null) return address === "" ? "(unnamed)" : address;
    return (address.includes(":") ? `[${address}]` : address) + ":" + port;
}

const clipped = (text, length) => text.length > length ? text.slice(0, length - 1) + "…" : text;
// Paths differ at their end.
const clippedPath = (text, length) => text.length > length ? "…" + text.slice(1 - length) : text;
